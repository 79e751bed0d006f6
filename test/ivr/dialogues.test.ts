import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { silentLogger } from '../../src/base/logger.js';
import type { SurveyAnswer } from '../../src/model/index.js';
import {
  announceCaller,
  createAnnouncements,
  createDialMatcher,
  createIvr,
  type Ivr,
  type MenuSpec,
} from '../../src/ivr/index.js';
import type { PromptRequest } from '../../src/media/index.js';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.js';
import {
  createFakeSession,
  ending,
  fakePrompts,
  type FakeSession,
  type FakeSessionOptions,
  react,
  type Reaction,
} from './fake-session.js';

const file = (name: string): PromptRequest => ({ kind: 'file', file: name });

interface House {
  readonly clock: FakeClock;
  readonly session: FakeSession;
  readonly ivr: Ivr;
  readonly answers: SurveyAnswer[];
  readonly leave: AbortController;
  /** Carries a dialogue to its end, with a person who reacts. */
  run<End>(
    start: (ivr: Ivr, session: FakeSession, signal: AbortSignal) => Promise<End>,
    ...reactions: Reaction[]
  ): Promise<End>;
}

function house(options: Omit<FakeSessionOptions, 'clock'> = {}, prompts = fakePrompts): House {
  const clock = createFakeClock();
  const session = createFakeSession({ clock, ...options });
  const answers: SurveyAnswer[] = [];
  const leave = new AbortController();
  const ivr = createIvr({
    prompts,
    clock,
    logger: silentLogger,
    newId: () => `id-${answers.length}`,
    answers: {
      add: (answer) => {
        answers.push(answer);
        return Promise.resolve();
      },
    },
  });
  return {
    clock,
    session,
    ivr,
    answers,
    leave,
    async run(start, ...reactions) {
      const left = react(session, clock, reactions);
      const end = await ending(start(ivr, session, leave.signal), session, clock);
      if (left.length > 0) throw new Error(`never heard: ${left[0]![0]}; but ${session.names.join(' ')}`);
      return end;
    },
  };
}

const MENU: MenuSpec = {
  prompt: [file('menu')],
  keys: ['1', '2', '10', '*', '#'],
  attempt: 1,
  bargeIn: true,
  timeoutMs: 5000,
  digitTimeoutMs: 2000,
};

t.test('a menu: keys, long keys, extensions, nothing, and what is not offered', async (t) => {
  const menu = async (spec: Partial<MenuSpec>, ...reactions: Reaction[]): Promise<unknown> =>
    house().run((ivr, session, signal) => ivr.menu(session, { ...MENU, ...spec }, signal), ...reactions);
  t.same(await menu({}, ['menu', '2']), { kind: 'done', digits: '2' });
  t.same(await menu({}, ['menu', '1']), { kind: 'done', digits: '1' }, 'the time between digits decides');
  t.same(await menu({}, ['menu', '10']), { kind: 'done', digits: '10' });
  t.same(await menu({}, ['menu', '#']), { kind: 'done', digits: '#' }, 'a key as any other where it is one');
  t.same(await menu({ keys: ['1', '10'] }, ['menu', '1#']), { kind: 'done', digits: '1' }, 'else it ends');
  t.same(await menu({ keys: ['1'] }, ['menu', '#']), { kind: 'invalid', digits: '' });
  t.same(await menu({}), { kind: 'no-input' });
  t.same(await menu({}, ['menu', '9']), { kind: 'invalid', digits: '9' });
  t.same(await menu({}, ['menu', 'hang-up']), { kind: 'closed' });
  const extensions = createDialMatcher(['100', { lo: '200', hi: '299' }, 'front-desk']);
  t.same(await menu({ extensions }, ['menu', '2']), { kind: 'done', digits: '2' });
  t.same(await menu({ extensions }, ['menu', '255']), { kind: 'done', digits: '255' });
  t.same(await menu({ extensions }, ['menu', '3']), { kind: 'invalid', digits: '3' }, 'at once');
  t.same(await menu({ extensions }, ['menu', '25']), { kind: 'invalid', digits: '25' });
});

