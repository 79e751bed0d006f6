import type { Database } from 'better-sqlite3';
import type { CallRecordingRecord } from '../model/index.js';
import { type Cell, number, text } from './columns.js';
import type { GroupCommit } from './group-commit.js';

const MAX_PAGE = 500;

/** Most pauses of a recording that are kept. */
const MAX_PAUSES = 100;

/** Recordings of calls; their sounds are files elsewhere. */
export interface CallRecordingRepository {
  /** Adds or replaces. Resolves when it is on disk; rejects with STORE_UNWRITABLE. */
  put(recording: CallRecordingRecord): Promise<void>;
  get(id: string): CallRecordingRecord | undefined;
  ofCall(callId: string): readonly CallRecordingRecord[];
  /** Newest first, at most 500; `before`: the id of the last one of the page before. */
  list(page?: { readonly before?: string; readonly limit?: number }): readonly CallRecordingRecord[];
  /** Up to 500 that have no end: a crash left them, when asked at the start. */
  open(): readonly CallRecordingRecord[];
  /** Up to 500 that began before this time; their files go first, then `remove`. */
  olderThan(before: number): readonly CallRecordingRecord[];
  remove(ids: readonly string[]): Promise<void>;
}

interface RecordingRow {
  readonly id: string;
  readonly call_id: string;
  readonly file: string;
  readonly what: string;
  readonly reason: string;
  readonly by: string | null;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly duration_ms: number | null;
  readonly bytes: number | null;
  readonly paused: string;
}

const COLUMNS = 'id, call_id, file, what, reason, by, started_at, ended_at, duration_ms, bytes, paused';

export function createCallRecordingRepository(
  database: Database,
  group: GroupCommit,
): CallRecordingRepository {
  const select = (rest: string): string => `SELECT ${COLUMNS} FROM recordings ${rest}`;
  const one = database.prepare<[string], RecordingRow>(select('WHERE id = ?'));
  const ofCall = database.prepare<[string], RecordingRow>(
    select(`WHERE call_id = ? ORDER BY id LIMIT ${MAX_PAGE}`),
  );
  const page = database.prepare<[object], RecordingRow>(
    select('WHERE (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit'),
  );
  const open = database.prepare<[], RecordingRow>(select(`WHERE ended_at IS NULL LIMIT ${MAX_PAGE}`));
  const old = database.prepare<[number], RecordingRow>(select(`WHERE started_at < ? LIMIT ${MAX_PAGE}`));
  const upsert = database.prepare<Cell[]>(
    `INSERT OR REPLACE INTO recordings (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const remove = database.prepare<[string]>('DELETE FROM recordings WHERE id = ?');

  return {
    put: (recording) =>
      group.run(() => {
        upsert.run(
          recording.id,
          recording.callId,
          recording.file,
          recording.what,
          recording.reason,
          text(recording.by),
          recording.startedAt,
          number(recording.endedAt),
          number(recording.durationMs),
          number(recording.bytes),
          JSON.stringify(recording.paused.slice(0, MAX_PAUSES)),
        );
      }),
    get(id) {
      const row = one.get(id);
      return row === undefined ? undefined : toRecording(row);
    },
    ofCall: (callId) => ofCall.all(callId).map(toRecording),
    list: ({ before, limit } = {}) =>
      page
        .all({ before: before ?? null, limit: Math.min(Math.max(limit ?? 50, 1), MAX_PAGE) })
        .map(toRecording),
    open: () => open.all().map(toRecording),
    olderThan: (before) => old.all(before).map(toRecording),
    remove: (ids) =>
      group.run(() => {
        for (const id of ids) remove.run(id);
      }),
  };
}

function toRecording(row: RecordingRow): CallRecordingRecord {
  return {
    id: row.id,
    callId: row.call_id,
    file: row.file,
    what: row.what as CallRecordingRecord['what'],
    reason: row.reason as CallRecordingRecord['reason'],
    ...(row.by !== null && { by: row.by }),
    startedAt: row.started_at,
    ...(row.ended_at !== null && { endedAt: row.ended_at }),
    ...(row.duration_ms !== null && { durationMs: row.duration_ms }),
    ...(row.bytes !== null && { bytes: row.bytes }),
    paused: JSON.parse(row.paused) as CallRecordingRecord['paused'],
  };
}
