import { createSocket } from 'node:dgram';
import t from 'tap';
import { createGate } from '../../src/sip-server/gate/gate.js';
import { kindOfDatagram } from '../../src/sip-server/gate/opens-something.js';
import type { GateRules } from '../../src/sip-server/gate/rules.js';
import { createSourceTable } from '../../src/sip-server/gate/source-table.js';
import { createMalformedReports, type MalformedReport } from '../../src/sip-server/malformed-reports.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { answer, newRequest, openUdp, portOf, sendAndWait, startLayer, wire } from './kit.js';

function rules(changes: Partial<GateRules> = {}): GateRules {
  return {
    trusted: [],
    denied: [],
    banned: [],
    unknownRate: { perSourcePerS: 5, burst: 20, totalPerS: 200 },
    observe: false,
    ...changes,
  };
}

const invite = Buffer.from(wire('INVITE', {}));
const inDialog = Buffer.from(wire('INFO', { to: '<sip:bob@127.0.0.1>;tag=b' }));

t.test('a few bytes tell what opens something from what does not', (t) => {
  const kind = (text: string): string => kindOfDatagram(Buffer.from(text));
  for (const method of ['INVITE', 'REGISTER', 'OPTIONS', 'SUBSCRIBE', 'MESSAGE', 'UPDATE', '!odd*method']) {
    t.equal(kind(wire(method, {})), 'opens', method);
    t.equal(
      kind(wire(method, { to: '"; tag=x" <sip:b@h;tag=no>;x;tag=b' })),
      method === 'REGISTER' ? 'opens' : 'inside',
      `${method} with a To tag`,
    );
  }
  for (const method of ['ACK', 'CANCEL', 'BYE', 'PRACK']) t.equal(kind(wire(method, {})), 'inside', method);
  t.equal(kind('SIP/2.0 200 OK\r\n\r\n'), 'inside');
  t.equal(kind('\r\n\r\n'), 'inside');
  t.equal(kind(''), 'inside');
  t.equal(kind('\0\0\0\0'), 'inside');
  t.equal(kind(`\r\n\r\n${wire('INVITE', {})}`), 'opens');
  t.equal(kind(wire('INVITE', { to: '<sip:b@h>', extra: 'To-Other: x;tag=y' })), 'opens');
  t.equal(
    kind(wire('INFO', {}).replace('To:', 't \t:').replace('<sip:bob@127.0.0.1>', '<sip:b@h>;TAG = x')),
    'inside',
  );
  t.equal(kind(wire('INVITE', { from: '<sip:a@h>;tag=from' })), 'opens', 'the From tag does not count');
  const invite = (to: string): string => kind(`INVITE sip:a@b SIP/2.0\r\nTo: ${to}\r\n\r\n`);
  t.equal(invite('"A" <sip:a@b>;x=1; tag = 5'), 'inside');
  t.equal(invite('sip:a@b;tag=5'), 'inside');
  for (const to of ['";tag=5" <sip:a@b>', '<sip:a@b;tag=5>', '"\\";tag=5', '"a\\";tag=5" <sip:a@b;tag=4>;x'])
    t.equal(invite(to), 'opens', `a tag that is none: ${to}`);
  t.equal(
    kind('REGISTER sip:b SIP/2.0\r\nTo: <sip:a@b>;tag=5\r\n\r\n'),
    'opens',
    'a tag means nothing there',
  );
  for (const junk of [
    'x',
    'hello world',
    'GET / HTTP/1.1\r\n\r\n',
    '\x80\x01\x02\x03\x04',
    ' INVITE',
    'INVITE sip:x',
  ]) {
    t.equal(kind(junk), 'junk', JSON.stringify(junk));
  }
  t.end();
});

