import fc from 'fast-check';
import { join } from 'node:path';
import t from 'tap';
import { createHistogram, percentile } from '../../src/base/histogram.js';
import { silentLogger } from '../../src/base/logger.js';
import { systemClock } from '../../src/base/clock.js';
import type { QueueEvent } from '../../src/model/index.js';
import { createQueues } from '../../src/queues/index.js';
import { openStore, type Store } from '../../src/store/index.js';
import { queue } from './world.js';

// The store's timers do not keep a process alive; in the server its sockets do.
const alive = setInterval(() => undefined, 1000);
t.teardown(() => clearInterval(alive));

const HOUR_MS = 3_600_000;
const QUARTER_MS = 900_000;
/** Yesterday, on the hour: all windows are over. */
const BEGIN = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 48 * HOUR_MS;

function open(folder: string): Promise<Store> {
  return openStore(
    { path: join(folder, 'data', 'trunkline.db'), durability: 'crash', keepRecordsMs: 400 * 24 * HOUR_MS },
    { clock: systemClock, logger: silentLogger },
  );
}

function queuesOn(store: Store): ReturnType<typeof createQueues<string>> {
  return createQueues<string>({
    clock: systemClock,
    random: () => 0,
    newId: () => 'id',
    logger: silentLogger,
    phones: { ring: () => ({ cancel: () => undefined }) },
    callbackPhones: { place: () => ({ cancel: () => undefined }) },
    events: store.queueEvents,
    callbacks: store.callbacks,
    agentStates: store.agentStates,
  });
}

/** An hour in a queue, event by event. */
function story(): QueueEvent[] {
  const events: QueueEvent[] = [];
  const add = (minute: number, event: object): void =>
    void events.push({ at: BEGIN + minute * 60_000, queue: 'sales', ...event } as QueueEvent);
  const answered = (minute: number, callId: string, ms: number, agent: string, more: object = {}): void =>
    add(minute, {
      kind: 'answered',
      callId,
      caller: `+${callId}`,
      agent,
      ms,
      inServiceLevel: ms <= 20_000,
      position: 1,
      agents: 2,
      atOnce: false,
      callback: false,
      ...more,
    });
  const enter = (minute: number, callId: string, caller = `+${callId}`): void =>
    add(minute, { kind: 'entered', callId, caller, position: 1, priority: 0 });
  enter(0, '1');
  add(0, { kind: 'offered', callId: '1', agent: '202' });
  add(0, { kind: 'missed', callId: '1', agent: '202', outcome: 'no-answer', ms: 5000 });
  add(0, { kind: 'offered', callId: '1', agent: '201' });
  answered(0, '1', 10_000, '201');
  add(5, { kind: 'ended', callId: '1', agent: '201', ms: 200_000, holdMs: 40_000, transferred: true });
  add(6, { kind: 'wrapped', callId: '1', agent: '201', ms: 60_000 });
  add(6, { kind: 'survey', callId: '1', agent: '201', score: 5 });
  enter(7, '2');
  answered(8, '2', 30_000, '201');
  add(10, { kind: 'ended', callId: '2', agent: '201', ms: 100_000, holdMs: 0, transferred: false });
  enter(11, '3');
  add(11, { kind: 'left', callId: '3', outcome: 'abandoned', ms: 2000, short: true });
  enter(12, '4');
  add(13, { kind: 'left', callId: '4', outcome: 'abandoned', ms: 70_000, short: false });
  enter(14, '5');
  add(20, { kind: 'left', callId: '5', outcome: 'timeout', ms: 300_000, short: false });
  enter(20, '6');
  add(20, { kind: 'left', callId: '6', outcome: 'callback', ms: 60_000, short: false });
  add(20, { kind: 'callback', callId: '6', outcome: 'requested' });
  add(40, { kind: 'callback', callId: '6', outcome: 'reached', agent: '202' });
  answered(40, '6', 1_200_000, '202', { callback: true });
  add(41, { kind: 'refused', callId: '7', outcome: 'full' });
  // The first caller was not helped: comes again.
  enter(50, '8', '+1');
  add(50, { kind: 'left', callId: '8', caller: '+1', outcome: 'key', ms: 20_000, short: false });
  for (const [minute, state, ms] of [
    [15, 'talking', 340_000],
    [15, 'wrap-up', 60_000],
    [15, 'available', 400_000],
    [15, 'paused', 100_000],
    [30, 'available', QUARTER_MS],
  ] as const) {
    events.push({ kind: 'agent', at: BEGIN + minute * 60_000, agent: '201', state, ms });
  }
  return events;
}