t.test('barge-in and type-ahead are as the menu says', async (t) => {
  const deaf = house();
  const menu = (spec: Partial<MenuSpec>) => (ivr: Ivr, session: FakeSession, signal: AbortSignal) =>
    ivr.menu(session, { ...MENU, ...spec }, signal);
  t.same(
    await deaf.run(menu({ bargeIn: false }), ['menu', '2'], ['menu', '3']).catch(() => 'only one prompt'),
    'only one prompt',
  );
  const patient = house();
  patient.clock.after(2500, () => patient.session.press('2'));
  t.same(await patient.run(menu({ bargeIn: false }), ['menu', '1']), { kind: 'done', digits: '2' });
  const hasty = house();
  hasty.session.press('2');
  t.same(await hasty.run(menu({})), { kind: 'done', digits: '2' });
  t.same(hasty.session.names, [], 'who knows the way hears nothing');
  const second = house();
  second.session.press('2');
  t.same(
    await second.run(menu({ attempt: 2 })),
    { kind: 'no-input' },
    'the rest of a wrong entry is forgotten',
  );
});

t.test('prompts that fail, hang or are not there leave the dialogue going', async (t) => {
  const menu = (ivr: Ivr, session: FakeSession, signal: AbortSignal): Promise<unknown> =>
    ivr.menu(session, MENU, signal);
  const failing = house({}, { resolve: () => Promise.reject(new Error('no')) });
  t.same(await failing.run(menu), { kind: 'no-input' });
  const throwing = house({}, { resolve: () => { throw new Error('no'); } }); // prettier-ignore
  t.same(await throwing.run(menu), { kind: 'no-input' });
  const hanging = house({}, { resolve: () => new Promise(() => undefined) });
  t.same(await hanging.run(menu), { kind: 'no-input' });
  const none = house({}, { resolve: () => Promise.resolve([]) });
  t.same(await none.run((ivr, session, signal) => ivr.play(session, { prompt: file('x') }, signal)), {
    kind: 'done',
    skipped: true,
  });
});

t.test('playing, waiting, and the busy tone take their time', async (t) => {
  const h = house();
  t.same(
    await h.run((ivr, session, signal) =>
      ivr.play(session, { prompt: [file('a'), file('b')], times: 2 }, signal),
    ),
    {
      kind: 'done',
      skipped: false,
    },
  );
  t.same(h.session.names, ['a', 'b', 'a', 'b']);
  let from = h.clock.now();
  t.same(await h.run((ivr, session, signal) => ivr.wait(session, { ms: 7000 }, signal)), { kind: 'done' });
  t.ok(h.clock.now() - from >= 7000 && h.clock.now() - from < 7100);
  from = h.clock.now();
  await h.run((ivr, session, signal) => ivr.busyTone(session, signal));
  t.ok(h.clock.now() - from >= 10_000 && h.clock.now() - from < 10_100);
  t.same(
    await h.run((ivr, session, signal) => ivr.wait(session, { ms: 60_000 }, signal), ['silence', 'hang-up']),
    { kind: 'closed' },
  );
});

t.test('an entry: its end, its length, and secrets', async (t) => {
  const shown: string[] = [];
  const entry = {
    prompt: [file('number')],
    minDigits: 3,
    maxDigits: 5,
    end: '#',
    timeoutMs: 5000,
    digitTimeoutMs: 3000,
  };
  const collect = async (...reactions: Reaction[]): Promise<unknown> =>
    house().run((ivr, session, signal) => ivr.collect(session, entry, signal), ...reactions);
  t.same(await collect(['number', '1234#']), { kind: 'done', digits: '1234' });
  t.same(await collect(['number', '12345678']), { kind: 'done', digits: '12345' });
  t.same(await collect(['number', '123']), { kind: 'done', digits: '123' });
  t.same(await collect(['number', '12#']), { kind: 'invalid', digits: '12' });
  t.same(await collect(['number', '#']), { kind: 'invalid', digits: '' });
  t.same(await collect(), { kind: 'no-input' });
  const hide = (): (() => void) => {
    shown.push('hidden');
    return () => shown.push('shown');
  };
  await house().run(
    (ivr, session, signal) => ivr.collect(session, { ...entry, hide }, signal),
    ['number', 'hang-up'],
  );
  t.same(shown, ['hidden', 'shown'], 'recordings go on, also when the caller hangs up');
});