t.test('denied and banned sources are dropped unread, trusted ones have no rate', (t) => {
  const clock = createFakeClock();
  const gate = createGate(clock);
  for (let i = 0; i < 1000; i++)
    t.ok(gate.admit(invite, '203.0.113.1') || t.fail('open until told otherwise'));
  gate.setRules(
    rules({
      denied: ['203.0.113.0/24', '2001:db8:bad::/48'],
      trusted: ['198.51.100.0/24'],
      banned: [
        { address: '192.0.2.66', until: clock.now() + 60_000 },
        { address: '2001:0DB8::0066', until: clock.now() + 60_000 },
      ],
    }),
  );
  t.notOk(gate.admit(inDialog, '203.0.113.1'));
  t.notOk(gate.admit(inDialog, '2001:db8:bad::1'));
  t.notOk(gate.admitConnection('203.0.113.1'));
  t.notOk(gate.admit(inDialog, '192.0.2.66'));
  t.notOk(gate.admitConnection('2001:db8::66'), 'addresses compare by value, not by notation');
  t.ok(gate.admitConnection('192.0.2.67'));
  for (let i = 0; i < 1000; i++) if (!gate.admit(invite, '198.51.100.7')) t.fail('trusted');
  t.ok(gate.isTrusted('198.51.100.7'));
  clock.advance(59_999);
  t.notOk(gate.admit(invite, '192.0.2.66'));
  clock.advance(1);
  t.ok(gate.admit(invite, '192.0.2.66'), 'the ban ends by itself');
  t.strictSame(gate.counters, { denied: 3, banned: 3, 'source-rate': 0, 'total-rate': 0, 'junk-rate': 0 });
  t.throws(() => gate.setRules(rules({ denied: ['nonsense'] })), { code: 'SETTINGS_INVALID' });
  t.notOk(gate.admit(inDialog, '203.0.113.1'), 'bad rules leave the former ones in force');
  gate.setRules(rules());
  t.ok(gate.admit(inDialog, '203.0.113.1'), 'a denial that is lifted no longer counts');
  t.end();
});

t.test('a source gets its burst and then its rate, for requests that open something only', (t) => {
  const clock = createFakeClock();
  const gate = createGate(clock);
  gate.setRules(rules());
  const admitted = (bytes: Buffer, address: string, count: number): number => {
    let passed = 0;
    for (let i = 0; i < count; i++) if (gate.admit(bytes, address)) passed++;
    return passed;
  };
  t.equal(admitted(invite, '192.0.2.1', 100), 20);
  t.equal(admitted(inDialog, '192.0.2.1', 1000), 1000, 'a running call is not touched');
  t.equal(admitted(Buffer.from('SIP/2.0 200 OK\r\n\r\n'), '192.0.2.1', 1000), 1000);
  clock.advance(1000);
  t.equal(admitted(invite, '192.0.2.1', 100), 5);
  t.equal(admitted(invite, '192.0.2.2', 100), 20, 'another source has its own bucket');
  t.equal(admitted(Buffer.from('rubbish, and a lot of it'), '192.0.2.3', 100), 20);
  t.match(gate.counters, { 'source-rate': 80 + 95 + 80, 'junk-rate': 80, 'total-rate': 0 });
  t.equal(
    admitted(invite, '2001:db8::1', 100) + admitted(invite, '2001:db8::ffff:2', 100),
    20,
    'a /64 is one source',
  );
  t.equal(admitted(invite, '2001:db8:0:1::1', 100), 20);
  clock.advance(100_000);
  t.equal(admitted(invite, '192.0.2.1', 100), 20, 'never more than the burst');
  t.end();
});

t.test('all unknown sources together have a rate, which spares who was accepted before', (t) => {
  const clock = createFakeClock();
  const gate = createGate(clock);
  gate.setRules(rules({ trusted: ['198.51.100.1'] }));
  t.ok(gate.admit(invite, '192.0.2.200'));
  gate.established('192.0.2.200');
  let passed = 0;
  for (let i = 0; i < 100_000; i++)
    if (gate.admit(invite, `10.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}`)) passed++;
  t.equal(passed, 199, 'a flood of forged sources is held by the total');
  t.ok(gate.admit(invite, '192.0.2.200'), 'a phone that was let in before is not starved');
  t.ok(gate.admit(invite, '198.51.100.1'));
  clock.advance(1000);
  t.ok(gate.admit(invite, '192.0.2.201'));
  t.end();
});

t.test('observing counts and lets pass', (t) => {
  const gate = createGate(createFakeClock());
  gate.setRules(rules({ observe: true, denied: ['192.0.2.1'] }));
  for (let i = 0; i < 30; i++) {
    t.ok(gate.admit(invite, '192.0.2.1'));
    t.ok(gate.admit(invite, '192.0.2.2'));
  }
  t.ok(gate.admitConnection('192.0.2.1'));
  t.match(gate.counters, { denied: 31, 'source-rate': 10 });
  t.end();
});

