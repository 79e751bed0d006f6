import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Clip, CollectSpec, MediaEngine, MediaSession, SessionEvents } from '../../src/media/index.js';
import { RtpPeer } from './rtp-peer.js';

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
    test.teardown(() => {
      session.close();
      peer.close();
    });
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
      const heard = [0, 14, 20, 34].map((index) => peer.pcm(prompt.slice(Math.max(0, index - 4), index + 1)));
      t.equal(heard.length, 4);
      t.equal(peer.pcm(prompt.slice(0, 15)).length, 2400);
      for (const [index, packet] of packets.entries()) {
        if (index === 0) continue;
        const before = packets[index - 1]!;
        t.equal((packet.sequence - before.sequence) & 0xffff, 1, 'sequence');
        t.equal((packet.timestamp - before.timestamp) >>> 0, 160, 'timestamp');
        t.equal(packet.ssrc, before.ssrc, 'one source');
      }
      const { dominantTone } = await import('./rtp-peer.js');
      t.equal(dominantTone(peer.pcm(prompt.slice(0, 15))), 500);
      t.equal(dominantTone(peer.pcm(prompt.slice(15, 20))), 0);
      t.equal(dominantTone(peer.pcm(prompt.slice(20, 35))), 1000);
    },
  );

  t.test('an offer of ours is answered, and the prompt arrives in the law that was chosen', async (t) => {
    const peer = await RtpPeer.open();
    const session = await engine.open({ callId: 'offer', address: ADDRESS }, {});
    t.teardown(() => {
      session.close();
      peer.close();
    });
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
    const { sessions } = engine.load();
    session.close();
    session.close();
    t.equal(engine.load().sessions, sessions - 1);
    t.ok((await session.stats()).packetsReceived >= 10);
  });
}
