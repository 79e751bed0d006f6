import type { Database } from 'better-sqlite3';

/** Key of room state that says when this store was last known to run. */
export const ALIVE_KEY = 'store/alive-at';

/**
 * Ends the calls a crash left open, as `interrupted`: at the last sign of life before the crash, since the time the machine was
 * down is nobody's talking time. Returns how many there were.
 */
export function closeInterrupted(database: Database, now: number): number {
  const stored = database
    .prepare<[string], string>('SELECT value FROM state WHERE key = ?')
    .pluck()
    .get(ALIVE_KEY);
  const aliveAt = Math.min(stored === undefined ? 0 : Number(stored) || 0, now);
  const cause = `cause_sip = 500, cause_q850 = 41, cause_by = 'system', cause_kind = 'interrupted',
    cause_text = 'Trunkline was ended while the call was in progress'`;
  return database.transaction(() => {
    database
      .prepare(
        `UPDATE legs SET end_at = max(coalesce(answer_at, ring_at, started_at), ?), ${cause}
         WHERE end_at IS NULL AND call IN (SELECT number FROM calls WHERE end_at IS NULL)`,
      )
      .run(aliveAt);
    return database
      .prepare(
        `UPDATE calls SET state = 'ended', end_at = max(coalesce(answer_at, ring_at, setup_at), ?), ${cause}
         WHERE end_at IS NULL`,
      )
      .run(aliveAt).changes;
  })();
}
