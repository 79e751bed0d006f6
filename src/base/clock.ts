/** A timer handle; `clear` is idempotent. */
export interface Timer {
  clear(): void;
}

/** Time as an input, so that tests never sleep. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  monotonic(): number;
  /** Calls `run` once after `delayMs` (at least 0); does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
}

/** What Node can wait for at once (25 days): it takes longer times, which a peer may ask for (Session-Expires), for 1 ms. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, run) => {
    let left = delayMs;
    let handle: NodeJS.Timeout;
    const wait = (): void => {
      const now = Math.min(left, MAX_TIMEOUT_MS);
      left -= now;
      handle = setTimeout(left > 0 ? wait : run, now);
      handle.unref();
    };
    wait();
    return { clear: () => clearTimeout(handle) };
  },
};
