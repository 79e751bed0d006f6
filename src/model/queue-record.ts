import type { EncodedHistogram } from '../base/histogram.js';

/** What happened in a queue: kept on disk, and all that statistics are made of. Times are milliseconds since the epoch. */
export type QueueEvent =
  | (OfCaller & {
      readonly kind: 'entered';
      /** 1: next. */
      readonly position: number;
      readonly priority: number;
    })
  | (OfCaller & { readonly kind: 'refused'; readonly outcome: 'full' | 'empty' })
  /** An agent was rung. */
  | (OfCaller & { readonly kind: 'offered'; readonly agent: string })
  /** An agent who was rung did not take the caller. `ms`: how long it rang. */
  | (OfCaller & {
      readonly kind: 'missed';
      readonly agent: string;
      readonly outcome: AgentRefusal;
      readonly ms: number;
    })
  | (OfCaller & {
      readonly kind: 'answered';
      readonly agent: string;
      /** From entering to the answer. */
      readonly ms: number;
      readonly inServiceLevel: boolean;
      /** Place at entering. */
      readonly position: number;
      /** Agents who were there for this queue when the caller entered. */
      readonly agents: number;
      /** An agent was free at once: tells nothing of the wait of those who have to. */
      readonly atOnce: boolean;
      readonly callback: boolean;
    })
  /** Left without an answer. `ms`: the wait. */
  | (OfCaller & {
      readonly kind: 'left';
      readonly outcome: QueueLeaving;
      readonly ms: number;
      /** Hung up within `shortAbandonMs`: counted apart. */
      readonly short: boolean;
    })
  /** The conversation ended. `ms`: talk, without hold. */
  | (OfCaller & {
      readonly kind: 'ended';
      readonly agent: string;
      readonly ms: number;
      readonly holdMs: number;
      readonly transferred: boolean;
    })
  | (OfCaller & { readonly kind: 'wrapped'; readonly agent: string; readonly ms: number })
  | (OfCaller & {
      readonly kind: 'callback';
      readonly outcome: 'requested' | 'placed' | 'reached' | 'missed' | 'failed' | 'cancelled';
      readonly agent?: string;
    })
  | (OfCaller & { readonly kind: 'survey'; readonly agent?: string; readonly score: number })
  /** An agent was in a state for so long, up to `at`. Cut at each quarter of an hour. */
  | {
      readonly kind: 'agent';
      readonly at: number;
      readonly agent: string;
      readonly state: AgentState;
      readonly ms: number;
      readonly reason?: string;
    };

interface OfCaller {
  readonly at: number;
  readonly queue: string;
  readonly callId: string;
  /** E.164 or extension; undefined when withheld. */
  readonly caller?: string;
}

export type AgentRefusal = 'busy' | 'no-answer' | 'declined' | 'unreachable';

/**
 * How a caller left without an answer. `abandoned`: hung up; `key`: by the key that leaves; `callback`: hung up, keeping the place;
 * `timeout`: the longest wait; `empty`: no agent is there any more, or the queue was removed.
 */
export type QueueLeaving = 'abandoned' | 'key' | 'callback' | 'timeout' | 'empty';

/** `resting`: between a ring that was not answered and the next; `busy`: on a call that no queue gave. */
export type AgentState =
  'available' | 'ringing' | 'talking' | 'wrap-up' | 'resting' | 'busy' | 'paused' | 'logged-out';

/** A promise to call back. `waiting`: in the queue, or resting after an attempt; `placing`: an attempt began. Others are over. */
export interface CallbackRecord {
  readonly id: string;
  readonly queue: string;
  readonly state: 'waiting' | 'placing' | 'reached' | 'failed' | 'cancelled';
  /** As the caller confirmed it: what is dialled. */
  readonly number: string;
  readonly callerName?: string;
  /** The call in which it was promised. */
  readonly callId: string;
  readonly priority: number;
  readonly skills: Readonly<Record<string, number>>;
  /** What the caller entered. */
  readonly facts: Readonly<Record<string, string>>;
  /** When the caller entered the queue: the place. */
  readonly enteredAt: number;
  readonly requestedAt: number;
  /** Attempts that began. */
  readonly attempts: number;
  /** Not before this time. */
  readonly notBefore?: number;
  /** When it was over. */
  readonly endedAt?: number;
  readonly agent?: string;
}

/** What an agent chose, kept over restarts. Who has no row is logged in everywhere and not paused. */
export interface AgentStateRecord {
  /** The extension. */
  readonly agent: string;
  /** Queues the agent logged out of; `all`: also of those yet to come. */
  readonly loggedOut: 'all' | readonly string[];
  readonly pause?: { readonly reason: string; readonly since: number; readonly by: 'agent' | 'misses' };
  /** Of the last change. */
  readonly at: number;
}

/** Which figures of queues to read. */
export interface QueueTallyQuery {
  /** From this time, in milliseconds since the epoch; cut down to a quarter of an hour. */
  readonly since: number;
  /** Up to this time. At most 400 days after `since`. */
  readonly until: number;
  /** Length of an interval: a multiple of 15 minutes. Default: one interval for the whole time. */
  readonly everyMs?: number;
  readonly queue?: string;
  readonly agent?: string;
  /** A caller who enters again within this time was not helped. Default 24 h. */
  readonly repeatWindowMs?: number;
}

/** Sums of an interval, of a queue or of an agent; they may be added up. Durations in milliseconds. */
export interface QueueTally {
  /** Begin of the interval. */
  readonly at: number;
  readonly queue?: string;
  readonly agent?: string;
  /** Absent: none. */
  readonly counts: Readonly<Partial<Record<TallyCount, number>>>;
  readonly spreads: Readonly<Partial<Record<TallySpread, EncodedHistogram>>>;
  /** Of agents: time in each state. */
  readonly states: Readonly<Partial<Record<AgentState, number>>>;
}

export type TallyCount =
  | 'offered'
  | 'refused'
  | 'answered'
  | 'answeredInLevel'
  | 'abandoned'
  | 'abandonedShort'
  | 'timedOut'
  | 'leftEmpty'
  | 'leftByKey'
  | 'rung'
  | 'missed'
  | 'transferred'
  | 'callbacksRequested'
  | 'callbacksReached'
  | 'callbacksFailed'
  /** Callers answered whose window of repetition is over, and those of them who did not come again. */
  | 'repeatKnown'
  | 'notRepeated';

export type TallySpread = 'answerWait' | 'abandonWait' | 'talk' | 'hold' | 'wrapUp' | 'score';
