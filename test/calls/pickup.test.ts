import t, { type Test } from 'tap';
import { loadDialplanFiles } from '../../src/dialplan/index.js';
import type { RouteDecision } from '../../src/routing/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { createFakeMedia, type FakeMedia } from './fake-media.js';
import { sdp, settled, type FakeAttempt, type FakeCaller } from './fake-signalling.js';
import { connect, createHarness, deviceLeg, endWith, group, trunk, type Harness } from './harness.js';

const LOADED = loadDialplanFiles(
  [
    {
      path: 'main.yaml',
      text: 'extensions:\n  "201": { password: secret-201 }\n  "202": { password: secret-202 }\n',
    },
  ],
  { env: () => undefined },
);
if (LOADED.plan === undefined) throw new Error(JSON.stringify(LOADED.diagnostics));
const { plan } = LOADED;

interface Scene {
  readonly h: Harness;
  readonly media: FakeMedia;
  /** Digits that a phone heard. */
  readonly said: string[];
  /** Holds up what is said. */
  gate: (() => Promise<void>) | undefined;
}

function open(of: 'relay' | 'direct' = 'relay'): Scene {
  const media = createFakeMedia(createFakeClock());
  const settings = media.parts.settings.bind(media.parts);
  const parts = {
    ...media.parts,
    settings: () => ({ ...settings(), extensions: of }),
    ivr: {
      ...media.parts.ivr,
      busyTone: () => Promise.resolve({ kind: 'done' }),
      play: async (_: unknown, { prompt }: { prompt: readonly { name: string }[] }) => {
        scene.said.push(prompt.map(({ name }) => name).join(' '));
        await scene.gate?.();
        return { kind: 'done' };
      },
    },
  };
  const h = createHarness({
    plan,
    inTrunk: trunk('acme', { media: of }),
    deps: { media: parts as unknown as FakeMedia['parts'] },
  });
  const scene: Scene = { h, media, said: [], gate: undefined };
  return scene;
}

/** Somebody calls an extension, whose phone rings. */
async function ring({ h }: Scene, extension = '201'): Promise<{ caller: FakeCaller; attempt: FakeAttempt }> {
  h.script = [connect([group([deviceLeg(extension)])])];
  const caller = h.call({ offer: sdp('caller'), callId: 'caller' });
  await settled();
  const attempt = h.signalling.attempts.at(-1)!;
  attempt.provisional(180);
  return { caller, attempt };
}

/** An extension dials digits for which the plan has no rule. */
async function dial({ h }: Scene, dialed: string, extension: string | null = '202'): Promise<FakeCaller> {
  h.script = [endWith(404)];
  h.decision = (admitted): RouteDecision => {
    const { callId, at, seed, headers } = admitted.facts;
    return {
      ...admitted,
      facts: {
        callId,
        at,
        seed,
        headers,
        direction: 'internal',
        dialed,
        dialedRaw: dialed,
        callerRaw: '202',
        anonymous: false,
        ...(extension === null ? {} : { extension }),
      },
    };
  };
  const phone = h.call({ offer: sdp('phone'), callId: 'phone' });
  h.decision = undefined;
  await settled();
  return phone;
}

function nothingLeft(t: Test, { h, media }: Scene): void {
  t.equal(h.calls.size, 0, 'no call is left');
  t.same(media.open, [], 'no media session is left');
  t.same(h.held, { calls: 0, legs: 0 }, 'no capacity is held');
}

for (const of of ['relay', 'direct'] as const) {
  t.test(`\`**201\` takes the call that rings at 201 (media: ${of})`, async (t) => {
    const scene = open(of);
    const { h, media } = scene;
    const { caller, attempt } = await ring(scene);
    const phone = await dial(scene, '**201');
    await settled();
    t.equal(phone.answers.length, 1);
    t.equal(attempt.cancelledWith.length, 1, 'the phone that rang stops');
    t.equal(caller.answers.length, 1, 'the caller is answered');
    caller.ack();
    t.equal(media.bridges.length, 1, 'the two hear each other');
    t.equal(h.calls.size, 1, 'it is one call');
    t.match(h.calls.list()[0], { id: 'call-1', state: 'answered', destination: '202' });
    t.match(h.records.get('call-2'), { state: 'ended', cause: { kind: 'transferred' } });
    phone.dialog.hangUp();
    await settled();
    t.same(h.results, [{ kind: 'connected-ended' }], 'the plan goes on behind it');
    t.equal(caller.dialog.byes.length, 1);
    nothingLeft(t, scene);
  });
}

