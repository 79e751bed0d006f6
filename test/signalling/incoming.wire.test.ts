import t from 'tap';
import { AppError } from '../../src/base/errors.js';
import { ANSWER, createBed, DialogLog, NOTHING, OFFER } from './harness.js';
import { sdp } from './phone.js';

t.test('calls that come in', async (t) => {
  const bed = await createBed();
  t.teardown(() => bed.stop());

  t.test('a call rings, is answered, acknowledged and ended by the caller', async (t) => {
    const phone = await bed.phone();
    const call = phone.call({ body: OFFER, to: '+12025550111' });
    const log = await bed.log.calls.take('the call');
    t.equal(log.call.offer, OFFER);
    t.equal(log.call.source.address, '127.0.0.1');
    t.equal(log.call.source.port, phone.port);
    t.equal(log.call.source.transport, 'udp');
    t.match(log.call.request.uri, /\+12025550111/);
    t.same(
      await log.call.progress({
        status: 180,
        headers: [
          ['X-One', '1'],
          ['X-One', '2'],
        ],
      }),
      { kind: 'sent' },
    );
    const ringing = await phone.response(180);
    t.ok(ringing.toTag);
    t.same(ringing.headers.getAll('X-One').join(','), '1,2');
    const dialogLog = new DialogLog();
    const outcome = await log.call.answer({ sdp: ANSWER }, dialogLog);
    t.equal(outcome.kind, 'dialog');
    const ok = await phone.response(200, 'INVITE');
    t.equal(ok.body, ANSWER);
    t.equal(ok.toTag, ringing.toTag);
    t.equal(ok.headers.get('Content-Type'), 'application/sdp');
    t.match(ok.headers.get('Allow'), /UPDATE/);
    call.learn(ok).ack();
    t.equal(await dialogLog.acknowledgements.take('the ACK'), undefined);
    call.send('BYE', { headers: [['Reason', 'Q.850;cause=16;text="Normal call clearing"']] });
    await phone.response(200, 'BYE');
    const end = await dialogLog.ends.take('the end');
    t.match(end, { kind: 'normal', by: 'caller', q850: 16, sip: 200 });
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a call is rejected once, with headers and a reason of our choice', async (t) => {
    const phone = await bed.phone();
    const call = phone.call({ body: OFFER });
    const { call: incoming } = await bed.log.calls.take('the call');
    incoming.reject({ status: 404, reason: 'No Such Number', headers: [['Retry-After', '5']] });
    incoming.reject({ status: 486 });
    const refused = await phone.response(404);
    t.equal(refused.reason, 'No Such Number');
    t.equal(refused.headers.get('Retry-After'), '5');
    call.learn(refused).send('ACK');
    t.match(await incoming.answer({ sdp: ANSWER }, new DialogLog()), { kind: 'cancelled' });
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a caller that gives up is told with its reason; what comes after is void', async (t) => {
    const phone = await bed.phone();
    const call = phone.call({ body: OFFER });
    const log = await bed.log.calls.take('the call');
    await log.call.progress({ status: 180 });
    await phone.response(180);
    call.cancel({ headers: [['Reason', 'SIP;cause=200;text="Call completed elsewhere"']] });
    await phone.response(200, 'CANCEL');
    const terminated = await phone.response(487);
    call.learn(terminated).send('ACK');
    t.match(await log.cancels.take('the CANCEL'), {
      kind: 'cancelled',
      sip: 487,
      by: 'caller',
      text: 'Call completed elsewhere',
    });
    t.match(await log.call.answer({ sdp: ANSWER }, new DialogLog()), { kind: 'cancelled' });
    t.match(await log.call.progress({ status: 183 }), { kind: 'gone' });
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a CANCEL that meets our 200 on the way ends as cancelled', async (t) => {
    const phone = await bed.phone();
    const call = phone.call({ body: OFFER });
    const log = await bed.log.calls.take('the call');
    await log.call.progress({ status: 180 });
    await phone.response(180);
    call.cancel();
    // The CANCEL is in the server, or about to be: no waiting for it here.
    const answered = log.call.answer({ sdp: ANSWER }, new DialogLog());
    const outcome = await answered;
    if (outcome.kind === 'dialog') {
      // The 200 was first after all.
      call.learn(await phone.response(200, 'INVITE')).ack();
      void outcome.dialog.bye();
      phone.respond(await phone.request('BYE'), 200);
    } else {
      t.equal(outcome.kind, 'cancelled');
      await log.cancels.take('the CANCEL');
      await phone.response(487);
    }
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a delayed offer: ours goes in the 200, theirs comes with the ACK', async (t) => {
    const phone = await bed.phone();
    const call = phone.call();
    const { call: incoming } = await bed.log.calls.take('the call');
    t.equal(incoming.offer, undefined);
    const log = new DialogLog();
    await incoming.answer({ sdp: OFFER }, log);
    const ok = await phone.response(200, 'INVITE');
    t.equal(ok.body, OFFER);
    call.learn(ok).ack({ body: ANSWER });
    t.equal(await log.acknowledgements.take('the answer'), ANSWER);
    call.send('BYE');
    await phone.response(200, 'BYE');
    await log.ends.take('the end');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a reliable provisional waits for its PRACK, and the 200 waits for it too', async (t) => {
    const phone = await bed.phone();
    const call = phone.call({ body: OFFER, headers: [['Supported', '100rel']] });
    const { call: incoming } = await bed.log.calls.take('the call');
    const progress = incoming.progress({ status: 183, sdp: ANSWER, reliable: true });
    const session = await phone.response(183);
    t.match(session.headers.get('Require'), /100rel/);
    t.equal(session.body, ANSWER);
    const log = new DialogLog();
    const answer = incoming.answer({ sdp: ANSWER }, log);
    call.learn(session).send('PRACK', { headers: [['RAck', `${session.headers.get('RSeq')!} 1 INVITE`]] });
    t.same(await progress, { kind: 'acknowledged', answer: undefined });
    await phone.response(200, 'PRACK');
    t.equal((await answer).kind, 'dialog');
    call.cseq = 1;
    call.learn(await phone.response(200, 'INVITE')).ack();
    await log.acknowledgements.take('the ACK');
    call.cseq = 2;
    call.send('BYE');
    await log.ends.take('the end');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a reliable provisional is unsupported where the caller does not take it', async (t) => {
    const phone = await bed.phone();
    const call = phone.call({ body: OFFER });
    const { call: incoming } = await bed.log.calls.take('the call');
    t.same(await incoming.progress({ status: 183, sdp: ANSWER, reliable: true }), { kind: 'unsupported' });
    incoming.reject({ status: 480 });
    call.learn(await phone.response(480)).send('ACK');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('an UPDATE before the 200 is an early change', async (t) => {
    const phone = await bed.phone();
    const call = phone.call({
      body: OFFER,
      headers: [
        ['Supported', '100rel'],
        ['Allow', 'UPDATE, PRACK'],
      ],
    });
    const log = await bed.log.calls.take('the call');
    const progress = log.call.progress({ status: 183, sdp: ANSWER, reliable: true });
    const session = await phone.response(183);
    call.learn(session).send('PRACK', { headers: [['RAck', `${session.headers.get('RSeq')!} 1 INVITE`]] });
    await progress;
    await phone.response(200, 'PRACK');
    call.send('UPDATE', { body: sdp(2, 4002) });
    const change = await log.changes.take('the UPDATE');
    t.equal(change.offer, sdp(2, 4002));
    await change.accept(sdp(3, 5002));
    t.equal((await phone.response(200, 'UPDATE')).body, sdp(3, 5002));
    log.call.reject({ status: 486 });
    call.cseq = 1;
    call.branch = call.invite.topVia.branch!;
    call.learn(await phone.response(486)).send('ACK');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test(
    'an UPDATE of ours before the 200, and what was agreed stays in force after a 200 without SDP',
    async (t) => {
      const phone = await bed.phone();
      const call = phone.call({
        body: OFFER,
        headers: [
          ['Supported', '100rel'],
          ['Allow', 'UPDATE, PRACK'],
        ],
      });
      const { call: incoming } = await bed.log.calls.take('the call');
      t.same(await incoming.change(sdp(2)), { kind: 'unable' }, 'nothing is agreed yet');
      const progress = incoming.progress({ status: 183, sdp: ANSWER, reliable: true });
      const session = await phone.response(183);
      call.learn(session).send('PRACK', { headers: [['RAck', `${session.headers.get('RSeq')!} 1 INVITE`]] });
      await progress;
      await phone.response(200, 'PRACK');
      const changed = incoming.change(sdp(2));
      const update = await phone.request('UPDATE');
      t.equal(update.body, sdp(2));
      phone.respond(update, 200, { body: sdp(12) });
      t.match(await changed, { kind: 'accepted', sdp: sdp(12) });
      call.send('UPDATE', { body: sdp(12) });
      t.equal((await phone.response(200, 'UPDATE')).body, sdp(2), 'nothing new: the same answer');
      const log = new DialogLog();
      const answer = incoming.answer({ sdp: '' }, log);
      const ok = await phone.response(200, 'INVITE');
      t.equal(ok.body, '');
      t.notOk(ok.headers.has('Content-Type'));
      t.equal((await answer).kind, 'dialog');
      const { cseq } = call;
      call.cseq = 1;
      call.learn(ok).ack();
      await log.acknowledgements.take('the ACK');
      call.cseq = cseq;
      call.send('INVITE', { body: sdp(12) });
      t.equal((await phone.response(200, 'INVITE')).body, sdp(2), 'a refresh repeats what was agreed');
      call.ack();
      call.send('BYE');
      await log.ends.take('the end');
      t.equal(await bed.settled(), NOTHING);
    },
  );

  t.test('we hang up: BYE with the reason, told once', async (t) => {
    const phone = await bed.phone();
    const { dialog, log } = await bed.answered(phone);
    const bye = dialog.bye({ sip: 480, q850: 19, by: 'system', kind: 'no-answer' });
    t.equal(dialog.state, 'ending');
    t.equal(dialog.bye(), bye);
    const request = await phone.request('BYE');
    t.match(request.headers.getAll('Reason').join(), /SIP;cause=480/);
    t.match(request.headers.getAll('Reason').join(), /Q\.850;cause=19/);
    phone.respond(request, 200);
    await bye;
    t.equal(dialog.state, 'ended');
    t.match(await log.ends.take('the end'), { kind: 'no-answer' });
    t.equal(log.ends.size, 0);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('we hang up before the ACK: the BYE waits for it', async (t) => {
    const phone = await bed.phone();
    const call = phone.call({ body: OFFER });
    const { call: incoming } = await bed.log.calls.take('the call');
    const outcome = await incoming.answer({ sdp: ANSWER }, new DialogLog());
    if (outcome.kind !== 'dialog') throw new Error(outcome.kind);
    const bye = outcome.dialog.bye();
    const ok = await phone.response(200, 'INVITE');
    t.notOk(phone.received.some((one) => one.kind === 'request' && one.method === 'BYE'));
    call.learn(ok).ack();
    phone.respond(await phone.request('BYE'), 200);
    await bye;
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('both hang up at once', async (t) => {
    const phone = await bed.phone();
    const { call, dialog, log } = await bed.answered(phone);
    const bye = dialog.bye();
    const theirs = await phone.request('BYE');
    call.send('BYE');
    // Crossing: the dialog may be gone already where the server drops it with its own BYE.
    const answer = await phone.next(
      (one) => one.kind === 'response' && one.cseq.method === 'BYE',
      'an answer to BYE',
    );
    t.ok(answer.kind === 'response' && [200, 481].includes(answer.status));
    phone.respond(theirs, 200);
    await bye;
    await log.ends.take('the end');
    t.equal(log.ends.size, 0);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('other requests go up, are answered once, and refused when nobody takes them', async (t) => {
    const phone = await bed.phone();
    const { call, log } = await bed.answered(phone);
    call.send('INFO', { headers: [['Content-Type', 'application/dtmf-relay']], body: 'Signal=5\r\n' });
    const info = await log.requests.take('the INFO');
    t.equal(info.request.body, 'Signal=5\r\n');
    info.respond({ status: 200 });
    info.respond({ status: 500 });
    await phone.response(200, 'INFO');
    call.send('BYE');
    await log.ends.take('the end');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a request outside of a dialog is told and answered', async (t) => {
    const phone = await bed.phone();
    const register = phone.call({ body: '' });
    // The helper makes INVITEs: turn this one away, and send what is meant.
    (await bed.log.calls.take('the call')).call.reject({ status: 480 });
    register.learn(await phone.response(480)).send('ACK');
    register.toTag = undefined;
    register.target = `sip:127.0.0.1:${bed.port}`;
    register.send('REGISTER', { headers: [['Expires', '60']] });
    const request = await bed.log.requests.take('the REGISTER');
    t.equal(request.request.method, 'REGISTER');
    t.equal(request.source.port, phone.port);
    request.respond({
      status: 401,
      headers: [
        ['WWW-Authenticate', 'Digest realm="a", nonce="1", algorithm=SHA-256'],
        ['WWW-Authenticate', 'Digest realm="a", nonce="1", algorithm=MD5'],
      ],
    });
    const challenge = await phone.response(401);
    t.equal(challenge.headers.getAll('WWW-Authenticate').length, 2, 'two challenges stay two lines');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('headers that would inject others are refused', async (t) => {
    const phone = await bed.phone();
    const call = phone.call({ body: OFFER });
    const { call: incoming } = await bed.log.calls.take('the call');
    for (const value of ['a\r\nX: y', 'a\nb', 'a\0b', 'a|b']) {
      t.throws(() => incoming.reject({ status: 480, headers: [['X-Bad', value]] }), AppError);
    }
    t.throws(() => incoming.reject({ status: 480, headers: [['X Bad', 'a']] }), AppError);
    incoming.reject({ status: 480 });
    call.learn(await phone.response(480)).send('ACK');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('too short a session interval gets 422, an unknown extension 420', async (t) => {
    const phone = await bed.phone();
    const short = phone.call({
      body: OFFER,
      headers: [
        ['Supported', 'timer'],
        ['Session-Expires', '60'],
      ],
    });
    const refused = await phone.response(422);
    t.equal(refused.headers.get('Min-SE'), '90');
    short.learn(refused).send('ACK');
    const odd = phone.call({ body: OFFER, headers: [['Require', 'teleport']] });
    const unsupported = await phone.response(420);
    t.match(unsupported.headers.get('Unsupported'), /teleport/);
    odd.learn(unsupported).send('ACK');
    t.equal(await bed.settled(), NOTHING);
  });
});
