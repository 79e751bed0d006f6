import fc from 'fast-check';
import assert from 'node:assert/strict';
import t from 'tap';
import type { QueueOptions } from '../../src/queues/index.js';
import { createFakeClock } from '../helpers/fake-clock.js';
import { Oracle } from './oracle.js';
import { createWorld, queue, type World } from './world.js';

const RUNS = 250;
const EVENTS = 400;

const AGENTS = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8'];
const QUEUES = ['q0', 'q1', 'q2', 'q3'];
const STRATEGIES = [
  'ring-all',
  'round-robin',
  'longest-idle',
  'fewest-calls',
  'random',
  'top-down',
  'skills',
] as const;

/** Callers who hang up, phones that are answered: what happens next, chosen by numbers. */
interface Happening {
  readonly what: string;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const WEIGHTS: Readonly<Record<string, number>> = {
  enter: 30,
  hangUp: 6,
  answer: 14,
  fail: 6,
  ended: 12,
  advance: 24,
  login: 4,
  logout: 2,
  pause: 2,
  resume: 4,
  busy: 3,
  free: 4,
  reload: 0.5,
};

const happening: fc.Arbitrary<Happening> = fc.record({
  what: fc.oneof(
    ...Object.entries(WEIGHTS).map(([what, weight]) => ({
      arbitrary: fc.constant(what),
      weight: weight * 2,
    })),
  ),
  a: fc.nat(1_000_000),
  b: fc.nat(1_000_000),
  c: fc.nat(1_000_000),
});

const skills = fc.dictionary(fc.constantFrom('german', 'french'), fc.nat(9), { maxKeys: 2 });

/** Settings of four queues (the last may be missing), in which each agent has a place. */
const settings: fc.Arbitrary<QueueOptions[]> = fc
  .record({
    queues: fc.array(
      fc.record({
        strategy: fc.constantFrom(...STRATEGIES),
        maxWaitMs: fc.option(fc.constantFrom(20_000, 60_000), { nil: undefined }),
        maxCallers: fc.option(fc.constantFrom(3, 10), { nil: undefined }),
        wrapUpMs: fc.constantFrom(0, 5000),
        relax: fc.array(fc.record({ afterMs: fc.constantFrom(5000, 15_000), skills }), { maxLength: 2 }),
        overflow: fc.array(
          fc.record({ afterMs: fc.constantFrom(5000, 30_000), also: fc.constantFrom(...QUEUES) }),
          {
            maxLength: 2,
          },
        ),
        agents: fc.uniqueArray(
          fc.record({
            extension: fc.constantFrom(...AGENTS),
            tier: fc.constantFrom(1, 1, 2),
            penalty: fc.constantFrom(0, 0, 1),
            skills,
          }),
          { selector: ({ extension }) => extension, maxLength: 8 },
        ),
      }),
      { minLength: 4, maxLength: 4 },
    ),
    withLast: fc.boolean(),
  })
  .map(({ queues, withLast }) =>
    queues.slice(0, withLast ? 4 : 3).map(({ agents, relax, ...options }, index) => {
      // The first has everybody, so that no agent ever comes and goes with a reload.
      const missing = AGENTS.filter((name) => agents.every(({ extension }) => extension !== name));
      const all = index === 0 ? [...agents, ...missing.map((extension) => ({ extension, tier: 3 }))] : agents;
      const { maxWaitMs, maxCallers, ...rest } = options;
      return queue(QUEUES[index]!, all, {
        ...rest,
        ...(maxWaitMs !== undefined && { maxWaitMs }),
        ...(maxCallers !== undefined && { maxCallers }),
        // Two at one time would contradict one another.
        relax: relax.filter(
          ({ afterMs }, at) => relax.findIndex((other) => other.afterMs === afterMs) === at,
        ),
        ringForMs: 10_000 + 1000 * index,
        restMs: 5000,
        pauseAfterMisses: 3,
        // Never at the same moment as anything else.
        emptyForMs: 8005,
      });
    }),
  );

class Run {
  private count = 0;
  private reloads = 0;
  private toldBefore = 0;
  private readonly oracleTold = new Map<string, number>();

  constructor(
    private readonly world: World,
    private readonly oracle: Oracle,
    private readonly settings: readonly (readonly QueueOptions[])[],
    private readonly entered: Record<'waiting' | 'full' | 'empty', number>,
  ) {}

