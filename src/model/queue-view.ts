import type { AgentState, CallbackRecord } from './queue-record.js';

/** What became of a change of an agent's state. */
export type AgentChange =
  | { readonly kind: 'done'; readonly agent: AgentView }
  | { readonly kind: 'refused'; readonly reason: 'not-an-agent' | 'not-in-queue' };

/** An agent now. */
export interface AgentView {
  readonly extension: string;
  readonly state: AgentState;
  /** Of this state, milliseconds since the epoch. */
  readonly since: number;
  /** Of a pause. */
  readonly reason?: string;
  /** Queue whose caller it rings for, talks to or wraps up after. */
  readonly queue?: string;
  readonly callId?: string;
  readonly queues: readonly { readonly name: string; readonly loggedIn: boolean }[];
  /** Callers answered since the log-in. */
  readonly calls: number;
}

/** All queues and agents at one moment. */
export interface QueuesSnapshot {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly queues: readonly QueueView[];
  readonly agents: readonly AgentView[];
}

/** A queue now. */
export interface QueueView {
  readonly name: string;
  /** In the order they will be served. */
  readonly callers: readonly QueueCallerView[];
  /** Of those, who is on the line. */
  readonly waiting: number;
  readonly callbacks: number;
  readonly longestWaitMs: number;
  readonly agents: { readonly loggedIn: number; readonly available: number; readonly talking: number };
}

/** A caller's place, or the promise to call back. */
export interface QueueCallerView {
  readonly ticket: string;
  readonly kind: 'call' | 'callback';
  /** `paused`: a callback between two attempts. */
  readonly state: 'waiting' | 'offered' | 'calling-back' | 'paused';
  readonly position: number;
  readonly callId: string;
  readonly number?: string;
  readonly name?: string;
  readonly priority: number;
  readonly enteredAt: number;
  readonly waitMs: number;
  /** Agents who are rung. */
  readonly agents: readonly string[];
  readonly callback?: CallbackRecord;
}
