import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import { AppError } from '../../src/base/errors.js';
import { SipResponse, type SipRequest } from '../../src/sip/index.js';
import type { Flow } from '../../src/sip-server/transport/flow.js';
import type { ServerTransaction } from '../../src/sip-server/transaction/types.js';
import { createTransactionLayer } from '../../src/sip-server/transaction/layer.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import {
  answer,
  FAST_TIMERS,
  newRequest,
  openUdp,
  portOf,
  sendAndWait,
  SILENT_USER,
  startLayer,
  TCP,
  UDP,
  wire,
} from './kit.js';

/** The first value somebody gives. */
function promised<T>(): { promise: Promise<T>; give: (value: T) => void } {
  let give: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    give = resolve;
  });
  return { promise, give };
}

t.test('a call goes from INVITE to BYE', async (t) => {
  const acked = promised<SipRequest>();
  const over: string[] = [];
  let invite: ServerTransaction | undefined;
  const uas = await startLayer(
    t,
    {},
    {
      request(tx) {
        if (tx.request.method === 'INVITE') {
          invite = tx;
          tx.onTerminated = (why) => over.push(`INVITE ${why}`);
          tx.trying();
          answer(tx, 180);
          answer(tx, 200);
        } else {
          tx.onTerminated = (why) => over.push(`BYE ${why}`);
          answer(tx, 200);
        }
      },
      ack(ack) {
        invite?.acknowledged();
        acked.give(ack);
      },
    },
  );
  const uac = await startLayer(t);
  const uri = `sip:bob@127.0.0.1:${portOf(uas)}`;
  const call = sendAndWait(uac, newRequest('INVITE', uri, { callId: 'one', body: 'v=0\r\n' }), {});
  t.strictSame(call.sentVia, [`udp:${portOf(uas)}`], 'to an IP address it leaves at once');
  t.match(
    call.tx.request.headers.get('Via'),
    new RegExp(`^SIP/2.0/UDP 127.0.0.1:${portOf(uac)};branch=z9hG4bK[0-9a-f]{20};rport$`),
  );
  const outcome = await call.outcome;
  t.match(outcome, { kind: 'final', response: { status: 200 } });
  t.strictSame(call.statuses, [100, 180, 200]);
  t.equal(call.tx.state, 'accepted');
  t.equal(invite?.request.body, 'v=0\r\n');
  t.match(invite?.request.headers.get('Via'), `;rport=${portOf(uac)};received=127.0.0.1`);
  t.match(invite?.flow, { transport: 'udp', remoteAddress: '127.0.0.1', remotePort: portOf(uac) });

  let info: unknown;
  uac.sendDirect(newRequest('ACK', uri, { callId: 'one', toTag: 'bob' }), {}, (sent) => {
    info = sent;
  });
  t.match(info, { raw: /^ACK sip:bob/, flow: { transport: 'udp', port: portOf(uas) } });
  t.equal((await acked.promise).callId, 'one');
  const bye = await sendAndWait(uac, newRequest('BYE', uri, { callId: 'one', cseq: 2, toTag: 'bob' }), {})
    .outcome;
  t.match(bye, { kind: 'final', response: { status: 200 } });
  t.strictSame(over, ['BYE done'], 'the INVITE lives on to absorb repetitions');
  t.match(uas.stats, { received: 3, sent: 4, malformed: 0, server: 2 });
  t.equal(
    invite?.respond(SipResponse.reply(invite.request, 486)),
    undefined,
    'a second final response is refused',
  );
});

