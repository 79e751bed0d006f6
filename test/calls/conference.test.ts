import t, { type Test } from 'tap';
import { silentLogger } from '../../src/base/logger.js';
import type { Action } from '../../src/dialplan/index.js';
import { createIvr } from '../../src/ivr/index.js';
import type { MediaSession, Mix, MixMember } from '../../src/media/index.js';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.js';
import { fakePrompts } from '../ivr/fake-session.js';
import { createFakeMedia, type FakeCallSession, type FakeMedia } from './fake-media.js';
import { sdp, settled, type FakeCaller } from './fake-signalling.js';
import { createHarness, trunk, type Harness } from './harness.js';

const PLACE = { file: 'main.yaml', line: 7, column: 3 };

type ConferenceAction = Extract<Action, { kind: 'conference' }>;

function conference(changes: Partial<ConferenceAction['conference']> = {}): ConferenceAction {
  const step = { place: PLACE, verb: 'conference', conference: 'board', ifOutcome: {} } as const;
  return {
    kind: 'conference',
    step,
    conference: { name: 'board', place: PLACE, max: 3, record: false, ...changes },
  };
}

/** A mix that moves no packets. */
interface FakeMix extends Mix {
  readonly members: Map<MediaSession, MixMember>;
  readonly played: string[];
  isOpen: boolean;
}

function createFakeMix(): FakeMix {
  const mix: FakeMix = {
    members: new Map(),
    played: [],
    isOpen: true,
    set: (member) => void mix.members.set(member.session, member),
    remove: (session) => void mix.members.delete(session),
    play: (clips) => {
      mix.played.push(clips.map((clip) => (clip.kind === 'tone' ? clip.tone : clip.kind)).join(' '));
      return { ended: Promise.resolve({ kind: 'done', playedMs: 0 }), stop: () => undefined };
    },
    close: () => {
      mix.isOpen = false;
    },
  };
  return mix;
}

interface Scene {
  readonly h: Harness;
  readonly media: FakeMedia;
  readonly clock: FakeClock;
  readonly mixes: FakeMix[];
  readonly near: (string | undefined)[];
}

function open(): Scene {
  const clock = createFakeClock();
  const media = createFakeMedia(clock);
  const mixes: FakeMix[] = [];
  const near: (string | undefined)[] = [];
  const ivr = createIvr({
    prompts: fakePrompts,
    clock,
    logger: silentLogger,
    newId: () => 'id',
    answers: { add: () => Promise.resolve() },
  });
  const { engine } = media.parts;
  const mixing = {
    ...engine,
    open: (...[spec, on]: Parameters<typeof engine.open>) => {
      near.push(spec.near?.id);
      return engine.open(spec, on);
    },
    mix: () => {
      const mix = createFakeMix();
      mixes.push(mix);
      return mix;
    },
  };
  const h = createHarness({
    inTrunk: trunk('acme', { media: 'relay' }),
    deps: { media: { ...media.parts, engine: mixing, ivr } },
  });
  return { h, media, clock, mixes, near };
}

/** Lets time pass for what is played and asked. */
async function pass({ clock }: Scene, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 250) {
    await settled();
    clock.advance(250);
  }
  await settled();
}

interface Member {
  readonly caller: FakeCaller;
  readonly session: FakeCallSession;
  /** Keys pressed in the room. */
  keys(keys: string): void;
}

/** A caller who comes to the door and is answered. */
async function arrive(scene: Scene, action: ConferenceAction, label: string): Promise<Member> {
  const { h, media } = scene;
  h.script.push(action);
  const caller = h.call({ offer: sdp(label), callId: label });
  await settled();
  if (caller.answers.length > 0) caller.ack();
  const session = media.sessions.at(-1)!;
  return {
    caller,
    session,
    keys: (keys) => {
      for (const key of keys) session.on.digit?.(key, 'rfc4733');
    },
  };
}

/** One who has heard the welcome. */
async function enter(scene: Scene, label: string, changes = {}): Promise<Member> {
  const member = await arrive(scene, conference(changes), label);
  await pass(scene, 1250);
  return member;
}

