import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { loadDialplanFiles } from '../../src/dialplan/index.js';
import type { CallRecordingRecord } from '../../src/model/index.js';
import type { MediaSession, MixMember } from '../../src/media/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { createFakeMedia, type FakeCallSession, type FakeMedia } from './fake-media.js';
import { sdp, settled, type FakeAttempt, type FakeCaller } from './fake-signalling.js';
import { connect, createHarness, deviceLeg, group, trunk, type Harness } from './harness.js';

const LOADED = loadDialplanFiles(
  [
    {
      path: 'main.yaml',
      text: 'extensions:\n  "201": { password: secret-201 }\n  "202": { password: secret-202 }\n  "300": { route: { reject: 603 } }\n',
    },
  ],
  { env: () => undefined },
);
if (LOADED.plan === undefined) throw new Error(JSON.stringify(LOADED.diagnostics));
const { plan } = LOADED;

interface Scene {
  readonly h: Harness;
  readonly media: FakeMedia;
  /** Members of the mix there is, by session. */
  readonly members: Map<MediaSession, MixMember>;
  readonly rows: CallRecordingRecord[];
  codec: string;
}

function open(t: Test, recordOnDemand = false): Scene {
  const media = createFakeMedia(createFakeClock());
  const members: Scene['members'] = new Map();
  const rows: CallRecordingRecord[] = [];
  const { engine } = media.parts;
  const settings = { ...media.parts.settings(), recordOnDemand, recordings: t.testdir() };
  const parts: FakeMedia['parts'] = {
    ...media.parts,
    settings: () => settings,
    recordings: {
      put: (row) => {
        rows.push(row);
        return Promise.resolve();
      },
    },
    engine: {
      ...engine,
      open: async (spec, on) => {
        const session = await engine.open(spec, on);
        const stats = session.stats.bind(session);
        session.stats = async () => ({ ...(await stats()), codec: scene.codec });
        return session;
      },
      mix: () => ({
        set: (member) => {
          engine.unbridge(member.session);
          members.set(member.session, member);
        },
        remove: (session) => void members.delete(session),
        play: () => ({ ended: Promise.resolve({ kind: 'done', playedMs: 0 }), stop: () => undefined }),
        close: () => members.clear(),
      }),
    },
  };
  const h = createHarness({ plan, inTrunk: trunk('acme', { media: 'relay' }), deps: { media: parts } });
  const scene: Scene = { h, media, members, rows, codec: 'PCMU/8000' };
  return scene;
}

async function talk({ h }: Scene): Promise<{ caller: FakeCaller; attempt: FakeAttempt }> {
  h.script = [connect([group([deviceLeg('201')])])];
  const caller = h.call({ offer: sdp('caller'), callId: 'caller' });
  await settled();
  const attempt = h.signalling.attempts.at(-1)!;
  attempt.answer(sdp('201'));
  await settled();
  caller.ack();
  return { caller, attempt };
}

const SUPERVISOR = { extension: '202', mode: 'listen' } as const;

async function supervise(scene: Scene, mode: 'listen' | 'whisper' | 'barge'): Promise<FakeAttempt> {
  const { h } = scene;
  t.same(h.calls.supervise('call-1', { extension: '202', mode }), { kind: 'ringing' });
  await settled();
  const attempt = h.signalling.attempts.at(-1)!;
  attempt.answer(sdp('202'));
  await settled();
  return attempt;
}

const heardBy = ({ members, media }: Scene): unknown[] =>
  media.sessions.map((session) => {
    const member = members.get(session);
    const { heardBy: by = 'all' } = member ?? {};
    return member === undefined ? 'nowhere' : typeof by === 'string' ? by : by.map(({ id }) => id);
  });

function press(session: FakeCallSession | undefined, keys: string): void {
  for (const key of keys) session?.on.digit?.(key, 'rfc4733');
}

function nothingLeft(t: Test, { h, media, members }: Scene): void {
  t.equal(h.calls.size, 0, 'no call is left');
  t.same(media.open, [], 'no media session is left');
  t.same(h.held, { calls: 0, legs: 0 }, 'no capacity is held');
  t.equal(members.size, 0, 'no mix is left');
}