t.test('nothing stays in memory when the last timer has run', async (t) => {
  const clock = createFakeClock();
  const acked = promised<undefined>();
  const uas = await startLayer(
    t,
    { clock },
    {
      request: (tx) => answer(tx, tx.request.callId === 'refused' ? 486 : 200),
      ack: () => acked.give(undefined),
    },
  );
  const uac = await startLayer(t, { clock });
  const uri = `sip:bob@127.0.0.1:${portOf(uas)}`;
  for (const [method, callId] of [
    ['INVITE', 'answered'],
    ['INVITE', 'refused'],
    ['OPTIONS', 'asked'],
  ] as const) {
    await sendAndWait(uac, newRequest(method, uri, { callId }), {}).outcome;
  }
  uac.sendDirect(newRequest('ACK', uri, { callId: 'answered', toTag: 'bob' }), {});
  await acked.promise;
  t.match([uas.stats.server, uac.stats.client], [3, 3]);
  clock.advance(70_000);
  t.match([uas.stats.server, uac.stats.client], [0, 0]);
  t.equal(clock.pending, 0, 'no timer is left');
});

t.test('CANCEL waits for a provisional response, and meets its INVITE', async (t) => {
  const invited = promised<ServerTransaction>();
  const seen: string[] = [];
  const uas = await startLayer(
    t,
    {},
    {
      request: (tx) => invited.give(tx),
      cancel(cancel, invite) {
        seen.push(`${cancel.request.headers.get('Reason') ?? ''} for ${invite?.request.callId ?? 'nothing'}`);
        answer(cancel, invite === undefined ? 481 : 200);
        if (invite !== undefined) answer(invite, 487);
      },
    },
  );
  const uac = await startLayer(t);
  const uri = `sip:bob@127.0.0.1:${portOf(uas)}`;
  const call = sendAndWait(uac, newRequest('INVITE', uri, { callId: 'cancelled' }), {});
  const cancel = call.tx.cancel([
    ['Reason', 'SIP;cause=200'],
    ['CSeq', '99 CANCEL'],
  ]);
  t.equal(cancel?.state, 'resolving', 'nothing has left yet');
  t.equal(call.tx.cancel(), undefined, 'once is enough');
  t.equal(cancel?.request.headers.get('CSeq'), '1 CANCEL', 'its own fields are not to be changed');
  const tx = await invited.promise;
  t.equal(seen.length, 0);
  answer(tx, 180);
  t.match(await call.outcome, { kind: 'final', response: { status: 487 } });
  t.strictSame(seen, ['SIP;cause=200 for cancelled']);
  t.equal(call.tx.cancel(), undefined, 'there is nothing left to cancel');
  t.equal(cancel?.request.headers.get('Via'), call.tx.request.headers.get('Via'));

  const raw = await openUdp(t);
  raw.send(wire('CANCEL', {}), portOf(uas));
  t.match(await raw.next(), /^SIP\/2.0 481 /);
  t.equal(seen.at(-1), ' for nothing');

  const unsent = sendAndWait(uac, newRequest('INVITE', 'sip:bob@no-such-host.invalid'), {});
  t.equal(unsent.tx.state, 'resolving');
  t.equal(unsent.tx.cancel(), undefined);
  t.strictSame(await unsent.outcome, { kind: 'failed', why: 'cancelled' });
});

t.test('a cancelled call that never ends, and a call nobody answers, time out', async (t) => {
  const uac = await startLayer(t, { timers: FAST_TIMERS });
  const silent = await openUdp(t);
  const call = sendAndWait(uac, newRequest('INVITE', `sip:bob@127.0.0.1:${silent.port}`), {});
  const invite = await silent.next();
  silent.send(
    invite.replace(/^INVITE.*/, 'SIP/2.0 180 Ringing').replace(/^To: .*$/m, 'To: <sip:bob@127.0.0.1>;tag=b'),
    portOf(uac),
  );
  await call.first;
  call.tx.cancel();
  t.strictSame(await call.outcome, { kind: 'failed', why: 'timeout' });
  t.strictSame(await sendAndWait(uac, newRequest('OPTIONS', `sip:127.0.0.1:${silent.port}`), {}).outcome, {
    kind: 'failed',
    why: 'timeout',
  });
  const forgotten = sendAndWait(uac, newRequest('INVITE', `sip:bob@127.0.0.1:${silent.port}`), {});
  forgotten.tx.terminate();
  t.equal(forgotten.tx.state, 'terminated');
});

