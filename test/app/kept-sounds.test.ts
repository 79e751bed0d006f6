import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { apiVoice } from '../../src/app/api-voice.js';
import { createRetention } from '../../src/app/retention.js';
import { newOrderedUuid } from '../../src/base/ids.js';
import { silentLogger } from '../../src/base/logger.js';
import { loadDialplanFiles } from '../../src/dialplan/index.js';
import { createAnnouncements, createVoicemail } from '../../src/ivr/index.js';
import { createPrompts } from '../../src/media/index.js';
import type { CallRecordingRecord } from '../../src/model/index.js';
import type { Binding } from '../../src/registrar/index.js';
import { openStore } from '../../src/store/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';

const DAY = 86_400_000;

/** A WAV of so many seconds, 8 kHz, 16 bit, stereo; cut off: its header tells of no data yet. */
function wav(seconds: number, cutOff = false): Buffer {
  const data = seconds * 32_000;
  const file = Buffer.alloc(44 + data);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(cutOff ? 36 : 36 + data, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(2, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt32LE(32_000, 28);
  file.writeUInt16LE(4, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(cutOff ? 0 : data, 40);
  return file;
}

async function openRooms(folder: string) {
  const clock = createFakeClock();
  const store = await openStore<Binding>(
    { path: join(folder, 'trunkline.db'), durability: 'crash', keepRecordsMs: 400 * DAY },
    { clock, logger: silentLogger },
  );
  // The store groups its writes by the clock.
  const settle = async <T>(work: Promise<T>): Promise<T> => {
    const state = { over: false };
    const done = (): void => {
      state.over = true;
    };
    work.then(done, done);
    while (!state.over) {
      clock.advance(5);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return work;
  };
  return { clock, store, settle };
}

function recording(
  id: string,
  startedAt: number,
  changes: Partial<CallRecordingRecord> = {},
): CallRecordingRecord {
  return {
    id,
    callId: 'call',
    file: join('recordings', id.slice(0, 8), `${id}.wav`),
    what: 'both',
    reason: 'policy',
    startedAt,
    paused: [],
    ...changes,
  };
}

function put(folder: string, file: string, bytes: Buffer): string {
  const path = join(folder, file);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

void t.test('recordings that a crash cut off are made whole, and go when their time is over', async (t) => {
  const folder = t.testdir();
  const { clock, store, settle } = await openRooms(folder);
  t.teardown(() => store.close());
  const options = {
    clock,
    logger: silentLogger,
    folder,
    keepRecordingsMs: 30 * DAY,
    keepAnswersMs: 60 * DAY,
    recordings: store.recordings,
    surveyAnswers: store.surveyAnswers,
  };
  const retention = createRetention(options);
  const start = clock.now();
  const cut = recording('aaaaaaaa-1', start - 5000);
  const whole = recording('bbbbbbbb-1', start - 9000);
  const lost = recording('cccccccc-1', start);
  const astray = recording('dddddddd-1', start, { file: '../../../etc/passwd' });
  const old = recording('eeeeeeee-1', start - 31 * DAY, { endedAt: start - 31 * DAY });
  const running = recording('ffffffff-1', start - 30 * DAY);
  for (const one of [cut, whole, lost, astray, old]) await settle(store.recordings.put(one));
  put(folder, `${cut.file}.part`, wav(3, true));
  put(folder, whole.file, wav(2));
  put(folder, old.file, wav(1));

  await settle(retention.recover());
  t.match(store.recordings.get(cut.id), { durationMs: 3000, bytes: 96_044, endedAt: start - 2000 });
  t.same(readFileSync(join(folder, cut.file)), wav(3), 'its header says now what there is');
  t.match(store.recordings.get(whole.id), { durationMs: 2000, endedAt: start - 7000 });
  t.equal(store.recordings.get(lost.id), undefined);
  t.equal(store.recordings.get(astray.id), undefined);

  const answer = (id: string, at: number) =>
    store.surveyAnswers.add({ id, survey: 'csat', callId: 'call', at, digits: '5' });
  await settle(answer('1', start - 61 * DAY));
  await settle(answer('2', start - 59 * DAY));
  await settle(store.recordings.put(running));
  await settle(retention.sweep());
  t.equal(existsSync(join(folder, old.file)), false);
  t.equal(existsSync(join(folder, old.file, '..')), false, 'nor is the folder of its day there');
  t.equal(store.recordings.get(old.id), undefined);
  t.ok(store.recordings.get(cut.id));
  t.same(
    store.surveyAnswers.list({}).map(({ id }) => id),
    ['2'],
  );
  await settle(store.recordings.remove([running.id]));
  const impatient = createRetention({ ...options, keepRecordingsMs: 1000 });
  impatient.start();
  clock.advance(60_000);
  for (let turn = 0; turn < 500 && store.recordings.list().length > 0; turn++)
    await settle(new Promise<void>((resolve) => setTimeout(resolve, 20)));
  t.same(store.recordings.list(), [], 'the timer does it too');
  t.equal(existsSync(join(folder, cut.file)), false);
  impatient.stop();
});

void t.test('the API reaches mailboxes, announcements, answers and recordings of the rooms', async (t) => {
  const folder = t.testdir({ prompts: {} });
  const { clock, store, settle } = await openRooms(folder);
  t.teardown(() => store.close());
  const { plan } = loadDialplanFiles(
    [
      {
        path: 'main.yaml',
        text: 'numbers: [{ did: "+12025550100", route: busy }]\nmailboxes: { sales: {}, empty: {} }\nsurveys: { csat: { ask: ask.wav, digits: 1 } }\n',
      },
    ],
    { env: () => undefined },
  );
  const prompts = createPrompts({
    folders: [join(folder, 'prompts')],
    systemFolder: join(folder, 'none'),
    cacheFolder: join(folder, 'spoken'),
    sayCommand: ['no-such-program'],
    searchPath: '',
    logger: silentLogger,
    clock,
  });
  const told: string[] = [];
  const voicemail = createVoicemail({
    prompts,
    clock,
    logger: silentLogger,
    folder: join(folder, 'voicemail'),
    rows: store.voicemail,
    state: store.state,
    waiting: { changed: (mailbox, counts) => told.push(`${mailbox} ${counts.new}/${counts.saved}`) },
    newId: newOrderedUuid,
  });
  const announcements = createAnnouncements({ rows: store.announcements, clock, newId: newOrderedUuid });
  const voice = apiVoice({
    media: { voicemail, announcements, prompts },
    store,
    dialplan: {
      current: () => ({
        plan: plan!,
        revision: 1,
        loadedAt: 0,
        warnings: [],
        tests: { passed: 0, failed: 0 },
      }),
    },
    recordingsFolder: folder,
  });
  const message = (id: string, mailbox: string) =>
    store.voicemail.put({ id, mailbox, state: 'new', at: 1, durationMs: 2, bytes: 3, hook: 'told' });
  await settle(message('m1', 'sales'));
  await settle(message('m2', 'acme/former'));
  t.same(voice.mailboxes.list({ limit: 2 }), {
    mailboxes: [
      { name: 'acme/former', new: 1, saved: 0, bytes: 3, inPlan: false },
      { name: 'empty', new: 0, saved: 0, bytes: 0, inPlan: true },
    ],
    next: 'empty',
  });
  t.match(voice.mailboxes.list({ limit: 2, after: 'empty' }), { mailboxes: [{ name: 'sales' }] });
  t.equal(voice.mailboxes.get('nobody'), undefined);
  t.match(voice.mailboxes.messages('sales'), [{ id: 'm1' }]);
  t.equal(voice.messages.audio('m2'), join(folder, 'voicemail', 'acme%2fformer', 'm2.wav'));
  t.equal(await settle(voice.messages.mark('m1', 'saved')), true);
  t.equal(await settle(voice.messages.remove('m2')), true);
  t.same(told, ['sales 0/1', 'acme/former 0/0']);

  const prompt = { kind: 'say', text: 'We know of an outage' } as const;
  await t.rejects(voice.announcements.switchOn({ did: '+12025559999', prompt, who: 'ops' }), {
    code: 'REQUEST_INVALID',
    message: /no number \+12025559999/,
  });
  const { announcement, warnings } = await settle(
    voice.announcements.switchOn({ did: '+12025550100', prompt, who: 'ops' }),
  );
  t.match(warnings, [/cannot be spoken/], 'who switches it on learns that nobody will hear it');
  t.match(voice.announcements.current(), [{ id: announcement.id, who: 'ops' }]);
  t.equal(await settle(voice.announcements.switchOff(announcement.id, 'ops')), true);
  t.match(voice.announcements.history(), [{ endedBy: 'ops' }]);

  t.equal(voice.surveys.has('csat'), true);
  await settle(store.recordings.put(recording('aaaaaaaa-1', 1)));
  await settle(store.recordings.put(recording('bbbbbbbb-1', 1, { file: '../outside.wav' })));
  t.equal(voice.recordings.audio('aaaaaaaa-1'), join(folder, 'recordings/aaaaaaaa/aaaaaaaa-1.wav'));
  t.equal(voice.recordings.audio('bbbbbbbb-1'), undefined, 'no row leads out of the folder');
});
