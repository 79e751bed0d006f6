import type { Database } from 'better-sqlite3';
import { SLOT_MS } from './call-rows.js';

/** Which numbers the calls of a time have; see `call_slots` in the schema. */
export interface CallSlots {
  /** The first number that may belong to a call set up at `since` or later; undefined: there is none. */
  firstSince(since: number): number | undefined;
  /** The number up to which (exclusive) calls may have been set up before `until`; undefined: no end is known. */
  endBefore(until: number): number | undefined;
}

export function createCallSlots(database: Database): CallSlots {
  const first = database
    .prepare<[number], number | null>('SELECT min(number) FROM call_slots WHERE slot >= ?')
    .pluck();
  const last = database
    .prepare<[number], number | null>('SELECT max(number) FROM call_slots WHERE slot <= ?')
    .pluck();
  const next = database
    .prepare<[number], number | null>('SELECT min(number) FROM call_slots WHERE number > ?')
    .pluck();
  const slotOf = (at: number): number => Math.floor(at / SLOT_MS);
  return {
    firstSince: (since) => first.get(slotOf(since)) ?? undefined,
    endBefore(until) {
      const begin = last.get(slotOf(until)) ?? undefined;
      return begin === undefined ? 0 : (next.get(begin) ?? undefined);
    },
  };
}
