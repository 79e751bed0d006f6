import type { Database } from 'better-sqlite3';
import type { AnnouncementRecord } from '../model/index.js';
import { type Cell, number, text } from './columns.js';
import type { GroupCommit } from './group-commit.js';

/** Emergency announcements, with who switched them on and off. */
export interface AnnouncementRepository {
  /** Those that may be heard at `now` or later. */
  load(now: number): readonly AnnouncementRecord[];
  /** All, newest first, at most 200. */
  history(): readonly AnnouncementRecord[];
  /** Adds or replaces. Resolves when it is on disk; rejects with STORE_UNWRITABLE. */
  put(announcement: AnnouncementRecord): Promise<void>;
}

interface AnnouncementRow {
  readonly id: string;
  readonly did: string | null;
  readonly prompt: string;
  readonly since: number;
  readonly until: number | null;
  readonly who: string;
  readonly ended_at: number | null;
  readonly ended_by: string | null;
}

const COLUMNS = 'id, did, prompt, since, until, who, ended_at, ended_by';

export function createAnnouncementRepository(database: Database, group: GroupCommit): AnnouncementRepository {
  const current = database.prepare<[number], AnnouncementRow>(
    `SELECT ${COLUMNS} FROM announcements WHERE ended_at IS NULL AND (until IS NULL OR until > ?) ORDER BY id`,
  );
  const history = database.prepare<[], AnnouncementRow>(
    `SELECT ${COLUMNS} FROM announcements ORDER BY id DESC LIMIT 200`,
  );
  const upsert = database.prepare<Cell[]>(
    `INSERT OR REPLACE INTO announcements (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  return {
    load: (now) => current.all(now).map(toAnnouncement),
    history: () => history.all().map(toAnnouncement),
    put: (one) =>
      group.run(() => {
        upsert.run(
          one.id,
          text(one.did),
          JSON.stringify(one.prompt),
          one.since,
          number(one.until),
          one.who,
          number(one.endedAt),
          text(one.endedBy),
        );
      }),
  };
}

function toAnnouncement(row: AnnouncementRow): AnnouncementRecord {
  return {
    id: row.id,
    ...(row.did !== null && { did: row.did }),
    prompt: JSON.parse(row.prompt) as AnnouncementRecord['prompt'],
    since: row.since,
    ...(row.until !== null && { until: row.until }),
    who: row.who,
    ...(row.ended_at !== null && { endedAt: row.ended_at }),
    ...(row.ended_by !== null && { endedBy: row.ended_by }),
  };
}