const heardBy = (mix: FakeMix | undefined, { session }: Member): MixMember['heardBy'] | 'nowhere' =>
  mix?.members.has(session) === true ? mix.members.get(session)?.heardBy : 'nowhere';

function lastNames({ session }: Member, count: number): readonly string[] {
  return session.names.slice(-count);
}

function nothingLeft(t: Test, { h, media, mixes }: Scene): void {
  t.equal(h.calls.size, 0, 'no call is left');
  t.same(media.open, [], 'no media session is left');
  t.same(h.held, { calls: 0, legs: 0 }, 'no capacity is held');
  t.notOk(mixes.some(({ isOpen }) => isOpen), 'no room is left'); // prettier-ignore
}

t.test('who is alone is told so and hears music, until somebody comes', async (t) => {
  const scene = open();
  const one = await enter(scene, 'one');
  t.equal(one.caller.answers.length, 1, 'it answers');
  await pass(scene, 1000);
  t.same(lastNames(one, 3), ['joining-conference', 'only-one-in-conference', 'music.wav']);
  const two = await enter(scene, 'two');
  const [mix] = scene.mixes;
  t.equal(scene.mixes.length, 1, 'one room');
  t.same(scene.near, [undefined, 'session-1'], 'members are in one worker');
  t.equal(heardBy(mix, one), 'all');
  t.equal(heardBy(mix, two), 'all');
  t.notOk(one.session.busy, 'the music has stopped');
  t.notOk(two.session.busy);
  t.same(mix?.played, ['beep'], 'all hear that somebody came');
  two.caller.dialog.hangUp();
  await pass(scene, 1250);
  t.same(mix?.played, ['beep', 'beep silence beep'], 'and that somebody left');
  t.equal(lastNames(one, 1)[0], 'music.wav', 'who is left hears music again');
  one.caller.dialog.hangUp();
  nothingLeft(t, scene);
});

t.test('`*6` mutes and unmutes; `*#` leaves, and the plan goes on', async (t) => {
  const scene = open();
  const [one, two] = [await enter(scene, 'one'), await enter(scene, 'two')];
  const [mix] = scene.mixes;
  two.keys('*6');
  t.equal(heardBy(mix, two), 'none');
  await pass(scene, 500);
  t.same(lastNames(two, 1), ['beep'], 'one beep: muted');
  two.keys('*7*6');
  t.equal(heardBy(mix, two), 'all', 'a wrong key is none');
  await pass(scene, 500);
  t.same(lastNames(two, 3), ['beep', 'silence', 'beep'], 'two beeps: heard again');
  two.keys('6#');
  two.keys('*');
  scene.h.clock.advance(5000);
  two.keys('#');
  t.equal(heardBy(mix, two), 'all', 'a star pressed long ago is forgotten');
  two.keys('*5');
  t.equal(heardBy(mix, one), 'all', 'only hosts mute others');
  two.keys('*#');
  await settled();
  t.same(scene.h.results, [{ kind: 'done' }]);
  t.equal(heardBy(mix, two), 'nowhere');
  t.equal(two.caller.dialog.byes.length, 1, 'the plan has no more steps');
  one.caller.dialog.hangUp();
  await settled();
  nothingLeft(t, scene);
});

