import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { SipResponse } from '../../src/sip/index.js';
import type { Flow } from '../../src/sip-server/transport/flow.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import {
  answer,
  newRequest,
  openTcp,
  openUdp,
  portOf,
  sendAndWait,
  startLayer,
  TCP,
  UDP,
  wire,
} from './kit.js';

const OPTIONS_TCP = (n: number, port = 9, more = ''): string =>
  wire('OPTIONS', { via: `SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bKtcp${n}${more}`, callId: `tcp-${n}` });

t.test('messages are framed by Content-Length however the stream is cut', async (t) => {
  const bodies: string[] = [];
  const server = await startLayer(
    t,
    { listen: [TCP] },
    {
      request: (tx) => {
        bodies.push(tx.request.body);
        answer(tx, 200);
      },
    },
  );
  const peer = await openTcp(t, portOf(server, 'tcp'));
  const answers = async (count: number): Promise<string> => {
    let text = '';
    while (text.split('SIP/2.0 200').length - 1 < count) text += await peer.next();
    return text;
  };
  peer.socket.write(
    OPTIONS_TCP(1) +
      OPTIONS_TCP(2) +
      wire('MESSAGE', { body: 'OPTIONS sip:x SIP/2.0\r\n\r\n', via: 'SIP/2.0/TCP a.test;branch=z9hG4bKm' }),
  );
  const coalesced = await answers(3);
  t.match(coalesced, /tcp-1[^]*tcp-2[^]*received=127.0.0.1|received=127.0.0.1/);
  t.strictSame(bodies, ['', '', 'OPTIONS sip:x SIP/2.0\r\n\r\n']);
  const text = wire('MESSAGE', { body: 'grüße', via: 'SIP/2.0/TCP a.test;branch=z9hG4bKsplit' });
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += 7) {
    peer.socket.write(bytes.subarray(i, i + 7));
    if (i % 70 === 0) await new Promise(setImmediate);
  }
  await answers(1);
  t.equal(bodies.at(-1), 'grüße');
  peer.socket.write('\r\n\r\n');
  t.equal(await peer.next(), '\r\n', 'a ping gets its pong (RFC 5626 §4.4.1)');
  t.equal(server.stats.connections, 1);
  peer.socket.end();
  await peer.closed;
  await new Promise(setImmediate);
  t.equal(server.stats.connections, 0);
});

t.test(
  'garbage and broken framing close the connection, and a malformed message is answered first',
  async (t) => {
    const reported: string[] = [];
    const server = await startLayer(
      t,
      { listen: [TCP], limits: { maxHeaderBytes: 2000 } },
      {
        request: (tx) => answer(tx, 200),
        malformed: (address, reason) => reported.push(`${address}: ${reason}`),
      },
    );
    const port = portOf(server, 'tcp');
    const garbage = await openTcp(t, port);
    garbage.socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
    await garbage.closed;
    t.equal(reported.length, 1);
    const endless = await openTcp(t, port);
    endless.socket.write(`OPTIONS sip:a SIP/2.0\r\nX: ${'x'.repeat(4000)}`);
    await endless.closed;
    const bad = await openTcp(t, port);
    bad.socket.write(OPTIONS_TCP(1).replace('CSeq: 1 OPTIONS', 'CSeq: 1 INVITE'));
    t.match(await bad.next(), /^SIP\/2.0 400 /);
    bad.socket.write(OPTIONS_TCP(2));
    t.match(await bad.next(), /^SIP\/2.0 200 /, 'the framing was whole, so the connection stays');
    t.ok(server.stats.malformed >= 3);
  },
);

t.test('a connection that trickles, keeps silent or never comes about is closed', async (t) => {
  const clock = createFakeClock();
  const server = await startLayer(
    t,
    { listen: [TCP], clock, slowMessageMs: 15_000, idleConnectionMs: 600_000, connectTimeoutMs: 5000 },
    { request: (tx) => answer(tx, 200) },
  );
  const port = portOf(server, 'tcp');
  const mute = await openTcp(t, port);
  const trickling = await openTcp(t, port);
  const working = await openTcp(t, port);
  working.socket.write(OPTIONS_TCP(1));
  await working.next();
  let closed = false;
  void trickling.closed.then(() => {
    closed = true;
  });
  for (const character of 'OPTIONS sip:') {
    trickling.socket.write(character);
    await new Promise(setImmediate);
    clock.advance(1000);
    t.notOk(closed);
  }
  clock.advance(4000);
  await trickling.closed;
  await mute.closed;
  t.equal(server.stats.connections, 1, 'one that has brought a message may be silent');
  clock.advance(500_000);
  working.socket.write(OPTIONS_TCP(2));
  await working.next();
  clock.advance(500_000);
  t.equal(server.stats.connections, 1);
  clock.advance(110_000);
  await working.closed;
  t.equal(server.stats.connections, 0);
});

