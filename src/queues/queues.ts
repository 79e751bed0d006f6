import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type {
  AgentChange,
  AgentView,
  QueueEvent,
  QueueLeaving,
  QueuesSnapshot,
  QueueStatistics,
  QueueTallyQuery,
} from '../model/index.js';
import type { AgentPhones, AgentStates, CallbackPhones, CallbackStore, QueueEvents } from './ports.js';
import type { QueueOptions, Skills } from './settings.js';

export interface QueueDeps<Connection> {
  readonly clock: Clock;
  /** 0 up to, not including, 1. */
  readonly random: () => number;
  readonly newId: () => string;
  readonly logger: Logger;
  readonly phones: AgentPhones<Connection>;
  readonly callbackPhones: CallbackPhones<Connection>;
  readonly events: QueueEvents;
  readonly callbacks: CallbackStore;
  readonly agentStates: AgentStates;
  /** Told each event as it happens (API, metrics). Must not throw. */
  readonly onEvent?: (event: QueueEvent) => void;
  /** Runs a little later, in order. Default `queueMicrotask`. */
  readonly defer?: (run: () => void) => void;
}

/** All queues and their agents. One thread, no promises within: under a given clock and random numbers it is deterministic. */
export interface Queues<Connection> {
  /**
   * The queues from now on, at load and at reload. Callers keep their place. Those of a removed queue leave with `empty`, conversations
   * go on; its callbacks are kept, and take their place again when a queue of that name returns.
   */
  configure(queues: readonly QueueOptions[]): void;
  enter(entry: QueueEntry, on: QueueCallerEvents<Connection>): Entered;
  readonly agents: QueueAgents;
  /** All queues and agents as they are now. */
  snapshot(): QueuesSnapshot;
  /** Rejects: REQUEST_INVALID. */
  statistics(query: QueueTallyQuery): Promise<QueueStatistics>;
  /** A score from 0 to 100 that a caller gave after a conversation through this queue. */
  survey(survey: QueueSurvey): void;
  /** For the API: false where there is none that still waits. */
  cancelCallback(id: string): boolean;
  /** No caller is let in any more (`empty`), no callback begins; who waits goes on waiting. */
  drain(): void;
  /** Ends timers. What callers and callbacks there are is on disk; nobody is told. Idempotent. */
  stop(): void;
}

export interface QueueEntry {
  readonly queue: string;
  readonly callId: string;
  /** E.164 or extension; undefined: withheld. */
  readonly number?: string;
  readonly name?: string;
  /** Higher goes first. Default 0. */
  readonly priority?: number;
  readonly skills?: Skills;
  /** Overrides the queue's. */
  readonly maxWaitMs?: number;
  /** What the caller entered on the way; goes along to the agent and the callback. */
  readonly facts?: Readonly<Record<string, string>>;
}

export type Entered =
  | { readonly kind: 'waiting'; readonly ticket: QueueTicket }
  /** `empty`: no agent is there (or there is no such queue). */
  | { readonly kind: 'refused'; readonly outcome: 'full' | 'empty' };

/** What a caller in the queue is told; never from within `enter`, always after it. Must not throw. */
export interface QueueCallerEvents<Connection> {
  /** An agent is rung; again with each further one. */
  offered?(agent: string): void;
  /** The agent has picked up: connect the two. When the conversation is over, call `ticket.ended`. */
  connected(agent: string, connection: Connection, facts: ConnectedFacts): void;
  /** The queue let the caller go. Not told after `ticket.leave` or a callback that was taken. */
  left(outcome: Extract<QueueLeaving, 'timeout' | 'empty'>): void;
  /** Time to tell the caller something; at least one of the two is there. */
  announce?(news: QueueNews): void;
  /** The caller has waited long enough to be offered a callback on this key. Told once. */
  callbackOffered?(key: string): void;
}

/** For the agent's whisper ("sales, waited two minutes"), the display, and the record. */
export interface ConnectedFacts {
  readonly queue: string;
  readonly waitedMs: number;
  readonly callback: boolean;
}

export interface QueueNews {
  /** 1: next. */
  readonly position?: number;
  readonly wait?: WaitRange;
}

/** Whole minutes, rounded outwards: most callers of late waited between these, seen from this place. */
export interface WaitRange {
  readonly atLeastMs: number;
  readonly atMostMs: number;
}

/** One caller's place. */
export interface QueueTicket {
  readonly id: string;
  /** The caller hung up, or pressed the key that leaves. No-op once connected or gone. */
  leave(why: 'abandoned' | 'key'): void;
  /** Keeps the place for a call to this number. Hang up afterwards: the ticket is over. */
  takeCallback(number: string): Promise<CallbackTaken>;
  /** Where the caller is now; undefined once connected or gone. */
  place(): QueueNews | undefined;
  /** The conversation is over: the agent wraps up. Idempotent; no-op before `connected`. */
  ended(end?: { readonly holdMs?: number; readonly transferred?: boolean }): void;
}

export type CallbackTaken =
  /** `durable: false`: the disk cannot be written just now; it is only kept in memory. */
  | {
      readonly kind: 'promised';
      readonly id: string;
      readonly position: number;
      readonly wait?: WaitRange;
      readonly durable: boolean;
    }
  /** This number is promised one in this queue already: that place counts, the new one is given up. */
  | { readonly kind: 'already'; readonly id: string; readonly position: number; readonly wait?: WaitRange }
  /** The queue has no callback, or the caller is connected or gone. */
  | { readonly kind: 'refused' };

/** What agents do by phone code and API. */
export interface QueueAgents {
  /** All queues of the agent when none are named. */
  login(extension: string, queues?: readonly string[]): AgentChange;
  logout(extension: string, queues?: readonly string[]): AgentChange;
  /** Takes effect after a conversation; a ring is taken back. */
  pause(extension: string, reason: string): AgentChange;
  /** Ends a pause, a rest, or wrap-up. */
  resume(extension: string): AgentChange;
  /** The extension began or ended a call that no queue gave it. Extensions that are no agents are ignored. */
  busy(extension: string, busy: boolean): void;
  get(extension: string): AgentView | undefined;
}

export interface QueueSurvey {
  readonly queue: string;
  readonly callId: string;
  readonly agent?: string;
  readonly caller?: string;
  readonly score: number;
}
