import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { systemClock } from '../../src/base/clock.js';
import { newOrderedUuid } from '../../src/base/ids.js';
import { silentLogger } from '../../src/base/logger.js';
import { createIvr, createVoicemail, type PromptResolver } from '../../src/ivr/index.js';
import { createAudioCache, createEmbeddedEngine, type MediaSession } from '../../src/media/index.js';
import { readWav } from '../../src/media/codec/wav.js';
import { openStore } from '../../src/store/index.js';
import { dominantTone, RtpPeer } from '../media/rtp-peer.js';

/** What was to be said, in turn. Every prompt is a short ringing tone: these tests are of the time between them. */
const asked: string[] = [];
const prompts: PromptResolver = {
  resolve: (prompt) => {
    const parts = prompt.kind === 'sequence' ? prompt.of : [prompt];
    asked.push(...parts.map((part) => (part.kind === 'system' ? part.name : part.kind)));
    return Promise.resolve(parts.map(() => ({ kind: 'tone', tone: 'ringback', ms: 60 }) as const));
  },
};

/** Waits for something real; a test that never gets there fails by the runner's time-out. */
async function until(met: () => boolean): Promise<void> {
  while (!met()) await delay(10);
}

/** A second and more of the one recording that runs is on disk. */
function recorded(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const part = readdirSync(folder).find((name) => name.endsWith('.part'));
  return part !== undefined && (statSync(join(folder, part), { throwIfNoEntry: false })?.size ?? 0) > 16_044;
}

t.test('the dialogues work over the embedded engine as over the simulated one', async (t) => {
  const folder = t.testdir();
  const engine = createEmbeddedEngine(
    {},
    {
      clock: systemClock,
      logger: silentLogger,
      random: Math.random,
      cache: createAudioCache({ maxBytes: 10_000_000 }),
    },
  );
  await engine.start();
  const store = await openStore(
    { path: join(folder, 'trunkline.db'), durability: 'crash', keepRecordsMs: 1e12 },
    { clock: systemClock, logger: silentLogger },
  );
  const deps = { prompts, clock: systemClock, logger: silentLogger, newId: newOrderedUuid };
  const ivr = createIvr({ ...deps, answers: store.surveyAnswers });
  const voicemail = createVoicemail({
    ...deps,
    folder: join(folder, 'voicemail'),
    rows: store.voicemail,
    state: store.state,
    waiting: { changed: () => undefined },
  });
  await voicemail.start();
  const peers: RtpPeer[] = [];
  t.teardown(async () => {
    for (const peer of peers) peer.close();
    voicemail.stop();
    await engine.stop();
    await store.close();
  });
  const open = async (): Promise<{ session: MediaSession; peer: RtpPeer }> => {
    const peer = await RtpPeer.open();
    peers.push(peer);
    const session = await engine.open({ callId: 'c', address: '127.0.0.1' }, {});
    peer.aim(session.answer(peer.sdp()));
    peer.speak(0);
    return { session, peer };
  };
  const calm = new AbortController().signal;

  const caller = await open();
  const menu = {
    prompt: [{ kind: 'file', file: 'menu' }] as const,
    keys: ['1', '10'],
    attempt: 1,
    bargeIn: true,
    timeoutMs: 3000,
    digitTimeoutMs: 300,
  };
  const first = ivr.menu(caller.session, menu, calm);
  await until(() => caller.peer.packetsHeard > 0);
  caller.session.infoDigit('1');
  t.same(await first, { kind: 'done', digits: '1' });
  t.same(await ivr.menu(caller.session, { ...menu, timeoutMs: 100 }, calm), { kind: 'no-input' });

  const deposit = voicemail.deposit(
    caller.session,
    { mailbox: '201', maxMs: 60_000, tellFull: false, from: { callId: 'c', caller: '+12025550111' } },
    calm,
  );
  caller.peer.speak(650);
  await until(() => recorded(join(folder, 'voicemail', '201')));
  caller.session.infoDigit('#');
  await until(() => asked.at(-1) === 'message-review');
  await delay(10);
  caller.session.infoDigit('2');
  await until(() => asked.filter((name) => name === 'message-review').length === 2);
  await delay(10);
  caller.session.infoDigit('1');
  const left = await deposit;
  if (left.kind !== 'left') throw new Error(`${left.kind} instead of a message`);
  t.ok(left.message.durationMs >= 1000, `${left.message.durationMs} ms`);
  const sound = readWav(readFileSync(voicemail.audio(left.message.id)!.path));
  t.equal(dominantTone(sound.pcm.subarray(1600, 6400)), 650, 'what was said is what is kept');

  const second = voicemail.deposit(
    caller.session,
    { mailbox: '201', maxMs: 60_000, tellFull: false, from: { callId: 'c' } },
    calm,
  );
  await until(() => recorded(join(folder, 'voicemail', '201')));
  caller.session.close();
  t.match(await second, { kind: 'left' }, 'who hangs up has left what was said');
  t.match(voicemail.counts('201'), { new: 2, saved: 0 });

  const owner = await open();
  const visit = voicemail.retrieve(
    owner.session,
    { mailbox: '201', trusted: true, find: () => undefined, pinOf: () => undefined },
    calm,
  );
  owner.session.infoDigit('1');
  await until(() => owner.peer.packetsHeard > 30);
  owner.session.infoDigit('3');
  await until(() => asked.filter((name) => name === 'message-menu').length === 2);
  owner.session.infoDigit('2');
  owner.session.infoDigit('*');
  t.same(await visit, { kind: 'over' });
  t.match(voicemail.counts('201'), { new: 0, saved: 1 });
});
