import * as fc from 'fast-check';
import t from 'tap';
import { encodeMu } from '../../src/media/codec/g711.js';
import { createCollector } from '../../src/media/embedded/collect.js';
import { EventIn, readEvent } from '../../src/media/embedded/event-in.js';
import { estimateMos } from '../../src/media/embedded/mos.js';
import { createPacer } from '../../src/media/embedded/pacer.js';
import { Playout } from '../../src/media/embedded/playout.js';
import { createPortTable } from '../../src/media/embedded/port-table.js';
import { createReception } from '../../src/media/embedded/reception.js';
import { readRtcp, roundTripMs, shortNtp, writeReport } from '../../src/media/embedded/rtcp.js';
import { emptyHeader, readRtp, writeRtp } from '../../src/media/embedded/rtp.js';
import { RtpOut } from '../../src/media/embedded/rtp-out.js';
import { createSourceGuard } from '../../src/media/embedded/source.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { toneShare } from './rtp-peer.js';

t.test('ports are even, start anywhere, and rest after use as long as there are others', (t) => {
  const clock = createFakeClock();
  const ports = createPortTable({ min: 101, max: 107, quarantineMs: 30_000, clock, random: () => 0.4 });
  const taken = [ports.take(), ports.take(), ports.take()];
  t.same(taken, [104, 106, 102]);
  t.equal(ports.take(), undefined);
  ports.release(106);
  clock.advance(20_000);
  ports.release(104);
  ports.release(104);
  ports.release(4000);
  clock.advance(10_000);
  t.equal(ports.free, 2);
  t.equal(ports.take(), 106, 'the other one still rests');
  ports.release(106);
  t.same(
    [ports.take(), ports.take(), ports.take()],
    [104, 106, undefined],
    'a tired one is better than none',
  );
  t.equal(ports.free, 0);
  t.end();
});

t.test('only the signalled source, or one that proved itself in time, is believed', (t) => {
  const packet = (address: string, port: number, sequence: number, ssrc = 1) => ({
    address,
    port,
    rtp: { ssrc, sequence, payloadType: 0 },
    payloadTypeAgreed: true,
  });
  const signalled = { address: '198.51.100.1', port: 4000 };
  const newGuard = (signalledFrom?: string) =>
    createSourceGuard({ family: 4, learnMs: 10_000, ...(signalledFrom !== undefined && { signalledFrom }) });

  const before = newGuard();
  t.notOk(before.accepts(packet('198.51.100.1', 4000, 1), 0), 'nobody before the peer has described itself');
  before.signal({ address: '2001:db8::1', port: 4000 }, 0);
  t.equal(before.address, undefined, 'nor an address of another family');

  const moved = newGuard();
  moved.signal(signalled, 0);
  for (let n = 0; n < 60; n++) {
    t.equal(moved.accepts(packet('198.51.100.1', 5000, n), n * 20), n >= 50, `packet ${n} from another port`);
  }
  t.equal(moved.port, 5000);
  t.ok(moved.accepts(packet('198.51.100.1', 4000, 9), 2000), 'the signalled one wins even then');
  t.notOk(moved.accepts(packet('198.51.100.1', 5000, 61), 2020));
  moved.signal(signalled, 3000);
  t.equal(moved.proven, true, 'the same address again changes nothing');

  const six = createSourceGuard({ family: 6, learnMs: 10_000 });
  six.signal({ address: '2001:DB8:0:0::1', port: 4000 }, 0);
  t.ok(six.accepts(packet('2001:db8::1', 4000, 1), 0), 'however the address is written');

  const late = newGuard();
  late.signal(signalled, 0);
  for (let n = 0; n < 50; n++)
    t.notOk(late.accepts(packet('198.51.100.1', 5000, n), 10_001 + n * 20), 'too late');

  const nat = newGuard('203.0.113.5');
  nat.signal({ address: '192.168.1.2', port: 4000 }, 0);
  const believed = [0, 1, 2, 3, 4].map((n) => nat.accepts(packet('203.0.113.5', 7000, n), n * 20));
  t.same(believed, [false, false, false, false, true], 'NAT: five packets over some time');
  t.notOk(nat.accepts(packet('203.0.113.6', 7000, 5), 100));

  // Whatever strangers send, while nothing of theirs is spoken for, goes nowhere and moves nothing.
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          address: fc.constantFrom('203.0.113.9', '198.51.100.2', '10.0.0.1'),
          port: fc.constantFrom(4000, 5000),
          sequence: fc.nat(20),
          ssrc: fc.nat(2),
          after: fc.nat(100),
        }),
        { maxLength: 60 },
      ),
      (attack) => {
        const guard = newGuard();
        guard.signal(signalled, 0);
        let now = 0;
        for (const { address, port, sequence, ssrc, after } of attack) {
          now += after;
          if (guard.accepts(packet(address, port, sequence, ssrc), now)) return false;
        }
        return guard.address === signalled.address && guard.port === signalled.port && !guard.proven;
      },
    ),
  );
  t.end();
});

