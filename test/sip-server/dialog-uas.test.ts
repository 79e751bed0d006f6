import t from 'tap';
import { Caller, eventually, headerOf, SDP, startBench, tagOf } from './server-helpers.js';

/** T1 of 20 ms: what takes 32 s by the RFC is over in 1.3. */
const SHORT = { timers: { t1Ms: 20 } };

t.test(
  'an INVITE answered, acknowledged and hung up by the caller: every frame as the protocol says',
  async (t) => {
    const bench = await startBench(t);
    const app = await bench.app();
    const peer = await bench.peer();
    const call = new Caller(peer);
    call.invite(['X-Test: 1']);
    await call.response(100);
    const invite = await app.sip('INVITE');
    const { fields } = invite;
    t.equal(fields.length, 13, 'a new request has thirteen fields');
    t.same(
      [fields[1], fields[2], fields[4], fields[5], fields[6], fields[9], fields[10], fields[11], fields[12]],
      ['sip', 'network', 'udp', '127.0.0.1', String(peer.port), '', '127.0.0.1', String(bench.sipPort), ''],
    );
    t.match(fields[7], /^\d\d:\d\d:\d\d\.\d{6}$/);
    t.match(invite.raw, /\r\n\r\n/);
    t.equal(headerOf(invite.raw, 'X-Test'), '1');

    const dialogId = `${call.callId};from-tag=${call.tag}`;
    const ringing = await app.respond(invite, 180, ['x-info: a']);
    t.equal(ringing.fields[3], 'OK');
    t.equal(ringing.fields[10], fields[8], 'the echo names the transaction');
    t.equal(ringing.fields[11], dialogId, 'and the dialog, from the first 1xx on');
    t.equal(ringing.fields[13], 'Msg sent:');
    t.notMatch(ringing.raw, /^Contact:/m, 'no Contact on a plain 18x');
    const rung = await call.response(180);
    t.equal(rung.headers.get('x-info'), 'a');

    const answered = await app.respond(invite, 200, [], SDP);
    t.equal(answered.fields[4], 'application');
    t.equal(answered.fields[11], dialogId);
    t.match(headerOf(answered.raw, 'Contact'), `<sip:127.0.0.1:${bench.sipPort}>`);
    t.equal(headerOf(answered.raw, 'Content-Type'), 'application/sdp');
    t.equal(tagOf(headerOf(answered.raw, 'To')), call.remoteTag, 'one tag for all answers');
    t.ok(answered.raw.endsWith(SDP));
    const ok = await call.response(200);
    t.equal(ok.body, SDP);
    t.equal(ok.toTag, rung.toTag);

    const again = await app.respond(invite, 486);
    t.equal(again.fields[3], 'OK', 'a second final response is discarded, but answered OK');
    t.match(again.raw, /^SIP\/2\.0 200/, 'with the first one');

    call.ack();
    const ack = await app.sip('ACK');
    t.same(
      [ack.fields[8], ack.fields[9], ack.fields.length],
      [fields[8], dialogId, 11],
      'the ACK has the id of the INVITE',
    );
    call.ack();
    t.match(await app.respond(invite, 486), {
      fields: { 3: 'NOK', 4: 'Response not sent due to unknown transaction' },
    });

    call.request('INFO');
    const info = await app.sip('INFO');
    t.equal(info.fields[9], dialogId);
    t.not(info.fields[8], fields[8]);
    const infoEcho = await app.respond(info, 200);
    t.equal(infoEcho.fields[11], dialogId);
    await call.response(200, 'INFO');

    call.request('BYE');
    const bye = await app.sip('BYE');
    t.same([bye.fields[2], bye.fields[9]], ['network', dialogId]);
    const byeEcho = await app.respond(bye, 200);
    t.equal(byeEcho.fields[11], '', 'the dialog of a BYE is gone');
    await call.response(200, 'BYE');
    t.equal(
      app.frames.unread.filter((frame) => frame.raw.startsWith('ACK')).length,
      0,
      'a repeated ACK is not delivered',
    );
    t.match(await app.request(dialogId, 'INFO'), { fields: { 3: 'NOK', 4: /unable to find dialog/ } });
    t.match(bench.server.stats, { dialogs: 0, pending: 0, calls: 0 });
  },
);

