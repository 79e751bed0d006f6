import type {
  AnnouncementRecord,
  CallRecordingRecord,
  MailboxCounts,
  SurveyAnswer,
  VoicemailMessage,
} from '../model/index.js';

/** Messages, announcements, answers and recordings: what callers said and are told. */
export interface VoicePorts {
  readonly mailboxes: {
    /** Those of the dialplan and those that hold messages, by name, behind `after`; `next` when there are more. */
    list(page: { readonly after?: string; readonly limit: number }): MailboxPage;
    /** Undefined: the dialplan has no such mailbox, and it holds nothing. */
    get(name: string): MailboxView | undefined;
    /** Oldest first, at most 1,000. */
    messages(name: string): readonly VoicemailMessage[];
  };
  readonly messages: {
    get(id: string): VoicemailMessage | undefined;
    /** Absolute path of the WAV. */
    audio(id: string): string | undefined;
    /** False: there is no such message. */
    mark(id: string, state: 'new' | 'saved'): Promise<boolean>;
    /** False: there is no such message. */
    remove(id: string): Promise<boolean>;
  };
  readonly announcements: {
    /** Those that are on, or will be. */
    current(): readonly AnnouncementRecord[];
    /** Also those that are over, newest first. */
    history(): readonly AnnouncementRecord[];
    /** Throws REQUEST_INVALID. */
    switchOn(announcement: NewAnnouncement): Promise<SwitchedOn>;
    /** False: it was not on. */
    switchOff(id: string, who: string): Promise<boolean>;
  };
  readonly surveys: {
    /** Whether the dialplan has it. */
    has(name: string): boolean;
    /** Newest first. */
    answers(
      query: SurveyQuery,
      page: { readonly before?: string; readonly limit: number },
    ): readonly SurveyAnswer[];
    /** How often each answer was given. */
    distribution(query: SurveyQuery): ReadonlyMap<string, number>;
  };
  readonly recordings: {
    /** Newest first. */
    list(page: { readonly before?: string; readonly limit: number }): readonly CallRecordingRecord[];
    ofCall(callId: string): readonly CallRecordingRecord[];
    get(id: string): CallRecordingRecord | undefined;
    /** Absolute path of the WAV; undefined: there is no such recording. */
    audio(id: string): string | undefined;
  };
}

export interface MailboxView extends MailboxCounts {
  readonly name: string;
  /** False: it only holds messages of a plan before. */
  readonly inPlan: boolean;
}

export interface MailboxPage {
  readonly mailboxes: readonly MailboxView[];
  readonly next?: string;
}

export interface NewAnnouncement {
  readonly did?: string;
  readonly prompt: AnnouncementRecord['prompt'];
  readonly since?: number;
  readonly until?: number;
  readonly who: string;
}

export interface SwitchedOn {
  readonly announcement: AnnouncementRecord;
  /** Why some callers will not hear it, each a sentence. */
  readonly warnings: readonly string[];
}

export interface SurveyQuery {
  readonly survey: string;
  readonly queue?: string;
  readonly agent?: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
}
