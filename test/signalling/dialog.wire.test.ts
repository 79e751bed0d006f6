import t from 'tap';
import { ANSWER, createBed, NOTHING, OFFER } from './harness.js';
import { requestBack, sdp } from './phone.js';

t.test('dialogs', async (t) => {
  const bed = await createBed();
  t.teardown(() => bed.stop());

  t.test('a hold of theirs is a change: accepted with our answer', async (t) => {
    const phone = await bed.phone();
    const { call, dialog, log } = await bed.answered(phone);
    call.send('INVITE', { body: sdp(2, 4000, 'sendonly') });
    const change = await log.changes.take('the hold');
    t.equal(change.offer, sdp(2, 4000, 'sendonly'));
    t.equal(await change.accept(sdp(3, 5000, 'recvonly')), undefined);
    change.reject(488);
    t.equal((await phone.response(200, 'INVITE')).body, sdp(3, 5000, 'recvonly'));
    call.ack();
    // Again the same: a refresh, answered below as before.
    call.send('INVITE', { body: sdp(2, 4000, 'sendonly') });
    t.equal((await phone.response(200, 'INVITE')).body, sdp(3, 5000, 'recvonly'));
    call.ack();
    t.equal(log.changes.size, 0);
    call.send('UPDATE');
    t.equal((await phone.response(200, 'UPDATE')).body, '');
    t.equal(log.changes.size, 0);
    void dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a change of theirs is refused, and the session stays', async (t) => {
    const phone = await bed.phone();
    const { call, dialog, log } = await bed.answered(phone);
    call.send('INVITE', { body: sdp(2) });
    const change = await log.changes.take('the change');
    change.reject(488);
    t.equal(await change.accept(sdp(3)), undefined);
    const refused = await phone.response(488);
    const { branch } = call;
    call.ack();
    call.branch = branch;
    t.equal(refused.cseq.method, 'INVITE');
    // The session is as before: the old description is still a refresh.
    call.send('UPDATE', { body: OFFER });
    t.equal((await phone.response(200, 'UPDATE')).body, ANSWER);
    void dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a re-INVITE without an offer asks for ours, and the ACK brings their answer', async (t) => {
    const phone = await bed.phone();
    const { call, dialog, log } = await bed.answered(phone);
    call.send('INVITE');
    const change = await log.changes.take('the re-INVITE');
    t.equal(change.offer, undefined);
    const theirs = change.accept(sdp(9, 5010));
    t.equal((await phone.response(200, 'INVITE')).body, sdp(9, 5010));
    call.ack({ body: sdp(10, 4010) });
    t.equal(await theirs, sdp(10, 4010));
    void dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('an UPDATE of theirs with an offer is a change', async (t) => {
    const phone = await bed.phone();
    const { dialog, log, invite } = await bed.dialed(phone);
    requestBack(phone, invite, 'UPDATE', 1, { body: sdp(5) });
    const change = await log.changes.take('the UPDATE');
    await change.accept(sdp(6));
    t.equal((await phone.response(200, 'UPDATE')).body, sdp(6));
    void dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('changes of ours go one at a time, by re-INVITE and by UPDATE', async (t) => {
    const phone = await bed.phone();
    const { dialog } = await bed.dialed(phone);
    const first = dialog.change({ offer: sdp(2) });
    const second = dialog.change({ offer: sdp(3), by: 'update' });
    const reinvite = await phone.request('INVITE');
    t.equal(reinvite.body, sdp(2));
    t.equal(phone.received.filter((one) => one.kind === 'request').length, 0, 'the second waits');
    phone.respond(reinvite, 200, { body: sdp(12) });
    t.match(await first, { kind: 'accepted', sdp: sdp(12) });
    await phone.request('ACK');
    const update = await phone.request('UPDATE');
    t.equal(update.body, sdp(3));
    phone.respond(update, 200, { body: sdp(13) });
    t.match(await second, { kind: 'accepted', sdp: sdp(13) });
    void dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('we ask for an offer, and answer it in the ACK', async (t) => {
    const phone = await bed.phone();
    const { dialog } = await bed.dialed(phone);
    const changed = dialog.change({});
    const reinvite = await phone.request('INVITE');
    t.equal(reinvite.body, '');
    phone.respond(reinvite, 200, { body: sdp(21) });
    const outcome = await changed;
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
    t.equal(outcome.sdp, sdp(21));
    outcome.ack(sdp(22));
    t.equal((await phone.request('ACK')).body, sdp(22));
    void dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a refused change leaves the dialog as it was, and the next one works', async (t) => {
    const phone = await bed.phone();
    const { dialog } = await bed.dialed(phone);
    const refused = dialog.change({ offer: sdp(2) });
    phone.respond(await phone.request('INVITE'), 488);
    t.same(await refused, { kind: 'refused', status: 488 });
    await phone.request('ACK');
    t.equal(dialog.state, 'confirmed');
    const next = dialog.change({ offer: sdp(3) });
    phone.respond(await phone.request('INVITE'), 200, { body: sdp(13) });
    t.match(await next, { kind: 'accepted' });
    void dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('both change at once: theirs gets 491, ours is tried again after theirs', async (t) => {
    const phone = await bed.phone();
    // They own the Call-ID, so our pause is the short one.
    const { call, dialog, log } = await bed.answered(phone);
    const changed = dialog.change({ offer: sdp(2) });
    const ours = await phone.request('INVITE');
    call.send('INVITE', { body: sdp(3) });
    await phone.response(491, 'INVITE');
    const { branch } = call;
    call.ack();
    call.branch = branch;
    phone.respond(ours, 491);
    await phone.request('ACK');
    const again = await phone.request('INVITE');
    t.equal(again.body, sdp(2));
    phone.respond(again, 200, { body: sdp(12) });
    t.match(await changed, { kind: 'accepted', sdp: sdp(12) });
    t.equal(log.changes.size, 0);
    void dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a second change of theirs while the first is undecided gets 500', async (t) => {
    const phone = await bed.phone();
    const { call, dialog, log } = await bed.answered(phone);
    call.send('INVITE', { body: sdp(2) });
    const change = await log.changes.take('the change');
    call.send('UPDATE', { body: sdp(3) });
    const busy = await phone.response(500, 'UPDATE');
    t.match(busy.headers.get('Retry-After'), /^\d+$/);
    call.cseq--;
    await change.accept(sdp(4));
    call.learn(await phone.response(200, 'INVITE'));
    call.ack();
    call.cseq++;
    void dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a re-INVITE of theirs that they cancel is void', async (t) => {
    const phone = await bed.phone();
    const { call, dialog, log } = await bed.answered(phone);
    const reinvite = call.send('INVITE', { body: sdp(2) });
    const change = await log.changes.take('the change');
    const cancel = call.build('CANCEL');
    cancel.headers.set('Via', reinvite.headers.get('Via')!);
    cancel.headers.delete('Contact');
    phone.send(cancel);
    await phone.response(200, 'CANCEL');
    await phone.response(487, 'INVITE');
    t.equal(await change.accept(sdp(3)), undefined);
    t.equal(dialog.state, 'confirmed');
    void dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('a dialog the far side has forgotten ends', async (t) => {
    const phone = await bed.phone();
    const { dialog, log } = await bed.dialed(phone);
    const changed = dialog.change({ offer: sdp(2) });
    phone.respond(await phone.request('INVITE'), 481);
    t.same(await changed, { kind: 'gone' });
    t.match(await log.ends.take('the end'), { kind: 'peer-gone' });
    phone.respond(await phone.request('BYE'), 481);
    t.same(await dialog.change({ offer: sdp(3) }), { kind: 'gone' });
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('requests of ours inside the dialog', async (t) => {
    const phone = await bed.phone();
    const { dialog } = await bed.dialed(phone);
    const info = dialog.request({
      method: 'INFO',
      body: { type: 'application/dtmf-relay', text: 'Signal=1\r\n' },
    });
    const received = await phone.request('INFO');
    t.equal(received.headers.get('Content-Type'), 'application/dtmf-relay');
    phone.respond(received, 200);
    t.match(await info, { kind: 'response', response: { status: 200 } });
    const ping = dialog.request({ method: 'OPTIONS', headers: [['X-Ping', '1']] });
    phone.respond(await phone.request('OPTIONS'), 405);
    t.match(await ping, { kind: 'response', response: { status: 405 } });
    const bye = dialog.bye();
    t.same(await dialog.request({ method: 'INFO' }), { kind: 'gone' });
    phone.respond(await phone.request('BYE'), 200);
    await bye;
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('we hang up while a change of ours is on its way', async (t) => {
    const phone = await bed.phone();
    const { dialog } = await bed.dialed(phone);
    const changed = dialog.change({ offer: sdp(2) });
    const reinvite = await phone.request('INVITE');
    phone.respond(reinvite, 180);
    const bye = dialog.bye();
    t.same(await changed, { kind: 'gone' });
    phone.respond(await phone.request('CANCEL').catch(() => reinvite), 200);
    phone.respond(reinvite, 487);
    phone.respond(await phone.request('BYE'), 200);
    await bye;
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('they hang up while a change of theirs is undecided', async (t) => {
    const phone = await bed.phone();
    const { call, log } = await bed.answered(phone);
    call.send('INVITE', { body: sdp(2) });
    const change = await log.changes.take('the change');
    call.send('BYE');
    await log.ends.take('the end');
    t.equal(await change.accept(sdp(3)), undefined);
    t.equal(await bed.settled(), NOTHING);
  });

  t.test('the session timer is agreed on both sides of a call', async (t) => {
    const phone = await bed.phone();
    const call = phone.call({
      body: OFFER,
      headers: [
        ['Supported', 'timer'],
        ['Session-Expires', '1800'],
        ['Min-SE', '600'],
      ],
    });
    const { call: incoming } = await bed.log.calls.take('the call');
    const { DialogLog } = await import('./harness.js');
    const log = new DialogLog();
    const outcome = await incoming.answer({ sdp: ANSWER, timer: { expiresS: 300, minS: 90 } }, log);
    const ok = await phone.response(200, 'INVITE');
    t.equal(
      ok.headers.get('Session-Expires')?.replace(' ', ''),
      '600;refresher=uac',
      'as short as their Min-SE allows',
    );
    t.match(ok.headers.get('Require'), /timer/);
    call.learn(ok).ack();
    call.send('UPDATE', {
      headers: [
        ['Supported', 'timer'],
        ['Session-Expires', '900;refresher=uac'],
      ],
    });
    const refreshed = await phone.response(200, 'UPDATE');
    t.equal(refreshed.headers.get('Session-Expires')?.replace(' ', ''), '300;refresher=uac');
    if (outcome.kind !== 'dialog') throw new Error(outcome.kind);
    void outcome.dialog.bye();
    phone.respond(await phone.request('BYE'), 200);
    t.equal(await bed.settled(), NOTHING);
  });
});
