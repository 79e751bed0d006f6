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

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, run) => {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { clear: () => clearTimeout(handle) };
  },
};