t.test('a message is recorded, and what is too short is not one', async (t) => {
  const folder = t.testdir();
  const record = (path: string) => (ivr: Ivr, session: FakeSession, signal: AbortSignal) =>
    ivr.recordMessage(
      session,
      { prompt: [file('speak')], path, maxMs: 20_000, silenceMs: 5000, end: '#' },
      signal,
    );
  const speak = (ms: number) => (session: FakeSession) => session.speak(ms);
  const path = join(folder, 'new', 'message.wav');
  const h = house();
  t.same(await h.run(record(path), ['beep', speak(4000), 300]), {
    kind: 'recorded',
    path,
    durationMs: 4100,
    hungUp: false,
  });
  t.same(h.session.names, ['speak', 'beep']);
  t.equal(statSync(path).size, 44 + 4100 * 16);
  t.match(await house().run(record(path), ['beep', '#', 2200]), { kind: 'recorded', durationMs: 2000 });
  t.match(await house().run(record(path), ['beep', 'hang-up', 1700]), {
    kind: 'recorded',
    hungUp: true,
    durationMs: 1500,
  });
  t.match(await house().run(record(path), ['beep', speak(60_000), 300]), {
    kind: 'recorded',
    durationMs: 20_000,
  });
  const short = join(folder, 'short.wav');
  t.same(await house().run(record(short), ['beep', '#', 700]), { kind: 'no-input' });
  t.same(await house().run(record(short)), { kind: 'no-input' }, 'nothing but silence');
  t.same(await house().run(record(short), ['beep', 'hang-up', 700]), { kind: 'closed' });
  t.same(await house().run(record(short), ['speak', 'hang-up']), { kind: 'closed' });
  t.notOk(existsSync(short));
  t.same(await house({ diskFull: true }).run(record(short), ['beep', speak(4000), 300]), { kind: 'full' });
  writeFileSync(join(folder, 'file'), '');
  t.same(await house().run(record(join(folder, 'file', 'x.wav'))), { kind: 'full' }, 'no folder can be made');
  const aborted = house();
  const end = aborted.run(record(path), ['beep', () => aborted.leave.abort(), 3200]);
  t.match(await end, { kind: 'recorded', hungUp: true, durationMs: 3000 }, 'ended from outside, it is kept');
});

t.test('a survey asks again, and keeps the answer with its call', async (t) => {
  const spec = {
    survey: 'csat',
    ask: file('ask'),
    digits: 1,
    about: { callId: 'c1', queue: 'sales', agent: '201' },
  };
  const accept = (digits: string): boolean => /^[1-5]$/.test(digits);
  const h = house();
  t.same(
    await h.run(
      (ivr, session, signal) => ivr.survey(session, { ...spec, accept }, signal),
      ['ask', '9'],
      ['ask', '4'],
    ),
    { kind: 'done', digits: '4' },
  );
  t.same(h.session.names, ['ask', 'invalid', 'ask']);
  t.match(h.answers, [{ survey: 'csat', callId: 'c1', queue: 'sales', agent: '201', digits: '4' }]);
  const silent = house();
  t.same(await silent.run((ivr, session, signal) => ivr.survey(session, spec, signal)), { kind: 'no-input' });
  t.same(silent.session.names, ['ask', 'no-input', 'ask', 'no-input', 'ask']);
  t.same(silent.answers, []);
  const nps = house();
  const ten = { ...spec, digits: 2, accept: (digits: string) => Number(digits) <= 10 };
  t.same(await nps.run((ivr, session, signal) => ivr.survey(session, ten, signal), ['ask', '7#']), {
    kind: 'done',
    digits: '7',
  });
});

t.test('whoever answers is asked to take the call, and a machine does not', async (t) => {
  const confirm = async (...reactions: Reaction[]): Promise<unknown> =>
    house().run(
      (ivr, session, signal) => ivr.confirm(session, { name: file('sales'), waitedMs: 125_000 }, signal),
      ...reactions,
    );
  t.same(await confirm(['press-1-to-take', '1']), { kind: 'accepted' });
  t.same(await confirm(['press-1-to-take', '2']), { kind: 'declined' });
  t.same(await confirm(['sales', '1']), { kind: 'accepted' }, 'without hearing it out');
  t.same(await confirm(['press-1-to-take', '7'], ['invalid', () => undefined], ['press-1-to-take', '1']), {
    kind: 'accepted',
  });
  t.same(await confirm(), { kind: 'no-answer' });
  t.same(await confirm(['sales', 'hang-up']), { kind: 'closed' });
  const h = house();
  const taken = h.run(
    (ivr, session, signal) => ivr.confirm(session, {}, signal),
    ['press-1-to-take', () => h.leave.abort()],
  );
  t.same(await taken, { kind: 'closed' }, 'taken elsewhere');
  t.notOk(h.session.busy, 'nothing goes on');
  const names = announceCaller({ name: file('sales'), caller: '12', waitedMs: 125_000 });
  t.same(
    names.map((one) => (one.kind === 'system' ? one.name : one.kind)),
    ['file', 'call-from', '1', '2', 'waited', '2', 'minutes'],
  );
});

