import type { AgentState } from './queue-record.js';

/** Figures of queues and agents, made of tallies. */
export interface QueueStatistics {
  readonly queues: readonly QueueFigures[];
  readonly agents: readonly AgentFigures[];
}

/** How a duration is spread: percentiles are within 5 % of the true value. Milliseconds (scores: points). */
export interface Spread {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
}

/** Of one queue in one interval; the definitions stand in docs/queues.md. Shares are 0–1, undefined where nothing was counted. */
export interface QueueFigures {
  readonly at: number;
  readonly queue: string;
  readonly offered: number;
  readonly refused: number;
  readonly answered: number;
  readonly abandoned: number;
  readonly abandonedShort: number;
  readonly timedOut: number;
  readonly leftEmpty: number;
  readonly leftByKey: number;
  readonly transferred: number;
  readonly serviceLevel?: number;
  readonly abandonRate?: number;
  /** Average speed of answer. */
  readonly asaMs?: number;
  readonly longestWaitMs: number;
  /** Average handling time: talk, hold and wrap-up. */
  readonly ahtMs?: number;
  readonly answerWait?: Spread;
  readonly abandonWait?: Spread;
  readonly talk?: Spread;
  readonly hold?: Spread;
  readonly wrapUp?: Spread;
  readonly score?: Spread;
  readonly callbacks: { readonly requested: number; readonly reached: number; readonly failed: number };
  /** Estimate: callers answered who did not enter again within the window. */
  readonly firstCallResolution?: number;
}

/** Of one agent in one interval. */
export interface AgentFigures {
  readonly at: number;
  readonly agent: string;
  readonly rung: number;
  readonly answered: number;
  readonly missed: number;
  readonly transferred: number;
  readonly ahtMs?: number;
  readonly talk?: Spread;
  readonly hold?: Spread;
  readonly wrapUp?: Spread;
  readonly score?: Spread;
  /** Time in each state. */
  readonly states: Readonly<Partial<Record<AgentState, number>>>;
  /** Talk, hold and wrap-up, of that and the time available or rung. */
  readonly occupancy?: number;
}
