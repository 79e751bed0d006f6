import t, { type Test } from 'tap';
import { AppError } from '../../src/base/errors.js';
import type { RequestSpec } from '../../src/signalling/index.js';
import { computeHa1, computeResponse, parseCredentials, type SipRequest } from '../../src/sip/index.js';
import { ANSWER, createBed, NOTHING, OFFER } from './harness.js';
import { requestBack, sdp, type Phone } from './phone.js';

t.test('calls and requests we make', async (t) => {
  const bed = await createBed();
  t.teardown(() => bed.stop());

  t.test('a call rings, is answered, and ended by the far side', async (t) => {
    const phone = await bed.phone();
    const { log, attempt } = bed.dial(phone, {
      headers: [
        ['P-Asserted-Identity', '<sip:+12025550199@example.com>'],
        ['X-Twice', 'a'],
        ['X-Twice', 'b'],
      ],
      maxForwards: 42,
      timer: { expiresS: 1800, minS: 90 },
    });
    const invite = await phone.request('INVITE');
    t.equal(invite.callId, attempt.sipCallId);
    t.equal(invite.uri, `sip:+12025550123@127.0.0.1:${phone.port}`);
    t.equal(invite.body, OFFER);
    t.equal(invite.maxForwards, 42);
    t.equal(invite.to.uri, 'sip:+12025550123@example.com');
    t.equal(invite.from.display, 'Trunkline');
    t.equal(invite.headers.getAll('X-Twice').join(), 'a,b');
    t.equal(invite.headers.get('User-Agent'), 'Trunkline/test');
    t.equal(invite.headers.get('Session-Expires'), '1800');
    t.match(invite.headers.list('Supported').join(), /timer.*100rel/);
    phone.respond(invite, 180);
    const ringing = await log.provisionals.take('the 180');
    t.match(ringing, { status: 180, sdp: undefined, prack: undefined });
    t.equal(ringing.fork, `p${phone.port}`);
    phone.respond(invite, 183, { body: ANSWER });
    t.equal((await log.provisionals.take('the 183')).sdp, ANSWER);
    phone.respond(invite, 200, { body: ANSWER });
    const ack = await phone.request('ACK');
    t.equal(ack.body, '');
    t.equal(ack.uri, phone.uri);
    const outcome = await log.outcomes.take('the answer');
    t.match(outcome, { kind: 'answered', sdp: ANSWER, fork: `p${phone.port}` });
    const bye = requestBack(phone, invite, 'BYE', 1, { headers: [['Reason', 'Q.850;cause=16']] });
    await phone.next(
      (one) => one.kind === 'response' && one.callId === bye.callId && one.status === 200,
      '200 to BYE',
    );
    t.match(await log.dialog.ends.take('the end'), { kind: 'normal', by: 'callee', q850: 16 });
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a refusal is told with its response', async (t) => {
    const phone = await bed.phone();
    const { log } = bed.dial(phone);
    const invite = await phone.request('INVITE');
    phone.respond(invite, 486, { reason: 'Busy as a Bee', headers: [['Retry-After', '9']] });
    const outcome = await log.outcomes.take('the refusal');
    if (outcome.kind !== 'refused') throw new Error(outcome.kind);
    t.equal(outcome.response.status, 486);
    t.equal(outcome.response.reason, 'Busy as a Bee');
    t.equal(outcome.response.headers.get('Retry-After'), '9');
    await phone.request('ACK');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('cancelled while ringing: told at once, CANCEL with the reason on the wire', async (t) => {
    const phone = await bed.phone();
    const { log, attempt } = bed.dial(phone);
    const invite = await phone.request('INVITE');
    phone.respond(invite, 180);
    await log.provisionals.take('the 180');
    attempt.cancel({ sip: 200, text: 'Call completed elsewhere', by: 'system', kind: 'answered-elsewhere' });
    attempt.cancel();
    t.equal(log.outcomes.size, 0, 'never from within the call that cancels');
    t.same(await log.outcomes.take('the outcome'), { kind: 'cancelled' });
    const cancel = await phone.request('CANCEL');
    t.equal(cancel.headers.get('Reason'), 'SIP;cause=200;text="Call completed elsewhere"');
    phone.respond(cancel, 200);
    phone.respond(invite, 487);
    await phone.request('ACK');
    t.equal(log.outcomes.size, 0);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('cancelled before any reply: the CANCEL goes out with the first provisional', async (t) => {
    const phone = await bed.phone();
    const { log, attempt } = bed.dial(phone);
    attempt.cancel();
    t.same(await log.outcomes.take('the outcome'), { kind: 'cancelled' });
    const invite = await phone.request('INVITE');
    phone.respond(invite, 180);
    phone.respond(await phone.request('CANCEL'), 200);
    phone.respond(invite, 487);
    await phone.request('ACK');
    t.equal(log.provisionals.size, 0, 'nothing is told any more');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a 200 that crosses the CANCEL gets ACK and BYE', async (t) => {
    const phone = await bed.phone();
    const { log, attempt } = bed.dial(phone);
    const invite = await phone.request('INVITE');
    phone.respond(invite, 180);
    await log.provisionals.take('the 180');
    attempt.cancel();
    phone.respond(await phone.request('CANCEL'), 200);
    phone.respond(invite, 200, { body: ANSWER });
    await phone.request('ACK');
    phone.respond(await phone.request('BYE'), 200);
    t.same(await log.outcomes.take('the outcome'), { kind: 'cancelled' });
    t.equal(log.outcomes.size, 0);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('no reply at all in time is unreachable; a 100 is a reply', async (t) => {
    if (bed.engine !== 'embedded') return;
    const phone = await bed.phone();
    const silent = bed.dial(phone, { firstReplyMs: 60 });
    const unanswered = await phone.request('INVITE');
    t.same(await silent.log.outcomes.take('the outcome'), { kind: 'unreachable', why: 'no-reply' });
    // Late, but there: the CANCEL may go now.
    phone.respond(unanswered, 180);
    phone.respond(await phone.request('CANCEL'), 200);
    phone.respond(unanswered, 487);
    await phone.request('ACK');
    const slow = bed.dial(phone, { firstReplyMs: 60, answerMs: 200 });
    const invite = await phone.request('INVITE');
    phone.respond(invite, 100);
    t.same(await slow.log.outcomes.take('the outcome'), { kind: 'no-answer' });
    phone.respond(await phone.request('CANCEL'), 200);
    phone.respond(invite, 487);
    await phone.request('ACK');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a call leaves by the listener that is named', async (t) => {
    if (bed.engine !== 'embedded') return;
    const phone = await bed.phone();
    const ports = bed.signalling
      .listeners()
      .map((listener) => Number(listener.slice(listener.lastIndexOf(':') + 1)));
    for (const [listener, port] of [
      ['second', ports[1]],
      ['udp', ports[0]],
      ['unknown', ports[0]],
    ] as const) {
      const { log } = bed.dial(phone, { listener });
      const invite = await phone.request('INVITE');
      t.equal(invite.topVia.port, port, listener);
      t.equal(invite.contact?.parsed.port, port);
      phone.respond(invite, 480);
      await log.outcomes.take('the outcome');
    }
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('nobody answers in time', async (t) => {
    const phone = await bed.phone();
    const { log } = bed.dial(phone, { answerMs: 50 });
    const invite = await phone.request('INVITE');
    phone.respond(invite, 180);
    t.same(await log.outcomes.take('the outcome'), { kind: 'no-answer' });
    phone.respond(await phone.request('CANCEL'), 200);
    phone.respond(invite, 487);
    await phone.request('ACK');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('forks are told apart, and one wins', async (t) => {
    const phone = await bed.phone();
    const { log } = bed.dial(phone);
    const invite = await phone.request('INVITE');
    phone.respond(invite, 183, { tag: 'one', body: sdp(1) });
    phone.respond(invite, 180, { tag: 'two' });
    t.match(await log.provisionals.take('one'), { fork: 'one', sdp: sdp(1) });
    t.match(await log.provisionals.take('two'), { fork: 'two', sdp: undefined });
    phone.respond(invite, 200, { tag: 'two', body: sdp(2) });
    t.match(await log.outcomes.take('the answer'), { kind: 'answered', fork: 'two', sdp: sdp(2) });
    await phone.request('ACK');
    // The other branch answers a moment later: the server ends it, and nobody above hears of it.
    phone.respond(invite, 200, { tag: 'one', body: sdp(1) });
    if (bed.engine === 'embedded') {
      await phone.request('ACK');
      const surplus = await phone.request('BYE');
      t.equal(surplus.toTag, 'one');
      phone.respond(surplus, 200);
    }
    requestBack(phone, invite, 'BYE', 1, { tag: 'two' });
    t.match(await log.dialog.ends.take('the end'), { kind: 'normal' });
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a delayed offer: theirs comes in the 200, ours goes in the ACK', async (t) => {
    const phone = await bed.phone();
    const { log } = bed.dial(phone, { delayed: true });
    const invite = await phone.request('INVITE');
    t.equal(invite.body, '');
    phone.respond(invite, 200, { body: OFFER });
    const outcome = await log.outcomes.take('the answer');
    if (outcome.kind !== 'answered') throw new Error(outcome.kind);
    t.equal(outcome.sdp, OFFER);
    outcome.ack(ANSWER);
    outcome.ack('twice');
    t.equal((await phone.request('ACK')).body, ANSWER);
    void outcome.dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test(
    'a reliable provisional is acknowledged by PRACK, with the answer where the offer was theirs',
    async (t) => {
      const phone = await bed.phone();
      const { log } = bed.dial(phone, { delayed: true, rel100: 'required' });
      const invite = await phone.request('INVITE');
      t.match(invite.headers.get('Require'), /100rel/);
      phone.respond(invite, 183, {
        body: OFFER,
        headers: [
          ['Require', '100rel'],
          ['RSeq', '17'],
        ],
      });
      const session = await log.provisionals.take('the 183');
      t.ok(session.prack);
      session.prack?.(ANSWER);
      session.prack?.();
      const prack = await phone.request('PRACK');
      t.equal(prack.headers.get('RAck'), `17 ${invite.cseq.seq} INVITE`);
      // The reference drops the body of a PRACK.
      if (bed.engine === 'embedded') t.equal(prack.body, ANSWER);
      phone.respond(prack, 200);
      phone.respond(invite, 200);
      const outcome = await log.outcomes.take('the answer');
      t.match(outcome, { kind: 'answered', sdp: OFFER });
      if (outcome.kind === 'answered') outcome.ack();
      await phone.request('ACK');
      requestBack(phone, invite, 'BYE', 1);
      await log.dialog.ends.take('the end');
      t.equal(await bed.settled(), NOTHING);
    },
  );

  t.test(
    'without an offer of ours, reliable provisionals are wanted only where a PRACK can carry the answer',
    async (t) => {
      const phone = await bed.phone();
      const { log } = bed.dial(phone, { delayed: true, rel100: 'supported' });
      const invite = await phone.request('INVITE');
      t.equal(invite.headers.list('Supported').includes('100rel'), bed.engine === 'embedded');
      phone.respond(invite, 480);
      t.match(await log.outcomes.take('the outcome'), { kind: 'refused' });
      await phone.request('ACK');
      t.equal(await bed.settled(), NOTHING);
    },
  );

  t.test('an UPDATE before the answer is an early change of its fork', async (t) => {
    const phone = await bed.phone();
    const { log } = bed.dial(phone);
    const invite = await phone.request('INVITE');
    phone.respond(invite, 183, {
      body: ANSWER,
      headers: [
        ['Require', '100rel'],
        ['RSeq', '1'],
      ],
    });
    (await log.provisionals.take('the 183')).prack?.();
    phone.respond(await phone.request('PRACK'), 200);
    requestBack(phone, invite, 'UPDATE', 1, { body: sdp(7) });
    const { change, fork } = await log.changes.take('the UPDATE');
    t.equal(fork, `p${phone.port}`);
    t.equal(change.offer, sdp(7));
    await change.accept(sdp(8));
    t.equal((await phone.response(200, 'UPDATE')).body, sdp(8));
    requestBack(phone, invite, 'UPDATE', 2, { body: sdp(7) });
    t.equal((await phone.response(200, 'UPDATE')).body, sdp(8), 'the same once more is answered below');
    phone.respond(invite, 480);
    t.match(await log.outcomes.take('the outcome'), { kind: 'refused' });
    await phone.request('ACK');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('an UPDATE of ours before the answer, where the early dialog takes one', async (t) => {
    const phone = await bed.phone();
    const { log, attempt } = bed.dial(phone);
    const invite = await phone.request('INVITE');
    t.same(await attempt.change(sdp(2)), { kind: 'unable' }, 'nothing is agreed yet');
    phone.respond(invite, 183, {
      body: ANSWER,
      headers: [
        ['Require', '100rel'],
        ['RSeq', '1'],
        ['Allow', 'INVITE, ACK, PRACK, UPDATE'],
      ],
    });
    (await log.provisionals.take('the 183')).prack?.();
    phone.respond(await phone.request('PRACK'), 200);
    const refused = attempt.change(sdp(2));
    t.same(await attempt.change(sdp(9)), { kind: 'refused', status: 491 }, 'one at a time');
    phone.respond(await phone.request('UPDATE'), 488);
    t.same(await refused, { kind: 'refused', status: 488 });
    const changed = attempt.change(sdp(3));
    const update = await phone.request('UPDATE');
    t.equal(update.body, sdp(3));
    t.ok(update.headers.has('Contact'));
    phone.respond(update, 200, { body: sdp(13) });
    t.match(await changed, { kind: 'accepted', sdp: sdp(13) });
    // The first answer once more: out of date.
    phone.respond(invite, 200, { body: ANSWER });
    const outcome = await log.outcomes.take('the answer');
    t.match(outcome, { kind: 'answered', sdp: sdp(13) });
    await phone.request('ACK');
    t.same(await attempt.change(sdp(4)), { kind: 'unable' }, 'not any more');
    requestBack(phone, invite, 'BYE', 1);
    await log.dialog.ends.take('the end');
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('422 is answered once with a longer interval', async (t) => {
    const phone = await bed.phone();
    const { log } = bed.dial(phone, { timer: { expiresS: 120, minS: 90 } });
    const first = await phone.request('INVITE');
    phone.respond(first, 422, { headers: [['Min-SE', '600']] });
    await phone.request('ACK');
    const second = await phone.request('INVITE');
    t.equal(second.headers.get('Session-Expires'), '600');
    t.equal(second.headers.get('Min-SE'), '600');
    t.equal(second.callId, first.callId);
    t.equal(second.fromTag, first.fromTag);
    t.equal(second.cseq.seq, first.cseq.seq + 1);
    phone.respond(second, 422, { headers: [['Min-SE', '3600']] });
    t.match(await log.outcomes.take('the outcome'), { kind: 'refused', response: { status: 422 } });
    t.equal(await bed.settled(), NOTHING);
  });

  const credentials = { username: 'trunk', password: 'secret', realm: 'carrier' };

  t.test(
    'a challenge is answered with the strongest algorithm, and the ACK carries the answer too',
    async (t) => {
      const phone = await bed.phone();
      const { log } = bed.dial(phone, { credentials });
      const first = await phone.request('INVITE');
      phone.respond(first, 407, {
        headers: [
          ['Proxy-Authenticate', 'Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"'],
          [
            'Proxy-Authenticate',
            'Digest realm="carrier", nonce="n1", algorithm=SHA-256, qop="auth,auth-int", opaque="o"',
          ],
        ],
      });
      await phone.request('ACK');
      const second = await phone.request('INVITE');
      t.equal(second.cseq.seq, first.cseq.seq + 1);
      t.equal(second.body, OFFER);
      checkDigest(t, second, 'Proxy-Authorization', 'SHA-256', '00000001');
      phone.respond(second, 200, { body: ANSWER });
      const ack = await phone.request('ACK');
      t.equal(ack.headers.get('Proxy-Authorization'), second.headers.get('Proxy-Authorization'));
      t.match(await log.outcomes.take('the answer'), { kind: 'answered' });
      requestBack(phone, second, 'BYE', 1);
      await log.dialog.ends.take('the end');
      t.equal(await bed.settled(), NOTHING);
    },
  );

  t.test('a nonce that went stale is replaced once; the same challenge again is a refusal', async (t) => {
    const phone = await bed.phone();
    const { log } = bed.dial(phone, { credentials });
    phone.respond(await phone.request('INVITE'), 401, { headers: [challenge('n1')] });
    await phone.request('ACK');
    phone.respond(await phone.request('INVITE'), 401, { headers: [challenge('n2', ', stale=true')] });
    await phone.request('ACK');
    const third = await phone.request('INVITE');
    checkDigest(t, third, 'Authorization', 'MD5', '00000001');
    phone.respond(third, 401, { headers: [challenge('n3', ', stale=true')] });
    t.match(await log.outcomes.take('the outcome'), { kind: 'refused', response: { status: 401 } });
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a challenge for another realm is not answered', async (t) => {
    const phone = await bed.phone();
    const { log } = bed.dial(phone, { credentials });
    phone.respond(await phone.request('INVITE'), 401, {
      headers: [['WWW-Authenticate', 'Digest realm="thief", nonce="n", algorithm=MD5']],
    });
    t.match(await log.outcomes.take('the outcome'), { kind: 'refused', response: { status: 401 } });
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('without credentials a challenge is a refusal', async (t) => {
    const phone = await bed.phone();
    const { log } = bed.dial(phone);
    phone.respond(await phone.request('INVITE'), 401, { headers: [challenge('n')] });
    t.match(await log.outcomes.take('the outcome'), { kind: 'refused', response: { status: 401 } });
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a call cancelled between the challenge and its answer does not go out again', async (t) => {
    const phone = await bed.phone();
    const { log, attempt } = bed.dial(phone, { credentials });
    const invite = await phone.request('INVITE');
    phone.respond(invite, 180);
    await log.provisionals.take('the 180');
    attempt.cancel();
    phone.respond(invite, 401, { headers: [challenge('n')] });
    t.same(await log.outcomes.take('the outcome'), { kind: 'cancelled' });
    t.equal(await bed.settled(), NOTHING);
    t.notOk(phone.received.some((one) => one.kind === 'request' && one.method === 'INVITE'));
  });

  t.test('REGISTER and OPTIONS outside of dialogs, with digest', async (t) => {
    const phone = await bed.phone();
    const spec = (phone: Phone, method: RequestSpec['method']): RequestSpec => ({
      method,
      target: `sip:127.0.0.1:${phone.port}`,
      from: { uri: 'sip:trunk@example.com' },
      to: { uri: 'sip:trunk@example.com' },
      credentials,
    });
    const registered = bed.signalling.request({ ...spec(phone, 'REGISTER'), headers: [['Expires', '300']] });
    const first = await phone.request('REGISTER');
    t.equal(first.headers.get('Expires'), '300');
    phone.respond(first, 401, { headers: [challenge('n')] });
    const second = await phone.request('REGISTER');
    t.equal(second.callId, first.callId);
    t.equal(second.cseq.seq, first.cseq.seq + 1);
    checkDigest(t, second, 'Authorization', 'MD5', '00000001');
    phone.respond(second, 200, { headers: [['Expires', '300']] });
    t.match(await registered, { kind: 'response', response: { status: 200 } });
    const asked = bed.signalling.request({ ...spec(phone, 'OPTIONS'), timeoutMs: 60 });
    const unanswered = await phone.request('OPTIONS');
    t.same(await asked, { kind: 'unreachable', why: 'no-reply' });
    phone.respond(unanswered, 200);
    t.throws(() => bed.signalling.request({ ...spec(phone, 'OPTIONS'), target: 'sip:a b@c' }), AppError);
    t.throws(() => bed.signalling.request({ ...spec(phone, 'OPTIONS'), nextHop: 'sip:a|b' }), AppError);
  });
});

function challenge(nonce: string, more = ''): [string, string] {
  return ['WWW-Authenticate', `Digest realm="carrier", nonce="${nonce}", algorithm=MD5, qop="auth"${more}`];
}

function checkDigest(
  t: Test,
  request: SipRequest,
  header: string,
  algorithm: 'MD5' | 'SHA-256',
  nc: string,
): void {
  const params = parseCredentials(request.headers.get(header) ?? '')?.params;
  const value = (name: string): string => params?.get(name) ?? '';
  t.equal(value('algorithm'), algorithm);
  t.equal(value('nc'), nc);
  t.equal(value('uri'), request.uri);
  t.ok(value('cnonce').length >= 16);
  const expected = computeResponse({
    ha1: computeHa1('trunk', 'carrier', 'secret', algorithm),
    method: request.method,
    uri: value('uri'),
    nonce: value('nonce'),
    nc,
    cnonce: value('cnonce'),
    qop: value('qop'),
    algorithm,
  });
  t.equal(value('response'), expected);
}
