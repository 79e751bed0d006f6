import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { AnnouncementRecord, MailboxCounts, SurveyAnswer, VoicemailMessage } from '../model/index.js';
import type { Clip, MediaSession, PromptRequest } from '../media/index.js';

export type { Clip, MediaSession, PromptRequest, SystemPrompt } from '../media/index.js';

/** Room `media`: `createPrompts`. */
export interface PromptResolver {
  /** The clips of a prompt in a language; what cannot be played is left out. */
  resolve(prompt: PromptRequest, language: string | undefined): Promise<readonly Clip[]>;
}

/** What every dialogue of this room works with. */
export interface IvrDeps {
  readonly prompts: PromptResolver;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What every dialogue is told of the call. */
export interface Spoken {
  /** Of the call, e.g. `en` or `de-CH`; absent: the system's. */
  readonly language?: string | undefined;
}

/** A dialogue on one session: settles once, with what came of it; never rejects. `closed`: the caller is gone, or `signal` aborted. */
export type Dialogue<Spec, End> = (session: MediaSession, spec: Spec, signal: AbortSignal) => Promise<End>;

/** Nobody hears any more. */
export interface Closed {
  readonly kind: 'closed';
  /** A bug of ours ended the dialogue (it is in the log); the call may still be there, and should end. */
  readonly fault?: true;
}

/** Room `store`: `store.surveyAnswers`. */
export interface SurveyAnswers {
  /** Resolves when it is on disk; rejects with STORE_UNWRITABLE. */
  add(answer: SurveyAnswer): Promise<void>;
}

/** Room `store`: `store.voicemail`. Reads see what was written by promises that have resolved. */
export interface VoicemailRows {
  /** Oldest first, drafts left out; at most 1,000. */
  list(mailbox: string): readonly VoicemailMessage[];
  get(id: string): VoicemailMessage | undefined;
  counts(mailbox: string): MailboxCounts;
  /** Mailboxes that hold messages. */
  mailboxes(): readonly string[];
  /** In the order of their ids, behind `after`: drafts as well; at most 1,000. */
  page(after: string): readonly VoicemailMessage[];
  /** Up to 1,000 messages left before this time. */
  olderThan(before: number): readonly VoicemailMessage[];
  /** Up to 1,000 whose hook waits, oldest first. */
  untold(): readonly VoicemailMessage[];
  /** Adds or replaces. Rejects with STORE_UNWRITABLE. */
  put(message: VoicemailMessage): Promise<void>;
  /** Changes these alone; what is not there is passed over. Rejects with STORE_UNWRITABLE. */
  patch(id: string, fields: Partial<Pick<VoicemailMessage, 'state' | 'hook'>>): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
}

/** Room `store`: `store.announcements`. */
export interface AnnouncementRows {
  /** Those that may be heard at `now` or later. */
  load(now: number): readonly AnnouncementRecord[];
  history(): readonly AnnouncementRecord[];
  put(announcement: AnnouncementRecord): Promise<void>;
}

/** Room `registrar`, by NOTIFY: phones light their lamp. Must not throw. */
export interface MessageWaiting {
  changed(mailbox: string, counts: { readonly new: number; readonly saved: number }): void;
}

/** Tells somebody of a new message, by mail for instance. */
export interface MessageHook {
  /** Rejected: it is tried again later. `audio`: absolute path of the WAV. */
  deposited(message: VoicemailMessage, audio: string, signal: AbortSignal): Promise<void>;
}

/** Room `store`: `store.state`. */
export interface StateValues {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  remove(key: string): void;
  list(prefix: string): readonly { readonly key: string; readonly value: string }[];
}
