import t from 'tap';
import {
  headerOf,
  SDP,
  startBench,
  tagOf,
  type App,
  eventually,
  type Peer,
  type ServerFrame,
  Caller,
} from './server-helpers.js';
import type { SipRequest } from '../../src/sip/index.js';

const SHORT = { timers: { t1Ms: 20 } };

/** Sends an INVITE to the peer as the application. */
async function dial(
  app: App,
  peer: Peer,
  headers: readonly string[] = [],
  body = SDP,
): Promise<{ echo: ServerFrame; sent: SipRequest; id: string; txn: string }> {
  const lines = [`INVITE sip:bob@127.0.0.1:${peer.port} SIP/2.0`, ...headers];
  const echo = await app.ask(`sip||\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  const sent = await peer.request('INVITE');
  return { echo, sent, id: `${sent.callId};from-tag=${sent.fromTag ?? ''}`, txn: echo.fields[10] ?? '' };
}

function contact(peer: Peer): string {
  return `Contact: ${peer.contact}`;
}

function ackOf(app: App, id: string): Promise<ServerFrame> {
  return app.request(id, 'ACK');
}

t.test('an outgoing call: what the server fills in, the echo, answers, ACK and BYE', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const peer = await bench.peer();
  const { echo, sent, id, txn } = await dial(app, peer, [
    'from: "Alice" <sip:alice@localhost>',
    'p-asserted-identity: <sip:+12025550100@localhost>',
    'x-leg: 7',
    'route: <sip:127.0.0.1:' + String(peer.port) + ';lr>',
    'via: SIP/2.0/UDP evil',
    'content-length: 3',
  ]);
  t.same(
    [
      echo.fields.length,
      echo.fields[3],
      echo.fields[4],
      echo.fields[6],
      echo.fields[7],
      echo.fields[8],
      echo.fields[11],
    ],
    [13, 'OK', 'application', 'udp', '127.0.0.1', String(bench.sipPort), 'Msg sent:'],
  );
  t.match(echo.raw, /^INVITE sip:bob@127\.0\.0\.1/);
  t.equal(sent.headers.getAll('Via').length, 1);
  t.match(sent.from, { uri: `sip:alice@127.0.0.1:${bench.sipPort}`, display: 'Alice' });
  t.ok(sent.fromTag);
  t.equal(sent.headers.get('P-Asserted-Identity'), `<sip:+12025550100@127.0.0.1:${bench.sipPort}>`);
  t.equal(sent.to.uri, `sip:bob@127.0.0.1:${peer.port}`, 'To is the Request-URI when nothing else is said');
  t.equal(sent.headers.get('Contact'), `<sip:127.0.0.1:${bench.sipPort}>`);
  t.equal(sent.headers.get('Content-Type'), 'application/sdp');
  t.equal(sent.maxForwards, 70);
  t.equal(sent.headers.get('x-leg'), '7');
  t.equal(sent.body, SDP);

  peer.answer(sent, 100);
  peer.answer(sent, 180, { tag: 'b' });
  const ringing = await app.sip('180');
  t.same(
    [ringing.fields[2], ringing.fields[8], ringing.fields[9], ringing.fields.length],
    ['network', txn, id, 11],
  );
  peer.answer(sent, 200, {
    tag: 'b',
    headers: [contact(peer), 'Record-Route: <sip:10.0.0.1;lr>, <sip:127.0.0.1:' + String(peer.port) + ';lr>'],
    body: SDP,
  });
  t.equal((await app.sip('200')).fields[9], id);
  t.equal(
    app.frames.all.filter((frame) => frame.raw.startsWith('SIP/2.0 100')).length,
    0,
    'a 100 is not delivered',
  );
  peer.answer(sent, 200, { tag: 'b', headers: [contact(peer)], body: SDP });
  t.equal((await ackOf(app, id)).fields[3], 'OK');
  const ack = await peer.request('ACK');
  t.same([ack.uri, ack.cseq.seq, ack.toTag], [`sip:peer@127.0.0.1:${peer.port}`, sent.cseq.seq, 'b']);
  t.same(
    ack.headers.list('Route'),
    [`<sip:127.0.0.1:${peer.port};lr>`, '<sip:10.0.0.1;lr>'],
    'the route set is turned round',
  );
  peer.answer(sent, 200, { tag: 'b', headers: [contact(peer)], body: SDP });
  t.ok(await peer.request('ACK'), 'the server acknowledges a repeated 200 by itself');
  t.equal(app.frames.unread.length, 0, 'unseen by the application');

  const caller = new Caller(peer);
  Object.assign(caller, { callId: sent.callId, tag: 'b', remoteTag: sent.fromTag });
  caller.request('INFO');
  const info = await app.sip('INFO');
  t.equal(info.fields[9], id, 'a request of the callee finds the dialog');
  await app.respond(info, 200);
  await caller.response(200, 'INFO');

  const bye = await app.request(id, 'BYE');
  const hangup = await peer.request('BYE');
  t.equal(hangup.cseq.seq, sent.cseq.seq + 1);
  peer.answer(hangup, 401, { headers: ['WWW-Authenticate: Digest realm="r", nonce="n"'] });
  t.equal((await app.sip('401')).fields[8], bye.fields[10]);
  await app.request(id, 'BYE', [`CSeq: ${hangup.cseq.seq + 1} BYE`, 'Authorization: Digest username="u"']);
  const again = await peer.request('BYE');
  t.equal(
    again.headers.get('Authorization'),
    'Digest username="u"',
    'the dialog is kept for the retry of a challenged BYE',
  );
  peer.answer(again, 200);
  await app.sip('200');
  t.match(await app.request(id, 'BYE'), {
    fields: { 3: 'NOK', 4: 'Server error: unable to find dialog for dialog id provided' },
  });
  t.match(bench.server.stats, { dialogs: 0, calls: 0 });
});

t.test(
  'failures: their ACK is automatic, silence and refused ports become responses, nonsense is NOK',
  async (t) => {
    const bench = await startBench(t, SHORT);
    const app = await bench.app();
    const peer = await bench.peer();
    const busy = await dial(app, peer);
    peer.answer(busy.sent, 486, { tag: 'x' });
    const refused = await app.sip('486');
    t.same([refused.fields[8], refused.fields[9]], [busy.txn, busy.id]);
    t.equal((await peer.request('ACK')).cseq.seq, busy.sent.cseq.seq);
    t.match(await ackOf(app, busy.id), {
      fields: {
        3: 'NOK',
        4: 'Server error: ACK for non-success final response is automatically generated by server',
      },
    });
    const silent = await dial(app, peer);
    const timeout = await app.sip('408');
    t.same([timeout.fields[3], timeout.fields[8], timeout.fields[9]], ['0', silent.txn, silent.id]);
    t.match(timeout.raw, /^SIP\/2\.0 408 Request Timeout\r\n/);
    t.equal(headerOf(timeout.raw, 'Call-ID'), silent.sent.callId);

    const gone = await app.ask('sip||\r\nOPTIONS sip:nobody.invalid SIP/2.0\r\n\r\n');
    t.equal(gone.fields[3], 'OK', 'a name that is still looked up is echoed at once');
    t.match((await app.sip('503')).fields[9], '');

    const nok = async (start: string, rest = '', leader = '|'): Promise<string> =>
      (await app.ask(`sip|${leader}\r\n${start} SIP/2.0\r\n${rest}\r\n`)).fields.slice(3).join(' ');
    t.match(await nok('OPTIONS nonsense'), /^OK|^NOK/);
    t.match(await nok('OPTIONS sip:'), /NOK invalid request-uri/);
    t.match(await nok('OPTIONS tel:+1'), /NOK invalid request-uri/);
    t.match(await nok(`OPTIONS sip:127.0.0.1:${bench.sipPort}`), 'NOK can not send request to myself');
    t.match(
      await nok('OPTIONS sip:127.0.0.1:9;transport=tcp'),
      'NOK requested protocol/transport not available',
    );
    t.match(await nok('OPTIONS sips:127.0.0.1:9'), 'NOK requested protocol/transport not available');
    t.match(await nok('MESSAGE sip:127.0.0.1:9', '\r\nhello'), 'NOK missing content-type');
    t.match(await nok('ACK sip:127.0.0.1:9'), /NOK .*ACK/);
    t.match(
      await nok('CANCEL sip:x', '', 'unknown|'),
      /NOK unable to cancel unknown transaction id: unknown/,
    );
    t.match(await nok('BYE sip:x', '', '|unknown'), /NOK .*unable to find dialog/);
    await eventually('nothing left', () => bench.server.stats.dialogs + bench.server.stats.calls === 0);
  },
);

t.test('outbound proxy by the route field; Call-ID, CSeq and From of the application are kept', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const peer = await bench.peer();
  const echo = await app.ask(
    `sip|||sip:127.0.0.1:${peer.port}\r\nINVITE sip:bob@example.invalid SIP/2.0\r\ncall-id: mine\r\ncseq: 7 INVITE\r\nfrom: <sip:a@b>;tag=kept\r\nmax-forwards: 12\r\n\r\n`,
  );
  const sent = await peer.request('INVITE');
  t.same(
    [sent.uri, sent.callId, sent.cseq.seq, sent.fromTag, sent.maxForwards],
    ['sip:bob@example.invalid', 'mine', 7, 'kept', 12],
  );
  peer.answer(sent, 407, {
    headers: ['Proxy-Authenticate: Digest realm="a"', 'Proxy-Authenticate: Digest realm="b"'],
  });
  const challenge = await app.sip('407');
  t.equal(challenge.raw.match(/^Proxy-Authenticate/gm)?.length, 2);
  t.equal(challenge.fields[8], echo.fields[10]);
  await peer.request('ACK');
  await app.ask(
    `sip|||127.0.0.1:${peer.port}\r\nINVITE sip:bob@example.invalid SIP/2.0\r\ncall-id: mine\r\ncseq: 8 INVITE\r\nfrom: <sip:a@b>;tag=kept\r\nProxy-Authorization: Digest x="1"\r\n\r\n`,
  );
  const retry = await peer.request('INVITE');
  t.equal(retry.cseq.seq, 8);
  peer.answer(retry, 200, { headers: [contact(peer)], body: SDP });
  await app.sip('200');
  await app.request('mine;from-tag=kept', 'ACK');
  t.equal(
    (await peer.request('ACK')).headers.get('Proxy-Authorization'),
    'Digest x="1"',
    'the ACK carries the credentials of the INVITE',
  );
  await app.ask('sip||\r\nINFO sip:placeholder SIP/2.0\r\ncall-id: mine\r\nfrom: <sip:a@b>;tag=kept\r\n\r\n');
  t.equal(
    (await peer.request('INFO')).uri,
    `sip:peer@127.0.0.1:${peer.port}`,
    'a Call-ID and tag of a dialog mean that dialog',
  );
});

t.test('CANCEL, and the 200 that crosses it', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const peer = await bench.peer();
  const call = await dial(app, peer);
  peer.answer(call.sent, 180);
  await app.sip('180');
  const cancel = await app.ask(
    `sip|${call.txn}|\r\nCANCEL sip:x SIP/2.0\r\nreason: SIP;cause=200\r\nfrom: <sip:evil@x>\r\n\r\n`,
  );
  t.equal(cancel.fields[3], 'OK');
  t.not(cancel.fields[10], call.txn, 'the echo has an id of its own');
  const sent = await peer.request('CANCEL');
  t.same(
    [sent.headers.get('Reason'), sent.fromTag, sent.topVia.branch],
    ['SIP;cause=200', call.sent.fromTag, call.sent.topVia.branch],
  );
  peer.answer(sent, 200);
  peer.answer(call.sent, 487);
  t.equal((await app.sip('487')).fields[8], call.txn);
  t.ok(await peer.request('ACK'));

  const race = await dial(app, peer);
  peer.answer(race.sent, 180, { tag: 'r' });
  await app.sip('180');
  await app.ask(`sip|${race.txn}|\r\nCANCEL sip:x SIP/2.0\r\n\r\n`);
  peer.answer(race.sent, 200, { tag: 'r', headers: [contact(peer)], body: SDP });
  t.equal((await app.sip('200')).fields[8], race.txn, 'the application sees the 200');
  await ackOf(app, race.id);
  await peer.request('ACK');
  peer.answer(await peer.request('BYE'), 200);
  const bye = await app.sip('BYE');
  t.same(
    [bye.fields[2], bye.fields[8], bye.fields[9]],
    ['application', 'unsolicited', race.id],
    'and that the server has hung up',
  );
  t.match(headerOf(bye.raw, 'Reason'), /ACK-BYE due to cancel race condition/);
  t.match(bench.server.stats, { dialogs: 0, calls: 0 });
});

t.test(
  'forks: early dialogs share the id, the first 200 wins, a later one is acknowledged and ended',
  async (t) => {
    const bench = await startBench(t);
    const app = await bench.app();
    const peer = await bench.peer();
    const { sent, id } = await dial(app, peer, ['Supported: 100rel']);
    const reliable = (tag: string, rseq: number): void =>
      peer.answer(sent, 183, {
        tag,
        headers: [contact(peer), 'Require: 100rel', `RSeq: ${rseq}`],
        body: SDP,
      });
    reliable('one', 5);
    reliable('two', 90);
    reliable('one', 5);
    reliable('one', 8);
    t.equal(tagOf(headerOf((await app.sip('183')).raw, 'To')), 'one');
    const second = await app.sip('183');
    t.equal(tagOf(headerOf(second.raw, 'To')), 'two');
    t.equal(second.fields[9], id);
    const cseq = sent.cseq.seq;
    await app.request(id, 'PRACK', [`RAck: 90 ${cseq} INVITE`]);
    const prack = await peer.request('PRACK');
    t.same([prack.toTag, prack.headers.get('RAck'), prack.cseq.seq], ['two', `90 ${cseq} INVITE`, cseq + 1]);
    peer.answer(prack, 200);
    t.equal((await app.sip('200')).fields[9], id, 'the answer to a PRACK is delivered');
    await app.request(id, 'PRACK');
    const other = await peer.request('PRACK');
    t.same(
      [other.toTag, other.headers.get('RAck')],
      ['one', `5 ${cseq} INVITE`],
      'without RAck: in the order of delivery',
    );
    peer.answer(other, 200);
    await app.sip('200');
    t.match(await app.request(id, 'PRACK'), { fields: { 3: 'NOK' } });
    t.equal(app.frames.unread.length, 0, 'repeated and out-of-order ones were not delivered');

    peer.answer(sent, 200, { tag: 'two', headers: [contact(peer)], body: SDP });
    await app.sip('200');
    await ackOf(app, id);
    t.equal((await peer.request('ACK')).toTag, 'two');
    peer.answer(sent, 200, { tag: 'one', headers: [contact(peer)], body: SDP });
    t.equal((await peer.request('ACK')).toTag, 'one');
    const bye = await peer.request('BYE');
    t.equal(bye.toTag, 'one');
    peer.answer(bye, 200);
    peer.answer(sent, 200, { tag: 'one', headers: [contact(peer)], body: SDP });
    await peer.request('ACK');
    t.equal(app.frames.unread.length, 0, 'the application sees nothing of it');
    app.post(id, 'BYE');
    const last = await peer.request('BYE');
    t.equal(last.toTag, 'two');
    t.equal(last.cseq.seq, cseq + 2, 'the numbers of a fork go on');
    peer.answer(last, 200);
    await eventually('nothing left', () => bench.server.stats.dialogs === 0);
  },
);

t.test(
  'the server refreshes a session it is refresher of, and serialises it with the application',
  async (t) => {
    const bench = await startBench(t);
    const app = await bench.app();
    const peer = await bench.peer();
    const { sent, id } = await dial(app, peer, ['Supported: timer', 'Session-Expires: 20;refresher=uac']);
    const answer = { tag: 'b', headers: [contact(peer), 'Session-Expires: 1;refresher=uac'], body: SDP };
    peer.answer(sent, 200, answer);
    await app.sip('200');
    await ackOf(app, id);
    await peer.request('ACK');
    // 20 s at least, so half of it is 10 s: no test waits so long. The clock is tried in dialog-timer.test.ts.
    app.post(id, 'INVITE', [], SDP);
    const first = await peer.request('INVITE');
    const second = app.request(id, 'INVITE', [], SDP);
    peer.answer(first, 200, answer);
    await ackOf(app, id);
    await app.sip('200');
    const next = await peer.request('INVITE');
    t.equal(next.cseq.seq, first.cseq.seq + 1, 'an INVITE of the application waits for the one under way');
    t.equal((await second).fields[3], 'OK');
    peer.answer(next, 488);
    await app.sip('488');
    app.post(id, 'BYE');
    peer.answer(await peer.request('BYE'), 200);
  },
);

t.test('subscriptions: NOTIFY before the answer, refresh, and the end by either side', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app(['subscribe']);
  const peer = await bench.peer();
  const echo = await app.ask(
    `sip||\r\nSUBSCRIBE sip:x@127.0.0.1:${peer.port} SIP/2.0\r\nevent: dialog\r\nexpires: 60\r\n\r\n`,
  );
  const sent = await peer.request('SUBSCRIBE');
  const id = `${sent.callId};from-tag=${sent.fromTag ?? ''}`;
  t.match(sent.headers.get('Contact'), `<sip:127.0.0.1:${bench.sipPort}>`);
  const notifier = new Caller(peer);
  Object.assign(notifier, { callId: sent.callId, tag: 'n', remoteTag: sent.fromTag });
  notifier.request('NOTIFY', [contact(peer), 'Event: dialog', 'Subscription-State: active;expires=60']);
  const notify = await app.sip('NOTIFY');
  t.equal(notify.fields[9], id, 'a NOTIFY may come first');
  await app.respond(notify, 200);
  await notifier.response(200, 'NOTIFY');
  peer.answer(sent, 202, { tag: 'n', headers: [contact(peer), 'Expires: 60'] });
  const accepted = await app.sip('202');
  t.same([accepted.fields[8], accepted.fields[9]], [echo.fields[10], id]);
  app.post(id, 'SUBSCRIBE', ['Event: dialog', 'Expires: 0']);
  const refresh = await peer.request('SUBSCRIBE');
  t.equal(refresh.toTag, 'n');
  peer.answer(refresh, 200, { tag: 'n', headers: ['Expires: 0'] });
  await app.sip('200');
  notifier.request('NOTIFY', [contact(peer), 'Subscription-State: terminated;reason=timeout']);
  await app.respond(await app.sip('NOTIFY'), 200);
  await notifier.response(200, 'NOTIFY');
  t.equal(bench.server.stats.dialogs, 0);

  const subscriber = new Caller(peer);
  subscriber.request('SUBSCRIBE', [contact(peer), 'Event: presence', 'Expires: 60']);
  const subscribe = await app.sip('SUBSCRIBE');
  t.equal(subscribe.fields.length, 13);
  const ok = await app.respond(subscribe, 202, ['Expires: 60']);
  const ours = `${subscriber.callId};from-tag=${subscriber.tag}`;
  t.equal(ok.fields[11], ours);
  t.ok(headerOf(ok.raw, 'Contact'));
  await subscriber.response(202, 'SUBSCRIBE');
  app.post(ours, 'NOTIFY', ['Event: presence', 'Subscription-State: terminated']);
  const final = await peer.request('NOTIFY');
  t.equal(final.fromTag, subscriber.remoteTag);
  peer.answer(final, 200);
  await app.sip('200');
  t.equal(bench.server.stats.dialogs, 0);
});

t.test('the application is gone while its INVITE rings: CANCEL', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const peer = await bench.peer();
  const { sent } = await dial(app, peer);
  peer.answer(sent, 180);
  await app.sip('180');
  app.socket.destroy();
  const cancel = await peer.request('CANCEL');
  peer.answer(cancel, 200);
  peer.answer(sent, 200, { headers: [contact(peer)], body: SDP });
  t.ok(await peer.request('ACK'), 'a 200 that crosses it is acknowledged');
  peer.answer(await peer.request('BYE'), 200);
  await eventually('nothing left', () => bench.server.stats.dialogs + bench.server.stats.calls === 0);
});
