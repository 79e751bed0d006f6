import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { systemClock } from '../../src/base/clock.js';
import { newOrderedUuid } from '../../src/base/ids.js';
import { silentLogger } from '../../src/base/logger.js';
import {
  createCommandHook,
  createVoicemail,
  type DepositSpec,
  type MessageHook,
  type RetrieveSpec,
  type Voicemail,
  type VoicemailOptions,
} from '../../src/ivr/index.js';
import type { VoicemailMessage } from '../../src/model/index.js';
import { openStore, type Store } from '../../src/store/index.js';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.js';
import {
  createFakeSession,
  ending,
  fakePrompts,
  type FakeSession,
  react,
  type Reaction,
  writeWav,
} from './fake-session.js';

// The store's timers do not keep a process alive.
const alive = setInterval(() => undefined, 1000);
t.teardown(() => clearInterval(alive));

interface House {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly voicemail: Voicemail;
  /** What phones were told, in turn. */
  readonly lamps: string[];
  readonly folder: string;
  deposit(
    spec: Partial<DepositSpec>,
    ...reactions: Reaction[]
  ): Promise<{ end: { kind: string }; session: FakeSession }>;
  retrieve(
    spec: Partial<RetrieveSpec>,
    ...reactions: Reaction[]
  ): Promise<{ end: { kind: string }; session: FakeSession }>;
  /** What the mailbox 201 holds: `new 2000`, by the length in milliseconds. */
  readonly messages: string[];
}

async function house(
  folder: string,
  more: { options?: VoicemailOptions; hook?: MessageHook; diskFull?: boolean; clock?: FakeClock } = {},
): Promise<House> {
  const clock = more.clock ?? createFakeClock();
  const store = await openStore(
    { path: join(folder, 'trunkline.db'), durability: 'crash', keepRecordsMs: 1e12 },
    { clock: systemClock, logger: silentLogger },
  );
  const lamps: string[] = [];
  const voicemail = createVoicemail({
    folder: join(folder, 'voicemail'),
    rows: store.voicemail,
    state: store.state,
    prompts: fakePrompts,
    clock,
    logger: silentLogger,
    newId: newOrderedUuid,
    waiting: { changed: (mailbox, counts) => lamps.push(`${mailbox} ${counts.new}/${counts.saved}`) },
    ...(more.hook !== undefined && { hook: more.hook }),
    ...(more.options !== undefined && { options: more.options }),
  });
  await voicemail.start();
  const open = (): FakeSession =>
    createFakeSession({
      clock,
      diskFull: more.diskFull ?? false,
      fileMs: (path) => (path.endsWith('.wav') ? 2000 : 500),
    });
  const run = async <End>(session: FakeSession, dialogue: Promise<End>, reactions: Reaction[]) => {
    const left = react(session, clock, reactions);
    const end = await ending(dialogue, session, clock);
    if (left.length > 0) throw new Error(`never heard: ${left[0]![0]}; but ${session.names.join(' ')}`);
    return { end, session };
  };
  const calm = new AbortController().signal;
  return {
    clock,
    store,
    voicemail,
    lamps,
    folder: join(folder, 'voicemail'),
    deposit(spec, ...reactions) {
      const session = open();
      const whole = {
        mailbox: '201',
        maxMs: 60_000,
        tellFull: false,
        from: { callId: 'c1', caller: '+12025550111' },
        ...spec,
      };
      return run(session, voicemail.deposit(session, whole, calm), reactions);
    },
    retrieve(spec, ...reactions) {
      const session = open();
      const pins: Record<string, string> = { '201': '2222', 'front-desk': '4711' };
      const whole = {
        find: (digits: string) => (digits === '100' ? 'front-desk' : digits in pins ? digits : undefined),
        pinOf: (mailbox: string) => pins[mailbox],
        ...spec,
      };
      return run(session, voicemail.retrieve(session, whole, calm), reactions);
    },
    get messages() {
      return voicemail.list('201').map((message) => `${message.state} ${message.durationMs}`);
    },
  };
}

const speak = (ms: number) => (session: FakeSession) => session.speak(ms);
const BEEP_SPEAK: Reaction = ['beep', speak(3000), 200];