t.test('a callback is promised on a number that was confirmed', async (t) => {
  const accept = (digits: string): string | undefined =>
    digits.length >= 7 ? `+1${digits.replace('+1', '')}` : undefined;
  const offer =
    (spec: { caller?: string; asked: boolean }) =>
    (ivr: Ivr, session: FakeSession, signal: AbortSignal): Promise<unknown> =>
      ivr.offerCallback(session, { ...spec, accept }, signal);
  const known = { caller: '+12025550111', asked: false };
  t.same(await house().run(offer(known), ['callback-offer', '1'], ['callback-confirm-number', '1']), {
    kind: 'callback',
    number: '+12025550111',
  });
  t.same(await house().run(offer(known), ['callback-offer', '2']), { kind: 'declined' });
  t.same(await house().run(offer(known)), { kind: 'declined' }, 'nothing pressed: the caller keeps waiting');
  t.same(
    await house().run(
      offer({ caller: '+12025550111', asked: true }),
      ['callback-confirm-number', '2'],
      ['enter-number', '12#'],
      ['invalid', () => undefined],
      ['enter-number', '2025550199#'],
      ['if-correct', '2'],
      ['enter-number', '2025550122#'],
      ['if-correct', '1'],
    ),
    { kind: 'callback', number: '+12025550122' },
  );
  t.same(await house().run(offer({ asked: true }), ['enter-number', 'hang-up']), { kind: 'closed' });
  t.same(
    await house().run(offer({ caller: '12', asked: true })),
    { kind: 'declined' },
    'a number that cannot be called',
  );
});

t.test('a conference opens to its PINs, and to nobody else', async (t) => {
  const pins = [{ pin: '1111', role: 'member' }, { pin: '2222', role: 'moderator' }] as const; // prettier-ignore
  const enter = (some: readonly { pin: string; role: 'member' | 'moderator' }[]) =>
    (ivr: Ivr, session: FakeSession, signal: AbortSignal) =>
      ivr.enterConference(session, { pins: some, open: 'member' }, signal); // prettier-ignore
  const asks: Reaction = ['enter-conference-pin', '9999#'];
  t.same(await house().run(enter(pins), asks, ['enter-conference-pin', '2222#']), {
    kind: 'admitted',
    role: 'moderator',
  });
  t.same(await house().run(enter(pins), asks, asks, asks), { kind: 'refused', outcome: 'invalid' });
  t.same(await house().run(enter(pins)), { kind: 'refused', outcome: 'no-input' }, 'who presses nothing');
  t.same(await house().run(enter([])), { kind: 'admitted', role: 'member' });
  t.same(await house().run(enter(pins), ['enter-conference-pin', 'hang-up']), { kind: 'closed' });
});

