/** A message in a mailbox. Its sound is a WAV file of its own. Times are milliseconds since the epoch. */
export interface VoicemailMessage {
  /** Sorts in the order of time. */
  readonly id: string;
  /** As the plan names it. */
  readonly mailbox: string;
  /** `recording`: the caller is still at it; nobody else sees it. */
  readonly state: 'recording' | 'new' | 'saved';
  readonly at: number;
  readonly durationMs: number;
  readonly bytes: number;
  /** Of the call's record; absent where a crash lost it. */
  readonly callId?: string;
  /** Number as it can be called back; absent: withheld. */
  readonly caller?: string;
  readonly callerName?: string;
  readonly did?: string;
  /** Whether the hook (mail) was told. */
  readonly hook: 'pending' | 'told' | 'failed';
}

/** What a mailbox holds; drafts are not counted. */
export interface MailboxCounts {
  readonly new: number;
  readonly saved: number;
  readonly bytes: number;
}

/** One answer to a survey's question. */
export interface SurveyAnswer {
  readonly id: string;
  readonly survey: string;
  /** Id of the call's record. */
  readonly callId: string;
  readonly at: number;
  readonly digits: string;
  readonly caller?: string;
  readonly did?: string;
  readonly queue?: string;
  readonly agent?: string;
}

/** What ops have every caller hear ahead of the plan: "we know of an outage". */
export interface AnnouncementRecord {
  readonly id: string;
  /** A DID in E.164; absent: all calls. */
  readonly did?: string;
  /** What is said, one text or one per language; or a file of the prompts. */
  readonly prompt:
    | { readonly kind: 'say'; readonly text: string | Readonly<Record<string, string>> }
    | { readonly kind: 'file'; readonly file: string };
  readonly since: number;
  /** Absent: until it is switched off. */
  readonly until?: number;
  /** Name of the API key, or `ops`. */
  readonly who: string;
  /** When it was switched off, and by whom. */
  readonly endedAt?: number;
  readonly endedBy?: string;
}

/** A recording of a call, or of a part of it. */
export interface CallRecordingRecord {
  readonly id: string;
  /** Of the call's record. */
  readonly callId: string;
  /** Relative to the folder of recordings. */
  readonly file: string;
  /** `both`: stereo, the caller left. */
  readonly what: 'peer' | 'both';
  readonly reason: 'policy' | 'on-demand' | 'message';
  /** Queue or rule that asked for it, or who did. */
  readonly by?: string;
  readonly startedAt: number;
  /** Absent: it runs, or a crash ended it. */
  readonly endedAt?: number;
  readonly durationMs?: number;
  readonly bytes?: number;
  /** Spans in which nothing was written. */
  readonly paused: readonly { readonly from: number; readonly to: number }[];
}