t.test('a message is left: greeting, beep, review, and who is told of it', async (t) => {
  const told: VoicemailMessage[] = [];
  const hook: MessageHook = {
    deposited: (message, audio) => {
      told.push(message);
      return existsSync(audio) ? Promise.resolve() : Promise.reject(new Error('no sound'));
    },
  };
  const h = await house(t.testdir(), { hook });
  const kept = await h.deposit({}, BEEP_SPEAK, ['message-review', '1']);
  t.match(kept.end, {
    kind: 'left',
    message: { mailbox: '201', state: 'new', durationMs: 3000, bytes: 48_044 },
  });
  t.same(kept.session.names, ['leave-a-message', 'beep', 'message-review', 'message-kept']);
  t.same(h.messages, ['new 3000']);
  t.same(h.lamps, ['201 1/0']);
  t.match(told, [{ callId: 'c1', caller: '+12025550111' }]);

  const greeting = { kind: 'file', file: 'greeting' } as const;
  const again = await h.deposit(
    { greeting },
    ['greeting', '5', 50],
    ['beep', '#', 4200],
    ['message-review', '2'],
    ['message-review', '3'],
    ['beep', speak(1500), 200],
    ['message-review', '3'],
    ['beep', '#', 500],
    ['message-too-short', () => undefined],
    ['message-review', '1'],
  );
  t.match(again.end, { kind: 'left', message: { durationMs: 1500 } }, 'the last one that was long enough');
  t.ok(again.session.names.filter((name) => name.endsWith('.wav')).length === 1, 'it was listened to');
  t.match(await h.deposit({}, ['beep', 'hang-up', 3200]), {
    end: { kind: 'left', message: { durationMs: 3000 } },
  });
  const during = h.deposit({}, BEEP_SPEAK, ['message-review', '3'], ['beep', 'hang-up', 600]);
  t.match(await during, { end: { kind: 'left', message: { durationMs: 3000 } } }, 'the first one is kept');
  t.match(
    await h.deposit({}, BEEP_SPEAK, ['message-review', () => undefined]),
    { end: { kind: 'left' } },
    'no answer keeps',
  );
  t.match(await h.deposit({ review: false, silenceMs: 2000 }, BEEP_SPEAK), { end: { kind: 'left' } });
  t.equal(h.messages.length, 6);

  for (const nothing of [
    h.deposit({}, ['leave-a-message', 'hang-up']),
    h.deposit({}, ['beep', 'hang-up', 900]),
  ])
    t.match(await nothing, { end: { kind: 'closed' } });
  t.match(await h.deposit({}, ['beep', '#', 900]), { end: { kind: 'no-input' } });
  t.equal(h.messages.length, 6);
  t.equal(readdirSync(join(h.folder, '201')).length, 6, 'no file is left behind');
  t.equal(told.length, 6);
  h.voicemail.stop();
  await h.store.close();
});

t.test('a mailbox that is full takes nothing, and says so where the plan does not', async (t) => {
  const h = await house(t.testdir(), { options: { maxMessages: 2, maxBytes: 300_000 } });
  await h.deposit({}, BEEP_SPEAK, ['message-review', '1']);
  const long = await h.deposit({}, ['beep', speak(60_000), 200], ['message-review', '1']);
  t.match(
    long.end,
    { message: { durationMs: Math.floor((300_000 - 48_044) / 16) } },
    'no longer than there is room',
  );
  const quiet = await h.deposit({});
  t.same([quiet.end, quiet.session.names], [{ kind: 'full' }, []]);
  t.same((await h.deposit({ tellFull: true })).session.names, ['mailbox-full']);
  h.voicemail.stop();
  await h.store.close();
  const broken = await house(t.testdir(), { diskFull: true });
  t.same((await broken.deposit({}, BEEP_SPEAK)).end, { kind: 'full' });
  t.same(broken.messages, []);
  broken.voicemail.stop();
  await broken.store.close();
});