t.test('where nothing rings the phone is turned away, and outsiders have no codes', async (t) => {
  const scene = open();
  const { h } = scene;
  t.same((await dial(scene, '**201')).rejections.map(({ status }) => status), [480]); // prettier-ignore
  t.same((await dial(scene, '**999')).rejections.map(({ status }) => status), [404]); // prettier-ignore
  await ring(scene, '201');
  const outsider = await dial(scene, '**201', null);
  t.same(outsider.rejections.map(({ status }) => status), [404]); // prettier-ignore
  for (const { id } of h.calls.list()) h.calls.hangUp(id);
  await settled();
  nothingLeft(t, scene);
});

t.test('who answers while another picks up keeps the call', async (t) => {
  const scene = open();
  const { h } = scene;
  const { caller, attempt } = await ring(scene);
  let release = (): void => undefined;
  h.answeredGate = () => new Promise((resolve) => (release = resolve));
  const phone = await dial(scene, '**201');
  h.answeredGate = undefined;
  attempt.answer(sdp('201'));
  await settled();
  release();
  await settled();
  t.equal(caller.answers.length, 1);
  t.equal(phone.dialog.byes.length, 1, 'the slower one hears the busy tone and is let go');
  t.match(h.calls.list(), [{ id: 'call-1', destination: '201' }]);
  caller.ack();
  caller.dialog.hangUp();
  await settled();
  nothingLeft(t, scene);
});

/** The extension talks to the caller, and parks it. */
async function park(scene: Scene): Promise<{ caller: FakeCaller; attempt: FakeAttempt }> {
  const { h, media } = scene;
  h.script = [connect([group([deviceLeg('201')])])];
  const caller = h.call({ offer: sdp('caller'), callId: 'caller' });
  await settled();
  const attempt = h.signalling.attempts.at(-1)!;
  attempt.answer(sdp('201'));
  await settled();
  caller.ack();
  for (const key of '*70') media.sessions[1]?.on.digit?.(key, 'rfc4733');
  await settled();
  return { caller, attempt };
}

t.test('`*70` parks whom a phone talks to, until another phone dials the slot', async (t) => {
  const scene = open();
  const { h, media } = scene;
  const { caller, attempt } = await park(scene);
  t.equal(attempt.dialog.byes.length, 1, 'the phone has heard the slot and is free');
  t.equal(caller.dialog.byes.length, 0);
  t.same(scene.said, ['7 0 1']);
  t.equal(media.sessions[0]?.names.at(-1), 'music.wav');
  t.match(h.calls.list(), [{ destination: undefined, dialed: '701' }], 'it is a call of its own');
  t.same((await dial(scene, '702')).rejections.map(({ status }) => status), [480]); // prettier-ignore
  const phone = await dial(scene, '701');
  t.equal(phone.answers.length, 1);
  t.equal(media.bridges.length, 1, 'the two hear each other');
  t.equal(h.calls.size, 1);
  phone.dialog.hangUp();
  await settled();
  t.equal(caller.dialog.byes.length, 1);
  nothingLeft(t, scene);
});

t.test('who is parked for too long is brought back, or let go where nobody answers', async (t) => {
  for (const answers of [true, false]) {
    const scene = open();
    const { h, media } = scene;
    const { caller } = await park(scene);
    h.clock.advance(119_000);
    t.equal(h.signalling.attempts.length, 1);
    h.clock.advance(1000);
    await settled();
    const back = h.signalling.attempts.at(-1)!;
    t.match(back.spec.target, '201@');
    if (answers) {
      back.answer(sdp('201'));
      await settled();
      t.equal(media.bridges.length, 1);
      caller.dialog.hangUp();
    } else {
      back.refuse(486);
      await settled();
      t.equal(caller.dialog.byes.length, 1);
    }
    await settled();
    nothingLeft(t, scene);
  }
});

t.test(
  'a phone that hangs up while it hears the slot has parked; a caller who hangs up has gone',
  async (t) => {
    for (const who of ['phone', 'caller', 'caller later'] as const) {
      const scene = open();
      let heard = (): void => undefined;
      scene.gate = () => new Promise<void>((resolve) => (heard = resolve));
      const { caller, attempt } = await park(scene);
      if (who === 'phone') attempt.dialog.hangUp();
      if (who === 'caller') caller.dialog.hangUp();
      heard();
      await settled();
      t.equal(scene.h.calls.size, who === 'caller' ? 0 : 1);
      if (who !== 'caller') caller.dialog.hangUp();
      await settled();
      t.same((await dial(scene, '701')).rejections.map(({ status }) => status), [480], 'the slot is free'); // prettier-ignore
      nothingLeft(t, scene);
    }
  },
);