t.test('the PIN makes members and hosts; hosts mute everybody else, as long as they are there', async (t) => {
  const scene = open();
  const pins = { pin: '1234', hostPin: '9876' };
  const wrong = await arrive(scene, conference(pins), 'wrong');
  for (const digits of ['1', '2', '3']) {
    await pass(scene, 250);
    wrong.session.press(`${digits}#`);
    await pass(scene, 1250);
  }
  await pass(scene, 1500);
  t.same(scene.h.results, [{ kind: 'failed', outcome: 'invalid' }]);
  t.same(scene.mixes, [], 'nobody is in');
  const silent = await arrive(scene, conference(pins), 'silent');
  await pass(scene, 60_000);
  t.same(scene.h.results.at(-1), { kind: 'failed', outcome: 'no-input' });
  t.ok(silent.session.closed);

  const members: Member[] = [];
  for (const [label, pin] of [
    ['guest', '1234#'],
    ['host', '9876#'],
    ['late', '1234#'],
  ] as const) {
    const member = await arrive(scene, conference(pins), label);
    await pass(scene, 250);
    member.session.press(pin);
    if (label === 'host') members[0]!.keys('*5');
    if (label === 'late') members[1]!.keys('*5');
    await pass(scene, 1500);
    members.push(member);
  }
  const [guest, host, late] = members as [Member, Member, Member];
  const [mix] = scene.mixes;
  t.same([guest, host, late].map((member) => heardBy(mix, member)), ['none', 'all', 'none']); // prettier-ignore
  host.caller.dialog.hangUp();
  t.same([guest, host, late].map((member) => heardBy(mix, member)), ['all', 'nowhere', 'all']); // prettier-ignore
  guest.caller.dialog.hangUp();
  late.caller.dialog.hangUp();
  await settled();
  nothingLeft(t, scene);
});

t.test('a full room answers nobody; the place that was lost at the door does', async (t) => {
  const scene = open();
  const two = { max: 2, pin: '1234' };
  const members: Member[] = [];
  for (const label of ['one', 'two', 'three']) members.push(await arrive(scene, conference(two), label));
  const [one, , three] = members as [Member, Member, Member];
  for (const { session } of members) session.press('1234#');
  await pass(scene, 2000);
  t.same(scene.h.results, [{ kind: 'failed', outcome: 'full', answered: true }]);
  t.ok(three.session.closed, 'the third was too slow');
  const fourth = await arrive(scene, conference(two), 'four');
  t.same(scene.h.results.at(-1), { kind: 'failed', outcome: 'full' });
  t.equal(fourth.caller.answers.length, 0);
  one.caller.dialog.hangUp();
  t.ok(scene.h.calls.hangUp('call-2'), 'the API hangs up on one in a room');
  await settled();
  nothingLeft(t, scene);
});

t.test('a caller who hangs up at the door was never in', async (t) => {
  const scene = open();
  const one = await arrive(scene, conference({ pin: '1234' }), 'one');
  await pass(scene, 500);
  one.caller.dialog.hangUp();
  await pass(scene, 30_000);
  t.same(scene.h.results, []);
  nothingLeft(t, scene);
});

t.test('a recorded room is recorded from one seat after the other', async (t) => {
  const scene = open();
  const folder = t.testdir();
  const settings = scene.media.parts.settings.bind(scene.media.parts);
  Object.assign(scene.media.parts, { settings: () => ({ ...settings(), recordings: folder }) });
  const h = createHarness({
    inTrunk: trunk('acme', { media: 'relay' }),
    deps: { media: { ...scene.h.deps.media!, settings: () => ({ ...settings(), recordings: folder }) } },
  });
  const recorded: string[] = [];
  const watched: Scene = { ...scene, h };
  const watch = ({ session }: Member): void => {
    const record = session.record.bind(session);
    session.record = (spec) => {
      recorded.push(session.id);
      return record(spec);
    };
  };
  const members: Member[] = [];
  for (const label of ['one', 'two', 'three']) {
    const member = await arrive(watched, conference({ record: true }), label);
    watch(member);
    await pass(watched, 1500);
    members.push(member);
  }
  const untilRecorded = async (times: number): Promise<void> => {
    while (recorded.length < times) await new Promise((resolve) => setImmediate(resolve));
  };
  await untilRecorded(1);
  t.same(recorded, ['session-1']);
  members[0]!.caller.dialog.hangUp();
  await untilRecorded(2);
  t.same(recorded, ['session-1', 'session-2']);
  members[1]!.caller.dialog.hangUp();
  members[2]!.caller.dialog.hangUp();
  await pass(watched, 500);
  nothingLeft(t, watched);
});
