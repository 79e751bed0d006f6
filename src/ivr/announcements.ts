import type { Clock } from '../base/clock.js';
import { AppError } from '../base/errors.js';
import type { AnnouncementRecord } from '../model/index.js';
import type { AnnouncementRows } from './ports.js';

/** Most that are on at once. */
const MAX_ANNOUNCEMENTS = 200;
const MAX_TEXT = 1000;
const MAX_LANGUAGES = 20;

export interface NewAnnouncement {
  /** A DID in E.164; absent: all calls. */
  readonly did?: string;
  readonly prompt: AnnouncementRecord['prompt'];
  /** Default: now. */
  readonly since?: number;
  readonly until?: number;
  /** Name of the API key. */
  readonly who: string;
}

/** Emergency announcements: what every caller hears ahead of the plan, until ops switch it off. */
export interface Announcements {
  /** Throws AppError REQUEST_INVALID; rejects with STORE_UNWRITABLE, and then it is not on. */
  switchOn(announcement: NewAnnouncement): Promise<AnnouncementRecord>;
  /** False: it was not on. Rejects with STORE_UNWRITABLE, and then it stays on. */
  switchOff(id: string, who: string): Promise<boolean>;
  /** Those that are on, or will be. */
  current(): readonly AnnouncementRecord[];
  /** Also those that are over, newest first. */
  history(): readonly AnnouncementRecord[];
  /** What a call to this DID hears: the DID's own goes before that for all, the latest before older ones. */
  announcementFor(did: string | undefined, now: number): AnnouncementRecord | undefined;
}

export function createAnnouncements(deps: {
  readonly rows: AnnouncementRows;
  readonly clock: Clock;
  readonly newId: () => string;
}): Announcements {
  const { rows, clock } = deps;
  /** In the order they were made. */
  const on = new Map(rows.load(clock.now()).map((one) => [one.id, one]));

  function forget(now: number): void {
    for (const [id, one] of on) if (one.until !== undefined && one.until <= now) on.delete(id);
  }

  return {
    async switchOn(request) {
      const now = clock.now();
      forget(now);
      if (on.size >= MAX_ANNOUNCEMENTS)
        throw invalid(`${MAX_ANNOUNCEMENTS} announcements are on; switch one off first`);
      const since = request.since ?? now;
      const { did, until, who, prompt } = request;
      if (until !== undefined && until <= Math.max(since, now)) throw invalid('`until` is over already');
      if (did !== undefined && !/^\+?\d{2,18}$/.test(did)) throw invalid('`did` is no number');
      checkPrompt(prompt);
      const announcement: AnnouncementRecord = {
        id: deps.newId(),
        ...(did !== undefined && { did }),
        prompt,
        since,
        ...(until !== undefined && { until }),
        who,
      };
      await rows.put(announcement);
      on.set(announcement.id, announcement);
      return announcement;
    },
    async switchOff(id, who) {
      const announcement = on.get(id);
      if (announcement === undefined) return false;
      await rows.put({ ...announcement, endedAt: clock.now(), endedBy: who });
      return on.delete(id);
    },
    current() {
      forget(clock.now());
      return [...on.values()];
    },
    history: () => rows.history(),
    announcementFor(did, now) {
      if (on.size === 0) return undefined;
      const heard = [...on.values()].filter(
        (one) => one.since <= now && (one.until === undefined || now < one.until),
      );
      return (
        heard.findLast((one) => one.did !== undefined && one.did === did) ??
        heard.findLast((one) => one.did === undefined)
      );
    },
  };
}

function checkPrompt(prompt: AnnouncementRecord['prompt']): void {
  if (prompt.kind === 'file') {
    if (
      !/^[\w.-]+(\/[\w.-]+)*$/.test(prompt.file) ||
      prompt.file.split('/').includes('..') ||
      prompt.file.length > 200
    )
      throw invalid('`file` is no name of a file among the prompts');
    return;
  }
  const texts = typeof prompt.text === 'string' ? [prompt.text] : Object.values(prompt.text);
  if (texts.length === 0 || texts.length > MAX_LANGUAGES) throw invalid('`text` has no text, or too many');
  for (const text of texts)
    if (text.trim() === '' || text.length > MAX_TEXT) throw invalid(`a text has 1 to ${MAX_TEXT} characters`);
}

function invalid(message: string): AppError {
  return new AppError('REQUEST_INVALID', message);
}