t.test('every dialogue settles once, at whatever time the call dies or is taken away', async (t) => {
  const folder = t.testdir();
  const accept = (digits: string): string => digits;
  const all: Record<
    string,
    (ivr: Ivr, session: FakeSession, signal: AbortSignal) => Promise<{ kind: string }>
  > = {
    menu: (ivr, session, signal) => ivr.menu(session, { ...MENU, timeoutMs: 90_000 }, signal),
    play: (ivr, session, signal) => ivr.play(session, { prompt: file('a'), times: 0 }, signal),
    collect: (ivr, session, signal) =>
      ivr.collect(
        session,
        {
          prompt: [file('a')],
          minDigits: 1,
          maxDigits: 9,
          end: '#',
          timeoutMs: 90_000,
          digitTimeoutMs: 90_000,
        },
        signal,
      ),
    record: (ivr, session, signal) =>
      ivr.recordMessage(
        session,
        { prompt: [file('a')], path: join(folder, 'x.wav'), maxMs: 90_000, silenceMs: 0, end: '#' },
        signal,
      ),
    survey: (ivr, session, signal) =>
      ivr.survey(session, { survey: 's', ask: file('a'), digits: 1, about: { callId: 'c' } }, signal),
    wait: (ivr, session, signal) => ivr.wait(session, { ms: 90_000 }, signal),
    busy: (ivr, session, signal) => ivr.busyTone(session, signal),
    confirm: (ivr, session, signal) => ivr.confirm(session, {}, signal),
    callback: (ivr, session, signal) => ivr.offerCallback(session, { asked: true, accept }, signal),
    conference: (ivr, session, signal) =>
      ivr.enterConference(session, { pins: [{ pin: '1', role: 'x' }], open: 'x' }, signal),
  };
  for (const [name, start] of Object.entries(all)) {
    for (const how of ['hang-up', 'abort', 'abort twice']) {
      for (const afterMs of [-1, 0, 50, 1000, 1500, 4000, 9000]) {
        const h = house();
        const end = (): void => {
          if (how === 'hang-up') h.session.close();
          else h.leave.abort();
          if (how === 'abort twice') h.session.close();
        };
        if (afterMs < 0) end();
        else h.clock.after(afterMs, end);
        const { kind } = await h.run(start);
        const kept = name === 'record' && afterMs >= 4000;
        if (kind !== (kept ? 'recorded' : 'closed'))
          t.equal(kind, 'closed', `${name}, ${how} after ${afterMs} ms`);
        if (h.session.busy) t.fail(`${name} goes on, ${how} after ${afterMs} ms`);
        if (h.clock.pending > 0 && afterMs < 0) t.equal(h.clock.pending, 0, `${name} leaves a timer`);
      }
    }
  }
  t.pass('all of them');
});

t.test('ops switch announcements on for a DID or for all, and off', async (t) => {
  const clock = createFakeClock();
  let count = 0;
  const rows = new Map<string, Parameters<Parameters<typeof createAnnouncements>[0]['rows']['put']>[0]>();
  const deps = {
    clock,
    newId: () => `a${count++}`,
    rows: {
      load: () => [...rows.values()].filter((row) => row.endedAt === undefined),
      history: () => [...rows.values()],
      put: (row: Parameters<Parameters<typeof createAnnouncements>[0]['rows']['put']>[0]) => {
        rows.set(row.id, row);
        return Promise.resolve();
      },
    },
  };
  const ops = createAnnouncements(deps);
  const prompt = { kind: 'say', text: 'We know of an outage.' } as const;
  t.equal(ops.announcementFor('+12025550100', clock.now()), undefined);
  const all = await ops.switchOn({ prompt, who: 'kim' });
  const one = await ops.switchOn({
    did: '+12025550100',
    prompt: { kind: 'file', file: 'de/outage.wav' },
    until: clock.now() + 1000,
    who: 'kim',
  });
  t.equal(ops.announcementFor('+12025550100', clock.now())?.id, one.id);
  t.equal(ops.announcementFor('+12025550199', clock.now())?.id, all.id);
  clock.advance(1000);
  t.equal(ops.announcementFor('+12025550100', clock.now())?.id, all.id, 'until its end, exclusive');
  t.equal(
    createAnnouncements(deps).announcementFor(undefined, clock.now())?.id,
    all.id,
    'after a restart as well',
  );
  t.equal(await ops.switchOff(all.id, 'lee'), true);
  t.equal(await ops.switchOff(all.id, 'lee'), false);
  t.equal(ops.announcementFor(undefined, clock.now()), undefined);
  t.match(ops.history()[0], { who: 'kim', endedBy: 'lee' });
  for (const wrong of [
    { prompt: { kind: 'file', file: '../secret.wav' } },
    { prompt: { kind: 'file', file: '/etc/passwd' } },
    { prompt: { kind: 'say', text: ' ' } },
    { prompt, did: 'abc' },
    { prompt, until: clock.now() },
  ] as const)
    await t.rejects(ops.switchOn({ who: 'kim', ...wrong }), { code: 'REQUEST_INVALID' });
});
