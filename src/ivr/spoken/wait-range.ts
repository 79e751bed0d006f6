import type { WaitRange } from './language.js';

/** Minutes that people think in: a range begins and ends at one of these. */
const MARKS = [0, 1, 2, 3, 5, 10, 15, 20, 30, 45, 60] as const;
const LAST_MARK = 60;
const MINUTE_MS = 60_000;

/**
 * What can honestly be said of a wait between `lowMs` and `highMs`: the range of round minutes that holds both. Undefined where it would
 * say nothing, since it goes from almost none to beyond an hour.
 */
export function waitRange(lowMs: number, highMs: number): WaitRange | undefined {
  if (!(lowMs >= 0) || !(highMs >= lowMs)) return undefined;
  const low = lowMs / MINUTE_MS;
  const high = highMs / MINUTE_MS;
  const from = MARKS.findLast((mark) => mark <= low) ?? 0;
  if (high >= LAST_MARK) return from < 5 ? undefined : { kind: 'over', minutes: from };
  // Of an exact estimate the next mark is the end, never a range of nothing.
  const to = MARKS.find((mark) => mark > high) ?? LAST_MARK;
  return from === 0 ? { kind: 'under', minutes: to } : { kind: 'between', from, to };
}
