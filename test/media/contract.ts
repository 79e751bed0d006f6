import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Clip, CollectSpec, MediaEngine, MediaSession, SessionEvents } from '../../src/media/index.js';
import { writeReport } from '../../src/media/embedded/rtcp.js';
import { readWav } from '../../src/media/codec/wav.js';
import { dominantTone, RtpPeer, toneShare } from './rtp-peer.js';

export type CreateEngine = () => Promise<MediaEngine> | MediaEngine;

const ADDRESS = '127.0.0.1';

/** What every media engine must do, with phones of the test's own on loopback. */
export function contract(t: Test, createEngine: CreateEngine): void {
  const folder = mkdtempSync(join(tmpdir(), 'media-contract-'));
  let engine: MediaEngine;
  t.before(async () => {
    engine = await createEngine();
    await engine.start();
  });
  t.after(async () => {
    await engine.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A WAV of one tone. */
  function tone(hz: number, ms: number): Clip {
    const path = join(folder, `${hz}-${ms}.wav`);
    const samples = ms * 8;
    const data = Buffer.alloc(44 + samples * 2);
    data.write('RIFF', 0, 'latin1');
    data.writeUInt32LE(36 + samples * 2, 4);
    data.write('WAVEfmt ', 8, 'latin1');
    data.writeUInt32LE(16, 16);
    data.writeUInt16LE(1, 20);
    data.writeUInt16LE(1, 22);
    data.writeUInt32LE(8000, 24);
    data.writeUInt32LE(16_000, 28);
    data.writeUInt16LE(2, 32);
    data.writeUInt16LE(16, 34);
    data.write('data', 36, 'latin1');
    data.writeUInt32LE(samples * 2, 40);
    for (let index = 0; index < samples; index++) {
      data.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * hz * index) / 8000)), 44 + index * 2);
    }
    writeFileSync(path, data);
    return { kind: 'file', path };
  }

  interface Leg {
    readonly session: MediaSession;
    readonly peer: RtpPeer;
    readonly digits: string[];
    /** What we described last. */
    readonly ours: string;
  }

  /** A leg whose peer has offered and been answered. */
  async function leg(
    test: Test,
    options: {
      sdp?: Parameters<RtpPeer['sdp']>[0];
      like?: string;
      near?: MediaSession;
      on?: SessionEvents;
      rtpTimeoutMs?: number;
      signalledFrom?: string;
    } = {},
  ): Promise<Leg> {
    const peer = await RtpPeer.open();
    test.teardown(() => peer.close());
    const digits: string[] = [];
    const session = await engine.open(
      {
        callId: test.name,
        address: ADDRESS,
        ...(options.near && { near: options.near }),
        ...(options.rtpTimeoutMs !== undefined && { rtpTimeoutMs: options.rtpTimeoutMs }),
        ...(options.signalledFrom !== undefined && { signalledFrom: options.signalledFrom }),
      },
      { digit: (digit) => digits.push(digit), ...options.on },
    );
    test.teardown(() => session.close());
    const ours = session.answer(
      peer.sdp(options.sdp),
      options.like === undefined ? {} : { like: options.like },
    );
    peer.aim(ours);
    return { session, peer, digits, ours };
  }

  const entry: CollectSpec = {
    bargeIn: true,
    typeAhead: true,
    maxDigits: 4,
    terminators: '#',
    firstDigitMs: 5000,
    interDigitMs: 5000,
  };

  t.test(
    'a session answers an offer, hears silence first, then a prompt, whole and evenly paced',
    async (t) => {
      const { session, peer } = await leg(t);
      await peer.hear(3);
      t.equal(peer.dominant(2), 0, 'silence');
      const from = peer.seen.length;
      const playing = session.play([tone(500, 300), { kind: 'silence', ms: 100 }, tone(1000, 300)]);
      t.match(await playing.ended, { kind: 'done', playedMs: 700 });
      await peer.hear(2);
      const packets = peer.seen.slice(from);
      const first = packets.findIndex((packet) =>
        peer.pcm([packet]).some((sample) => Math.abs(sample) > 500),
      );
      const prompt = packets.slice(first, first + 35);
      const steps = packets.slice(1).map((packet, index) => {
        const before = packets[index]!;
        return `${(packet.sequence - before.sequence) & 0xffff} ${(packet.timestamp - before.timestamp) >>> 0}`;
      });
      t.same([...new Set(steps)], ['1 160'], 'each follows the one before');
      t.equal(new Set(packets.map(({ ssrc }) => ssrc)).size, 1, 'one source');
      t.equal(dominantTone(peer.pcm(prompt.slice(0, 15))), 500);
      t.equal(dominantTone(peer.pcm(prompt.slice(15, 20))), 0);
      t.equal(dominantTone(peer.pcm(prompt.slice(20, 35))), 1000);
    },
  );

  t.test('an offer of ours is answered, and the prompt arrives in the law that was chosen', async (t) => {
    const peer = await RtpPeer.open();
    t.teardown(() => peer.close());
    const session = await engine.open({ callId: 'offer', address: ADDRESS }, {});
    t.teardown(() => session.close());
    const offer = session.offer();
    t.match(offer, /m=audio \d+ RTP\/AVP 0 8 101/);
    t.equal(session.offer(), offer, 'the same again');
    peer.aim(offer);
    session.answered(peer.sdp({ pts: '8 101' }));
    session.play([tone(800, 200)], { times: 0 });
    await peer.hearTone(800);
    t.equal(peer.seen.at(-1)!.pt, 8);
    t.throws(() => session.answered('v=0\r\nnonsense'), { code: 'MEDIA_NOT_ACCEPTABLE' });
    await peer.hear(3);
    t.equal(peer.dominant(3), 800, 'all stays as it was');
  });

  t.test('a prompt for who has no audio ends at once, rather than never', async (t) => {
    const spec = { address: ADDRESS, callId: 'none' };
    const session = await engine.open(spec, {});
    const waiting = session.play([tone(500, 300)]);
    session.answer('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n');
    t.match(await waiting.ended, { kind: 'failed' });
    t.match(await session.play([tone(500, 300)]).ended, { kind: 'failed' });
    session.close();
  });

  t.test('a new play stops the one before, loops go on, and play may begin in the middle', async (t) => {
    const { session, peer } = await leg(t);
    const first = session.play([tone(500, 200)], { times: 0 });
    await peer.hearTone(500);
    const second = session.play([tone(500, 400), tone(1250, 400)], { fromMs: 400 });
    await peer.hearTone(1250);
    t.match(await first.ended, { kind: 'stopped' });
    t.match(await second.ended, { kind: 'done', playedMs: 400 });
    const third = session.play([tone(500, 200)], { times: 0 });
    third.stop();
    t.match(await third.ended, { kind: 'stopped' });
    const missing: Clip = { kind: 'file', path: join(folder, 'missing.wav') };
    t.match(await session.play([missing, tone(500, 40)]).ended, { kind: 'done', skipped: [missing] });
    t.match(await session.play([missing]).ended, { kind: 'failed' });
    t.match(await session.play([]).ended, { kind: 'done', playedMs: 0 });
    const last = session.play([tone(500, 200)], { times: 0 });
    await peer.hearTone(500);
    session.close();
    t.match(await last.ended, { kind: 'closed' });
    t.match(await session.play([tone(500, 200)]).ended, { kind: 'closed' });
    t.equal(session.closed, true);
  });

  t.test('digits are counted once, whatever is lost or doubled on the way', async (t) => {
    const { session, peer, digits } = await leg(t);
    const collecting = session.collect(entry);
    peer.press('1');
    peer.press('1', { ends: 0 });
    peer.press('2', { drop: [0, 1, 5] });
    peer.press('*', { twice: true });
    t.match(await collecting.ended, { kind: 'digits', digits: '112*' });
    t.same(digits, ['1', '1', '2', '*']);
  });

  t.test('a digit stops the prompt at once, and the next one is heard within 60 ms', async (t) => {
    const { session, peer } = await leg(t);
    const collecting = session.collect({ ...entry, prompt: [tone(500, 10_000)], maxDigits: 1 });
    await peer.hearTone(500);
    const at = performance.now();
    peer.press('5');
    t.match(await collecting.ended, { kind: 'digits', digits: '5' });
    session.play([tone(2000, 500)]);
    const from = peer.seen.length;
    await peer.hearTone(2000);
    const changed = peer.seen
      .slice(from)
      .find((packet) => peer.pcm([packet]).length > 0 && peer.dominant(5) === 2000)!;
    t.ok(changed.at - at < 200, 'soon');
  });

  t.test('type-ahead, terminators, time-outs and prompts that may not be interrupted', async (t) => {
    const { session, peer, digits } = await leg(t);
    peer.press('7');
    peer.press('8');
    await peer.until(() => digits.length === 2, 'two digits');
    const ahead = session.collect({ ...entry, prompt: [tone(500, 10_000)] });
    peer.press('9');
    peer.press('#');
    t.match(await ahead.ended, { kind: 'digits', digits: '789', terminator: '#' });
    peer.press('1');
    await peer.until(() => digits.length === 5, 'a digit');
    const fresh = session.collect({ ...entry, typeAhead: false, firstDigitMs: 60 });
    t.match(await fresh.ended, { kind: 'timeout', digits: '' });
    const slow = session.collect({ ...entry, interDigitMs: 60 });
    session.infoDigit('4');
    t.match(await slow.ended, { kind: 'timeout', digits: '4' });
    const deaf = session.collect({ ...entry, bargeIn: false, prompt: [tone(500, 200)], firstDigitMs: 100 });
    await peer.hearTone(500);
    peer.press('3');
    t.match(await deaf.ended, { kind: 'timeout', digits: '' });
    const complete = session.collect({ ...entry, complete: (typed) => typed === '12' });
    session.infoDigit('1');
    session.infoDigit('2');
    t.match(await complete.ended, { kind: 'digits', digits: '12' });
    const replaced = session.collect(entry);
    const last = session.collect(entry);
    t.match(await replaced.ended, { kind: 'stopped' });
    session.close();
    t.match(await last.ended, { kind: 'closed', digits: '' });
  });

  t.test(
    'two sessions in a bridge hear each other, unchanged, transcoded and with their digits',
    async (t) => {
      const a = await leg(t, { sdp: { pts: '0 101' } });
      const b = await leg(t, { sdp: { pts: '8 96', maps: ['96 telephone-event/8000'] }, near: a.session });
      engine.bridge(a.session, b.session);
      a.peer.speak(500);
      b.peer.speak(1000, { law: 'a' });
      await Promise.all([b.peer.hearTone(500), a.peer.hearTone(1000)]);
      t.equal(b.peer.seen.at(-1)!.pt, 8, 'in the law that was agreed');
      a.peer.press('6');
      await b.peer.until(() => b.peer.seen.some(({ pt }) => pt === 96), 'the event');
      const event = b.peer.seen.find(({ pt }) => pt === 96)!;
      t.equal(event.payload[0], 6);
      // Told by another way than the packet's: it may come a moment later.
      await a.peer.until(() => a.digits.length > 0, 'the digit');
      t.same(a.digits, ['6']);
      // One source, numbers without gaps, whatever came in between.
      const playing = b.session.play([tone(2000, 200)]);
      await b.peer.hearTone(2000);
      t.match(await playing.ended, { kind: 'done' });
      await b.peer.hearTone(500);
      const { seen } = b.peer;
      t.equal(new Set(seen.map(({ ssrc }) => ssrc)).size, 1);
      for (const [index, packet] of seen.entries()) {
        if (index === 0) continue;
        const before = seen[index - 1]!;
        if (((packet.sequence - before.sequence) & 0xffff) !== 1) t.fail('a gap in the sequence');
        if (((packet.timestamp - before.timestamp) | 0) < 0) t.fail('time went back');
      }
      engine.unbridge(a.session);
      await Promise.all([b.peer.hearTone(0), a.peer.hearTone(0)]);
      engine.bridge(a.session, b.session);
      await b.peer.hearTone(500);
      a.session.close();
      await b.peer.hearTone(0);
    },
  );

  t.test('a closed session frees its ports after a while, and statistics are told to the end', async (t) => {
    const { session, peer } = await leg(t);
    peer.speak(500);
    await peer.hear(20);
    const stats = await session.stats();
    t.ok(stats.packetsReceived >= 10 && stats.packetsSent >= 15, JSON.stringify(stats));
    t.equal(stats.packetsLost, 0);
    t.equal(stats.codec, 'PCMU/8000');
    t.ok(stats.mos! > 4);
    // RTCP: its report is answered after a while, from which it knows the round trip.
    await peer.until(() => peer.reports.some((report) => report[1] === 200), 'a sender report', 9000);
    const report = peer.reports.find((one) => one[1] === 200)!;
    const block = { fraction: 0, lost: 0, highest: 1, jitter: 0, sinceSr: 0 };
    const about = { ...block, ssrc: report.readUInt32BE(4), lastSr: report.readUInt32BE(10) };
    peer.rawRtcp(writeReport(peer.ssrc, 'peer', undefined, about));
    for (let tries = 0; tries < 20 && (await session.stats()).rttMs === undefined; tries++)
      await peer.hear(1);
    const { rttMs } = await session.stats();
    t.ok(rttMs! >= 0 && rttMs! < 2000, `${rttMs} ms`);
    const { sessions } = engine.load();
    session.close();
    session.close();
    t.equal(engine.load().sessions, sessions - 1);
    t.ok((await session.stats()).packetsReceived >= 10);
  });

  t.test('what the peer says is recorded until it falls silent, by its content', async (t) => {
    const { session, peer } = await leg(t);
    peer.speak(650);
    await peer.hear(3);
    const path = join(folder, 'peer.wav');
    const recording = session.record({ path, what: 'peer', maxMs: 10_000, silenceMs: 300 });
    await peer.hear(30);
    t.ok(existsSync(`${path}.part`), 'not there before it is whole');
    peer.speak(0);
    const end = await recording.ended;
    t.match(end, { kind: 'recorded', by: 'silence' });
    t.ok(end.durationMs >= 500 && end.durationMs <= 900, `${end.durationMs} ms`);
    const { pcm, channels, rate } = readWav(readFileSync(path));
    t.same([channels, rate, pcm.length], [1, 8000, end.durationMs * 8]);
    t.ok(toneShare(pcm.subarray(1600, 4000), 650) > 0.95, 'the tone survives');
    t.notOk(existsSync(`${path}.part`));
  });

  t.test(
    'both sides are recorded, without what is said in a pause; a key or the length ends it',
    async (t) => {
      const a = await leg(t);
      const b = await leg(t, { near: a.session });
      engine.bridge(a.session, b.session);
      a.peer.speak(500);
      b.peer.speak(1600);
      await Promise.all([b.peer.hearTone(500), a.peer.hearTone(1600)]);
      const path = join(folder, 'both.wav');
      const recording = a.session.record({ path, what: 'both', maxMs: 10_000, terminators: '#' });
      await a.peer.hear(25);
      recording.pause();
      a.peer.speak(2500);
      await a.peer.hear(25);
      a.peer.speak(500);
      // Longer than the recording can lag behind.
      await a.peer.hear(20);
      recording.resume();
      await a.peer.hear(25);
      a.peer.press('#');
      const end = await recording.ended;
      t.match(end, { kind: 'recorded', by: 'key', key: '#' });
      const { pcm, channels } = readWav(readFileSync(path));
      t.equal(channels, 2);
      const side = (index: number): Int16Array => pcm.filter((_, at) => at % 2 === index).subarray(1600);
      // A machine that stands still loses packets.
      t.ok(toneShare(side(0), 500) > 0.6, 'the peer left');
      t.ok(toneShare(side(1), 1600) > 0.6, 'its partner right');
      t.ok(toneShare(side(0), 2500) < 0.02, 'not what was said in the pause');
      const short = a.session.record({
        path: join(folder, 'short.wav'),
        what: 'peer',
        maxMs: 100,
        beep: true,
      });
      t.match(await short.ended, { kind: 'recorded', by: 'max', durationMs: 100 });
      const nowhere = a.session.record({ path: join(folder, 'no', 'such.wav'), what: 'peer', maxMs: 1000 });
      t.match(await nowhere.ended, { kind: 'failed', by: 'disk' });
      const last = a.session.record({ path: join(folder, 'last.wav'), what: 'peer', maxMs: 10_000 });
      await a.peer.hear(10);
      a.session.close();
      t.match(await last.ended, { kind: 'recorded', by: 'closed' });
      t.ok(existsSync(join(folder, 'last.wav')));
    },
  );

  t.test(
    'a recording that finds the disk full ends as that, and its file is closed',
    { skip: existsSync('/dev/full') && existsSync('/proc/self/fd') ? false : 'no /dev/full here' },
    async (t) => {
      const { session, peer } = await leg(t);
      const path = join(folder, 'full.wav');
      symlinkSync('/dev/full', `${path}.part`);
      const recording = session.record({ path, what: 'peer', maxMs: 5000 });
      peer.speak(500);
      t.match(await recording.ended, { kind: 'failed', by: 'disk' });
      const openOnes = (): number =>
        readdirSync('/proc/self/fd').filter((fd) => {
          try {
            return readlinkSync(`/proc/self/fd/${fd}`) === '/dev/full';
          } catch {
            return false;
          }
        }).length;
      for (let look = 0; look < 100 && openOnes() > 0; look++) await new Promise((r) => setTimeout(r, 10));
      t.equal(openOnes(), 0);
    },
  );

  t.test('digits go out as was agreed: as events, or as tones that are heard as digits again', async (t) => {
    const a = await leg(t);
    await a.session.sendDigits('15#', { toneMs: 80, gapMs: 60 });
    await a.peer.until(() => a.peer.seen.filter(({ pt }) => pt === 101).length >= 18, 'the events');
    const events = a.peer.seen.filter(({ pt }) => pt === 101);
    t.same([...new Set(events.map(({ payload }) => payload[0]))], [1, 5, 11]);
    t.equal(new Set(events.map(({ timestamp }) => timestamp)).size, 3, 'a timestamp each');
    t.equal(events.filter(({ payload }) => (payload[1]! & 0x80) !== 0).length, 9, 'each end thrice');
    t.equal(events.filter(({ marker }) => marker).length, 3);
    // Two legs without telephone-event: the tones of one are the digits of the other.
    const b = await leg(t, { sdp: { pts: '0', maps: [] } });
    const c = await leg(t, { sdp: { pts: '0', maps: [] } });
    b.peer.aim(c.ours);
    const pump = setInterval(() => {
      for (const packet of b.peer.seen.splice(0)) c.peer.frame(packet.payload);
    }, 5);
    t.teardown(() => clearInterval(pump));
    await b.session.sendDigits('2580*');
    await c.peer.until(() => c.digits.length === 5, 'the digits');
    t.same(c.digits, ['2', '5', '8', '0', '*']);
  });

  t.test(
    'an event reaches a partner that counts time otherwise, and one that takes none hears a tone',
    async (t) => {
      const a = await leg(t, { sdp: { pts: '0 101', maps: ['101 telephone-event/8000'] } });
      const maps = ['96 opus/48000/2', '97 telephone-event/48000'];
      const b = await leg(t, { sdp: { pts: '96 97', maps }, like: b48(maps), near: a.session });
      engine.bridge(a.session, b.session);
      a.peer.press('9');
      await b.peer.until(() => b.peer.seen.filter(({ pt }) => pt === 97).length >= 8, 'the event');
      const events = b.peer.seen.filter(({ pt }) => pt === 97);
      t.equal(events.at(-1)!.payload.readUInt16BE(2), 4800, 'its length in their clock');
      t.equal(new Set(events.map(({ timestamp }) => timestamp)).size, 1);
      const c = await leg(t, { sdp: { pts: '0', maps: [] }, near: a.session });
      engine.bridge(a.session, c.session);
      a.peer.press('9');
      await c.peer.until(
        () => c.peer.seen.some((packet) => c.peer.pcm([packet]).some((s) => s > 3000)),
        'a tone',
      );
    },
  );

  t.test(
    'on hold nothing is sent and no time-out comes; a peer that falls silent otherwise is told of once',
    async (t) => {
      let timeouts = 0;
      const on = { timeout: () => timeouts++ };
      const { session, peer, ours } = await leg(t, { rtpTimeoutMs: 300, on });
      peer.speak(500);
      await peer.hear(3);
      const held = session.answer(peer.sdp({ direction: 'inactive', version: 2 }));
      t.match(held, /a=inactive/);
      t.equal(session.held, true);
      t.equal(/^m=.*$/m.exec(held)![0], /^m=.*$/m.exec(ours)![0], 'the same port');
      peer.hush();
      const before = peer.seen.length;
      const still = session.play([tone(500, 400)]);
      t.match(await still.ended, { kind: 'done' });
      t.ok(peer.seen.length <= before + 2, 'quiet');
      t.equal(timeouts, 0);
      session.answer(peer.sdp({ version: 3 }));
      t.equal(session.held, false);
      await peer.hear(3);
      await peer.until(() => timeouts === 1, 'the time-out');
      t.equal(session.closed, false);
    },
  );

  t.test('three in a room hear the others but not themselves, within their roles', async (t) => {
    const a = await leg(t);
    const b = await leg(t, { sdp: { pts: '8 101' }, near: a.session });
    const c = await leg(t, { near: a.session });
    a.peer.speak(500);
    b.peer.speak(1000, { law: 'a' });
    c.peer.speak(2000);
    const mix = engine.mix();
    mix.set({ session: a.session });
    mix.set({ session: b.session });
    mix.set({ session: c.session });
    const hears = (one: Leg): string =>
      [500, 1000, 2000].filter((hz) => toneShare(one.peer.pcm(one.peer.seen.slice(-5)), hz) > 0.2).join();
    const all = async (expected: string[]): Promise<void> => {
      const now = (): string[] => [a, b, c].map(hears);
      await a.peer
        .until(() => now().join(' ') === expected.join(' '), expected.join(' '))
        .catch(() => t.same(now(), expected));
    };
    await all(['1000,2000', '500,2000', '500,1000']);
    mix.set({ session: c.session, heardBy: 'none' });
    await all(['1000', '500', '500,1000']);
    mix.set({ session: c.session, heardBy: [b.session] });
    await all(['1000', '500,2000', '500,1000']);
    mix.set({ session: c.session, hears: 'none', heardBy: 'all' });
    await all(['1000,2000', '500,2000', '']);
    const digits = a.digits.length;
    a.peer.press('4');
    await a.peer.until(() => a.digits.length === digits + 1, 'a digit in the room');
    for (const one of [a, b, c]) one.peer.speak(0);
    await all(['', '', '']);
    const announcement = mix.play([tone(800, 400)]);
    await Promise.all([a.peer.hearTone(800), b.peer.hearTone(800)]);
    t.match(await announcement.ended, { kind: 'done', playedMs: 400 });
    engine.bridge(a.session, b.session);
    a.peer.speak(500);
    await b.peer.hearTone(500);
    mix.remove(c.session);
    await c.peer.hearTone(0);
    mix.close();
    t.match(await mix.play([tone(800, 400)]).ended, { kind: 'closed' });
  });

  t.test('packets sprayed from elsewhere from the start are neither heard nor answered', async (t) => {
    const stranger = await RtpPeer.open('127.0.0.2');
    const neighbour = await RtpPeer.open();
    t.teardown(() => {
      stranger.close();
      neighbour.close();
    });
    const peer = await RtpPeer.open();
    const digits: string[] = [];
    const session = await engine.open(
      { callId: 'attack', address: ADDRESS },
      { digit: (digit) => digits.push(digit) },
    );
    t.teardown(() => {
      session.close();
      peer.close();
    });
    const offer = session.offer();
    for (const one of [peer, stranger, neighbour]) one.aim(offer);
    stranger.speak(2000);
    neighbour.speak(2000);
    stranger.press('6');
    session.answered(peer.sdp());
    // Heard all the while: who sits in a bridge with it.
    const other = await leg(t, { near: session });
    engine.bridge(session, other.session);
    other.peer.speak(800);
    await peer.hearTone(800);
    // The real one speaks: it is heard at once.
    peer.speak(500);
    await other.peer.hearTone(500);
    stranger.press('7');
    neighbour.press('8');
    await other.peer.hear(20);
    t.same(digits, []);
    t.equal(stranger.packetsHeard, 0, 'a stranger is not answered');
    t.equal(neighbour.packetsHeard, 0, 'nor another port');
    t.ok(
      other.peer.seen.every((packet) => toneShare(other.peer.pcm([packet]), 2000) < 0.3),
      'not heard',
    );
    t.ok((await session.stats()).refused > 20);
    // Nor does falling silent make room, after somebody has proved to be the peer.
    peer.hush();
    await peer.hear(30);
    t.equal(stranger.packetsHeard + neighbour.packetsHeard, 0);
  });

  t.test('a peer behind NAT is found by what it sends, from where its signalling comes', async (t) => {
    const { session, peer } = await leg(t, { sdp: { address: '10.1.2.3' }, signalledFrom: '127.0.0.1' });
    const stranger = await RtpPeer.open('127.0.0.2');
    t.teardown(() => stranger.close());
    stranger.target = peer.target;
    stranger.speak(2000);
    peer.speak(500);
    session.play([tone(1250, 400)], { times: 0 });
    await peer.hearTone(1250);
    t.equal(stranger.packetsHeard, 0);
    // A new address opens the window again.
    const moved = await RtpPeer.open();
    t.teardown(() => moved.close());
    moved.aim(session.answer(moved.sdp({ version: 2 })));
    await moved.hearTone(1250);
  });

  t.test('garbage is harmless', async (t) => {
    const { session, peer } = await leg(t);
    peer.speak(500);
    await peer.hear(5);
    let seed = 7;
    const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff);
    for (let count = 0; count < 400; count++) {
      const data = Buffer.from(Array.from({ length: random() % 80 }, () => random() & 0xff));
      // Half of them look like RTP with agreed payload types, or RTCP, at first sight.
      if (count % 2 === 0 && data.length > 1) {
        data[0] = 0x80 | (random() & 0x3f);
        data[1] = [0, 101, 200, 201, 13][random() % 5]!;
      }
      peer.raw(data);
      peer.rawRtcp(data);
    }
    session.play([tone(800, 200)], { times: 0 });
    await peer.hearTone(800);
    t.ok((await session.stats()).packetsReceived > 5);
  });

  t.test('video and fax lines are handed on as they come', async (t) => {
    const video = (port: number, pts: string, extra = ''): string =>
      `m=video ${port} RTP/AVP ${pts}\r\n${extra}`;
    const a = await RtpPeer.open();
    const b = await RtpPeer.open();
    const [av, bv] = [await RtpPeer.open(), await RtpPeer.open()];
    t.teardown(() => [a, b, av, bv].forEach((peer) => peer.close()));
    const offerA = a.sdp() + video(av.port, '97', 'a=rtpmap:97 H264/90000\r\n');
    const sa = await engine.open({ callId: 'video', address: ADDRESS }, {});
    const sb = await engine.open({ callId: 'video', address: ADDRESS, near: sa }, {});
    t.teardown(() => [sa, sb].forEach((session) => session.close()));
    const offerB = sb.offer({ like: offerA });
    const answerB = b.sdp() + video(bv.port, '97', 'a=rtpmap:97 H264/90000\r\n');
    sb.answered(answerB);
    const answerA = sa.answer(offerA, { like: answerB });
    engine.bridge(sa, sb);
    const port = (sdp: string): number => Number(/^m=video (\d+)/m.exec(sdp)![1]);
    t.ok(port(answerA) > 0 && port(offerB) > 0, answerA);
    av.target = { address: ADDRESS, port: port(answerA) };
    const frame = Buffer.alloc(1000, 0x42);
    const sending = setInterval(() => av.raw(av.packet(frame, 97, 9000, true)), 20);
    t.teardown(() => clearInterval(sending));
    await bv.until(() => bv.seen.length > 2, 'video');
    const packet = bv.seen.at(-1)!;
    t.equal(packet.ssrc, av.ssrc);
    t.same(packet.payload, frame);
    // The line turns into a fax.
    const fax = (peer: RtpPeer): string =>
      `v=0\r\no=peer 1 2 IN IP4 ${ADDRESS}\r\ns=-\r\nc=IN IP4 ${ADDRESS}\r\nt=0 0\r\nm=image ${peer.port} udptl t38\r\n`;
    sb.offer({ like: fax(a) });
    sb.answered(fax(b));
    a.aim(offerB);
    const answer = sa.answer(fax(a), { like: fax(b) });
    a.target = { address: ADDRESS, port: Number(/^m=image (\d+)/m.exec(answer)![1]) };
    const ifp = Buffer.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    const from = b.seen.length;
    const faxing = setInterval(() => a.raw(ifp), 20);
    t.teardown(() => clearInterval(faxing));
    await b.until(
      () => b.seen.slice(from).some(({ pt, payload }) => pt === 1 && payload.length === 4),
      'fax',
    );
  });

  t.test('no session is opened on an address that is not ours, nor while it drains', async (t) => {
    await t.rejects(engine.open({ callId: 'x', address: '203.0.113.9' }, {}), { code: 'MEDIA_UNAVAILABLE' });
    await t.rejects(engine.open({ callId: 'x', address: 'example.com' }, {}), { code: 'MEDIA_UNAVAILABLE' });
    const { session } = await leg(t);
    t.throws(() => session.answer('nonsense'), { code: 'MEDIA_NOT_ACCEPTABLE' });
    const busy = session.play([tone(500, 5000)]);
    const collecting = session.collect(entry);
    engine.drain();
    await t.rejects(engine.open({ callId: 'x', address: ADDRESS }, {}), { code: 'MEDIA_UNAVAILABLE' });
    await engine.stop();
    t.match(await busy.ended, { kind: 'closed' });
    t.match(await collecting.ended, { kind: 'closed' });
    t.equal(session.closed, true);
  });
}

/** A partner that speaks Opus with events at its clock. */
function b48(maps: readonly string[]): string {
  return `v=0\r\no=x 1 1 IN IP4 ${ADDRESS}\r\ns=-\r\nc=IN IP4 ${ADDRESS}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 96 97\r\n${maps.map((map) => `a=rtpmap:${map}\r\n`).join('')}`;
}
