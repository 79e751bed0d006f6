import t, { type Test } from 'tap';
import type { WaitingLeg } from '../../src/calls/index.js';
import { loadDialplanFiles } from '../../src/dialplan/index.js';
import type { CallbackRecord } from '../../src/model/index.js';
import {
  createQueues,
  type AgentOffer,
  type CallbackPlacement,
  type QueueCallerEvents,
} from '../../src/queues/index.js';
import { silentLogger } from '../../src/base/logger.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { createFakeMedia, type FakeMedia } from './fake-media.js';
import { sdp, settled, type FakeAttempt } from './fake-signalling.js';
import { createHarness, type Harness, type HarnessOptions } from './harness.js';

const loaded = loadDialplanFiles(
  [
    {
      path: 'main.yaml',
      text: `
numbers: [{ did: ["+12025550100", "+13105550100"], route: { extension: "201" } }]
extensions:
  "201": { password: secret-201 }
  "202": { password: secret-202 }
queues: { sales: { agents: ["201", "202"], callback: { after: 30s } } }
outbound:
  - { to: "+1310*", via: backup, caller-id: local-presence }
  - { to: "+1900*", via: backup, caller-id: "+12025550177" }
  - { to: "+1212*", via: backup }
`,
    },
  ],
  { env: () => undefined, trunkNames: ['acme', 'backup'] },
);
if (loaded.plan === undefined) throw new Error(JSON.stringify(loaded.diagnostics, undefined, 1));
const plan = loaded.plan;

const OFFER: AgentOffer = {
  agent: '201',
  queue: 'sales',
  callId: 'promised-1',
  number: '+12125550000',
  name: 'Alice',
  facts: { account: '42' },
  waitedMs: 61_000,
  forMs: 15_000,
  kind: 'callback',
};

const RECORD: CallbackRecord = {
  id: 'cb-1',
  queue: 'sales',
  state: 'placing',
  number: '+12125550000',
  callId: 'promised-1',
  priority: 0,
  skills: {},
  facts: { did: '+12025550100' },
  enteredAt: 0,
  requestedAt: 0,
  attempts: 1,
};

interface Scene {
  readonly h: Harness;
  readonly media: FakeMedia;
  /** All that the queue was told, in turn. */
  readonly told: string[];
  readonly events: { current: QueueCallerEvents<WaitingLeg> | undefined };
  connection: WaitingLeg | undefined;
  /** What the queue says to who picks up. */
  wanted: boolean;
  ring(offer?: Partial<AgentOffer>): { cancel(): void };
  place(changes?: Partial<CallbackPlacement<WaitingLeg>>): { cancel(): void };
  last(): FakeAttempt;
}

function open(options: HarnessOptions = {}): Scene {
  const media = createFakeMedia(createFakeClock());
  const h = createHarness({
    plan,
    ...options,
    deps: { media: media.parts, plan: () => ({ plan, revision: 4 }), ...options.deps },
  });
  const told: string[] = [];
  const scene: Scene = {
    h,
    media,
    told,
    events: { current: undefined },
    connection: undefined,
    wanted: true,
    ring: (offer) =>
      h.calls.ringAgent(
        { ...OFFER, ...offer },
        {
          answered: (connection) => {
            told.push('agent answered');
            scene.connection = connection;
            return scene.wanted;
          },
          failed: (outcome) => void told.push(`agent ${outcome}`),
        },
      ),
    place: (changes) =>
      h.calls.placeCallback(
        {
          callback: RECORD,
          agent: '201',
          order: 'agent-first',
          ...(scene.connection === undefined ? {} : { connection: scene.connection }),
          ...changes,
        },
        {
          answered: (_callId, on) => {
            told.push('caller answered');
            scene.events.current = on;
            if (!scene.wanted) return undefined;
            return {
              id: 'ticket',
              leave: (why) => void told.push(`left ${why}`),
              takeCallback: () => Promise.resolve({ kind: 'refused' }),
              place: () => undefined,
              ended: (end) => void told.push(end?.transferred === true ? 'ended transferred' : 'ended'),
            };
          },
          failed: (outcome) => void told.push(`caller ${outcome}`),
        },
      ),
    last: () => h.signalling.attempts.at(-1)!,
  };
  return scene;
}