t.test(
  'the application picks the To tag, joins challenges, names localhost; a refusal ends the dialog',
  async (t) => {
    const bench = await startBench(t);
    const app = await bench.app();
    const peer = await bench.peer();
    const call = new Caller(peer);
    call.invite();
    const invite = await app.sip('INVITE');
    const to = headerOf(invite.raw, 'To');
    const challenge =
      'Digest realm="a, b",nonce="1",algorithm=SHA-256,Digest realm="a, b",nonce="1",algorithm=MD5';
    const id = invite.fields[8]!;
    const echo = await app.ask(
      `sip|${id}|\r\nSIP/2.0 401 Unauthorized\r\nto: ${to};tag=mine\r\nWWW-Authenticate: ${challenge}\r\ncontact: <sip:x@localhost>\r\n\r\n`,
    );
    t.equal(echo.fields[11], `${call.callId};from-tag=${call.tag}`, 'failures name the dialog too');
    const refused = await call.response(401);
    t.equal(refused.toTag, 'mine');
    t.equal(refused.headers.getAll('WWW-Authenticate').length, 2, 'two challenges are two lines');
    t.equal(refused.headers.get('Contact'), `<sip:x@127.0.0.1:${bench.sipPort}>`);
    call.ack();
    await eventually('nothing left', () => bench.server.stats.dialogs === 0);
    t.equal(app.frames.unread.length, 0, 'the ACK of a failure is not delivered');

    const options = new Caller(peer);
    options.request('OPTIONS');
    const echoOptions = await app.respond(await app.sip('OPTIONS'), 200, ['Accept: application/sdp']);
    t.equal(echoOptions.fields[11], '', 'outside of dialogs there is none to name');
    t.notOk((await options.response(200, 'OPTIONS')).headers.has('Contact'));
  },
);

t.test('CANCEL before and after a provisional answer, and after the final one', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const peer = await bench.peer();
  const early = new Caller(peer);
  early.invite();
  const first = await app.sip('INVITE');
  early.cancel(['Reason: SIP;cause=200;text="Call completed elsewhere"']);
  const cancel = await app.sip('CANCEL');
  t.same([cancel.fields[8], cancel.fields[9]], [first.fields[8], ''], 'no dialog yet');
  t.match(headerOf(cancel.raw, 'Reason'), /completed elsewhere/);
  await early.response(200, 'CANCEL');
  await early.response(487);
  early.ack();
  t.match(await app.respond(first, 200, [], SDP), {
    fields: { 3: 'NOK', 4: 'Response not sent due to unknown transaction' },
  });

  const ringing = new Caller(peer);
  ringing.invite();
  const second = await app.sip('INVITE');
  await app.respond(second, 183, [], SDP);
  await ringing.response(183);
  const { remoteTag } = ringing;
  ringing.cancel();
  t.equal((await app.sip('CANCEL')).fields[9], `${ringing.callId};from-tag=${ringing.tag}`);
  await ringing.response(200, 'CANCEL');
  t.equal((await ringing.response(487)).toTag, remoteTag);
  ringing.ack();

  const late = new Caller(peer);
  late.invite();
  const third = await app.sip('INVITE');
  await app.respond(third, 200, [], SDP);
  await late.response(200);
  late.cancel();
  await late.response(200, 'CANCEL');
  late.ack();
  t.equal((await app.sip('ACK')).fields[8], third.fields[8], 'the call goes on');
  t.equal(app.frames.unread.length, 0, 'and the application hears nothing of the CANCEL');
  const unknown = new Caller(peer);
  unknown.inviteBranch = peer.newBranch();
  unknown.cseq = 2;
  unknown.cancel();
  await unknown.response(481, 'CANCEL');
});

t.test('a 2xx that is never acknowledged ends in a BYE of the server', async (t) => {
  const bench = await startBench(t, SHORT);
  const app = await bench.app();
  const peer = await bench.peer();
  const call = new Caller(peer);
  call.invite();
  const invite = await app.sip('INVITE');
  await app.respond(invite, 200, [], SDP);
  const bye = await app.sip('BYE');
  t.same(
    [bye.fields[2], bye.fields[8], bye.fields[9]],
    ['application', 'unsolicited', `${call.callId};from-tag=${call.tag}`],
  );
  t.match(headerOf(bye.raw, 'Reason'), /SIP;cause=200;text="ACK timeout"/);
  const sent = await peer.request('BYE');
  t.equal(sent.uri, `sip:peer@127.0.0.1:${peer.port}`, 'it goes to the Contact of the caller');
  peer.answer(sent, 200);
  t.ok(
    peer.heard.all.filter((message) => message.kind === 'response' && message.status === 200).length > 5,
    'the 200 was repeated',
  );
  await eventually('nothing left', () => bench.server.stats.dialogs + bench.server.stats.pending === 0);
});