t.test('figures come out of the events by their definitions, after a restart too', async (t) => {
  const folder = t.testdir();
  let store = await open(folder);
  for (const event of story()) store.queueEvents.append(event);
  await store.close();
  store = await open(folder);
  const { queues, agents } = await queuesOn(store).statistics({ since: BEGIN, until: BEGIN + HOUR_MS });
  t.equal(queues.length, 1);
  t.match(queues[0], {
    at: BEGIN,
    queue: 'sales',
    offered: 7,
    refused: 1,
    answered: 2,
    abandoned: 1,
    abandonedShort: 1,
    timedOut: 1,
    leftByKey: 1,
    transferred: 1,
    serviceLevel: 1 / 5,
    abandonRate: 1 / 5,
    asaMs: 20_000,
    longestWaitMs: 300_000,
    ahtMs: 200_000,
    answerWait: { count: 2, mean: 20_000, min: 10_000, max: 30_000 },
    score: { count: 1, mean: 5, p50: 5 },
    callbacks: { requested: 1, reached: 1, failed: 0 },
    firstCallResolution: 2 / 3,
  });
  t.match(agents, [
    {
      agent: '201',
      rung: 1,
      answered: 2,
      missed: 0,
      transferred: 1,
      ahtMs: 200_000,
      occupancy: 400_000 / (400_000 + 400_000 + QUARTER_MS),
      states: { talking: 340_000, paused: 100_000 },
    },
    { agent: '202', rung: 1, answered: 1, missed: 1 },
  ]);
  const quarters = await queuesOn(store).statistics({
    since: BEGIN,
    until: BEGIN + HOUR_MS,
    everyMs: QUARTER_MS,
    queue: 'sales',
  });
  t.same(
    quarters.queues.map(({ at, offered }) => [(at - BEGIN) / QUARTER_MS, offered]),
    [
      [0, 5],
      [1, 1],
      [2, 0],
      [3, 1],
    ],
    'quarters of an hour; those without events are left out',
  );
  t.equal(
    quarters.agents.find(({ at }) => at === BEGIN)?.states.talking,
    340_000,
    'a state belongs to the quarter it ends',
  );
  const later = await queuesOn(store).statistics({ since: BEGIN, until: BEGIN + HOUR_MS, queue: 'support' });
  t.same(later, { queues: [], agents: [] });
  await t.rejects(store.queueEvents.tally({ since: 5, until: 1 }), { code: 'REQUEST_INVALID' });
  await t.rejects(store.queueEvents.tally({ since: 0, until: 1, everyMs: 1000 }), {
    code: 'REQUEST_INVALID',
  });
  t.equal(await store.sweep(), 0);
  await store.close();
});

t.test('what the queues do themselves is written: callbacks, choices of agents, events', async (t) => {
  const folder = t.testdir();
  let store = await open(folder);
  const first = queuesOn(store);
  first.configure([queue('sales', ['201', '202'], { callback: { afterMs: 0, key: '1' } })]);
  first.agents.pause('202', 'lunch');
  const entered = first.enter(
    { queue: 'sales', callId: 'a', number: '+1' },
    { connected: () => undefined, left: () => undefined },
  );
  if (entered.kind !== 'waiting') throw new Error('refused');
  t.match(await entered.ticket.takeCallback('+1'), { kind: 'promised', durable: true });
  first.stop();
  await store.close();
  store = await open(folder);
  t.match(store.callbacks.load(), [{ queue: 'sales', number: '+1', state: 'waiting' }]);
  const second = queuesOn(store);
  second.configure([queue('sales', ['201', '202'], { callback: { afterMs: 0, key: '1' } })]);
  t.equal(second.agents.get('202')?.state, 'paused');
  t.equal(second.snapshot().queues[0]!.callbacks, 1);
  const { queues } = await second.statistics({ since: Date.now() - HOUR_MS, until: Date.now() + 1000 });
  t.match(queues, [{ offered: 1, callbacks: { requested: 1 } }]);
  second.stop();
  await store.close();
});

t.test('percentiles are within 5 % of the true ones, and histograms can be added up', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(5_000_000), { minLength: 1, maxLength: 300 }), fc.nat(100), (values, cut) => {
      const [whole, a, b] = [createHistogram(), createHistogram(), createHistogram()];
      values.forEach((value, index) => {
        whole.add(value);
        (index < cut ? a : b).add(value);
      });
      a.merge(b.encode());
      const sorted = [...values].sort((x, y) => x - y);
      t.matchStrict(a.encode(), whole.encode());
      for (const share of [0.5, 0.9, 0.99]) {
        const truth = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
        if (Math.abs(percentile(whole.encode(), share) - truth) > 0.05 * truth + 0.5) return false;
      }
      return true;
    }),
    { numRuns: 50 },
  );
  t.end();
});