t.test('every tenth datagram lost, either way, costs repetitions but no call', async (t) => {
  const LANES = 10;
  const CALLS_PER_LANE = 15;
  const CALLS = LANES * CALLS_PER_LANE;
  const allAcknowledged = promised<undefined>();
  const invites = new Map<string, ServerTransaction>();
  const acks = new Set<string>();
  const requests: string[] = [];
  const uas = await startLayer(
    t,
    { timers: { ...FAST_TIMERS, t1Ms: 40, timeoutMs: 20_000 } },
    {
      request(tx) {
        requests.push(`${tx.request.method} ${tx.request.callId}`);
        if (tx.request.method === 'INVITE') invites.set(tx.request.callId, tx);
        answer(tx, 200);
      },
      ack(ack) {
        acks.add(ack.callId);
        if (acks.size === CALLS) allAcknowledged.give(undefined);
        invites.get(ack.callId)?.acknowledged();
      },
    },
  );
  const uac = await startLayer(t, { timers: { ...FAST_TIMERS, t1Ms: 40, timeoutMs: 20_000 } });
  // The relay between them: `near` faces the caller, `far` the called side, which answers to where requests come from (rport).
  const near = createSocket('udp4');
  const far = createSocket('udp4');
  let count = 0;
  near.on('message', (bytes) => ++count % 10 !== 0 && far.send(bytes, portOf(uas), '127.0.0.1'));
  far.on('message', (bytes) => ++count % 10 !== 0 && near.send(bytes, portOf(uac), '127.0.0.1'));
  near.bind(0, '127.0.0.1');
  far.bind(0, '127.0.0.1');
  await Promise.all([once(near, 'listening'), once(far, 'listening')]);
  t.teardown(() => {
    near.close();
    far.close();
  });
  const nextHop = `sip:127.0.0.1:${near.address().port}`;
  let acksSent = 0;
  const results: string[] = [];
  const lane = async (n: number): Promise<void> => {
    for (let i = 0; i < CALLS_PER_LANE; i++) {
      const callId = `lossy-${n}-${i}`;
      const final = await new Promise<number | string>((resolve) => {
        uac.send(
          newRequest('INVITE', 'sip:bob@192.0.2.1', { callId }),
          { nextHop },
          {
            response: (response) => {
              // The ACK answers every 2xx, repeated ones too.
              acksSent++;
              uac.sendDirect(newRequest('ACK', 'sip:bob@192.0.2.1', { callId, toTag: 'bob' }), { nextHop });
              resolve(response.status);
            },
            failed: resolve,
          },
        );
      });
      const bye = await sendAndWait(
        uac,
        newRequest('BYE', 'sip:bob@192.0.2.1', { callId, cseq: 2, toTag: 'bob' }),
        { nextHop },
      ).outcome;
      results.push(`${final} ${bye.kind === 'final' ? bye.response.status : bye.why}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, n) => lane(n)));
  t.strictSame(new Set(results), new Set(['200 200']));
  t.equal(new Set(requests).size, requests.length, 'no request reached the user twice');
  t.equal(requests.length, 2 * CALLS);
  t.ok(uac.stats.retransmitted > 0 && uas.stats.absorbed > 0);
  if (acks.size < CALLS) await allAcknowledged.promise;
  t.pass('every call was acknowledged in the end');
  t.ok(acksSent >= CALLS);
});

t.test('what RFC 3261 §8.2 refuses never reaches the user', async (t) => {
  const reached: string[] = [];
  const malformed: string[] = [];
  const uas = await startLayer(
    t,
    { userAgent: 'Trunkline', timers: FAST_TIMERS },
    {
      request: (tx) => {
        reached.push(`${tx.request.method} ${tx.request.callId}`);
        if (tx.request.method !== 'INVITE') answer(tx, 200);
      },
      malformed: (address, reason) => malformed.push(`${address} ${reason}`),
    },
  );
  const port = portOf(uas);
  const raw = await openUdp(t);
  raw.send(
    wire('OPTIONS', { extra: 'Require: 100rel, nothing-known, Timer\r\nRequire: also-unknown' }),
    port,
  );
  t.match(
    await raw.next(),
    /^SIP\/2.0 420 [^]*\r\nUnsupported: nothing-known, also-unknown\r\n[^]*Server: Trunkline/,
  );
  raw.send(wire('OPTIONS', { uri: 'nobodyKnowsThisScheme:totallyopaquecontent' }), port);
  t.match(await raw.next(), /^SIP\/2.0 416 /);
  raw.send(wire('OPTIONS', { uri: 'tel:+12025550203' }), port);
  t.match(await raw.next(), /^SIP\/2.0 200 /);
  raw.send(wire('CANCEL', { extra: 'Require: nothing-known' }), port);
  raw.send(wire('OPTIONS', { cseq: '1 INVITE' }), port);
  t.match(await raw.next(), /^SIP\/2.0 400 [^]*\r\nTo: <sip:bob@127.0.0.1>;tag=/);
  t.equal(malformed.length, 1);
  raw.send('complete rubbish', port);
  raw.send('\r\n\r\n', port);
  raw.send(Buffer.from([0, 0, 0, 0]), port);

  const first = wire('INVITE', {
    callId: 'merged',
    via: 'SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKfirst;rport',
  });
  raw.send(first, port);
  raw.send(first.replace('z9hG4bKfirst', 'z9hG4bKsecond'), port);
  t.match(await raw.next(), /^SIP\/2.0 482 [^]*z9hG4bKsecond/, 'a copy that came another way');
  t.match(await raw.next(), /^SIP\/2.0 (100|482) /);
  t.strictSame(
    reached.filter((request) => !request.startsWith('OPTIONS')),
    ['INVITE merged'],
  );
  t.match(uas.stats, { malformed: 2 });
  t.equal(malformed.length, 1, 'a source is reported at most once a second');
});

t.test('clients of RFC 2543, which have no branch, are matched by the fields of the request', async (t) => {
  const requests: ServerTransaction[] = [];
  const acks: SipRequest[] = [];
  const cancelled: (string | undefined)[] = [];
  const uas = await startLayer(
    t,
    { timers: FAST_TIMERS },
    {
      request: (tx) => {
        requests.push(tx);
        answer(tx, tx.request.callId === 'busy' ? 486 : 180);
      },
      ack: (ack) => acks.push(ack),
      cancel(cancel, invite) {
        cancelled.push(invite?.request.callId);
        answer(cancel, 200);
        if (invite !== undefined) answer(invite, 487);
      },
    },
  );
  const raw = await openUdp(t);
  const via = `SIP/2.0/UDP 127.0.0.1:${raw.port}`;
  const busy = { via, callId: 'busy' };
  raw.send(wire('INVITE', busy), portOf(uas));
  t.match(await raw.next(), /^SIP\/2.0 486 /);
  raw.send(wire('INVITE', busy), portOf(uas));
  t.match(await raw.next(), /^SIP\/2.0 486 /);
  t.equal(requests.length, 1, 'the repeated INVITE is absorbed');
  raw.send(wire('ACK', { ...busy, to: '<sip:bob@127.0.0.1>;tag=other', cseq: '1 ACK' }), portOf(uas));
  raw.send(wire('ACK', { ...busy, to: '<sip:bob@127.0.0.1>;tag=bob', cseq: '1 ACK' }), portOf(uas));
  raw.send(wire('INVITE', { via, callId: 'ringing' }), portOf(uas));
  for (let text = ''; !text.startsWith('SIP/2.0 180');) text = await raw.next();
  t.equal(requests[0]?.state, 'confirmed', 'its ACK is known by the To tag');
  t.equal(acks.length, 1, 'and another ACK is not taken for it');
  raw.send(wire('CANCEL', { via, callId: 'ringing', cseq: '1 CANCEL' }), portOf(uas));
  t.match(
    [await raw.next(), await raw.next()].sort().map((text) => text.slice(8, 11)),
    ['200', '487'],
  );
  t.strictSame(cancelled, ['ringing']);
});

t.test('responses go where the topmost Via says, as corrected by where the request came from', async (t) => {
  const requests: SipRequest[] = [];
  const uas = await startLayer(
    t,
    {},
    {
      request: (tx) => {
        requests.push(tx.request);
        answer(tx, 200);
      },
    },
  );
  const from = await openUdp(t);
  const other = await openUdp(t);
  const sendVia = (via: string): void => from.send(wire('OPTIONS', { via }), portOf(uas));
  sendVia(`SIP/2.0/UDP 127.0.0.1:${other.port};branch=z9hG4bKv1`);
  t.match(await other.next(), /^SIP\/2.0 200/, 'to the sent-by port without rport');
  t.notMatch(requests[0]?.headers.get('Via'), 'received');
  sendVia(`SIP/2.0/UDP 127.0.0.1:${other.port};branch=z9hG4bKv2;rport`);
  t.match(await from.next(), `;rport=${from.port};received=127.0.0.1`, 'to the source port with rport');
  sendVia(`SIP/2.0/UDP client.example.com:${other.port};branch=z9hG4bKv3`);
  t.match(
    await other.next(),
    `client.example.com:${other.port};branch=z9hG4bKv3;received=127.0.0.1\r\n`,
    'to the source address',
  );
  sendVia(`SIP/2.0/UDP 192.0.2.77:${other.port};rport = 9 ;branch=z9hG4bKv4;received=192.0.2.78`);
  const forged = await from.next();
  t.match(forged, `rport=${from.port}`);
  t.match(forged, 'received=127.0.0.1', 'what the sender claims is replaced');
  t.notMatch(forged, '192.0.2.78');
  sendVia(`SIP/2.0/UDP 192.0.2.77:${other.port};branch=z9hG4bKv5;maddr=127.0.0.1`);
  t.match(await other.next(), /z9hG4bKv5/, 'to maddr');
  sendVia(
    `SIP/2.0/UDP 192.0.2.77:${other.port};branch=z9hG4bKv6;x=";rport";rport, SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKbelow`,
  );
  const quoted = await from.next();
  t.match(quoted, /x=";rport"/);
  t.match(quoted, /, SIP\/2.0\/UDP 192.0.2.9;branch=z9hG4bKbelow\r\n/, 'the others stay as they are');
  t.equal(requests.length, 6);

  const symmetric = await startLayer(t, { forceRport: true }, { request: (tx) => answer(tx, 200) });
  from.send(
    wire('OPTIONS', { via: `SIP/2.0/UDP 127.0.0.1:${other.port};branch=z9hG4bKv7` }),
    portOf(symmetric),
  );
  t.match(await from.next(), /z9hG4bKv7/, 'forceRport answers to the source port always');
});

t.test('past the bound on transactions requests get a stateless 503', async (t) => {
  const uas = await startLayer(t, { maxTransactions: 3 }, { request: () => undefined });
  const raw = await openUdp(t);
  for (let i = 0; i < 3; i++) raw.send(wire('OPTIONS', {}), portOf(uas));
  const refused = wire('INVITE', {});
  raw.send(refused, portOf(uas));
  const once = await raw.next();
  t.match(once, /^SIP\/2.0 503 [^]*\r\nRetry-After: \d+\r\n/);
  raw.send(refused, portOf(uas));
  t.equal(await raw.next(), once, 'with the same tag every time');
  t.match(uas.stats, { server: 3, overload: 2 });
});

t.test('sources that are not trusted have half of the room', async (t) => {
  const uas = await startLayer(t, { maxTransactions: 4, listen: [UDP] }, { request: () => undefined });
  const unlimited = { perSourcePerS: 1000, burst: 1000, totalPerS: 1000 };
  uas.setGate({ trusted: [], denied: [], banned: [], unknownRate: unlimited, observe: false });
  const raw = await openUdp(t);
  for (let i = 0; i < 3; i++) raw.send(wire('OPTIONS', {}), portOf(uas));
  t.match(await raw.next(), /^SIP\/2.0 503 /);
  uas.setGate({ trusted: ['127.0.0.1'], denied: [], banned: [], unknownRate: unlimited, observe: false });
  for (let i = 0; i < 3; i++) raw.send(wire('OPTIONS', {}), portOf(uas));
  t.match(await raw.next(), /^SIP\/2.0 503 /);
  t.equal(uas.stats.server, 4);
});

t.test('a response nobody waits for is passed up as stray when the branch could be ours', async (t) => {
  const stray: string[] = [];
  const arrived = promised<Flow>();
  const uac = await startLayer(
    t,
    {},
    {
      strayResponse: (response, flow) => {
        stray.push(response.callId);
        arrived.give(flow);
      },
    },
  );
  const raw = await openUdp(t);
  const response = (branch: string, callId: string): string =>
    wire('INVITE', { via: `SIP/2.0/UDP 127.0.0.1:${portOf(uac)};branch=${branch}`, callId }).replace(
      /^INVITE.*/,
      'SIP/2.0 200 OK',
    );
  raw.send(response('foreign', 'dropped'), portOf(uac));
  raw.send(
    response('z9hG4bKold', 'elsewhere').replace(`127.0.0.1:${portOf(uac)}`, '192.0.2.1:5060'),
    portOf(uac),
  );
  raw.send(response('z9hG4bKold', 'late'), portOf(uac));
  t.equal((await arrived.promise).remotePort, raw.port);
  t.strictSame(stray, ['late']);
});

t.test('a large request leaves over TCP, and over UDP when the peer has no TCP', async (t) => {
  const uas = await startLayer(t, { listen: [UDP] }, { request: (tx) => answer(tx, 200) });
  const uac = await startLayer(t, { listen: [UDP, TCP], maxUdpBytes: 1300 });
  const body = 'x'.repeat(1300);
  const target = `sip:127.0.0.1:${portOf(uas)}`;
  const large = sendAndWait(uac, newRequest('MESSAGE', target, { body }), {});
  t.match(await large.outcome, { kind: 'final', response: { status: 200 } });
  t.strictSame(large.sentVia, [`tcp:${portOf(uas)}`, `udp:${portOf(uas)}`]);
  t.match(large.tx.request.headers.getAll('Via'), [/^SIP\/2.0\/UDP /], 'the Via of the first try is gone');
  const small = sendAndWait(uac, newRequest('MESSAGE', target, { body: 'hi' }), {});
  t.match(await small.outcome, { kind: 'final' });
  t.strictSame(small.sentVia, [`udp:${portOf(uas)}`]);
  const server = createServer((socket) => {
    socket.on('data', (data) => {
      socket.write(
        data
          .toString()
          .replace(/^MESSAGE.*/, 'SIP/2.0 200 OK')
          .replace(/Content-Length: .*[^]*/, 'Content-Length: 0\r\n\r\n'),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = server.address();
  const tcpPort = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const reliable = sendAndWait(uac, newRequest('MESSAGE', `sip:127.0.0.1:${tcpPort}`, { body }), {});
  t.match(await reliable.outcome, { kind: 'final', response: { status: 200 } });
  t.strictSame(reliable.sentVia, [`tcp:${tcpPort}`]);
});

t.test('a listener that cannot be had is named, and nothing is half started', async (t) => {
  const holder = await startLayer(t, { listen: [UDP, TCP] });
  for (const transport of ['udp', 'tcp'] as const) {
    const port = portOf(holder, transport);
    const layer = createTransactionLayer(
      { listen: [UDP, TCP, { name: 'trunks', transport, host: '127.0.0.1', port }] },
      SILENT_USER,
    );
    const error = await layer.start().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    t.ok(error instanceof AppError);
    t.match(error, { code: 'PORT_IN_USE', message: `listener "trunks": ${transport} 127.0.0.1:${port}` });
    t.equal(layer.listeners.length, 0);
    const elsewhere = createTransactionLayer(
      { listen: [{ name: 'far', transport, host: '192.0.2.1', port: 0 }] },
      SILENT_USER,
    );
    await t.rejects(elsewhere.start(), {
      code: 'ADDRESS_UNAVAILABLE',
      message: `listener "far": ${transport} 192.0.2.1:0`,
    });
  }
});

t.test('a receive buffer that the kernel caps is said aloud, with the remedy', async (t) => {
  const warnings: object[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields: object) => warnings.push(fields),
    error: () => undefined,
    child: () => logger,
  };
  await startLayer(t, { logger, udpReceiveBufferBytes: 2 ** 30 });
  t.match(warnings, [{ listener: 'udp', wantedBytes: 2 ** 30, grantedBytes: Number, remedy: /rmem_max/ }]);
  await startLayer(t, { logger, udpReceiveBufferBytes: 10_000 });
  t.equal(warnings.length, 1);
});

t.test('a listener says what it is told to advertise, or the nearest address of a wildcard', async (t) => {
  const wildcard = { name: 'all', transport: 'udp', host: '0.0.0.0', port: 0 } as const;
  const layer = await startLayer(t, {
    listen: [
      wildcard,
      { ...UDP, name: 'nat', advertise: '203.0.113.7' },
      { ...UDP, name: 'port', advertise: 'sip.example.com:5070' },
    ],
  });
  const [all, nat, port] = layer.listeners;
  t.equal(all?.sentByFor('127.0.0.1'), `127.0.0.1:${all?.port}`);
  t.notMatch(all?.sentBy, '0.0.0.0');
  t.equal(nat?.sentBy, `203.0.113.7:${nat?.port}`);
  t.equal(port?.sentByFor('127.0.0.1'), 'sip.example.com:5070');
  t.equal(nat?.url, `udp/127.0.0.1:${nat?.port}`);
  const peer = await openUdp(t);
  layer.send(
    newRequest('OPTIONS', `sip:127.0.0.1:${peer.port}`),
    { listener: 'nat' },
    { response: () => undefined, failed: () => undefined },
  );
  t.match(await peer.next(), `Via: SIP/2.0/UDP 203.0.113.7:${nat?.port};branch=`);
});

t.test('IPv6 works like IPv4', async (t) => {
  const v6 = { name: 'udp', transport: 'udp', host: '::1', port: 0 } as const;
  const probe = createTransactionLayer({ listen: [v6] }, SILENT_USER);
  const has6 = await probe.start().then(
    () => true,
    () => false,
  );
  await probe.stop();
  if (!has6) {
    t.comment('this machine has no IPv6 loopback: skipped');
    return;
  }
  const uas = await startLayer(
    t,
    { listen: [v6, { ...v6, name: 'tcp', transport: 'tcp' }, UDP] },
    { request: (tx) => answer(tx, 200) },
  );
  const uac = await startLayer(t, { listen: [v6, { ...v6, name: 'tcp', transport: 'tcp' }] });
  const udp = sendAndWait(uac, newRequest('OPTIONS', `sip:[::1]:${portOf(uas)}`), {});
  t.match(await udp.outcome, { kind: 'final', response: { status: 200 } });
  t.match(udp.tx.request.headers.get('Via'), `SIP/2.0/UDP [::1]:${portOf(uac)};branch=`);
  const tcp = sendAndWait(uac, newRequest('OPTIONS', `sip:[::1]:${portOf(uas, 'tcp')};transport=tcp`), {});
  t.match(await tcp.outcome, { kind: 'final', response: { status: 200 } });
  const v4 = sendAndWait(uac, newRequest('OPTIONS', 'sip:127.0.0.1'), {});
  t.strictSame(await v4.outcome, { kind: 'failed', why: 'transport' }, 'no listener of that family');
});

t.test('no datagram, however mangled, is a fault', async (t) => {
  const faults: object[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields: object) => faults.push(fields),
    child: () => logger,
  };
  const uas = await startLayer(
    t,
    { logger, timers: FAST_TIMERS },
    {
      request: (tx) => {
        answer(tx, 183);
        answer(tx, 404);
      },
      cancel: (cancel, invite) => answer(cancel, invite === undefined ? 481 : 200),
    },
  );
  const raw = await openUdp(t);
  const whole = [
    ...['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'REGISTER'].map((method) =>
      wire(method, { body: 'v=0\r\n', extra: 'Require: x' }),
    ),
    wire('OPTIONS', { via: '' }),
    wire('OPTIONS', { via: 'SIP/2.0/UDP [::1]:70000;branch=z9hG4bK;rport=x;maddr=[zz];received="' }),
    wire('INVITE', { uri: 'sip:[::1', to: '', from: '"', callId: '', cseq: '99999999999 INVITE' }),
    wire('INVITE', {}).replace(/^INVITE.*/, 'SIP/2.0 200 OK'),
  ].map((text) => Buffer.from(text));
  const change = fc.record({
    at: fc.nat(600),
    kind: fc.constantFrom('flip', 'cut', 'double', 'insert'),
    with: fc.constantFrom('\r\n', '\0', ';', ',', '"', '<', '>', '@', ':', '=', ' ', '\xff', '['),
  });
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...whole),
      fc.array(change, { maxLength: 4 }),
      async (message, changes) => {
        let bytes = message;
        for (const { at, kind, with: piece } of changes) {
          const i = at % bytes.length;
          const rest = kind === 'flip' ? 1 : kind === 'cut' ? 20 : kind === 'double' ? -20 : 0;
          bytes = Buffer.concat([
            bytes.subarray(0, i),
            Buffer.from(kind === 'cut' || kind === 'double' ? '' : piece, 'latin1'),
            bytes.subarray(Math.max(0, i + rest)),
          ]);
        }
        raw.send(bytes, portOf(uas));
        if (++sent % 20 === 0) await new Promise(setImmediate);
      },
    ),
    { numRuns: 3000 },
  );
  const alive = await startLayer(t);
  const outcome = await sendAndWait(alive, newRequest('OPTIONS', `sip:127.0.0.1:${portOf(uas)}`), {}).outcome;
  t.match(outcome, { kind: 'final', response: { status: 404 } });
  t.strictSame(faults, []);
  t.ok(uas.stats.received > 1000, `${uas.stats.received} received, ${uas.stats.malformed} malformed`);
});

t.test('a fault of the user is logged and stays where it is', async (t) => {
  const logged: string[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (_: object, event: string) => logged.push(event),
    child: () => logger,
  };
  const uas = await startLayer(
    t,
    { logger },
    {
      request(tx) {
        if (tx.request.callId === 'bad') throw new Error('a bug');
        answer(tx, 200);
      },
    },
  );
  const raw = await openUdp(t);
  raw.send(wire('OPTIONS', { callId: 'bad' }), portOf(uas));
  t.match(await raw.next(), /^SIP\/2.0 500 /);
  raw.send(wire('OPTIONS', { callId: 'good' }), portOf(uas));
  t.match(await raw.next(), 'Call-ID: good');
  t.strictSame(logged, ['fault in the SIP server']);
});