t.test('messages are heard, saved, deleted, taken back and answered by phone', async (t) => {
  const h = await house(t.testdir());
  for (const from of [{ caller: '+12' }, {}, { caller: '+34' }])
    await h.deposit({ from }, BEEP_SPEAK, ['message-review', '1']);
  const [first, second] = h.voicemail.list('201').map((message) => `${message.id}.wav`);
  const login: Reaction[] = [['enter-mailbox', '201#'], ['enter-pin', '2222#']]; // prettier-ignore

  const middle = await h.retrieve({}, ...login, ['mailbox-menu', '1'], [first!, 'hang-up', 500]);
  t.equal(middle.end.kind, 'closed');
  t.same(h.messages, ['new 3000', 'new 3000', 'new 3000'], 'hung up in the middle: it stays new');

  const visit = await h.retrieve(
    {},
    ...login,
    ['mailbox-menu', '1'],
    ['message-menu', '1'],
    [first!, '2'],
    ['message-saved', () => undefined],
    ['an-unknown-caller', '3'],
    ['message-deleted', () => undefined],
    ['message-menu', '*'],
    ['mailbox-menu', '8'],
    ['message-restored', () => undefined],
    ['mailbox-menu', '*'],
    ['goodbye', () => undefined],
  );
  t.same(visit.end, { kind: 'over' });
  t.same(visit.session.names.slice(2, 12), [
    'you-have',
    '3',
    'new-messages',
    'mailbox-menu',
    'message-from',
    'plus',
    '1',
    '2',
    first,
    'message-menu',
  ]);
  t.same(
    h.messages,
    ['saved 3000', 'new 3000', 'saved 3000'],
    'what was deleted came back; what was heard is saved',
  );
  t.same(h.lamps.at(-1), '201 1/2');

  const back = await h.retrieve(
    { mailbox: '201', trusted: true },
    ['mailbox-menu', '1'],
    [second!, '5'],
    ['no-number-to-call', () => undefined],
    ['message-menu', '#'],
    ['no-more-messages', () => undefined],
    ['mailbox-menu', '2'],
    ['message-menu', '3'],
    ['message-menu', '#'],
    ['message-menu', '5'],
  );
  t.match(back.end, { kind: 'call-back', mailbox: '201', number: '+34' });
  t.same(h.messages, ['saved 3000', 'saved 3000'], 'what was deleted is gone once the listener has left');
  t.equal(readdirSync(join(h.folder, '201')).length, 2);
  h.voicemail.stop();
  await h.store.close();
});

t.test(
  'at whatever moment the caller hangs up, every message has its row and its file, and nothing else is left',
  async (t) => {
    const h = await house(t.testdir());
    const review: Reaction[] = [BEEP_SPEAK, ['message-review', '2'], ['message-review', '3'], ['beep', speak(2000), 200], ['message-review', '1']]; // prettier-ignore
    const owner: Reaction[] = [['mailbox-menu', '1'], ['message-menu', '1'], ['message-menu', '3'], ['message-menu', '2'], ['mailbox-menu', '2'], ['message-menu', '#'], ['message-menu', '3']]; // prettier-ignore
    for (let afterMs = 0; afterMs < 45_000; afterMs += 1900) {
      for (const how of ['hang-up', 'abort']) {
        for (const who of ['caller', 'owner']) {
          const session = createFakeSession({ clock: h.clock });
          const leave = new AbortController();
          h.clock.after(afterMs, () => (how === 'abort' ? leave.abort() : session.close()));
          react(session, h.clock, who === 'caller' ? review : owner);
          const left: Promise<{ kind: string }> =
            who === 'caller'
              ? h.voicemail.deposit(
                  session,
                  { mailbox: '201', maxMs: 60_000, tellFull: true, from: { callId: 'c1' } },
                  leave.signal,
                )
              : h.voicemail.retrieve(
                  session,
                  { mailbox: '201', trusted: true, find: () => undefined, pinOf: () => undefined },
                  leave.signal,
                );
          const before = h.messages.length;
          const end = await ending(left, session, h.clock);
          const what = `${who}, ${how} after ${afterMs} ms: ${JSON.stringify(end)}`;
          session.close();
          const files = existsSync(join(h.folder, '201')) ? readdirSync(join(h.folder, '201')).sort() : [];
          const rows = h.store.voicemail
            .page('')
            .map((message) => `${message.id}.wav`)
            .sort();
          if (JSON.stringify(files) !== JSON.stringify(rows)) t.same(files, rows, what);
          if (
            h.store.voicemail
              .page('')
              .some((message) => message.state === 'recording' || message.durationMs < 1000)
          )
            t.fail(`a draft is left: ${what}`);
          if (who === 'caller' && h.messages.length - before !== (end.kind === 'left' ? 1 : 0)) t.fail(what);
          if (who === 'owner' && before - h.messages.length > 3) t.fail(what);
          if (session.busy) t.fail(`it goes on: ${what}`);
        }
      }
    }
    t.ok(h.messages.length > 0);
    h.voicemail.stop();
    await h.store.close();
  },
);

