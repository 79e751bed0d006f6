import { silentLogger } from '../src/base/logger.js';
import { createQueues, type QueueOptions, type Queues, type QueueTicket } from '../src/queues/index.js';

const QUEUES = 20;
const AGENTS = 200;
const CALLERS = 2000;
const STRATEGIES = [
  'longest-idle',
  'round-robin',
  'fewest-calls',
  'random',
  'top-down',
  'skills',
  'ring-all',
] as const;

/** Placed callers that are measured. */
const PLACEMENTS = 20_000;

const SNAPSHOTS = 20;

interface Due {
  readonly at: number;
  readonly run: () => void;
}

/** In microseconds of CPU. */
export interface QueueCosts {
  /** A caller who is placed, all included: entering, relaxing, overflow, the ring, the answer, the end, wrap-up. */
  readonly placement: number;
  /** A waiting caller who is told the position and the expected wait. */
  readonly announcement: number;
  readonly snapshot: number;
}

/**
 * 2,000 callers wait in 20 queues for 200 agents, each in three of them; the clock is simulated. Whoever is answered talks for a
 * while, then another caller enters.
 */
export function benchQueues(): QueueCosts {
  const silent = run(false);
  const told = run(true);
  return {
    placement: silent.us / PLACEMENTS,
    announcement: Math.max(0, told.us - silent.us) / told.announcements,
    snapshot: silent.snapshot,
  };
}

function run(announce: boolean): { us: number; announcements: number; snapshot: number } {
  const house = build(announce);
  for (let caller = 0; caller < CALLERS; caller++) house.enter();
  house.placeMore(PLACEMENTS / 4);
  const announced = house.announcements();
  const us = cpuOf(() => house.placeMore(PLACEMENTS));
  const announcements = house.announcements() - announced;
  const waiting = house.queues.snapshot().queues.reduce((sum, queue) => sum + queue.callers.length, 0);
  if (waiting < CALLERS - AGENTS) throw new Error(`${waiting} callers wait, not ${CALLERS}`);
  const snapshots = cpuOf(() => {
    for (let count = 0; count < SNAPSHOTS; count++) house.queues.snapshot();
  });
  return { us, announcements, snapshot: snapshots / SNAPSHOTS };
}

function cpuOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function build(announce: boolean): {
  queues: Queues<string>;
  enter(): void;
  placeMore(count: number): void;
  announcements(): number;
} {
  const clock = simulatedClock();
  const random = generator(7);
  const rings: { answered(connection: string): boolean }[] = [];
  const tickets = new Map<string, QueueTicket>();
  let entered = 0;
  let placed = 0;
  let announcements = 0;
  const queues = createQueues<string>({
    clock,
    random,
    newId: () => `id-${entered}`,
    logger: silentLogger,
    defer: (run) => run(),
    phones: {
      ring(_offer, on) {
        rings.push(on);
        return { cancel: () => undefined };
      },
    },
    callbackPhones: { place: () => ({ cancel: () => undefined }) },
    events: {
      append: () => undefined,
      recentAnswers: () => [],
      tally: () => Promise.resolve([]),
    },
    callbacks: { load: () => [], save: () => Promise.resolve(true) },
    agentStates: { load: () => [], save: () => undefined },
  });
  queues.configure(Array.from({ length: QUEUES }, (_, index) => settingsOf(index, announce)));

  function enter(): void {
    const callId = `call-${entered++}`;
    const entrance = queues.enter(
      {
        queue: `q${Math.floor(random() * QUEUES)}`,
        callId,
        priority: random() < 0.1 ? 1 : 0,
        ...(random() < 0.2 && { skills: { german: Math.floor(random() * 5) } }),
      },
      {
        connected: () => {
          placed++;
          // The conversation ends, and the next caller comes.
          clock.after(60_000 + random() * 60_000, () => {
            tickets.get(callId)?.ended();
            tickets.delete(callId);
            enter();
          });
        },
        left: () => undefined,
        announce: () => announcements++,
      },
    );
    if (entrance.kind === 'waiting') tickets.set(callId, entrance.ticket);
  }

  return {
    queues,
    enter,
    announcements: () => announcements,
    placeMore(count) {
      const until = placed + count;
      while (placed < until) {
        for (let ring = rings.shift(); ring !== undefined; ring = rings.shift()) ring.answered('leg');
        clock.step();
      }
    },
  };
}

function settingsOf(index: number, announce: boolean): QueueOptions {
  const each = AGENTS / QUEUES;
  return {
    name: `q${index}`,
    strategy: STRATEGIES[index % STRATEGIES.length]!,
    ringForMs: 15_000,
    wrapUpMs: 5000,
    serviceLevelMs: 20_000,
    ...(announce && { announce: { position: true, wait: true, everyMs: 45_000 } }),
    callback: { afterMs: 60_000, key: '1' },
    relax: [{ afterMs: 60_000, skills: { german: 1 } }],
    overflow: [{ afterMs: 120_000, also: `q${(index + 1) % QUEUES}` }],
    agents: Array.from({ length: each * 3 }, (_, agent) => ({
      extension: String(1000 + ((index * each + agent) % AGENTS)),
      tier: 1 + (agent % 2),
      penalty: 0,
      skills: { german: agent % 5 },
    })),
  };
}

/** A clock that jumps to what is due next; a heap, so that its own cost is small. */
function simulatedClock(): {
  now(): number;
  monotonic(): number;
  after(delayMs: number, run: () => void): { clear(): void };
  step(): void;
} {
  const heap: Due[] = [];
  let time = 0;
  const less = (a: number, b: number): boolean => heap[a]!.at < heap[b]!.at;
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  };
  return {
    now: () => 1_795_000_000_000 + time,
    monotonic: () => time,
    after(delayMs, run) {
      let live = true;
      heap.push({ at: time + Math.max(0, delayMs), run: () => live && run() });
      for (let index = heap.length - 1; index > 0;) {
        const parent = (index - 1) >> 1;
        if (!less(index, parent)) break;
        swap(index, parent);
        index = parent;
      }
      return { clear: () => void (live = false) };
    },
    step() {
      const due = heap[0];
      const last = heap.pop();
      if (due === undefined || last === undefined) throw new Error('nothing is due');
      if (heap.length > 0) {
        heap[0] = last;
        for (let index = 0; ;) {
          let child = 2 * index + 1;
          if (child >= heap.length) break;
          if (child + 1 < heap.length && less(child + 1, child)) child++;
          if (!less(child, index)) break;
          swap(child, index);
          index = child;
        }
      }
      time = due.at;
      due.run();
    },
  };
}

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}
