import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { parseUri } from '../../src/sip/index.js';
import { createLookups } from '../../src/sip-server/dns/lookups.js';
import { orderSrv } from '../../src/sip-server/dns/order-srv.js';
import { createTargetResolver } from '../../src/sip-server/dns/resolve-target.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { startDns, type Zone } from './dns-server.js';
import {
  answer,
  FAST_TIMERS,
  newRequest,
  openUdp,
  portOf,
  sendAndWait,
  startLayer,
  TCP,
  UDP,
} from './kit.js';

const srv = (priority: number, weight: number, port: number, target: string) =>
  ({ type: 'SRV', priority, weight, port, target }) as const;
const a = (address: string, ttl?: number) =>
  ({ type: 'A', address, ...(ttl === undefined ? {} : { ttl }) }) as const;
const naptr = (order: number, preference: number, service: string, replacement: string) =>
  ({ type: 'NAPTR', order, preference, flags: 's', service, replacement }) as const;

const ZONE: Zone = {
  'NAPTR naptr.test': [
    naptr(20, 10, 'SIP+D2U', '_sip._udp.naptr.test'),
    naptr(10, 20, 'SIP+D2T', '_sip._tcp.naptr.test'),
    naptr(10, 10, 'SIPS+D2T', '_sips._tcp.naptr.test'),
  ],
  'SRV _sip._udp.naptr.test': [srv(0, 0, 5070, 'one.test')],
  'SRV _sip._tcp.naptr.test': [srv(0, 0, 5071, 'two.test')],
  'SRV _sip._udp.srv.test': [
    srv(20, 0, 5080, 'two.test'),
    srv(10, 0, 5081, 'one.test'),
    srv(30, 0, 5082, 'gone.test'),
  ],
  'SRV _sip._tcp.srv.test': [srv(0, 0, 5083, 'one.test')],
  'SRV _sip._udp.nothing.test': [srv(0, 0, 5060, '')],
  'A plain.test': [a('192.0.2.3'), a('192.0.2.4')],
  'AAAA plain.test': [{ type: 'AAAA', address: '2001:db8:0:0:0:0:0:1' }],
  'A one.test': [a('192.0.2.1', 5)],
  'A two.test': [a('192.0.2.2', 300)],
  'A nothing.test': [],
};

function resolver(dns: { address: string }, clock = createFakeClock(), only4 = true) {
  const lookups = createLookups({ clock, servers: [dns.address], timeoutMs: 200 });
  const targets = createTargetResolver({
    lookups,
    random: () => 0,
    reaches: (_, family) => family === 4 || !only4,
  });
  return async (text: string): Promise<string[] | string> => {
    const uri = parseUri(text);
    if (uri === undefined) return 'no uri';
    const found = targets.atOnce(uri) ?? (await targets.byName(uri));
    return found.kind === 'targets'
      ? found.targets.map(({ transport, address, port }) => `${transport} ${address} ${port}`)
      : found.kind;
  };
}

t.test('a URI leads to addresses as RFC 3263 says', async (t) => {
  const dns = await startDns(t, ZONE);
  const resolve = resolver(dns);
  t.strictSame(await resolve('sip:bob@192.0.2.9'), ['udp 192.0.2.9 5060']);
  t.strictSame(await resolve('sip:bob@192.0.2.9:5099;transport=TCP'), ['tcp 192.0.2.9 5099']);
  t.strictSame(await resolve('sip:bob@example.com;maddr=192.0.2.8'), ['udp 192.0.2.8 5060']);
  t.strictSame(await resolve('sip:bob@localhost:5070'), ['udp 127.0.0.1 5070']);
  t.strictSame(dns.questions, [], 'none of these asks DNS');
  t.strictSame(
    await resolve('sip:naptr.test'),
    ['tcp 192.0.2.2 5071', 'udp 192.0.2.1 5070'],
    'NAPTR: by order, then preference; TLS left out',
  );
  t.strictSame(
    await resolve('sip:srv.test'),
    ['udp 192.0.2.1 5081', 'udp 192.0.2.2 5080', 'tcp 192.0.2.1 5083'],
    'SRV: by priority',
  );
  t.strictSame(await resolve('sip:srv.test;transport=tcp'), ['tcp 192.0.2.1 5083']);
  t.strictSame(
    await resolve('sip:plain.test'),
    ['udp 192.0.2.3 5060', 'udp 192.0.2.4 5060'],
    'only addresses',
  );
  t.strictSame(await resolve('sip:srv.test:5090'), 'none', 'a port forbids SRV, and there is no address');
  t.strictSame(await resolve('sip:plain.test:5090;transport=tcp'), [
    'tcp 192.0.2.3 5090',
    'tcp 192.0.2.4 5090',
  ]);
  t.strictSame(await resolve('sip:nothing.test'), 'none');
  t.strictSame(await resolve('sip:unknown.test'), 'none');
  t.strictSame(await resolve('sip:naptr.test;transport=tls'), 'unsupported');
  t.strictSame(await resolve('sips:naptr.test'), 'unsupported');
  t.strictSame(await resolve('tel:+12025550203'), 'unsupported');
  t.strictSame(await resolver(dns, createFakeClock(), false)('sip:plain.test:5060'), [
    'udp 192.0.2.3 5060',
    'udp 192.0.2.4 5060',
    'udp 2001:db8::1 5060',
  ]);
});

