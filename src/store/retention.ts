import type { Database } from 'better-sqlite3';

/** Calls deleted in one transaction: a few milliseconds, so that records of running calls hardly wait. */
const BATCH_CALLS = 200;

/** Deletes records that are past their time. */
export interface Retention {
  /** One batch of ended calls set up before `before` (milliseconds since the epoch), with their legs; says how many. */
  sweepBatch(before: number): number;
}

export function createRetention(database: Database): Retention {
  const select = database.prepare<[number, number], { number: number; id: string }>(
    `SELECT rowid AS number, id FROM calls WHERE setup_at < ? AND state = 'ended' ORDER BY setup_at LIMIT ?`,
  );
  const deleteLegs = database.prepare('DELETE FROM legs WHERE record_id = ?');
  const deleteCall = database.prepare('DELETE FROM calls WHERE rowid = ?');
  const batch = database.transaction((before: number): number => {
    const calls = select.all(before, BATCH_CALLS);
    for (const call of calls) {
      deleteLegs.run(call.id);
      deleteCall.run(call.number);
    }
    return calls.length;
  });
  return { sweepBatch: (before) => (database.inTransaction ? batch(before) : batch.immediate(before)) };
}