t.test('wrong PINs lock a mailbox for a while, over calls and restarts', async (t) => {
  const folder = t.testdir();
  const clock = createFakeClock();
  const options = { pinAttempts: 4, pinLockMs: 60_000 };
  let h = await house(folder, { options, clock });
  const wrong: Reaction = ['enter-pin', '0000#'];
  const three = await h.retrieve({ mailbox: '201' }, wrong, wrong, wrong);
  t.same(three.end, { kind: 'refused', why: 'wrong' });
  h.voicemail.stop();
  await h.store.close();
  h = await house(folder, { options, clock });
  t.same((await h.retrieve({ mailbox: '201' }, wrong)).end, { kind: 'refused', why: 'locked' });
  t.same(
    (await h.retrieve({ mailbox: '201' }, ['enter-pin', '2222#'])).end,
    { kind: 'refused', why: 'locked' },
    'the right one too',
  );
  clock.advance(60_000);
  t.same((await h.retrieve({ mailbox: '201' }, ['enter-pin', '2222#'])).end, { kind: 'over' });
  t.same((await h.retrieve({ mailbox: '201' }, wrong, ['enter-pin', '2222#'])).end, { kind: 'over' });
  const unknown: Reaction[] = [['enter-mailbox', '999#'], ['enter-pin', '#'], ['no-input', () => undefined], ['enter-mailbox', '999#'], wrong]; // prettier-ignore
  const stranger = await h.retrieve({}, ...unknown, ['wrong-pin', '999#'], wrong);
  t.same(stranger.end, { kind: 'refused', why: 'wrong' }, 'a mailbox that is not there sounds the same');
  t.same(
    (await h.retrieve({}, ['enter-mailbox', '100#'], ['enter-pin', '4711#'])).end,
    { kind: 'over' },
    'by the extension',
  );
  h.voicemail.stop();
  await h.store.close();
});

t.test('the hook is told again until it takes it, and after a restart', async (t) => {
  const folder = t.testdir();
  let tries = 0;
  let works = false;
  const hook: MessageHook = {
    deposited: (_message, _audio, signal) => {
      tries++;
      if (tries === 2)
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('slow'))));
      return works ? Promise.resolve() : Promise.reject(new Error('no'));
    },
  };
  const h = await house(folder, { hook });
  const left = await h.deposit({}, BEEP_SPEAK, ['message-review', '1']);
  const { id } = (left.end as unknown as { message: VoicemailMessage }).message;
  const later = async (ms: number): Promise<void> => {
    h.clock.advance(ms);
    for (let count = 0; count < 20; count++) await turn();
  };
  await later(0);
  t.equal(tries, 1);
  await later(5000);
  t.equal(tries, 2);
  await later(30_000);
  await later(30_000);
  t.equal(tries, 3, 'one that hangs is given up');
  t.equal(h.voicemail.get(id)?.hook, 'pending');
  h.voicemail.stop();
  await later(3_600_000);
  t.equal(tries, 3, 'nothing goes on after the end');
  await h.store.close();
  works = true;
  const next = await house(folder, { hook });
  while (next.voicemail.get(id)?.hook === 'pending') await new Promise((resolve) => setTimeout(resolve, 2));
  t.equal(next.voicemail.get(id)?.hook, 'told');
  next.voicemail.stop();
  await next.store.close();
});