t.test('a BYE of the application waits for the ACK; requests of a dialog carry its state', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const peer = await bench.peer();
  const call = new Caller(peer);
  call.invite([
    'Record-Route: <sip:127.0.0.1:' + String(peer.port) + ';lr>',
    'Record-Route: <sip:10.1.1.1;lr>',
  ]);
  const invite = await app.sip('INVITE');
  const id = `${call.callId};from-tag=${call.tag}`;
  await app.respond(invite, 200, [], SDP);
  const ok = await call.response(200);
  t.equal(ok.headers.getAll('Record-Route').length, 2, 'Record-Route is copied');
  const bye = app.request(id, 'BYE', ['Reason: Q.850;cause=16']);
  await app.ask('ping');
  t.equal(peer.heard.unread.filter((message) => message.kind === 'request').length, 0, 'not before the ACK');
  call.ack();
  const sent = await peer.request('BYE');
  t.equal(sent.uri, `sip:peer@127.0.0.1:${peer.port}`);
  t.same(
    sent.headers.list('Route'),
    [`<sip:127.0.0.1:${peer.port};lr>`, '<sip:10.1.1.1;lr>'],
    'the route set in order',
  );
  t.equal(sent.fromTag, call.remoteTag);
  t.equal(sent.toTag, call.tag);
  t.equal(sent.headers.get('Reason'), 'Q.850;cause=16');
  const echo = await bye;
  t.same([echo.fields[3], echo.fields[4], echo.fields[11]], ['OK', 'application', 'Msg sent:']);
  t.match(echo.raw, /^BYE sip:peer@/);
  peer.answer(sent, 200);
  const answer = await app.sip('200');
  t.same(
    [answer.fields[8], answer.fields[9]],
    [echo.fields[10], id],
    'the answer comes under the id of the echo',
  );
  t.match(bench.server.stats, { dialogs: 0 });
});

t.test('reliable provisional responses: RSeq, repetition, PRACK, and the 200 that must wait', async (t) => {
  const bench = await startBench(t, SHORT);
  const app = await bench.app();
  const peer = await bench.peer();
  const plain = new Caller(peer);
  plain.invite();
  const unable = await app.sip('INVITE');
  t.match(await app.respond(unable, 183, ['Require: 100rel'], SDP), {
    fields: { 3: 'NOK', 4: 'Remote endpoint does not support 100rel' },
  });
  await app.respond(unable, 486);

  const call = new Caller(peer);
  call.invite(['Supported: 100rel, timer']);
  const invite = await app.sip('INVITE');
  const echo = await app.respond(invite, 183, ['Require: 100rel'], SDP);
  t.match(headerOf(echo.raw, 'RSeq'), /^\d+$/);
  t.ok(headerOf(echo.raw, 'Contact'), 'a reliable 1xx carries a Contact');
  const progress = await call.response(183);
  await call.response(183);
  const answered = app.respond(invite, 200);
  const next = app.respond(invite, 180, ['Require: 100rel']);
  await app.ask('ping');
  t.equal(
    peer.heard.unread.filter((message) => message.kind === 'response' && message.status === 200).length,
    0,
    'the 200 waits',
  );
  call.request('PRACK', ['RAck: 1 1 INVITE']);
  await call.response(481, 'PRACK');
  call.request('PRACK', [`RAck: ${progress.headers.get('RSeq') ?? ''} 1 INVITE`]);
  const prack = await app.sip('PRACK');
  t.equal(prack.fields[9], `${call.callId};from-tag=${call.tag}`);
  t.equal((await answered).fields[3], 'OK', 'released by the PRACK');
  t.equal((await next).fields[3], 'OK', 'a provisional answer after the final one is discarded');
  await app.respond(prack, 200);
  await call.response(200, 'PRACK');
  await call.response(200);
  call.ack(1);
  await app.sip('ACK');

  const deaf = new Caller(peer);
  deaf.invite(['Require: 100rel']);
  const unheard = await app.sip('INVITE');
  await app.respond(unheard, 180, ['Require: 100rel']);
  await deaf.response(504);
  deaf.ack();
  t.match(
    await app.respond(unheard, 200),
    { fields: { 3: 'NOK' } },
    'without a PRACK the INVITE is given up',
  );
});

