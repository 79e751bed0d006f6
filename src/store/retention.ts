import type { Database } from 'better-sqlite3';
import { createCallSlots } from './call-slots.js';

/** Calls deleted in one transaction: a few milliseconds, so that records of running calls hardly wait. */
const BATCH_CALLS = 200;

/** Rows of what happened in queues, likewise. */
const BATCH_EVENTS = 1000;

/** Deletes records that are past their time. */
export interface Retention {
  /** One batch of ended calls set up before `before` (milliseconds since the epoch), with their legs, and what happened in queues; says how many rows. */
  sweepBatch(before: number): number;
}

export function createRetention(database: Database): Retention {
  const slots = createCallSlots(database);
  // The newest call stays in any case: its number must not be given out again.
  const select = database
    .prepare<[number, number, number], number>(
      `SELECT number FROM calls
     WHERE number < ? AND number < (SELECT max(number) FROM calls) AND setup_at < ? AND end_at IS NOT NULL
     ORDER BY number LIMIT ?`,
    )
    .pluck();
  const deleteLegs = database.prepare('DELETE FROM legs WHERE call = ?');
  const deleteCall = database.prepare('DELETE FROM calls WHERE number = ?');
  const deleteSlots = database.prepare(
    `DELETE FROM call_slots WHERE number <
       (SELECT max(number) FROM call_slots WHERE number <= (SELECT min(number) FROM calls))`,
  );
  const deleteEvents = database.prepare<[number, number]>(
    'DELETE FROM queue_events WHERE number IN (SELECT number FROM queue_events WHERE at < ? ORDER BY at LIMIT ?)',
  );
  const deleteCallbacks = database.prepare<[number]>('DELETE FROM queue_callbacks WHERE ended_at < ?');
  const batch = database.transaction((before: number): number => {
    const calls = select.all(slots.endBefore(before) ?? Number.MAX_SAFE_INTEGER, before, BATCH_CALLS);
    for (const call of calls) {
      deleteLegs.run(call);
      deleteCall.run(call);
    }
    if (calls.length > 0) deleteSlots.run();
    return (
      calls.length + deleteEvents.run(before, BATCH_EVENTS).changes + deleteCallbacks.run(before).changes
    );
  });
  return { sweepBatch: (before) => (database.inTransaction ? batch(before) : batch.immediate(before)) };
}
