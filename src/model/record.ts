/** Who ended a call or leg. */
export type HangupParty = 'caller' | 'callee' | 'system';

/** Why a call or leg ended: SIP code, Q.850 cause and our own word for it. */
export interface EndCause {
  /** SIP status; 200 for an answered call ended by BYE. */
  readonly sip: number;
  /** ITU-T Q.850 cause value, 1–127. */
  readonly q850?: number;
  readonly text?: string;
  readonly by: HangupParty;
  /** Our word: `normal`, `cancelled`, `no-answer`, `busy`, `rejected`, `border`, `max-duration`, `ack-timeout`, `session-expired`, `engine-lost`, `api`, `interrupted`, `drained`, `peer-gone` … */
  readonly kind: string;
}

export type CallState = 'ringing' | 'answered' | 'ended';

/** One record per call. Times are milliseconds since the epoch. */
export interface CallRecord {
  readonly id: string;
  readonly state: CallState;
  readonly direction: 'inbound' | 'internal';
  readonly sipCallId: string;
  readonly trunk?: string;
  readonly extension?: string;
  readonly sourceAddress: string;
  readonly callerRaw: string;
  readonly caller?: string;
  readonly callerName?: string;
  readonly dialedRaw: string;
  readonly dialed: string;
  readonly did?: string;
  /** The rule that matched, as `file:line`, or its name. */
  readonly rule?: string;
  readonly planRevision: number;
  readonly setupAt: number;
  readonly ringAt?: number;
  readonly answerAt?: number;
  readonly endAt?: number;
  /** Post-dial delay: INVITE received to first 18x or 200 sent. */
  readonly pddMs?: number;
  readonly cause?: EndCause;
  readonly codecs?: string;
  /** Where the call was last: extension, trunk, or step. */
  readonly destination?: string;
  /** The step the call was in when it ended. */
  readonly lastStep?: string;
  /** JSON of `TraceEntry[]`. */
  readonly trace: string;
  readonly tenant?: string;
}

/** One row per leg attempt, written when its INVITE leaves. */
export interface LegRecord {
  readonly id: string;
  readonly recordId: string;
  readonly sequence: number;
  readonly kind: 'extension' | 'trunk';
  /** Extension or trunk name. */
  readonly target: string;
  readonly uri: string;
  readonly number?: string;
  readonly sipCallId?: string;
  readonly startedAt: number;
  readonly ringAt?: number;
  readonly answerAt?: number;
  readonly endAt?: number;
  readonly cause?: EndCause;
  readonly codecs?: string;
}