function connected(scene: Scene, connection = scene.connection!): void {
  scene.events.current!.connected('201', connection, { queue: 'sales', waitedMs: 1000, callback: true });
}

function nothingLeft(t: Test, { h, media }: Scene): void {
  t.equal(h.calls.size, 0, 'no call is left');
  t.same(media.open, [], 'no media session is left');
  t.same(h.held, { calls: 0, legs: 0 }, 'no capacity is held');
  t.ok(
    h.signalling.attempts.every(({ dialog, done }) => done && !dialog.isOpen),
    'no leg is left',
  );
  t.ok(
    [...h.records.values()].every(({ state }) => state === 'ended'),
    'each record is closed',
  );
}

/** The agent has picked up and hears ringing. */
async function withAgent(options?: HarnessOptions): Promise<Scene & { agent: FakeAttempt }> {
  const scene = open(options);
  scene.ring();
  await settled();
  const agent = scene.last();
  agent.answer(sdp('agent'));
  await settled();
  return Object.assign(scene, { agent });
}

t.test('agent first', (t) => {
  t.test('the agent is rung, hears ringing, and talks to the caller', async (t) => {
    const scene = await withAgent();
    const { h, media, told, agent } = scene;
    t.match(agent.spec, { from: { uri: 'sip:+12125550000@us.example', display: 'Alice' } });
    t.match(agent.spec.headers, [
      ['X-Trunkline-Queue', 'sales'],
      ['X-Trunkline-Waited', '61'],
      ['X-Trunkline-account', '42'],
    ]);
    t.same(told, ['agent answered']);
    t.same(media.sessions[0]!.names, ['ringback']);
    scene.place();
    await settled();
    const caller = scene.last();
    t.match(caller.spec.target, 'sip:+12125550000@backup.example');
    t.match(caller.spec.from, { uri: 'sip:+12025550100@us.example' }, 'the DID that was called is shown');
    t.match(h.calls.list(), [{ state: 'ringing', caller: '201', dialed: '+12125550000' }]);
    caller.answer(sdp('caller'));
    t.same(told, ['agent answered', 'caller answered']);
    connected(scene);
    await settled();
    t.same(media.bridges, ['session-1 + session-2']);
    t.notOk(media.sessions[0]!.busy);
    t.match(h.calls.list(), [{ state: 'answered', legs: 2 }]);
    h.clock.advance(30_000);
    caller.dialog.hangUp();
    await settled();
    t.equal(agent.dialog.byes.length, 1);
    t.same(told.slice(2), ['left abandoned', 'ended'], 'leaving says nothing once connected');
    t.match(h.record(), {
      state: 'ended',
      direction: 'internal',
      dialed: '+12125550000',
      caller: '201',
      planRevision: 4,
    });
    t.match(h.record().trace, /callback of queue sales by agent 201, promised in call promised-1/);
    t.match(
      h.events.map(({ kind }) => kind),
      ['started', 'answered', 'ended'],
    );
    nothingLeft(t, scene);
  });

  t.test('who is shown, the outbound rule says first', async (t) => {
    for (const [number, facts, shown] of [
      ['+13105551234', {}, 'sip:+13105550100@us.example'],
      ['+19005551234', { did: '+12025550100' }, 'sip:+12025550177@us.example'],
      ['+12125550000', { did: 'x"; DROP' }, 'sip:201@us.example'],
    ] as const) {
      const scene = await withAgent();
      scene.place({ callback: { ...RECORD, number, facts } });
      await settled();
      t.equal(scene.last().spec.from.uri, shown);
      scene.h.calls.stop();
      nothingLeft(t, scene);
    }
  });

  t.test('each way it can end early is told once, and leaves nobody on the line', async (t) => {
    const nobody = open();
    nobody.ring();
    await settled();
    nobody.last().refuse(486);
    await settled();
    t.same(nobody.told, ['agent busy']);
    nothingLeft(t, nobody);

    const unknown = open();
    unknown.ring({ agent: '999' });
    await settled();
    t.same(unknown.told, ['agent unreachable']);
    nothingLeft(t, unknown);

    const taken = open();
    const ringing = taken.ring();
    await settled();
    ringing.cancel();
    ringing.cancel();
    await settled();
    t.equal(taken.last().cancelledWith.length, 1);
    t.same(taken.told, []);
    nothingLeft(t, taken);

    const late = open();
    late.wanted = false;
    late.ring();
    await settled();
    late.last().answer(sdp('agent'));
    await settled();
    t.same(late.told, ['agent answered']);
    nothingLeft(t, late);

    const forgotten = await withAgent();
    forgotten.h.clock.advance(10_001);
    await settled();
    t.equal(forgotten.agent.dialog.byes.length, 1, 'an agent whom the queue forgets');
    forgotten.place();
    t.same(forgotten.told, ['agent answered', 'caller agent-gone']);
    nothingLeft(t, forgotten);

    const busy = await withAgent();
    busy.place();
    await settled();
    busy.last().refuse(486);
    await settled();
    t.same(busy.told, ['agent answered', 'caller busy']);
    t.equal(busy.agent.dialog.byes.length, 1);
    nothingLeft(t, busy);

    const silent = await withAgent();
    silent.place();
    await settled();
    silent.last().provisional(180);
    silent.h.clock.advance(60_001);
    await settled();
    t.same(silent.told, ['agent answered', 'caller no-answer']);
    nothingLeft(t, silent);

    const nowhere = await withAgent();
    nowhere.place({ callback: { ...RECORD, number: '+442079460000' } });
    await settled();
    t.same(nowhere.told, ['agent answered', 'caller unreachable']);
    t.match(nowhere.h.record().trace, /no outbound rule fits/);
    nothingLeft(t, nowhere);

    const impatient = await withAgent();
    impatient.place();
    await settled();
    impatient.agent.dialog.hangUp();
    await settled();
    t.same(impatient.told, ['agent answered', 'caller agent-gone']);
    t.equal(impatient.last().cancelledWith.length, 1);
    nothingLeft(t, impatient);

    const withdrawn = await withAgent();
    const placing = withdrawn.place();
    await settled();
    placing.cancel();
    await settled();
    t.same(withdrawn.told, ['agent answered']);
    nothingLeft(t, withdrawn);

    const tooLate = await withAgent();
    tooLate.place();
    await settled();
    tooLate.wanted = false;
    tooLate.last().answer(sdp('caller'));
    await settled();
    t.same(tooLate.told, ['agent answered', 'caller answered']);
    nothingLeft(t, tooLate);

    const between = await withAgent();
    between.place();
    await settled();
    between.last().answer(sdp('caller'));
    between.last().dialog.hangUp();
    connected(between);
    await settled();
    t.same(between.told.slice(2, 4), ['left abandoned', 'ended']);
    nothingLeft(t, between);

    const stopped = await withAgent();
    stopped.place();
    await settled();
    stopped.h.calls.stop();
    await settled();
    t.same(stopped.told, ['agent answered', 'caller unreachable']);
    nothingLeft(t, stopped);

    const without = open({ deps: { plan: () => undefined } });
    without.ring();
    without.place({ order: 'caller-first' });
    t.same(without.told, ['agent unreachable', 'caller unreachable']);
    nothingLeft(t, without);
  });

  t.test('the agent transfers the caller: the queue is told, and the call goes on', async (t) => {
    const scene = await withAgent();
    scene.place();
    await settled();
    const caller = scene.last();
    caller.answer(sdp('caller'));
    connected(scene);
    await settled();
    const answer = scene.agent.dialog.send('REFER', undefined, [['Refer-To', '<sip:202@us.example>']]);
    t.same(answer.statuses, [202]);
    await settled();
    const target = scene.last();
    t.match(target.spec.target, '202@');
    t.equal(target.spec.from.uri, 'sip:+12125550000@us.example');
    target.answer(sdp('202'));
    await settled();
    t.ok(scene.told.includes('ended transferred'));
    for (let seen = 0; seen < scene.agent.dialog.requests.length; seen++) {
      scene.agent.dialog.requests[seen]!.settle({ kind: 'gone' });
      await settled();
    }
    t.equal(scene.agent.dialog.byes.length, 1);
    t.same(scene.media.bridges, ['session-2 + session-3']);
    target.dialog.hangUp();
    await settled();
    t.equal(caller.dialog.byes.length, 1);
    nothingLeft(t, scene);
  });
  t.end();
});

