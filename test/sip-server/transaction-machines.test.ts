import t from 'tap';
import { silentLogger } from '../../src/base/logger.js';
import { SipRequest, SipResponse } from '../../src/sip/index.js';
import { resolveOptions } from '../../src/sip-server/options.js';
import { ClientInvite } from '../../src/sip-server/transaction/client-invite.js';
import type { ClientEnvironment, ClientMachine } from '../../src/sip-server/transaction/client-machine.js';
import { ClientNonInvite } from '../../src/sip-server/transaction/client-non-invite.js';
import { ServerInvite } from '../../src/sip-server/transaction/server-invite.js';
import { ServerNonInvite } from '../../src/sip-server/transaction/server-non-invite.js';
import type { ServerEntry, ServerEnvironment } from '../../src/sip-server/transaction/server-transaction.js';
import type { Flow, Listener } from '../../src/sip-server/transport/flow.js';
import type { Path } from '../../src/sip-server/transport/path.js';
import { createTimerWheel } from '../../src/sip-server/transport/timer-wheel.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const listener: Listener = {
  name: 'test',
  transport: 'udp',
  address: '192.0.2.1',
  port: 5060,
  sentBy: '192.0.2.1:5060',
  sentByFor: () => '192.0.2.1:5060',
  url: 'udp/192.0.2.1:5060',
};