t.test(
  'a supervisor listens, whispers to the agent, barges in, and leaves the two as they were',
  async (t) => {
    const scene = open(t);
    const { h, media } = scene;
    const { caller } = await talk(scene);
    const supervisor = await supervise(scene, 'listen');
    t.match(supervisor.spec.target, '202@');
    t.same(media.bridges, []);
    t.same(heardBy(scene), ['all', 'all', 'none']);
    t.same(h.calls.supervise('call-1', SUPERVISOR), { kind: 'refused', reason: 'busy' });
    press(media.sessions[2], '2');
    t.same(heardBy(scene), ['all', 'all', ['session-2']], 'only the agent hears');
    press(media.sessions[2], '93');
    t.same(heardBy(scene), ['all', 'all', 'all']);
    supervisor.dialog.hangUp();
    t.same(media.bridges, ['session-1 + session-2'], 'the two are bridged again');
    t.equal(scene.members.size, 0);
    const again = await supervise(scene, 'whisper');
    t.same(heardBy(scene).slice(0, 2), ['all', 'all']);
    caller.dialog.hangUp();
    await settled();
    t.equal(again.dialog.byes.length, 1, 'who supervised is let go with the call');
    nothingLeft(t, scene);
  },
);

t.test('a call in another codec is asked for G.711 first; one that will not is not heard', async (t) => {
  const scene = open(t);
  scene.codec = 'G722/8000';
  const { caller, attempt } = await talk(scene);
  const supervisor = await supervise(scene, 'barge');
  t.equal(scene.members.size, 0);
  caller.dialog.changes[0]!.settle({ kind: 'accepted', sdp: sdp('caller'), ack: () => undefined });
  await settled();
  attempt.dialog.changes[0]!.settle({ kind: 'refused', status: 488 } as never);
  await settled();
  t.equal(supervisor.dialog.byes.length, 1);
  t.equal(scene.media.bridges.length, 1, 'the two never parted');
  caller.dialog.hangUp();
  await settled();
  nothingLeft(t, scene);
});

t.test('what cannot be supervised is refused; what is not answered changes nothing', async (t) => {
  const scene = open(t);
  const { h, media } = scene;
  t.same(h.calls.supervise('none', SUPERVISOR), { kind: 'refused', reason: 'no-such-call' });
  t.equal(h.calls.record('none', 'start'), 'no-such-call');
  h.script = [connect([group([deviceLeg('201')])])];
  h.call({ offer: sdp('caller') });
  await settled();
  t.same(h.calls.supervise('call-1', SUPERVISOR), { kind: 'refused', reason: 'not-connected' });
  t.equal(h.calls.record('call-1', 'start'), 'not-connected');
  h.signalling.attempts.at(-1)!.answer(sdp('201'));
  await settled();
  for (const extension of ['999', '300'])
    t.same(h.calls.supervise('call-1', { extension, mode: 'listen' }), {
      kind: 'refused',
      reason: 'no-such-extension',
    });
  h.calls.supervise('call-1', SUPERVISOR);
  await settled();
  h.signalling.attempts.at(-1)!.refuse(486);
  t.equal(media.bridges.length, 1);
  h.calls.supervise('call-1', SUPERVISOR);
  await settled();
  h.calls.hangUp('call-1');
  await settled();
  t.equal(h.signalling.attempts.at(-1)!.cancelledWith.length, 1, 'a phone that rings for it stops');
  nothingLeft(t, scene);
});

t.test('`*1` records where phones may, and ends it; the other side is no phone of ours', async (t) => {
  const scene = open(t, true);
  const { media, rows } = scene;
  const { caller } = await talk(scene);
  const [outside, phone] = media.sessions;
  press(outside, '*1');
  t.same(phone?.names, [], 'a caller from outside has no codes');
  press(phone, '5*1');
  while (rows.length === 0) await turn();
  t.match(rows[0], { callId: 'call-1', reason: 'on-demand', by: '201', what: 'both' });
  t.same([outside?.names, phone?.names], [['beep'], ['beep']], 'both hear it');
  press(phone, '*1');
  while (rows.length === 1) await turn();
  t.type(rows[1]?.durationMs, 'number');
  t.same(phone?.names.slice(1), ['beep']);
  caller.dialog.hangUp();
  await settled();
  nothingLeft(t, scene);
});

t.test('operators record whatever the settings say, phones do not', async (t) => {
  const scene = open(t);
  const { h, media, rows } = scene;
  const { caller } = await talk(scene);
  press(media.sessions[1], '*1');
  t.same(media.sessions[1]?.names, []);
  t.equal(h.calls.record('call-1', 'start'), 'done');
  t.equal(h.calls.record('call-1', 'start'), 'done', 'once is enough');
  while (rows.length === 0) await turn();
  caller.dialog.hangUp();
  while (rows.length === 1) await turn();
  t.match(rows, [{ by: 'an operator' }, { endedAt: Number }]);
  nothingLeft(t, scene);
});
