import type { Database } from 'better-sqlite3';

const EVERY_MS = 1000;

/** Pages in the write-ahead log that make a checkpoint worth its two fsyncs. */
const WORTHWHILE_PAGES = 1000;

/** Pages (64 MB) at which writers are held for a moment, so that the log starts anew instead of growing. */
const RESTART_PAGES = 16_000;

interface CheckpointRow {
  readonly busy: number;
  /** Pages in the log. */
  readonly log: number;
  /** Pages of it that are in the database. */
  readonly checkpointed: number;
}

/**
 * Moves the write-ahead log into the database from the worker: a checkpoint waits for the disk twice, which the thread that carries
 * the calls must not. A passive one holds nobody up, but never finishes while calls keep writing; so a long log is finished by one
 * that holds writers for what is left of it.
 */
export function startCheckpoints(database: Database): { stop(): void } {
  database.pragma('wal_autocheckpoint = 0');
  const timer = setInterval(() => checkpoint(database), EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** One look at the log, and what is due. */
export function checkpoint(
  database: Database,
  sizes = { worthwhile: WORTHWHILE_PAGES, restart: RESTART_PAGES },
): void {
  const before = run(database, 'NOOP');
  if (before.log - before.checkpointed < sizes.worthwhile && before.log < sizes.restart) return;
  const after = run(database, 'PASSIVE');
  if (after.log >= sizes.restart) run(database, 'RESTART');
}

function run(database: Database, mode: 'NOOP' | 'PASSIVE' | 'RESTART'): CheckpointRow {
  const rows = database.pragma(`wal_checkpoint(${mode})`) as CheckpointRow[];
  return rows[0]!;
}