function request(method: string): SipRequest {
  const message = new SipRequest(method, 'sip:bob@192.0.2.2');
  message.headers.add('Via', 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKtest');
  message.headers.add('Route', '<sip:192.0.2.9;lr>');
  message.headers.add('From', '<sip:alice@192.0.2.1>;tag=a');
  message.headers.add('To', '<sip:bob@192.0.2.2>');
  message.headers.add('Call-ID', 'call');
  message.headers.add('CSeq', `7 ${method}`);
  message.headers.add('Timestamp', '54');
  return message;
}

/** A stage with a clock, a wire that writes down what is sent and when, and whatever the machine reports. */
function stage(transport: 'udp' | 'tcp') {
  const clock = createFakeClock();
  const faults: unknown[] = [];
  const wheel = createTimerWheel(clock, (error) => faults.push(error));
  const { timers } = resolveOptions({ listen: [] });
  const sent: { at: number; line: string; text: string }[] = [];
  const events: string[] = [];
  const table = new Map<string, ServerEntry>();
  let failing: (() => void) | undefined;
  const path: Path = {
    transport,
    listener,
    address: '192.0.2.2',
    port: 5060,
    send(bytes, failed) {
      const text = bytes.toString();
      sent.push({ at: clock.monotonic(), line: text.slice(0, text.indexOf('\r\n')), text });
      failing = failed;
    },
  };
  const flow: Flow = { transport, listener, remoteAddress: '192.0.2.2', remotePort: 5060 };
  const serverEnv: ServerEnvironment = {
    timers,
    wheel,
    clock,
    logger: silentLogger,
    sent: () => undefined,
    accepted: () => events.push('accepted'),
    ended: (entry) => {
      table.delete(entry.key);
      events.push(`ended at ${clock.monotonic()} (${entry.key})`);
    },
    answered: () => undefined,
    replaced: (entry) => table.set(entry.key, entry),
  };
  const clientEnv: ClientEnvironment = {
    timers,
    wheel,
    sent: () => undefined,
    began: () => undefined,
    ended: (machine: ClientMachine) => events.push(`ended at ${clock.monotonic()} (${machine.key})`),
  };
  const owner = {
    response: (response: SipResponse) => events.push(String(response.status)),
    timedOut: () => events.push('timeout'),
    transportFailed: () => events.push('transport'),
  };
  return {
    clock,
    sent,
    events,
    faults,
    wheel,
    /** The same request once more. */
    repeat: (method: string) => table.get('key')?.receive(request(method)),
    times: () => sent.splice(0).map(({ at }) => at),
    failTransport: () => failing?.(),
    server(method: string): ServerInvite | ServerNonInvite {
      const Machine = method === 'INVITE' ? ServerInvite : ServerNonInvite;
      const tx = new Machine('key', request(method), flow, path, serverEnv);
      table.set('key', tx);
      tx.onTerminated = (why) => events.push(`${why} at ${clock.monotonic()}`);
      return tx;
    },
    client(method: string): ClientInvite | ClientNonInvite {
      const Machine = method === 'INVITE' ? ClientInvite : ClientNonInvite;
      const message = request(method);
      const machine = new Machine('key', message, message.toBuffer(), path, owner, clientEnv);
      machine.start();
      return machine;
    },
    reply: (method: string, status: number) => SipResponse.reply(request(method), status, undefined, 'b'),
    flow,
  };
}

/** Times at which a message is repeated: first gap T1, doubling up to `cap`, until `end`. */
function doubling(end: number, cap = Number.POSITIVE_INFINITY): number[] {
  const times: number[] = [];
  for (let at = 500, gap = 500; at < end; gap = Math.min(2 * gap, cap), at += gap) times.push(at);
  return times;
}

t.test('an INVITE over UDP is repeated by Timer A and given up by Timer B', (t) => {
  const s = stage('udp');
  const machine = s.client('INVITE');
  s.clock.advance(40_000);
  t.strictSame(s.times(), [0, ...doubling(32_000)]);
  t.strictSame(s.events, ['ended at 32000 (key)', 'timeout']);
  t.equal(machine.state, 'terminated');
  machine.receive(s.reply('INVITE', 200), s.flow);
  t.equal(s.events.length, 2, 'what comes later reaches nobody');
  t.equal(s.wheel.size, 0);
  t.end();
});

t.test('a provisional response stops Timer A and Timer B, and a final one is acknowledged', (t) => {
  const s = stage('udp');
  const machine = s.client('INVITE');
  machine.receive(s.reply('INVITE', 100), s.flow);
  s.clock.advance(100_000);
  t.equal(s.times().length, 1, 'no repetition, no timeout');
  machine.receive(s.reply('INVITE', 180), s.flow);
  machine.receive(s.reply('INVITE', 486), s.flow);
  t.equal(machine.state, 'completed');
  t.equal(
    s.sent[0]?.text,
    [
      'ACK sip:bob@192.0.2.2 SIP/2.0',
      'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKtest',
      'Max-Forwards: 70',
      'Route: <sip:192.0.2.9;lr>',
      'From: <sip:alice@192.0.2.1>;tag=a',
      'To: <sip:bob@192.0.2.2>;tag=b',
      'Call-ID: call',
      'CSeq: 7 ACK',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  );
  machine.receive(s.reply('INVITE', 486), s.flow);
  t.equal(s.times().length, 2, 'the repeated final response is acknowledged again');
  machine.receive(s.reply('INVITE', 200), s.flow);
  machine.receive(s.reply('INVITE', 183), s.flow);
  s.clock.advance(31_990);
  t.equal(machine.state, 'completed');
  s.clock.advance(10);
  t.strictSame(s.events, ['100', '180', '486', 'ended at 132000 (key)'], 'Timer D, 32 s, ends it');
  t.end();
});

t.test('after a 2xx the INVITE stays for Timer M to let every further 2xx through', (t) => {
  const s = stage('udp');
  const machine = s.client('INVITE');
  s.clock.advance(600);
  machine.receive(s.reply('INVITE', 200), s.flow);
  t.equal(machine.state, 'accepted');
  machine.receive(s.reply('INVITE', 200), s.flow);
  machine.receive(s.reply('INVITE', 486), s.flow);
  machine.receive(s.reply('INVITE', 180), s.flow);
  s.failTransport();
  s.clock.advance(40_000);
  t.strictSame(s.events, ['200', '200', 'ended at 32600 (key)']);
  t.strictSame(s.times(), [0, 500], 'and it sends no ACK of its own');
  t.end();
});

t.test('over TCP nothing is repeated, and a failed INVITE ends with its ACK', (t) => {
  const s = stage('tcp');
  const machine = s.client('INVITE');
  s.clock.advance(31_000);
  t.strictSame(s.times(), [0]);
  machine.receive(s.reply('INVITE', 404), s.flow);
  s.clock.advance(10);
  t.strictSame(s.events, ['404', 'ended at 31010 (key)']);
  t.equal(s.times().length, 1);
  const silent = stage('tcp');
  silent.client('INVITE');
  silent.clock.advance(32_000);
  t.strictSame(silent.events, ['ended at 32000 (key)', 'timeout'], 'Timer B runs over TCP too');
  t.end();
});

t.test('a cancelled INVITE without a final response counts as over after 64 × T1', (t) => {
  const s = stage('udp');
  const machine = s.client('INVITE');
  machine.receive(s.reply('INVITE', 180), s.flow);
  if (machine instanceof ClientInvite) machine.cancelled();
  s.clock.advance(32_000);
  t.strictSame(s.events, ['180', 'ended at 32000 (key)', 'timeout']);
  t.end();
});

t.test('a transport error ends a client transaction that still waits', (t) => {
  for (const method of ['INVITE', 'OPTIONS']) {
    const s = stage('udp');
    const machine = s.client(method);
    s.failTransport();
    t.strictSame(s.events, ['ended at 0 (key)', 'transport'], method);
    t.equal(machine.state, 'terminated');
    s.clock.advance(100_000);
    t.equal(s.events.length, 2);
  }
  t.end();
});

t.test('another request is repeated by Timer E and given up by Timer F', (t) => {
  const s = stage('udp');
  s.client('OPTIONS');
  s.clock.advance(40_000);
  t.strictSame(s.times(), [0, ...doubling(32_000, 4000)]);
  t.strictSame(s.events, ['ended at 32000 (key)', 'timeout']);
  const slow = stage('udp');
  const machine = slow.client('OPTIONS');
  slow.clock.advance(600);
  machine.receive(slow.reply('OPTIONS', 100), slow.flow);
  t.equal(machine.state, 'proceeding');
  slow.clock.advance(40_000);
  t.strictSame(
    slow.times(),
    [0, 500, 1500, 5500, 9500, 13_500, 17_500, 21_500, 25_500, 29_500],
    'in Proceeding every T2',
  );
  t.strictSame(slow.events, ['100', 'ended at 32000 (key)', 'timeout'], 'Timer F goes on in Proceeding');
  t.end();
});

t.test(
  'a final response to another request is passed up once, and its repetitions are absorbed for Timer K',
  (t) => {
    for (const [transport, end] of [
      ['udp', 5000],
      ['tcp', 10],
    ] as const) {
      const s = stage(transport);
      const machine = s.client('BYE');
      machine.receive(s.reply('BYE', 200), s.flow);
      machine.receive(s.reply('BYE', 200), s.flow);
      t.equal(machine.state, 'completed');
      s.clock.advance(40_000);
      t.strictSame(s.events, ['200', `ended at ${end} (key)`], transport);
      t.equal(s.times().length, 1);
    }
    t.end();
  },
);

t.test('an INVITE is answered 100 after 200 ms unless something else was sent', (t) => {
  const s = stage('udp');
  const tx = s.server('INVITE');
  s.clock.advance(199);
  t.equal(s.sent.length, 0);
  s.clock.advance(1);
  t.equal(
    s.sent[0]?.text,
    [
      'SIP/2.0 100 Trying',
      'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKtest',
      'From: <sip:alice@192.0.2.1>;tag=a',
      'To: <sip:bob@192.0.2.2>',
      'Call-ID: call',
      'CSeq: 7 INVITE',
      'Timestamp: 54',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  );
  tx.trying();
  t.equal(s.sent.length, 1, 'trying() sends it once');
  tx.receive(request('INVITE'));
  t.equal(s.sent.length, 2, 'a repeated INVITE gets the last provisional response again');
  const ringing = stage('udp');
  const early = ringing.server('INVITE');
  t.equal(early.respond(ringing.reply('INVITE', 180))?.raw.slice(0, 19), 'SIP/2.0 180 Ringing');
  early.trying();
  ringing.clock.advance(1000);
  early.receive(request('INVITE'));
  t.strictSame(
    ringing.sent.map(({ line }) => line),
    ['SIP/2.0 180 Ringing', 'SIP/2.0 180 Ringing'],
  );
  early.receive(request('ACK'));
  t.equal(early.state, 'proceeding', 'an ACK means nothing yet');
  const asked = stage('udp');
  asked.server('INVITE').receive(request('INVITE'));
  t.equal(asked.sent[0]?.line, 'SIP/2.0 100 Trying', 'a repeated INVITE needs no further wait');
  t.end();
});

t.test('a failed INVITE is repeated by Timer G until its ACK, which Timer I absorbs', (t) => {
  const s = stage('udp');
  const tx = s.server('INVITE');
  tx.respond(s.reply('INVITE', 486));
  t.equal(tx.state, 'completed');
  t.equal(tx.respond(s.reply('INVITE', 200)), undefined, 'the final response stands');
  s.clock.advance(2000);
  t.strictSame(s.times(), [0, 500, 1500]);
  tx.receive(request('INVITE'));
  t.strictSame(s.times(), [2000]);
  t.notOk(tx.receive(request('ACK')), 'the ACK is not passed up');
  t.equal(tx.state, 'confirmed');
  t.notOk(tx.receive(request('ACK')));
  tx.receive(request('INVITE'));
  s.clock.advance(5000);
  t.strictSame(s.times(), []);
  t.strictSame(s.events, ['ended at 7000 (key)', 'done at 7000']);

  const silent = stage('udp');
  silent.server('INVITE').respond(silent.reply('INVITE', 486));
  silent.clock.advance(40_000);
  t.strictSame(silent.times(), [0, ...doubling(32_000, 4000)]);
  t.strictSame(silent.events, ['ended at 32000 (key)', 'timeout at 32000'], 'Timer H');

  const tcp = stage('tcp');
  const reliable = tcp.server('INVITE');
  reliable.respond(tcp.reply('INVITE', 486));
  tcp.clock.advance(10_000);
  t.strictSame(tcp.times(), [0], 'no Timer G over TCP');
  reliable.receive(request('ACK'));
  t.strictSame(tcp.events, ['ended at 10000 (key)', 'done at 10000'], 'and no Timer I');
  t.end();
});

t.test('a 2xx is repeated until it is acknowledged, over TCP as well', (t) => {
  for (const transport of ['udp', 'tcp'] as const) {
    const s = stage(transport);
    const tx = s.server('INVITE');
    tx.respond(s.reply('INVITE', 200));
    t.equal(tx.state, 'accepted');
    s.clock.advance(4000);
    t.strictSame(s.times(), [0, 500, 1500, 3500]);
    tx.receive(request('INVITE'));
    t.ok(tx.receive(request('ACK')), 'an ACK with the branch of the INVITE is passed up');
    tx.acknowledged();
    s.clock.advance(40_000);
    t.strictSame(s.times(), [], 'nothing after the ACK, and the repeated INVITE was absorbed');
    t.strictSame(s.events, ['accepted', 'ended at 32000 (key)', 'done at 32000'], 'Timer L');
  }
  const s = stage('udp');
  const tx = s.server('INVITE');
  tx.respond(s.reply('INVITE', 200));
  s.clock.advance(40_000);
  t.strictSame(s.times(), [0, ...doubling(32_000, 4000)]);
  t.strictSame(s.events, ['accepted', 'ended at 32000 (key)', 'ack-timeout at 32000']);
  t.end();
});

t.test('a relayed 2xx is not repeated, and others of the fork may follow', (t) => {
  const s = stage('udp');
  const tx = s.server('INVITE');
  tx.respond(s.reply('INVITE', 200), { relayed: true });
  s.clock.advance(10_000);
  t.ok(tx.respond(s.reply('INVITE', 200), { relayed: true }));
  t.equal(tx.respond(s.reply('INVITE', 486), { relayed: true }), undefined);
  t.equal(tx.respond(s.reply('INVITE', 200)), undefined);
  s.clock.advance(40_000);
  t.strictSame(s.times(), [0, 10_000]);
  t.strictSame(s.events, ['accepted', 'ended at 32000 (key)', 'done at 32000']);
  t.end();
});

t.test('an undeliverable final response is told at once, while repeated requests are still absorbed', (t) => {
  const s = stage('udp');
  const tx = s.server('INVITE');
  tx.respond(s.reply('INVITE', 486));
  s.failTransport();
  t.strictSame(s.events, ['transport at 0']);
  t.equal(tx.state, 'completed');
  s.clock.advance(40_000);
  t.strictSame(s.events, ['transport at 0', 'ended at 32000 (key)'], 'told once');
  t.end();
});

t.test('another request is answered once, and Timer J absorbs its repetitions', async (t) => {
  const s = stage('udp');
  const tx = s.server('OPTIONS');
  s.repeat('OPTIONS');
  t.equal(s.sent.length, 0, 'nothing to repeat yet');
  s.clock.advance(1000);
  tx.respond(s.reply('OPTIONS', 200));
  t.equal(tx.state, 'completed');
  s.repeat('OPTIONS');
  t.equal(tx.respond(s.reply('OPTIONS', 404)), undefined);
  s.clock.advance(1000);
  s.repeat('OPTIONS');
  t.strictSame(s.times(), [1000, 1000, 2000]);
  await Promise.resolve();
  t.strictSame(s.events, ['done at 2000'], 'for the user it is over');
  s.clock.advance(40_000);
  t.strictSame(s.events, ['done at 2000', 'ended at 33000 (key)']);
  const tcp = stage('tcp');
  tcp.server('OPTIONS').respond(tcp.reply('OPTIONS', 200));
  t.strictSame(tcp.events, ['ended at 0 (key)'], 'Timer J is zero over TCP');
  const register = stage('udp');
  register.server('REGISTER').respond(register.reply('REGISTER', 200));
  t.strictSame(register.events, ['accepted']);
});

t.test(
  'another request that nobody answers gets a 100 when the client has slowed down, and is dropped with the client',
  (t) => {
    const s = stage('udp');
    s.server('OPTIONS');
    s.clock.advance(3499);
    t.equal(s.sent.length, 0, 'RFC 4320: not before Timer E has grown to T2');
    s.clock.advance(40_000);
    t.strictSame(
      s.sent.map(({ at, line }) => [at, line]),
      [[3500, 'SIP/2.0 100 Trying']],
    );
    t.strictSame(s.events, ['ended at 32000 (key)', 'timeout at 32000']);
    t.end();
  },
);

t.test('discarding and terminating are silent and leave no timer behind', (t) => {
  const s = stage('udp');
  s.server('INVITE').discard();
  const tx = s.server('INVITE');
  tx.respond(s.reply('INVITE', 200));
  tx.discard();
  s.client('INVITE').terminate();
  s.client('OPTIONS').terminate();
  t.equal(s.wheel.size, 0);
  s.clock.advance(100_000);
  t.strictSame(
    s.events.filter((event) => !event.startsWith('ended')),
    ['accepted'],
  );
  t.equal(s.clock.pending, 0);
  t.end();
});

t.test('the wheel runs timers in time whatever callbacks do', (t) => {
  const clock = createFakeClock();
  const faults: unknown[] = [];
  const wheel = createTimerWheel(clock, (error) => faults.push(error));
  const log: string[] = [];
  const owner = { onTimer: (name: string) => log.push(`${name} ${clock.monotonic()}`) };
  const timers = [0, 5, 10, 45_000, 90_123, 3_600_000].map((delay) => {
    const timer = wheel.timer(owner, String(delay));
    timer.set(delay);
    return timer;
  });
  t.equal(wheel.size, 6);
  clock.advance(4_000_000);
  t.strictSame(log, ['0 10', '5 10', '10 10', '45000 45000', '90123 90130', '3600000 3600000']);
  t.equal(clock.pending, 0, 'an empty wheel sleeps');
  t.ok(timers.every((timer) => !timer.armed));

  log.length = 0;
  const second = wheel.timer(owner, 'second');
  const first = wheel.timer(
    {
      onTimer: () => {
        second.clear();
        first.set(20);
        log.push('first');
        throw new Error('a fault of the user');
      },
    },
    'first',
  );
  first.set(30);
  second.set(30);
  clock.advance(30);
  t.strictSame(log, ['first'], 'a timer due in the same turn can still be cleared');
  t.equal(faults.length, 1);
  clock.advance(20);
  t.strictSame(log, ['first', 'first']);
  second.set(100);
  second.set(50);
  first.clear();
  clock.advance(50);
  t.equal(log.at(-1), `second ${clock.monotonic()}`, 'setting again moves it');
  second.set(1000);
  wheel.stop();
  clock.advance(2000);
  t.equal(wheel.size, 0);
  t.equal(log.length, 3);
  t.end();
});