  apply({ what, a, b, c }: Happening): void {
    const { world, oracle } = this;
    const agent = AGENTS[a % AGENTS.length]!;
    const place = b % 2 === 0 ? undefined : QUEUES[c % QUEUES.length]!;
    const places = place === undefined ? undefined : [place];
    switch (what) {
      case 'enter': {
        const id = `c${this.count++}`;
        const wanted = b % 3 === 0 ? { german: c % 9, ...(c % 2 === 0 && { french: b % 5 }) } : {};
        const entry = { queue: QUEUES[a % QUEUES.length]!, priority: c % 4 === 0 ? b % 3 : 0 };
        const result = world.enter(id, { ...entry, skills: wanted });
        const expected = oracle.enter({ id, ...entry, wanted });
        this.entered[expected]++;
        assert.equal(result.kind === 'waiting' ? 'waiting' : result.outcome, expected);
        break;
      }
      case 'hangUp': {
        const id = pick(
          oracle.callers.filter(({ state }) => state === 'waiting' || state === 'offered'),
          b,
        )?.id;
        if (id === undefined) break;
        world.tickets.get(id)!.leave('abandoned');
        oracle.hangUp(id);
        break;
      }
      case 'answer':
      case 'fail': {
        const ext = pick(oracle.rings(), b)?.split('<')[0];
        if (ext === undefined) break;
        if (what === 'answer') {
          assert.equal(world.phone(ext).answer(), true);
          oracle.answer(ext);
        } else {
          const outcome = (['busy', 'no-answer', 'declined', 'unreachable'] as const)[c % 4]!;
          world.phone(ext).fail(outcome);
          oracle.fail(ext, outcome);
        }
        break;
      }
      case 'ended': {
        const id = pick(
          oracle.callers.filter(({ state }) => state === 'connected'),
          b,
        )?.id;
        if (id === undefined) break;
        world.tickets.get(id)!.ended();
        oracle.ended(id);
        break;
      }
      case 'advance': {
        const ms = [0, 10, 500, 3000, 8000, 20_000][a % 6]!;
        world.advance(ms);
        oracle.advance(ms);
        break;
      }
      case 'login':
      case 'logout':
        world.queues.agents[what](agent, places);
        oracle[what](agent, place);
        break;
      case 'pause':
        world.queues.agents.pause(agent, 'lunch');
        oracle.pause(agent);
        break;
      case 'resume':
        world.queues.agents.resume(agent);
        oracle.resume(agent);
        break;
      case 'busy':
      case 'free':
        world.queues.agents.busy(agent, what === 'busy');
        oracle.busy(agent, what === 'busy');
        break;
      case 'reload': {
        const next = this.settings[++this.reloads % 2]!;
        world.queues.configure(next);
        oracle.configure(next);
        break;
      }
    }
    world.flush();
  }

  compare({ what }: Happening): void {
    const { world, oracle } = this;
    const rings = world.rung();
    assert.deepEqual(rings, oracle.rings(), `rings after ${what}`);
    assert.equal(new Set(rings.map((ring) => ring.split('<')[0])).size, rings.length, 'nobody is rung twice');
    const snapshot = world.queues.snapshot();
    for (const name of oracle.queueNames()) {
      const view = snapshot.queues.find((view) => view.name === name);
      assert.deepEqual(
        view?.callers.map(({ callId }) => callId),
        oracle.order(name),
        `order of ${name} after ${what}`,
      );
    }
    for (const agent of oracle.agents.values()) {
      assert.equal(
        world.queues.agents.get(agent.ext)?.state,
        oracle.stateOf(agent),
        `${agent.ext} after ${what}`,
      );
    }
    const told = world.told.slice(this.toldBefore).map((line) => line.replace(/ leg-.*/, ''));
    this.toldBefore = world.told.length;
    assert.deepEqual(told.sort(), this.newlyTold().sort(), `what callers were told after ${what}`);
  }

  private newlyTold(): string[] {
    return this.oracle.callers.flatMap(({ id, told }) => {
      const known = this.oracleTold.get(id) ?? 0;
      this.oracleTold.set(id, told.length);
      return told.slice(known).map((line) => `${id} ${line}`);
    });
  }
}

function pick<T>(items: readonly T[], at: number): T | undefined {
  return items[at % Math.max(1, items.length)];
}

/** The same numbers for the queues and for the oracle. */
function generator(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

t.test('a hundred thousand random events end as the slow oracle says, and never break a promise', (t) => {
  let events = 0;
  const entered = { waiting: 0, full: 0, empty: 0 };
  fc.assert(
    fc.property(
      settings,
      settings,
      fc.array(happening, { minLength: EVENTS, maxLength: EVENTS }),
      fc.nat(),
      (first, second, happenings, seed) => {
        const clock = createFakeClock();
        const world = createWorld({ queues: first, clock, random: generator(seed) });
        const oracle = new Oracle(clock.monotonic(), generator(seed));
        oracle.configure(first);
        const run = new Run(world, oracle, [first, second], entered);
        for (const each of happenings) {
          run.apply(each);
          run.compare(each);
          events++;
        }
      },
    ),
    { numRuns: RUNS, endOnFailure: false },
  );
  t.ok(events >= 100_000, `${events} events: ${JSON.stringify(entered)}`);
  t.end();
});
