import type { AgentState, CallbackRecord } from '../model/index.js';

/** Room `queues`: `createQueues`. */
export interface ApiQueues {
  /** All queues and agents as they are now. */
  snapshot(): QueuesView;
  /** Rejects: REQUEST_INVALID. */
  statistics(query: QueueStatisticsQuery): Promise<QueueStatisticsView>;
  /** False where there is none that still waits. */
  cancelCallback(id: string): boolean;
  readonly agents: {
    /** All queues of the agent when none are named. */
    login(extension: string, queues?: readonly string[]): AgentAnswer;
    logout(extension: string, queues?: readonly string[]): AgentAnswer;
    pause(extension: string, reason: string): AgentAnswer;
    resume(extension: string): AgentAnswer;
  };
}

export type AgentAnswer =
  | { readonly kind: 'done'; readonly agent: AgentView }
  | { readonly kind: 'refused'; readonly reason: 'not-an-agent' | 'not-in-queue' };

export interface QueuesView {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly queues: readonly QueueView[];
  readonly agents: readonly AgentView[];
}

export interface QueueView {
  readonly name: string;
  /** In the order they will be served. */
  readonly callers: readonly WaitingCaller[];
  /** Of those, who is on the line. */
  readonly waiting: number;
  readonly callbacks: number;
  readonly longestWaitMs: number;
  readonly agents: { readonly loggedIn: number; readonly available: number; readonly talking: number };
}

export interface WaitingCaller {
  readonly kind: 'call' | 'callback';
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

export interface AgentView {
  readonly extension: string;
  readonly state: AgentState;
  readonly since: number;
  readonly reason?: string;
  readonly queue?: string;
  readonly callId?: string;
  readonly queues: readonly { readonly name: string; readonly loggedIn: boolean }[];
  readonly calls: number;
}

export interface QueueStatisticsQuery {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly until: number;
  readonly everyMs?: number;
  readonly queue?: string;
  readonly agent?: string;
  readonly repeatWindowMs?: number;
}

/** The figures are those of docs/queues.md; the schema in `queue-schemas.ts` names each. */
export interface QueueStatisticsView {
  readonly queues: readonly object[];
  readonly agents: readonly object[];
}
