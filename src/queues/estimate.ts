import type { WaitRange } from './queues.js';

/** Older answers say nothing of now. */
export const HISTORY_MS = 3_600_000;

/** Answers looked at, and the fewest of them that allow a statement. */
const MOST_SAMPLES = 50;
const FEWEST_SAMPLES = 8;

/** The range leaves out as many at each end. */
const LOW = 0.15;
const HIGH = 0.85;

const MINUTE_MS = 60_000;

/** What a queue's callers of late had to wait. */
export interface WaitHistory {
  /** Somebody was answered who had to wait. `at` is monotonic. */
  add(sample: { at: number; waitMs: number; position: number; agents: number }): void;
  /** The wait from this place, with so many agents there; undefined: not known. */
  range(now: number, position: number, agents: number): WaitRange | undefined;
}

/**
 * A wait is taken as proportional to the place and inversely to the agents who are there. So each answered caller gives one sample,
 * wait × agents ÷ place at entering; the range is what lies between the 15th and the 85th percentile of the last 50 within an hour,
 * brought to the place and the agents of now, and rounded outwards to minutes.
 */
export function createWaitHistory(): WaitHistory {
  /** In the order of time, and of value. */
  const samples: { readonly at: number; readonly value: number }[] = [];
  const sorted: number[] = [];

  function forgetOldest(): void {
    const oldest = samples.shift();
    if (oldest !== undefined) sorted.splice(sorted.indexOf(oldest.value), 1);
  }

  return {
    add({ at, waitMs, position, agents }) {
      if (position < 1 || agents < 1) return;
      const value = (waitMs * agents) / position;
      samples.push({ at, value });
      const place = sorted.findIndex((other) => other > value);
      sorted.splice(place < 0 ? sorted.length : place, 0, value);
      if (samples.length > MOST_SAMPLES) forgetOldest();
    },
    range(now, position, agents) {
      while (samples[0] !== undefined && samples[0].at < now - HISTORY_MS) forgetOldest();
      if (samples.length < FEWEST_SAMPLES || agents < 1) return undefined;
      const last = sorted.length - 1;
      const atLeast = (sorted[Math.round(LOW * last)]! * position) / agents;
      const atMost = (sorted[Math.round(HIGH * last)]! * position) / agents;
      const from = Math.floor(atLeast / MINUTE_MS);
      // A range of no width would promise what nobody knows.
      const to = Math.max(from + 1, Math.ceil(atMost / MINUTE_MS));
      return { atLeastMs: from * MINUTE_MS, atMostMs: to * MINUTE_MS };
    },
  };
}
