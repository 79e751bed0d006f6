import type { Diagnostic } from '../base/diagnostic.js';
import type { CallRecord, CallState, LegRecord, TraceEntry, Verdict } from '../model/index.js';
import type { ApiQueues } from './queue-ports.js';
import type { VoicePorts } from './voice-ports.js';

export type * from './queue-ports.js';
export type * from './voice-ports.js';

/** What the API shows and steers; `app` supplies it. Expected refusals are `AppError`s with the status of the catalogue. */
export interface ApiPorts {
  health(): Health;
  readonly calls: {
    list(): readonly CallView[];
    /** False when there is no such call. */
    hangUp(id: string): boolean;
    /** Rings a supervisor, who then hears an answered call. */
    supervise(
      id: string,
      order: { readonly extension: string; readonly mode: 'listen' | 'whisper' | 'barge' },
    ):
      | { readonly kind: 'ringing' }
      | {
          readonly kind: 'refused';
          readonly reason: 'no-such-call' | 'not-connected' | 'busy' | 'no-such-extension';
        };
    /** Records what the two of an answered call say, or no longer. */
    record(id: string, what: 'start' | 'stop'): 'done' | 'not-connected' | 'no-such-call';
    /** Sends `who` of an answered call on; the other one is let go once that answers. */
    transfer(
      id: string,
      order: { readonly who: 'caller' | 'callee'; readonly to: string },
    ):
      | { readonly kind: 'ringing' }
      | {
          readonly kind: 'refused';
          readonly reason: 'no-such-call' | 'not-connected' | 'busy' | 'not-allowed';
          readonly why: string;
        };
  };
  readonly records: {
    list(query: RecordQuery): Promise<{ readonly records: readonly CallRecord[]; readonly next?: string }>;
    get(
      id: string,
    ): Promise<{ readonly record: CallRecord; readonly legs: readonly LegRecord[] } | undefined>;
  };
  explain(call: ImaginedCall): Explanation;
  readonly dialplan: {
    current(): DialplanView;
    reload(): Promise<ReloadAnswer>;
    revisions(): Promise<readonly RevisionView[]>;
    restore(number: number): Promise<ReloadAnswer>;
  };
  readonly hours: {
    /** Overrides in force. */
    list(): readonly HoursOverrideView[];
    /** False when the dialplan in force has no such hours. */
    set(override: {
      hours: string;
      verdict: HoursOverrideView['verdict'];
      until?: number;
      who: string;
    }): boolean;
    /** False when there was no override. */
    clear(hours: string): boolean;
  };
  readonly events: {
    /** `listener` is told of calls as they go, until the function returned is called. It must not throw. */
    subscribe(listener: (event: CallEventView) => void): () => void;
  };
  registrations(): readonly RegistrationView[];
  trunks(): readonly TrunkView[];
  readonly bans: {
    list(): readonly BanView[];
    lift(address: string): boolean;
  };
  readonly voice: VoicePorts;
  readonly queues: ApiQueues;
  /** Border verdicts by code since the start. */
  borderCounters(): Readonly<Record<string, { readonly refused: number; readonly observed: number }>>;
}

export interface Health {
  readonly status: 'ok' | 'draining' | 'degraded';
  readonly version: string;
  readonly uptimeS: number;
  readonly listeners: readonly string[];
  readonly signalling: 'up' | 'down';
  readonly store: 'ok' | 'failing';
  readonly calls: number;
  readonly planRevision: number;
  readonly media: MediaLoad;
  /** Over all queues. */
  readonly queues: QueueTotals;
}

export interface MediaLoad {
  readonly sessions: number;
  readonly portsFree: number;
  readonly workers: number;
  /** Longest delay of a packet in the last 10 s; beyond 10 callers begin to hear it. */
  readonly lateMs: number;
}

export interface QueueTotals {
  readonly waiting: number;
  readonly callbacks: number;
  readonly longestWaitMs: number;
  /** Agents logged in anywhere; those of them who are free, and who talk. */
  readonly agents: { readonly loggedIn: number; readonly available: number; readonly talking: number };
}

export interface CallView {
  readonly id: string;
  readonly state: CallState;
  readonly caller: string;
  readonly dialed: string;
  readonly trunk?: string;
  readonly extension?: string;
  readonly destination?: string;
  readonly since: number;
  readonly answeredAt?: number;
  readonly legs: number;
}

/** What is told of calls as they go. */
export interface CallEventView {
  readonly kind: 'started' | 'ringing' | 'answered' | 'ended' | 'emergency';
  readonly call: CallView;
}

/** What somebody set by hand in place of a schedule. */
export interface HoursOverrideView {
  readonly hours: string;
  readonly verdict: 'open' | 'closed' | 'holiday';
  readonly until?: number;
  readonly since: number;
  readonly who: string;
}

export interface RecordQuery {
  /** 1–1000. */
  readonly limit: number;
  /** From the answer before. */
  readonly cursor?: string;
  /** Milliseconds since the epoch; setup time. */
  readonly from?: number;
  readonly to?: number;
  readonly number?: string;
  readonly trunk?: string;
  readonly state?: CallState;
  readonly cause?: string;
}

export interface ImaginedCall {
  readonly number: string;
  readonly from?: string;
  readonly trunk?: string;
  readonly extension?: string;
  /** Milliseconds since the epoch. */
  readonly at?: number;
  readonly press?: readonly string[];
}

export interface Explanation {
  /** One sentence: what becomes of the call. */
  readonly decision: string;
  readonly verdict: Verdict;
  /** What the caller would get, when the call is not connected. */
  readonly status?: number;
  readonly trace: readonly TraceEntry[];
  /** The trace in words, a line each. */
  readonly lines: readonly string[];
}

export interface DialplanView {
  readonly revision: number;
  readonly hash: string;
  readonly loadedAt: number;
  readonly files: readonly string[];
  readonly numbers: number;
  readonly extensions: number;
  readonly tests: { readonly passed: number; readonly failed: number };
  readonly warnings: readonly Diagnostic[];
}

export interface ReloadAnswer {
  readonly revision: number;
  /** False when the files are those in force already. */
  readonly changed: boolean;
  readonly warnings: readonly Diagnostic[];
  /** Settings that changed but need a restart. */
  readonly restartNeeded: readonly string[];
}

export interface RevisionView {
  readonly number: number;
  readonly hash: string;
  readonly at: number;
  readonly by: string;
  readonly files: readonly string[];
  readonly inForce: boolean;
}

export interface RegistrationView {
  readonly device: string;
  readonly extension: string;
  readonly contact: string;
  readonly source: string;
  readonly userAgent?: string;
  readonly registeredAt: number;
  readonly expiresAt: number;
}

export interface TrunkView {
  readonly name: string;
  readonly kind: string;
  readonly networks: readonly string[];
  readonly destinations: readonly { readonly uri: string; readonly down: boolean }[];
}

export interface BanView {
  readonly address: string;
  readonly since: number;
  readonly until: number;
  readonly times: number;
  readonly reason: string;
  readonly by: string;
}