t.test('UPDATE in the early dialog goes by the transaction of the INVITE, one at a time', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const peer = await bench.peer();
  const call = new Caller(peer);
  call.invite();
  const invite = await app.sip('INVITE');
  await app.respond(invite, 183, [], SDP);
  await call.response(183);
  call.request('UPDATE', ['Contact: ' + peer.contact], SDP);
  const update = await app.sip('UPDATE');
  t.same([update.fields[8], update.fields[9]], [invite.fields[8], `${call.callId};from-tag=${call.tag}`]);
  call.request('UPDATE', ['Contact: ' + peer.contact], SDP);
  t.ok((await call.response(500, 'UPDATE')).headers.has('Retry-After'));
  const echo = await app.respond(update, 200, [], SDP);
  t.equal(echo.fields[11], '', 'its echo names no dialog');
  t.equal((await call.response(200, 'UPDATE')).body, SDP);
  await app.respond(invite, 200, [], SDP);
  await call.response(200);
  call.ack(1);
  await app.sip('ACK');
  call.request('UPDATE', ['Contact: <sip:moved@127.0.0.1:' + String(peer.port) + '>']);
  const later = await app.sip('UPDATE');
  t.not(later.fields[8], invite.fields[8], 'in the confirmed dialog it is a transaction of its own');
  await app.respond(later, 200);
  await call.response(200, 'UPDATE');
  app.post(later.fields[9]!, 'INFO');
  t.equal((await peer.request('INFO')).uri, `sip:moved@127.0.0.1:${peer.port}`, 'and refreshes the target');
});

t.test('re-INVITE both ways: glare, busy, target refresh, delayed offer', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const peer = await bench.peer();
  const call = new Caller(peer);
  call.invite();
  const invite = await app.sip('INVITE');
  const id = `${call.callId};from-tag=${call.tag}`;
  await app.respond(invite, 200, [], SDP);
  await call.response(200);
  call.ack();
  await app.sip('ACK');

  call.request('INVITE', ['Contact: <sip:new@127.0.0.1:' + String(peer.port) + '>']);
  await call.response(100);
  const again = await app.sip('INVITE');
  t.equal(again.fields[9], id);
  call.request('INVITE', ['Contact: ' + peer.contact]);
  t.ok((await call.response(500)).headers.has('Retry-After'), 'one at a time');
  call.ack();
  const glare = await app.request(id, 'INVITE', [], SDP);
  t.equal(glare.fields[3], 'OK');
  t.equal(
    (await app.sip('491')).fields[8],
    glare.fields[10],
    'ours is refused by the server while theirs is answered',
  );
  const echo = await app.respond(again, 200, [], SDP);
  t.equal(echo.fields[11], id);
  await call.response(200);
  call.ack(2);
  t.equal((await app.sip('ACK')).fields[8], again.fields[8], 'the ACK has the id of the re-INVITE');

  const ours = await app.request(id, 'INVITE');
  const sent = await peer.request('INVITE');
  t.equal(sent.uri, `sip:new@127.0.0.1:${peer.port}`);
  t.equal(sent.body, '');
  t.match(sent.headers.get('Contact'), `<sip:127.0.0.1:${bench.sipPort}>`);
  call.request('INVITE', ['Contact: ' + peer.contact], SDP);
  await call.response(491);
  call.ack();
  peer.answer(sent, 200, {
    tag: call.tag,
    headers: ['Contact: <sip:third@127.0.0.1:' + String(peer.port) + '>'],
    body: SDP,
  });
  t.equal((await app.sip('200')).fields[8], ours.fields[10]);
  const acked = await app.ask(
    `sip||${id}\r\nACK sip:placeholder SIP/2.0\r\ncontent-type: application/sdp\r\n\r\n${SDP}`,
  );
  t.equal(acked.fields[3], 'OK');
  const ack = await peer.request('ACK');
  t.same(
    [ack.uri, ack.body, ack.cseq.seq],
    [`sip:third@127.0.0.1:${peer.port}`, SDP, sent.cseq.seq],
    'the ACK may carry the answer',
  );
  peer.answer(sent, 200, { tag: call.tag, headers: ['Contact: ' + peer.contact], body: SDP });
  t.equal((await peer.request('ACK')).body, SDP, 'a repeated 200 is acknowledged again');
  t.match(await app.request(id, 'ACK'), { fields: { 3: 'NOK', 4: /automatically generated/ } });

  app.post(id, 'INVITE', [], SDP);
  const pending = await peer.request('INVITE');
  const before = bench.server.stats.received;
  peer.answer(pending, 100, { tag: call.tag });
  await eventually('the 100 has come', () => bench.server.stats.received > before);
  app.post(id, 'BYE');
  t.ok(await peer.request('CANCEL'), 'a BYE takes back the re-INVITE that is under way');
  peer.answer(await peer.request('BYE'), 200);
});

