import type {
  AgentRefusal,
  AgentStateRecord,
  CallbackRecord,
  QueueEvent,
  QueueTally,
  QueueTallyQuery,
} from '../model/index.js';
import type { QueueCallerEvents, QueueTicket } from './queues.js';
import type { CallbackOrder } from './settings.js';

/** Rings agents. `Connection` is an agent's leg that was picked up; queues hand it on unread. */
export interface AgentPhones<Connection> {
  /** Must not throw. The outcome is told once, at once or later, and not after `cancel`. */
  ring(offer: AgentOffer, on: RingOutcome<Connection>): Ringing;
}

export interface AgentOffer {
  /** The agent's extension. */
  readonly agent: string;
  /** Queue the caller waits in, which may not be one of the agent's own (overflow). */
  readonly queue: string;
  readonly callId: string;
  readonly number?: string;
  readonly name?: string;
  /** What the caller entered on the way. */
  readonly facts: Readonly<Record<string, string>>;
  /** How long the caller has waited. */
  readonly waitedMs: number;
  /** The queue ends the ring itself after this time. */
  readonly forMs: number;
  /** `callback`: nobody is on the line yet; the caller is called when the agent has picked up. */
  readonly kind: 'call' | 'callback';
}

export interface RingOutcome<Connection> {
  /** False: too late (the caller has gone, or another agent was first): the port hangs up. */
  answered(connection: Connection): boolean;
  failed(outcome: AgentRefusal): void;
}

export interface Ringing {
  /** Stops ringing. An answer that crosses it gets false from `answered`. Idempotent. */
  cancel(): void;
}

/** Calls the callers who were promised it. */
export interface CallbackPhones<Connection> {
  /** Must not throw. The outcome is told once, at once or later, by a deadline of the port's own (60 s). */
  place(placement: CallbackPlacement<Connection>, on: PlacementOutcome<Connection>): Ringing;
}

export interface CallbackPlacement<Connection> {
  readonly callback: CallbackRecord;
  /** The agent the caller will talk to; `caller-first`: who is kept free. */
  readonly agent: string;
  readonly order: CallbackOrder;
  /** `agent-first`: the agent who hears ringing meanwhile. */
  readonly connection?: Connection;
}

export interface PlacementOutcome<Connection> {
  /**
   * The caller picked up. `agent-first`: `on.connected` follows at once. `caller-first`: the caller waits at the head, as any other.
   * Undefined: too late, the port hangs up.
   */
  answered(callId: string, on: QueueCallerEvents<Connection>): QueueTicket | undefined;
  /** Nobody is on the line any more; the port has hung up on the agent. `agent-gone`: the agent did not wait: no attempt is counted. */
  failed(outcome: AgentRefusal | 'agent-gone'): void;
}

/** Room `store`: `store.queueEvents`. */
export interface QueueEvents {
  /** Written with the next group commit. */
  append(event: QueueEvent): void;
  /** Answered callers since this time, oldest first, the last 1,000: what estimates of the wait start from. */
  recentAnswers(since: number): readonly Extract<QueueEvent, { kind: 'answered' }>[];
  /** Sums of each interval, by queue and by agent; read in the store's worker. Rejects: REQUEST_INVALID. */
  tally(query: QueueTallyQuery): Promise<readonly QueueTally[]>;
}

/** Room `store`: `store.callbacks`. */
export interface CallbackStore {
  /** Those that are not over. */
  load(): readonly CallbackRecord[];
  /** Resolves when it is on disk. Never rejects: while nothing can be written it resolves at once, false. */
  save(callback: CallbackRecord): Promise<boolean>;
}

/** Room `store`: `store.agentStates`. */
export interface AgentStates {
  load(): readonly AgentStateRecord[];
  save(state: AgentStateRecord): void;
}