t.test('headers survive the way out and back, and nothing makes the readers throw', (t) => {
  const header = emptyHeader();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(0xffffffff), (bytes, about) => {
      const data = Buffer.from(bytes);
      if (readRtp(data, header) && (header.start > header.end || header.end > data.length)) return false;
      readRtcp(data, about);
      return true;
    }),
  );
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.nat(127),
      fc.nat(0xffff),
      fc.nat(0xffffffff),
      fc.nat(0xffffffff),
      (...fields) => {
        const data = Buffer.alloc(20);
        writeRtp(data, 0x80, ...fields);
        if (!readRtp(data, header)) return false;
        const { marker, payloadType, sequence, timestamp, ssrc } = header;
        return fields.every(
          (field, index) => field === [marker, payloadType, sequence, timestamp, ssrc][index],
        );
      },
    ),
  );
  const block = { ssrc: 7, fraction: 3, lost: 9, highest: 70_000, jitter: 12, lastSr: 5, sinceSr: 6 };
  const sender = { wallMs: Date.UTC(2026, 0, 1), timestamp: 1, packets: 2, bytes: 3 };
  const seen = readRtcp(writeReport(42, 'name', sender, block), 7)!;
  t.match(seen, { ssrc: 42, lastSr: shortNtp(sender.wallMs), block: { fraction: 3, lost: 9, jitter: 12 } });
  t.equal(roundTripMs(shortNtp(1_000_500), shortNtp(1_000_000), Math.round(0.3 * 65_536))!.toFixed(0), '200');
  t.equal(roundTripMs(5, 900_000, 0), undefined, 'a lie');
  t.end();
});

t.test('loss, jitter and the score of a call', (t) => {
  const reception = createReception();
  for (let n = 0; n < 100; n++) {
    if (n % 10 === 3) continue;
    reception.count(1, (65_500 + n) & 0xffff, n * 160, n * 160 + (n % 2) * 16);
  }
  t.equal(reception.received, 90);
  t.equal(reception.lost, 10);
  t.equal(reception.fraction(), Math.floor((10 * 256) / 100));
  t.ok(reception.jitter > 8 && reception.jitter < 17);
  reception.count(2, 5, 0, 0);
  t.equal(reception.lost, 10, 'a new source begins anew, and what was lost stays');
  t.ok(estimateMos(0, 0, 0) > 4.3);
  t.ok(estimateMos(0.05, 10, 100) < estimateMos(0.01, 10, 100));
  t.equal(estimateMos(1, 500, 2000), 1);
  t.end();
});

t.test('an event is one digit, however long, late or moved in time it is', (t) => {
  const events = new EventIn();
  const press = (
    event: number,
    duration: number,
    timestamp: number,
    now: number,
    end = false,
    marker = false,
  ) => events.take({ event, end, duration }, timestamp, marker, now);
  t.equal(press(5, 160, 1000, 0, false, true), '5');
  t.equal(press(5, 320, 1000, 20), undefined);
  t.equal(press(5, 480, 1160, 40), undefined, 'a sender that moves the timestamp');
  t.equal(press(5, 480, 1160, 60, true), undefined);
  t.equal(press(5, 320, 1000, 70), undefined, 'reordered');
  t.equal(press(5, 160, 5000, 300), '5', 'again');
  t.equal(press(5, 160, 9000, 900), '5', 'its end and the next beginning were lost');
  t.equal(press(6, 160, 9500, 920), '6');
  t.equal(press(16, 160, 9900, 940), undefined, 'flash is no digit');
  t.equal(readEvent(Buffer.from([1, 2, 3]), 0, 3), undefined);
  t.end();
});

t.test('the stream to a peer is one, whatever feeds it', (t) => {
  const out = new RtpOut(() => 0.25);
  const header = emptyHeader();
  const seen: { sequence: number; timestamp: number; marker: boolean }[] = [];
  const note = (packet: Buffer): void => {
    readRtp(packet, header);
    const { sequence, timestamp, marker } = header;
    seen.push({ sequence, timestamp, marker });
  };
  const relay = (source: number, sequence: number, timestamp: number, now: number): boolean => {
    const packet = Buffer.alloc(172, 0x80);
    const sent = out.relay(packet, false, 0, source, sequence, timestamp, 8000, now);
    if (sent) note(packet);
    return sent;
  };
  const own = (now: number): void => {
    const packet = Buffer.alloc(172);
    out.own(packet, 0, 20, 8000, now);
    note(packet);
  };
  own(0);
  own(20);
  relay(9, 65_534, 7_000_000, 50);
  relay(9, 65_535, 7_000_160, 70);
  out.skip(9, 0);
  relay(9, 1, 7_000_480, 110);
  own(130);
  t.notOk(relay(9, 65_000, 7_000_000, 131) && seen.at(-1)!.sequence < seen.at(-2)!.sequence);
  const steps = seen
    .slice(1)
    .map((packet, n) => [
      (packet.sequence - seen[n]!.sequence) & 0xffff,
      (packet.timestamp - seen[n]!.timestamp) | 0,
      packet.marker,
    ]);
  t.same(steps.slice(0, 5), [
    [1, 160, false],
    [1, 240, true],
    [1, 160, false],
    [1, 320, false],
    [1, 160, true],
  ]);
  t.end();
});