t.test('what belongs to no dialog, or comes out of order, is refused', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const peer = await bench.peer();
  for (const method of ['INVITE', 'BYE', 'INFO', 'UPDATE', 'PRACK', 'OPTIONS', 'NOTIFY']) {
    const stranger = new Caller(peer);
    stranger.remoteTag = 'unknown';
    stranger.request(method, ['Contact: ' + peer.contact]);
    await stranger.response(481, method);
  }
  for (const method of ['BYE', 'UPDATE', 'PRACK']) {
    const outside = new Caller(peer);
    outside.request(method);
    await outside.response(481, method);
  }
  const bare = new Caller(peer);
  bare.request('INVITE', [], SDP);
  await bare.response(400);
  bare.ack();
  const call = new Caller(peer);
  call.cseq = 10;
  call.invite();
  const invite = await app.sip('INVITE');
  await app.respond(invite, 200, [], SDP);
  await call.response(200);
  call.ack();
  await app.sip('ACK');
  call.cseq = 5;
  call.request('INFO');
  await call.response(500, 'INFO');
  call.cseq = 11;
  call.request('INFO');
  call.request('INVITE', ['Contact: ' + peer.contact], SDP);
  await app.sip('INFO');
  await app.sip('INVITE');
  call.request('BYE');
  await app.respond(await app.sip('BYE'), 200);
  await call.response(200, 'BYE');
  await call.response(500, 'INFO');
  await call.response(487);
  call.ack(12);
  t.match(bench.server.stats, { dialogs: 0, pending: 0 }, 'what was unanswered ends with the dialog');

  const hangup = new Caller(peer);
  hangup.invite();
  const ringing = await app.sip('INVITE');
  await app.respond(ringing, 180);
  await hangup.response(180);
  hangup.request('BYE');
  await hangup.response(200, 'BYE');
  await hangup.response(487);
  hangup.ack(1);
  t.equal(
    (await app.sip('CANCEL')).fields[8],
    ringing.fields[8],
    'a BYE before the answer is a CANCEL to the application',
  );
});

t.test(
  'session timers: echo, refresh by the server, and the end of a session nobody refreshes',
  async (t) => {
    const bench = await startBench(t);
    const app = await bench.app();
    const peer = await bench.peer();
    const echoed = new Caller(peer);
    echoed.invite(['Supported: timer', 'Session-Expires: 1800']);
    await app.respond(await app.sip('INVITE'), 200, [], SDP);
    const ok = await echoed.response(200);
    t.equal(ok.headers.get('Session-Expires'), '1800;refresher=uac');
    t.equal(ok.headers.get('Require'), 'timer');
    echoed.ack();
    const off = await startBench(t, { sessionTimers: 'application' });
    const other = await off.app();
    const otherPeer = await off.peer();
    const unkept = new Caller(otherPeer);
    unkept.invite(['Supported: timer', 'Session-Expires: 1800']);
    await other.respond(await other.sip('INVITE'), 200, [], SDP);
    t.notOk((await unkept.response(200)).headers.has('Session-Expires'), 'switched off, nothing is echoed');
  },
);

t.test('a lost application: 503 for what it owed, its dialogs wait for it to come back', async (t) => {
  const bench = await startBench(t, { appGraceMs: 300 });
  const first = await bench.app(['invite'], 'blue');
  const peer = await bench.peer();
  const held = new Caller(peer);
  held.invite();
  await first.respond(await first.sip('INVITE'), 200, [], SDP);
  await held.response(200);
  held.ack();
  await first.sip('ACK');
  const ringing = new Caller(peer);
  ringing.invite();
  await first.respond(await first.sip('INVITE'), 180);
  await ringing.response(180);
  first.socket.destroy();
  t.ok((await ringing.response(503)).headers.has('Retry-After'));
  ringing.ack();
  held.request('INFO');
  t.ok((await held.response(500, 'INFO')).headers.has('Retry-After'), 'nobody is there');
  const green = await bench.app(['invite'], 'green');
  const second = await bench.app(['invite'], 'blue');
  held.request('INFO');
  await second.respond(await second.sip('INFO'), 200);
  await held.response(200, 'INFO');
  t.equal(green.frames.unread.length, 0);
  second.socket.destroy();
  const bye = await peer.request('BYE');
  t.match(bye.headers.get('Reason'), /application lost/, 'in the end the server hangs up');
  peer.answer(bye, 200);
  await eventually('nothing left', () => bench.server.stats.dialogs === 0);
});