t.test('connections are bounded, in all and for one address', async (t) => {
  const perAddress = await startLayer(
    t,
    { listen: [TCP], maxConnectionsPerAddress: 2 },
    { request: (tx) => answer(tx, 200) },
  );
  const first = await openTcp(t, portOf(perAddress, 'tcp'));
  await openTcp(t, portOf(perAddress, 'tcp'));
  await (
    await openTcp(t, portOf(perAddress, 'tcp'))
  ).closed;
  t.equal(perAddress.stats.connections, 2);
  perAddress.setGate({
    trusted: ['127.0.0.0/8'],
    denied: [],
    banned: [],
    unknownRate: { perSourcePerS: 1, burst: 1, totalPerS: 1 },
    observe: false,
  });
  const trusted = await openTcp(t, portOf(perAddress, 'tcp'));
  trusted.socket.write(OPTIONS_TCP(1));
  t.match(await trusted.next(), /200 OK/, 'a trusted address has no bound of its own');
  perAddress.setGate({
    trusted: [],
    denied: ['127.0.0.1'],
    banned: [],
    unknownRate: { perSourcePerS: 1, burst: 1, totalPerS: 1 },
    observe: false,
  });
  await (
    await openTcp(t, portOf(perAddress, 'tcp'))
  ).closed;
  t.equal(perAddress.stats.gate['denied'], 1);
  first.socket.write(OPTIONS_TCP(2));
  const overall = await startLayer(t, { listen: [TCP], maxConnections: 1 });
  await openTcp(t, portOf(overall, 'tcp'));
  await (
    await openTcp(t, portOf(overall, 'tcp'))
  ).closed;
  t.strictSame(
    await sendAndWait(
      overall,
      newRequest('OPTIONS', `sip:127.0.0.1:${portOf(perAddress, 'tcp')};transport=tcp`),
      {},
    ).outcome,
    { kind: 'failed', why: 'transport' },
    'the bound holds for our own connections too',
  );
});

t.test(
  'strangers fill half of the room for connections, who was let in before gets more, trunks all of it',
  async (t) => {
    const server = await startLayer(
      t,
      { listen: [TCP], maxConnections: 8, maxConnectionsPerAddress: 4 },
      { request: (tx) => answer(tx, 200) },
    );
    const port = portOf(server, 'tcp');
    server.setGate({
      trusted: ['127.0.0.9'],
      denied: [],
      banned: [],
      unknownRate: { perSourcePerS: 100, burst: 100, totalPerS: 100 },
      observe: false,
    });
    let asked = 0;
    const from = async (localAddress: string): Promise<string> => {
      const socket = connect({ host: '127.0.0.1', port, localAddress });
      t.teardown(() => socket.destroy());
      socket.on('error', () => undefined);
      const n = ++asked;
      socket.write(
        wire('REGISTER', {
          via: `SIP/2.0/TCP ${localAddress}:9;branch=z9hG4bKroom${n}`,
          callId: `room-${n}`,
        }),
      );
      return new Promise((resolve) => {
        socket.once('data', () => resolve('answered'));
        socket.once('close', () => resolve('closed'));
      });
    };
    const answers: string[] = [];
    for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5', '127.0.0.6'])
      answers.push(await from(address));
    t.strictSame(answers, ['answered', 'answered', 'answered', 'answered', 'closed']);
    t.equal(await from('127.0.0.2'), 'answered', 'it had registered');
    t.equal(await from('127.0.0.2'), 'answered');
    t.equal(await from('127.0.0.2'), 'answered');
    t.equal(await from('127.0.0.3'), 'closed', 'up to 7/8');
    t.equal(await from('127.0.0.9'), 'answered', 'a trunk');
  },
);

t.test('a peer that does not read is dropped before it fills the memory', async (t) => {
  const flows: Flow[] = [];
  const server = await startLayer(
    t,
    { listen: [TCP], maxQueuedBytes: 100_000 },
    { request: (tx) => flows.push(tx.flow) },
  );
  const peer = await openTcp(t, portOf(server, 'tcp'));
  peer.socket.pause();
  peer.socket.write(OPTIONS_TCP(1));
  while (flows.length === 0) await new Promise(setImmediate);
  const flow = flows[0];
  if (flow === undefined) return;
  const failures: string[] = [];
  let sent = 0;
  while (flow.connection?.open === true && sent < 100_000) {
    server.send(
      newRequest('MESSAGE', 'sip:peer', { body: 'x'.repeat(5000) }),
      { flow },
      {
        response: () => undefined,
        failed: (why) => failures.push(why),
      },
    );
    if (++sent % 100 === 0) await new Promise(setImmediate);
  }
  t.notOk(flow.connection?.open);
  await new Promise(setImmediate);
  t.ok(
    failures.length > 0 && failures.every((why) => why === 'transport'),
    `${failures.length} of ${sent} told`,
  );
  t.equal(server.stats.connections, 0);
});