t.test('answers are kept for their lifetime, and silence is not asked again at once', async (t) => {
  const dns = await startDns(t, structuredClone(ZONE));
  const clock = createFakeClock();
  const resolve = resolver(dns, clock);
  await Promise.all([resolve('sip:one.test:5060'), resolve('sip:ONE.test:5060')]);
  t.strictSame(dns.questions, ['A one.test'], 'equal questions are joined');
  clock.advance(4900);
  await resolve('sip:one.test:5060');
  t.equal(dns.questions.length, 1);
  clock.advance(200);
  dns.zone['A one.test'] = [a('192.0.2.11')];
  t.strictSame(await resolve('sip:one.test:5060'), ['udp 192.0.2.11 5060']);
  t.equal(dns.questions.length, 2);
  t.equal(await resolve('sip:unknown.test:5060'), 'none');
  t.equal(await resolve('sip:unknown.test:5060'), 'none');
  t.equal(dns.questions.length, 3, 'that there is none is kept too');
  clock.advance(31_000);
  dns.zone['A unknown.test'] = [a('192.0.2.12')];
  t.strictSame(await resolve('sip:unknown.test:5060'), ['udp 192.0.2.12 5060']);
  dns.mute();
  t.equal(await resolve('sip:silent.test:5060'), 'none');
  const started = performance.now();
  t.equal(await resolve('sip:silent.test:5060'), 'none');
  t.ok(performance.now() - started < 150, 'a server that did not answer is left alone for a while');
});

t.test('SRV records of one priority are drawn by their weight', (t) => {
  const records = [
    { priority: 1, weight: 0, port: 1, name: 'zero' },
    { priority: 1, weight: 30, port: 1, name: 'thirty' },
    { priority: 1, weight: 70, port: 1, name: 'seventy' },
    { priority: 0, weight: 5, port: 1, name: 'first' },
  ];
  const counts: Record<string, number> = {};
  let seed = 1;
  const random = (): number => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  for (let i = 0; i < 10_000; i++) {
    const order = orderSrv(records, random).map(({ name }) => name);
    if (order.length !== 4 || order[0] !== 'first') t.fail('priority comes before weight');
    counts[order[1]!] = (counts[order[1]!] ?? 0) + 1;
  }
  t.ok(counts['seventy']! > 6500 && counts['seventy']! < 7500, `seventy: ${counts['seventy']}`);
  t.ok(counts['thirty']! > 2500 && counts['thirty']! < 3500, `thirty: ${counts['thirty']}`);
  t.ok(counts['zero']! > 20 && counts['zero']! < 400, `zero: ${counts['zero']}`);
  t.end();
});