t.test('a command is told of a message, without a shell', async (t) => {
  const out = join(t.testdir(), 'out');
  const message = {
    id: 'm',
    mailbox: '201',
    state: 'new',
    at: 0,
    durationMs: 3400,
    bytes: 1,
    hook: 'pending',
  } as const;
  const calm = new AbortController();
  const script = `const { readFileSync, writeFileSync } = require('node:fs');
    writeFileSync(process.argv[1], process.argv[2] + readFileSync(0, 'utf8'));`;
  const hook = createCommandHook([
    process.execPath,
    '-e',
    script,
    out,
    '{mailbox} {caller} {seconds} $HOME ',
  ]);
  await hook.deposited({ ...message, caller: '"; rm' }, '/x.wav', calm.signal);
  t.match(readFileSync(out, 'utf8'), /^201 "; rm 3 \$HOME \{"event":"voicemail",.*"file":"\/x.wav"\}$/);
  const failing = createCommandHook([process.execPath, '-e', 'console.error("no relay"); process.exit(3)']);
  await t.rejects(failing.deposited(message, '/x.wav', calm.signal), { message: /status 3: no relay/ });
  await t.rejects(createCommandHook(['/no/such/program']).deposited(message, '/x.wav', calm.signal), {
    code: 'ENOENT',
  });
  const slow = createCommandHook([process.execPath, '-e', 'setInterval(() => {}, 1000)']);
  const running = slow.deposited(message, '/x.wav', calm.signal);
  calm.abort();
  await t.rejects(running, { name: 'AbortError' });
});

t.test('after a crash every message has its row and its file', async (t) => {
  const folder = t.testdir();
  const first = await house(folder);
  for (let count = 0; count < 3; count++) await first.deposit({}, BEEP_SPEAK, ['message-review', '1']);
  const [whole, lost] = first.voicemail.list('201');
  const pathOf = (id: string, mailbox = '201'): string => join(first.folder, mailbox, `${id}.wav`);
  rmSync(pathOf(lost!.id));
  const draft = (id: string, mailbox = '201'): Promise<void> =>
    first.store.voicemail.put({
      id,
      mailbox,
      state: 'recording',
      at: 5000,
      durationMs: 0,
      bytes: 0,
      hook: 'pending',
      callId: 'c9',
      caller: '+49',
    });
  // Cut off while it was recorded: header as at its begin.
  await draft('00000000-c0');
  const part = `${pathOf('00000000-c0')}.part`;
  writeWav(pathOf('00000000-c0'), 4000);
  const bytes = readFileSync(pathOf('00000000-c0'));
  rmSync(pathOf('00000000-c0'));
  bytes.writeUInt32LE(0, 40);
  writeFileSync(part, bytes);
  truncateSync(part, 44 + 2500 * 16);
  await draft('00000000-4e');
  writeWav(pathOf('00000000-4e'), 6000);
  writeFileSync(join(first.folder, '201', '00000000-4e.take.part'), 'x');
  await draft('00000000-00');
  await draft('00000000-50');
  writeWav(pathOf('00000000-50'), 500);
  const stray = newOrderedUuid();
  mkdirSync(dirname(pathOf(stray, 'acme%2f2%2e1')), { recursive: true });
  writeWav(pathOf(stray, 'acme%2f2%2e1'), 1500);
  writeFileSync(join(first.folder, '201', 'notes.txt'), 'not ours');
  first.voicemail.stop();
  await first.store.close();

  const h = await house(folder);
  t.same(h.messages.toSorted(), ['new 2500', 'new 3000', 'new 3000', 'new 6000']);
  t.match(h.voicemail.get('00000000-c0'), { caller: '+49', callId: 'c9', bytes: 44 + 2500 * 16 });
  t.equal(readFileSync(pathOf('00000000-c0')).readUInt32LE(40), 2500 * 16, 'its header tells its length');
  t.match(
    h.voicemail.list('acme/2.1'),
    [{ id: stray, durationMs: 1500 }],
    'a file without a row is a message again',
  );
  t.equal(h.voicemail.get(lost!.id), undefined, 'a row without a file is gone');
  t.same(readdirSync(join(h.folder, '201')).length, 5);
  t.same(h.voicemail.audio(whole!.id), { path: pathOf(whole!.id), bytes: whole!.bytes });

  t.equal(await h.voicemail.mark(whole!.id, 'saved'), true);
  t.equal(await h.voicemail.mark('nobody', 'saved'), false);
  t.equal(await h.voicemail.remove('00000000-c0'), true);
  t.equal(await h.voicemail.remove('00000000-c0'), false);
  t.notOk(existsSync(pathOf('00000000-c0')));
  t.same(h.voicemail.mailboxes(), ['201', 'acme/2.1']);
  t.match(h.voicemail.counts('201'), { new: 2, saved: 1 });
  h.voicemail.stop();
  await h.store.close();

  rmSync(h.folder, { recursive: true });
  const unmounted = await house(folder);
  t.equal(unmounted.messages.length, 3, 'the disk of the sounds is missing: no row is given up');
  unmounted.voicemail.stop();
  await unmounted.store.close();
});

t.test('messages past their time are deleted, files and all', async (t) => {
  const h = await house(t.testdir(), { options: { keepMs: 86_400_000 } });
  await h.deposit({}, BEEP_SPEAK, ['message-review', '1']);
  h.clock.advance(20 * 3_600_000);
  await h.deposit({}, BEEP_SPEAK, ['message-review', '1']);
  h.clock.advance(5 * 3_600_000);
  await h.voicemail.sweep();
  t.equal(h.messages.length, 1);
  t.equal(readdirSync(join(h.folder, '201')).length, 1);
  t.equal(h.lamps.at(-1), '201 1/0');
  h.voicemail.stop();
  await h.store.close();
});

t.test('answers, announcements and recordings are kept', async (t) => {
  const path = join(t.testdir(), 'trunkline.db');
  const open = (): Promise<Store> =>
    openStore(
      { path, durability: 'crash', keepRecordsMs: 1e12 },
      { clock: systemClock, logger: silentLogger },
    );
  let store = await open();
  for (const [id, digits] of [
    ['1', '5'],
    ['2', '4'],
    ['3', '5'],
  ] as const)
    // prettier-ignore
    await store.surveyAnswers.add({ id, survey: 'csat', callId: `c${id}`, at: Number(id) * 1000, digits, queue: 'sales' });
  await store.announcements.put({
    id: 'a',
    prompt: { kind: 'say', text: { en: 'x' } },
    since: 5,
    who: 'kim',
  });
  await store.announcements.put({
    id: 'b',
    did: '+1',
    prompt: { kind: 'file', file: 'x' },
    since: 5,
    until: 10,
    who: 'kim',
  });
  const recording = {
    id: 'r',
    callId: 'c1',
    file: 'r.wav',
    what: 'both',
    reason: 'policy',
    startedAt: 7,
    paused: [],
  } as const;
  await store.recordings.put(recording);
  await store.close();
  store = await open();
  t.same([...store.surveyAnswers.distribution({ survey: 'csat' })], [['4', 1], ['5', 2]]); // prettier-ignore
  t.same([...store.surveyAnswers.distribution({ queue: 'sales', since: 2000, until: 3000 })], [['4', 1]]);
  t.same(store.surveyAnswers.list({ agent: '201' }), []);
  t.same(
    store.surveyAnswers.list({}, { before: '3', limit: 1 }).map((one) => one.id),
    ['2'],
  );
  t.match(store.surveyAnswers.ofCall('c1'), [{ digits: '5', at: 1000 }]);
  t.equal(await store.surveyAnswers.sweep(2000), 1);
  t.same(
    store.announcements.load(9).map((one) => one.id),
    ['a', 'b'],
  );
  t.same(store.announcements.load(10), [
    { id: 'a', prompt: { kind: 'say', text: { en: 'x' } }, since: 5, who: 'kim' },
  ]);
  t.equal(store.announcements.history().length, 2);
  t.same(store.recordings.open(), [recording]);
  const ended = { ...recording, endedAt: 20, durationMs: 13, bytes: 99, paused: [{ from: 8, to: 9 }] };
  await store.recordings.put(ended);
  t.same(
    [store.recordings.open(), store.recordings.ofCall('c1'), store.recordings.get('r')],
    [[], [ended], ended],
  );
  t.same(
    [store.recordings.olderThan(7), store.recordings.olderThan(8), store.recordings.list()],
    [[], [ended], [ended]],
  );
  await store.recordings.remove(['r']);
  t.equal(store.recordings.get('r'), undefined);
  await store.close();
});