t.test('the table of sources is bounded, and remembers who comes back', (t) => {
  let buckets = 0;
  const table = createSourceTable(() => ({ tokens: ++buckets, filledAt: 0 }), 100);
  const regular = table.entry('192.0.2.1');
  for (let i = 0; i < 10_000; i++) {
    table.entry(`10.0.${i >>> 8}.${i & 255}`);
    if (i % 50 === 0) t.equal(table.entry('192.0.2.1') === regular || t.fail('forgotten'), true);
  }
  t.ok(table.size <= 201, `${table.size} entries`);
  t.end();
});

t.test('what is malformed is told once a second, of so many sources at most', (t) => {
  const clock = createFakeClock();
  const told: (readonly MalformedReport[])[] = [];
  const reports = createMalformedReports(clock, (report) => void told.push(report));
  for (let i = 0; i < 1000; i++) reports.note(`192.0.2.${i % 250}`, 2);
  t.equal(told.length, 0);
  clock.advance(1000);
  t.equal(told.length, 1);
  t.equal(told[0]!.length, 200);
  t.same(told[0]![0], { address: '192.0.2.0', count: 8 });
  clock.advance(10_000);
  t.equal(told.length, 1, 'nothing more to tell');
  reports.note('192.0.2.1', 1);
  reports.stop();
  clock.advance(1000);
  t.equal(told.length, 1);
  t.end();
});

t.test('a malformed burst is reported once a second for each source, with its size', (t) => {
  const clock = createFakeClock();
  const gate = createGate(clock);
  t.equal(gate.malformed('192.0.2.1'), 1);
  for (let i = 0; i < 9; i++) t.equal(gate.malformed('192.0.2.1'), 0);
  t.equal(gate.malformed('192.0.2.2'), 1);
  clock.advance(1000);
  t.equal(gate.malformed('192.0.2.1'), 10);
  t.end();
});

t.test('a flood beside real calls costs no call', async (t) => {
  const uas = await startLayer(t, {}, { request: (tx) => answer(tx, 200) });
  uas.setGate(
    rules({ trusted: ['127.0.0.1'], unknownRate: { perSourcePerS: 5, burst: 20, totalPerS: 200 } }),
  );
  const uac = await startLayer(t);
  // Every address of 127.0.0.0/8 is this machine on Linux: one that is not trusted plays the attacker.
  const attacker = createSocket('udp4');
  const bound = await new Promise<boolean>((resolve) => {
    attacker.once('error', () => resolve(false));
    attacker.bind(0, '127.0.0.66', () => resolve(true));
  });
  t.teardown(() => attacker.close());
  if (!bound) {
    t.comment('this machine has only one loopback address: skipped');
    return;
  }
  const rubbish = [Buffer.from('rubbish '.repeat(60)), invite, Buffer.from([1, 2, 3])];
  const CALLS = 50;
  let done = 0;
  const calls = Array.from({ length: CALLS }, async () => {
    const outcome = await sendAndWait(uac, newRequest('OPTIONS', `sip:127.0.0.1:${portOf(uas)}`), {}).outcome;
    done++;
    return outcome.kind === 'final' ? outcome.response.status : outcome.why;
  });
  let sent = 0;
  while (done < CALLS || sent < 5000) {
    for (let i = 0; i < 100; i++) attacker.send(rubbish[sent++ % rubbish.length]!, portOf(uas), '127.0.0.1');
    await new Promise(setImmediate);
  }
  t.strictSame(new Set(await Promise.all(calls)), new Set([200]));
  const { gate, malformed } = uas.stats;
  t.ok(gate['source-rate']! + gate['junk-rate']! > 1000, JSON.stringify(gate));
  t.ok(malformed < 100, `${malformed} of the flood reached the parser`);
});

t.test('a source that was answered 200 to its REGISTER counts as established', async (t) => {
  const uas = await startLayer(
    t,
    {},
    { request: (tx) => answer(tx, tx.request.method === 'REGISTER' ? 200 : 404) },
  );
  uas.setGate(rules({ unknownRate: { perSourcePerS: 1000, burst: 1000, totalPerS: 1 } }));
  const phone = await openUdp(t);
  phone.send(wire('REGISTER', {}), portOf(uas));
  t.match(await phone.next(), /^SIP\/2.0 200 /);
  for (let i = 0; i < 5; i++) {
    phone.send(wire('OPTIONS', {}), portOf(uas));
    t.match(await phone.next(), /^SIP\/2.0 404 /);
  }
});
