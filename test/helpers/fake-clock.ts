import type { Clock } from '../../src/base/clock.js';

/** A clock that stands still until told; `advance` runs what falls due, in order. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
  /** Timers that wait. */
  readonly pending: number;
}

export function createFakeClock(startMs = Date.UTC(2026, 10, 24, 15)): FakeClock {
  let now = startMs;
  let order = 0;
  const timers = new Set<{ at: number; order: number; run: () => void }>();
  return {
    now: () => now,
    monotonic: () => now - startMs,
    after: (delayMs, run) => {
      const timer = { at: now + Math.max(0, delayMs), order: order++, run };
      timers.add(timer);
      return { clear: () => void timers.delete(timer) };
    },
    advance: (ms) => {
      const end = now + ms;
      for (;;) {
        const due = [...timers]
          .filter((timer) => timer.at <= end)
          .sort((a, b) => a.at - b.at || a.order - b.order)[0];
        if (due === undefined) break;
        timers.delete(due);
        now = due.at;
        due.run();
      }
      now = end;
    },
    get pending() {
      return timers.size;
    },
  };
}