t.test('a request goes on to the next address after a transport error, a timeout or a 503', async (t) => {
  const good = await startLayer(t, { listen: [UDP] }, { request: (tx) => answer(tx, 200) });
  const busy = await startLayer(t, { listen: [UDP] }, { request: (tx) => answer(tx, 503) });
  const silent = await openUdp(t);
  // A port where nobody listens any more.
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const address = closed.address();
  const refusedPort = typeof address === 'object' ? (address?.port ?? 0) : 0;
  closed.close();
  await once(closed, 'close');
  const dns = await startDns(t, {
    'NAPTR failover.test': [
      naptr(1, 1, 'SIP+D2T', '_sip._tcp.failover.test'),
      naptr(2, 1, 'SIP+D2U', '_sip._udp.failover.test'),
    ],
    'SRV _sip._tcp.failover.test': [srv(0, 0, refusedPort, 'here.test')],
    'SRV _sip._udp.failover.test': [
      srv(1, 0, silent.port, 'here.test'),
      srv(2, 0, portOf(busy), 'here.test'),
      srv(3, 0, portOf(good), 'here.test'),
    ],
    'SRV _sip._udp.allbusy.test': [
      srv(1, 0, portOf(busy), 'here.test'),
      srv(2, 0, portOf(busy), 'here.test'),
    ],
    'A here.test': [a('127.0.0.1')],
  });
  const uac = await startLayer(t, { listen: [UDP, TCP], dnsServers: [dns.address], timers: FAST_TIMERS });
  for (const method of ['OPTIONS', 'INVITE']) {
    const try4 = sendAndWait(uac, newRequest(method, 'sip:bob@failover.test'), {});
    t.match(await try4.outcome, { kind: 'final', response: { status: 200 } });
    t.strictSame(
      try4.sentVia,
      [`tcp:${refusedPort}`, `udp:${silent.port}`, `udp:${portOf(busy)}`, `udp:${portOf(good)}`],
      `${method}: refused, silent, 503, good`,
    );
    t.notOk(try4.statuses.includes(503), 'a 503 that leads on is not passed up');
    t.equal(try4.tx.request.headers.getAll('Via').length, 1);
  }
  const branches = new Set<string>();
  while (silent.waiting > 0) branches.add(/branch=(\S+?);/.exec(await silent.next())?.[1] ?? '');
  t.equal(branches.size, 2, 'one branch for each try at an address');
  const none = sendAndWait(uac, newRequest('OPTIONS', 'sip:allbusy.test'), {});
  t.match(await none.outcome, { kind: 'final', response: { status: 503 } }, 'the last 503 is passed up');
  t.equal(none.sentVia.length, 2);
  t.strictSame(await sendAndWait(uac, newRequest('OPTIONS', 'sip:unknown.test'), {}).outcome, {
    kind: 'failed',
    why: 'dns',
  });
  t.strictSame(await sendAndWait(uac, newRequest('OPTIONS', 'sip:secure.test;transport=tls'), {}).outcome, {
    kind: 'failed',
    why: 'transport',
  });
  t.strictSame(
    await sendAndWait(uac, newRequest('OPTIONS', `sip:127.0.0.1:${refusedPort};transport=tcp`), {}).outcome,
    { kind: 'failed', why: 'transport' },
    'nobody listens there',
  );
  const routed = newRequest('OPTIONS', 'sip:bob@unknown.test');
  routed.headers.add('Route', `<sip:127.0.0.1:${portOf(good)};lr>, <sip:unknown.test;lr>`);
  t.match(
    await sendAndWait(uac, routed, {}).outcome,
    { kind: 'final', response: { status: 200 } },
    'the topmost Route leads',
  );
  const direct = await new Promise((resolve) =>
    uac.sendDirect(newRequest('ACK', 'sip:unknown.test'), {}, resolve),
  );
  t.strictSame(direct, { error: 'dns' });
});

t.test('an early call is not begun anew elsewhere', async (t) => {
  const ringing = await startLayer(
    t,
    {},
    {
      request: (tx) => {
        answer(tx, 180);
        answer(tx, 503);
      },
    },
  );
  const dns = await startDns(t, {
    'SRV _sip._udp.early.test': [
      srv(1, 0, portOf(ringing), 'here.test'),
      srv(2, 0, portOf(ringing), 'here.test'),
    ],
    'A here.test': [a('127.0.0.1')],
  });
  const uac = await startLayer(t, { dnsServers: [dns.address] });
  const call = sendAndWait(uac, newRequest('INVITE', 'sip:bob@early.test'), {});
  t.match(await call.outcome, { kind: 'final', response: { status: 503 } });
  t.strictSame(call.statuses, [180, 503]);
  t.equal(call.sentVia.length, 1);
});
