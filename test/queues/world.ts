import type { Logger } from '../../src/base/logger.js';
import { silentLogger } from '../../src/base/logger.js';
import type {
  AgentRefusal,
  AgentStateRecord,
  CallbackRecord,
  QueueEvent,
  QueueTally,
} from '../../src/model/index.js';
import { createQueues } from '../../src/queues/index.js';
import type {
  AgentOffer,
  CallbackPlacement,
  Entered,
  PlacementOutcome,
  QueueEntry,
  QueueOptions,
  Queues,
  QueueTicket,
  RingOutcome,
} from '../../src/queues/index.js';
import { createFakeClock, type FakeClock } from '../helpers/fake-clock.js';

/** A phone that rings, as the test sees it. */
export interface FakeRing {
  readonly offer: AgentOffer;
  cancelled: boolean;
  answer(connection?: string): boolean;
  fail(outcome: AgentRefusal): void;
}

export interface FakePlacement {
  readonly placement: CallbackPlacement<string>;
  cancelled: boolean;
  /** The caller picks up; what is told from then on goes to `told` under the new call's id. */
  answer(callId: string): QueueTicket | undefined;
  fail(outcome: AgentRefusal | 'agent-gone'): void;
}

/** What outlives a restart. */
export interface Disk {
  readonly events: QueueEvent[];
  readonly callbacks: Map<string, CallbackRecord>;
  readonly agents: Map<string, AgentStateRecord>;
}

export interface World {
  readonly clock: FakeClock;
  readonly queues: Queues<string>;
  readonly disk: Disk;
  /** Phones that ring now. */
  readonly ringing: FakeRing[];
  readonly placements: FakePlacement[];
  /** All that was told to callers: `call-1 connected 201`. */
  readonly told: string[];
  readonly tickets: Map<string, QueueTicket>;
  enter(callId: string, entry?: Partial<QueueEntry>): Entered;
  /** The phone of this agent. */
  phone(agent: string): FakeRing;
  rung(): string[];
  answer(agent: string): void;
  /** Runs what was put off until after an answer. */
  flush(): void;
  advance(ms: number): void;
}

export function newDisk(): Disk {
  return { events: [], callbacks: new Map(), agents: new Map() };
}

/** Ids differ over restarts. */
let lives = 0;

export function createWorld(
  options: {
    queues?: QueueOptions[];
    disk?: Disk;
    clock?: FakeClock;
    random?: () => number;
    logger?: Logger;
  } = {},
): World {
  const { disk = newDisk(), clock = createFakeClock() } = options;
  const ringing: FakeRing[] = [];
  const placements: FakePlacement[] = [];
  const told: string[] = [];
  const tickets = new Map<string, QueueTicket>();
  const deferred: (() => void)[] = [];
  const life = ++lives;
  let ids = 0;

  function flush(): void {
    for (let run = deferred.shift(); run !== undefined; run = deferred.shift()) run();
  }

  const eventsOf = (callId: string): Parameters<Queues<string>['enter']>[1] => ({
    offered: (agent) => told.push(`${callId} offered ${agent}`),
    connected: (agent, connection) => told.push(`${callId} connected ${agent} ${connection}`),
    left: (outcome) => told.push(`${callId} left ${outcome}`),
    announce: ({ position, wait }) =>
      told.push(
        `${callId} announce ${position ?? '-'} ${wait === undefined ? '-' : `${wait.atLeastMs / 60_000}-${wait.atMostMs / 60_000}`}`,
      ),
    callbackOffered: (key) => told.push(`${callId} may press ${key}`),
  });

  const queues = createQueues<string>({
    clock,
    random: options.random ?? (() => 0),
    newId: () => `id-${life}-${++ids}`,
    logger: options.logger ?? silentLogger,
    defer: (run) => deferred.push(run),
    phones: {
      ring(offer, on: RingOutcome<string>) {
        const ring: FakeRing = {
          offer,
          cancelled: false,
          answer(connection = `leg-${offer.agent}`) {
            forget(ring);
            const taken = on.answered(connection);
            flush();
            return taken;
          },
          fail(outcome) {
            forget(ring);
            on.failed(outcome);
            flush();
          },
        };
        ringing.push(ring);
        return {
          cancel() {
            ring.cancelled = true;
            forget(ring);
          },
        };
      },
    },
    callbackPhones: {
      place(placement, on: PlacementOutcome<string>) {
        const placed: FakePlacement = {
          placement,
          cancelled: false,
          answer(callId) {
            const ticket = on.answered(callId, eventsOf(callId));
            if (ticket !== undefined) tickets.set(callId, ticket);
            flush();
            return ticket;
          },
          fail(outcome) {
            on.failed(outcome);
            flush();
          },
        };
        placements.push(placed);
        return { cancel: () => (placed.cancelled = true) };
      },
    },
    events: {
      append: (event) => void disk.events.push(event),
      recentAnswers: (since) =>
        disk.events.filter((event) => event.kind === 'answered').filter(({ at }) => at >= since),
      tally: () => Promise.resolve<QueueTally[]>([]),
    },
    callbacks: {
      load: () =>
        [...disk.callbacks.values()].filter(({ state }) => state === 'waiting' || state === 'placing'),
      save(record) {
        disk.callbacks.set(record.id, record);
        return Promise.resolve(true);
      },
    },
    agentStates: {
      load: () => [...disk.agents.values()],
      save: (state) => void disk.agents.set(state.agent, state),
    },
  });

  function forget(ring: FakeRing): void {
    const index = ringing.indexOf(ring);
    if (index >= 0) ringing.splice(index, 1);
  }

  const world: World = {
    clock,
    queues,
    disk,
    ringing,
    placements,
    told,
    tickets,
    enter(callId, entry = {}) {
      const entered = queues.enter({ queue: 'sales', callId, ...entry }, eventsOf(callId));
      if (entered.kind === 'waiting') tickets.set(callId, entered.ticket);
      flush();
      return entered;
    },
    phone(agent) {
      const ring = ringing.find(({ offer }) => offer.agent === agent);
      if (ring === undefined) throw new Error(`${agent} is not rung; rung are: ${world.rung().join(' ')}`);
      return ring;
    },
    rung: () => ringing.map(({ offer }) => `${offer.agent}<${offer.callId}`).sort(),
    answer: (agent) => void world.phone(agent).answer(),
    flush,
    advance(ms) {
      clock.advance(ms);
      flush();
    },
  };
  queues.configure(options.queues ?? [queue('sales', ['201', '202'])]);
  return world;
}

/** A queue with these agents, in tier 1 unless they say otherwise. */
export function queue(
  name: string,
  agents: readonly (string | (Partial<QueueOptions['agents'][number]> & { extension: string }))[],
  options: Partial<QueueOptions> = {},
): QueueOptions {
  return {
    name,
    strategy: 'longest-idle',
    ringForMs: 15_000,
    wrapUpMs: 0,
    serviceLevelMs: 20_000,
    relax: [],
    overflow: [],
    ...options,
    agents: agents.map((agent) => ({
      tier: 1,
      penalty: 0,
      skills: {},
      ...(typeof agent === 'string' ? { extension: agent } : agent),
    })),
  };
}