t.test('one connection serves both directions and all requests to a peer', async (t) => {
  const flows: Flow[] = [];
  const server = await startLayer(
    t,
    { listen: [TCP, UDP] },
    {
      request: (tx) => {
        flows.push(tx.flow);
        answer(tx, 200);
      },
    },
  );
  const client = await startLayer(t, { listen: [TCP, UDP] }, { request: (tx) => answer(tx, 202) });
  const uri = `sip:127.0.0.1:${portOf(server, 'tcp')};transport=tcp`;
  const results = await Promise.all(
    [1, 2, 3].map(() => sendAndWait(client, newRequest('OPTIONS', uri), {}).outcome),
  );
  t.ok(results.every((result) => result.kind === 'final'));
  t.equal(server.stats.connections, 1);
  t.equal(client.stats.connections, 1);
  const flow = flows[0];
  t.match(flow, { transport: 'tcp', connection: { open: true, direction: 'in' } });
  t.match(await sendAndWait(server, newRequest('OPTIONS', 'sip:behind-nat'), { flow }).outcome, {
    kind: 'final',
    response: { status: 202 },
  });
  t.match(
    await sendAndWait(
      server,
      newRequest('OPTIONS', `sip:127.0.0.1:${flow?.remotePort ?? 0};transport=tcp`),
      {},
    ).outcome,
    { kind: 'final', response: { status: 202 } },
    'the observed source of a connection leads back to it',
  );
  t.equal(server.stats.connections, 1);

  // An alias counts when its host is the address the connection comes from (RFC 5923).
  const peer = await openTcp(t, portOf(server, 'tcp'));
  peer.socket.write(OPTIONS_TCP(1, 5999, ';alias'));
  await peer.next();
  const aliased = sendAndWait(server, newRequest('OPTIONS', 'sip:127.0.0.1:5999;transport=tcp'), {});
  const asked = await peer.next();
  t.match(asked, /^OPTIONS /);
  peer.socket.write(
    asked.replace(/^OPTIONS.*/, 'SIP/2.0 200 OK').replace(/To: .*/, 'To: <sip:bob@127.0.0.1>;tag=x'),
  );
  t.match(await aliased.outcome, { kind: 'final', response: { status: 200 } });
  peer.socket.write(wire('OPTIONS', { via: 'SIP/2.0/TCP 192.0.2.5:5998;branch=z9hG4bKa;alias' }));
  await peer.next();
  peer.socket.destroy();
  await peer.closed;
});

t.test('a response whose connection is gone is brought by a new one to the sent-by', async (t) => {
  let respond: () => void = () => undefined;
  const over: string[] = [];
  const server = await startLayer(
    t,
    { listen: [TCP] },
    {
      request: (tx) => {
        tx.onTerminated = (why) => over.push(why);
        respond = () => tx.respond(SipResponse.reply(tx.request, 486, undefined, 'b'));
      },
    },
  );
  const sockets: Socket[] = [];
  const listening = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    listening.close();
  });
  await once(listening, 'listening');
  const address = listening.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const peer = await openTcp(t, portOf(server, 'tcp'));
  peer.socket.write(wire('INVITE', { via: `SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bKgone` }));
  t.match(await peer.next(), /^SIP\/2.0 100 /);
  peer.socket.destroy();
  while (server.stats.connections > 0) await new Promise(setImmediate);
  respond();
  const [socket] = (await once(listening, 'connection')) as [Socket];
  const [data] = (await once(socket, 'data')) as [Buffer];
  t.match(data.toString(), /^SIP\/2.0 486 /);

  const lost = await openTcp(t, portOf(server, 'tcp'));
  lost.socket.write(wire('INVITE', { via: 'SIP/2.0/TCP 127.0.0.1:1;branch=z9hG4bKlost', callId: 'lost' }));
  t.match(await lost.next(), /^SIP\/2.0 100 /);
  lost.socket.destroy();
  while (server.stats.connections > 1) await new Promise(setImmediate);
  respond();
  while (over.length === 0) await new Promise(setImmediate);
  t.strictSame(over, ['transport'], 'nobody listens there: the user is told');
});

t.test('a response may come over another connection than its request (RFC 3261 §18.2.2)', async (t) => {
  const peer = createServer().listen(0, '127.0.0.1');
  await once(peer, 'listening');
  t.teardown(() => peer.close());
  const address = peer.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const client = await startLayer(t, { listen: [TCP] });
  const waiting = sendAndWait(client, newRequest('OPTIONS', `sip:127.0.0.1:${port};transport=tcp`), {});
  const [socket] = (await once(peer, 'connection')) as [Socket];
  const [request] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  while (client.stats.connections > 0) await new Promise(setImmediate);
  const back = await openTcp(t, portOf(client, 'tcp'));
  back.socket.write(
    request
      .toString()
      .replace(/^OPTIONS.*/, 'SIP/2.0 200 OK')
      .replace(/To: .*/, '$&;tag=x'),
  );
  t.match(await waiting.outcome, { kind: 'final', response: { status: 200 } });
  const raw = await openUdp(t);
  t.strictSame(
    await sendAndWait(client, newRequest('OPTIONS', `sip:127.0.0.1:${raw.port}`), {}).outcome,
    { kind: 'failed', why: 'transport' },
    'without a UDP listener a plain address is tried over TCP, and nobody listens there',
  );
});
