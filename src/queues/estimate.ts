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
  let samples: { at: number; value: number }[] = [];
  let sorted: number[] | undefined;
  return {
    add({ at, waitMs, position, agents }) {
      if (position < 1 || agents < 1) return;
      samples.push({ at, value: (waitMs * agents) / position });
      if (samples.length > MOST_SAMPLES) samples.shift();
      sorted = undefined;
    },
    range(now, position, agents) {
      if (samples[0] !== undefined && samples[0].at < now - HISTORY_MS) {
        samples = samples.filter((sample) => sample.at >= now - HISTORY_MS);
        sorted = undefined;
      }
      if (samples.length < FEWEST_SAMPLES || agents < 1) return undefined;
      sorted ??= samples.map((sample) => sample.value).sort((a, b) => a - b);
      const at = (share: number): number =>
        (sorted![Math.round(share * (sorted!.length - 1))]! * position) / agents;
      const atMost = Math.max(1, Math.ceil(at(HIGH) / MINUTE_MS)) * MINUTE_MS;
      return { atLeastMs: Math.floor(at(LOW) / MINUTE_MS) * MINUTE_MS, atMostMs: atMost };
    },
  };
}