t.test('what comes late, twice or not at all sounds like a whole', (t) => {
  const playout = new Playout(Math.random);
  const tone = (n: number): Uint8Array =>
    encodeMu(
      Int16Array.from(
        { length: 160 },
        (_, at) => 8000 * Math.sin((2 * Math.PI * 500 * (n * 160 + at)) / 8000),
      ),
    );
  const sound: number[] = [];
  // Every third pair changes places, one packet in twenty is lost, some come twice.
  const order = Array.from({ length: 100 }, (_, n) => (n % 6 === 1 ? n + 1 : n % 6 === 2 ? n - 1 : n));
  for (const n of order) {
    if (n % 20 !== 10) playout.audio('mu', n, n * 160, tone(n));
    if (n % 7 === 0) playout.audio('mu', n, n * 160, tone(n));
    sound.push(...playout.pull());
  }
  const heard = Int16Array.from(sound.slice(640));
  t.ok(toneShare(heard, 500) > 0.85, `${toneShare(heard, 500)}`);
  for (let n = 0; n < 20; n++) sound.push(...playout.pull());
  t.ok(
    sound.slice(-160).every((sample) => sample === 0),
    'silence at the end',
  );
  playout.noise(40);
  const noise = [...playout.pull()];
  t.ok(
    noise.some((sample) => sample !== 0) && noise.every((sample) => Math.abs(sample) < 2000),
    'comfort noise',
  );
  playout.audio('mu', 0, 3_000_000_000, tone(0));
  playout.audio('mu', 1, 3_000_000_160, tone(1));
  const after = Array.from({ length: 5 }, () => [...playout.pull()]).flat();
  t.ok(
    after.some((sample) => sample > 6000),
    'a new line begins',
  );
  t.end();
});

t.test('the pace is kept by the clock, whatever comes late, and what stops stops', async (t) => {
  let now = 1000;
  const pacer = createPacer({ monotonic: () => now, sleep: (ms) => void (now += ms), slotMs: 2 });
  const times: number[] = [];
  await new Promise<void>((resolve) => {
    const steady = {
      tick: () => {
        times.push(now);
        if (times.length === 5) now += 30;
        if (times.length < 20) return 20;
        resolve();
        return 0;
      },
    };
    const removed = { tick: () => t.fail('removed') as never };
    pacer.add(steady);
    pacer.add(steady);
    pacer.add(removed);
    pacer.remove(removed);
  });
  t.same(
    times.map((at) => at - times[0]!),
    Array.from({ length: 20 }, (_, index) => (index === 5 ? 110 : index * 20)),
  );
  t.equal(pacer.takeLateMs(), 8, 'beyond its slot');
  pacer.stop();
});

t.test('a standstill of the machine, whenever it comes, costs nobody his turns', async (t) => {
  let standstillMs = 0;
  const monotonic = () => performance.now() + (standstillMs += 5);
  const pacer = createPacer({ monotonic, sleep: undefined, slotMs: 2 });
  let ticks = 0;
  await new Promise<void>((resolve) => {
    const given = setTimeout(resolve, 2000);
    pacer.add({
      tick: () => {
        if (++ticks < 3) return 20;
        clearTimeout(given);
        resolve();
        return 0;
      },
    });
  });
  pacer.stop();
  t.equal(ticks, 3);
});

t.test('an entry ends by its total time, and only once', async (t) => {
  const clock = createFakeClock();
  const spec = {
    bargeIn: true,
    typeAhead: false,
    maxDigits: 9,
    terminators: '#',
    firstDigitMs: 1000,
    interDigitMs: 1000,
    totalMs: 2500,
  };
  let ends = 0;
  const deps = {
    clock,
    play: () => ({ ended: new Promise<never>(() => undefined), stop: () => undefined }),
    ahead: [],
    ended: () => ends++,
  };
  const slow = createCollector(spec, deps);
  for (const digit of '123') {
    clock.advance(900);
    slow.digit(digit);
  }
  t.match(await slow.ended, { kind: 'timeout', digits: '12' });
  slow.digit('4');
  slow.stop();
  slow.close();
  t.equal(ends, 1);
  t.equal(clock.pending, 0);
  const ahead = createCollector({ ...spec, prompt: [] }, { ...deps, ahead: ['1', '#', '2'] });
  t.match(await ahead.ended, { kind: 'digits', digits: '1', terminator: '#' });
  const failing = {
    ...spec,
    maxDigits: 2,
    complete: () => {
      throw new Error('no');
    },
  };
  const careful = createCollector(failing, { ...deps, ahead: ['1', '2'] });
  t.match(await careful.ended, { kind: 'digits', digits: '12' });
});