t.test('caller first: the caller hears music until an agent is there', async (t) => {
  const scene = open();
  const { h, media, told } = scene;
  scene.place({ order: 'caller-first' });
  await settled();
  const caller = scene.last();
  t.match(caller.spec.target, 'sip:+12125550000@backup.example');
  caller.answer(sdp('caller'));
  await settled();
  t.same(told, ['caller answered']);
  t.same(media.sessions[0]!.names, ['music.wav']);
  const { id } = h.calls.list()[0]!;
  scene.ring({ callId: id, kind: 'call' });
  await settled();
  scene.last().refuse(480);
  await settled();
  scene.ring({ callId: id, kind: 'call', agent: '202' });
  await settled();
  const agent = scene.last();
  agent.answer(sdp('agent'));
  t.same(told, ['caller answered', 'agent busy', 'agent answered']);
  connected(scene);
  await settled();
  t.same(media.bridges, ['session-3 + session-1']);
  t.notOk(media.sessions[0]!.busy);
  agent.dialog.hangUp();
  await settled();
  t.equal(caller.dialog.byes.length, 1);
  nothingLeft(t, scene);

  const gone = open();
  gone.place({ order: 'caller-first' });
  await settled();
  gone.last().answer(sdp('caller'));
  await settled();
  gone.ring({ callId: gone.h.calls.list()[0]!.id, kind: 'call' });
  await settled();
  gone.h.signalling.attempts[0]!.dialog.hangUp();
  await settled();
  t.equal(gone.last().cancelledWith.length, 1);
  t.ok(gone.told.includes('left abandoned'));
  nothingLeft(t, gone);

  const left = open();
  left.place({ order: 'caller-first' });
  await settled();
  left.last().answer(sdp('caller'));
  await settled();
  left.events.current!.left('empty');
  await settled();
  t.equal(left.last().dialog.byes.length, 1);
  nothingLeft(t, left);
});

t.test('with the queues themselves: a promise of before a restart is kept', async (t) => {
  for (const order of ['agent-first', 'caller-first'] as const) {
    const { h, media, ...scene } = open();
    const saved: CallbackRecord[] = [];
    const events: string[] = [];
    const queues = createQueues<WaitingLeg>({
      clock: h.clock,
      random: () => 0.5,
      newId: () => `id-${saved.length}`,
      logger: silentLogger,
      phones: { ring: (offer, on) => h.calls.ringAgent(offer, on) },
      callbackPhones: { place: (placement, on) => h.calls.placeCallback(placement, on) },
      events: {
        append: (event) => void events.push(event.kind),
        recentAnswers: () => [],
        tally: () => Promise.resolve([]),
      },
      callbacks: {
        load: () => [{ ...RECORD, state: 'waiting', attempts: 0, enteredAt: h.clock.now() }],
        save: (callback) => {
          saved.push(callback);
          return Promise.resolve(true);
        },
      },
      agentStates: { load: () => [], save: () => undefined },
    });
    const sales = plan.queues.get('sales')!;
    queues.configure([
      { ...sales, agents: sales.agents.slice(0, 1), callback: { ...sales.callback!, order } },
    ]);
    await settled();
    const agentFirst = order === 'agent-first';
    const first = scene.last();
    t.match(first.spec.target, agentFirst ? 'sip:201@' : 'sip:+12125550000@');
    first.answer(sdp('first'));
    await settled();
    const second = scene.last();
    t.match(second.spec.target, agentFirst ? 'sip:+12125550000@' : 'sip:201@');
    t.match(saved.at(-1), { state: 'placing', attempts: 1 });
    second.answer(sdp('second'));
    await settled();
    t.match(saved.at(-1), { state: 'reached' });
    t.equal(media.bridges.length, 1);
    t.equal(queues.agents.get('201')?.state, 'talking');
    (agentFirst ? second : first).dialog.hangUp();
    await settled();
    t.not(queues.agents.get('201')?.state, 'talking');
    t.ok(events.includes('ended'));
    queues.stop();
    nothingLeft(t, { ...scene, h, media });
  }
});
