/**
 * Lets what arrives under load gather, as network cards do: each time a thread is woken costs more than a SIP message, so above a certain
 * rate the server's thread sleeps a little after it has handed over what it had. Datagrams wait in the socket's buffer meanwhile.
 */
export interface GatherOptions {
  /** How long it sleeps. Milliseconds; 0: never. */
  readonly pauseMs: number;
  /** Frames a second towards the application above which it does. */
  readonly fromFramesPerS?: number;
  readonly monotonic: () => number;
  /** Blocks the thread. Milliseconds. */
  readonly sleep: (ms: number) => void;
}

export interface Gather {
  /** A frame is on its way to the application. */
  count(): void;
  /** Everything has been handed over: the moment to sleep. */
  pause(): void;
}

/** About 200 bridged calls a second. */
const DEFAULT_FROM_FRAMES_PER_S = 2400;
const WINDOW_MS = 100;
/** Whoever has been awake for so many pauses is busy enough to gather by itself, or was idle. */
const LONGEST_AWAKE_PAUSES = 4;

export function createGather(options: GatherOptions): Gather {
  const { pauseMs, monotonic, sleep } = options;
  const fromFrames = ((options.fromFramesPerS ?? DEFAULT_FROM_FRAMES_PER_S) * WINDOW_MS) / 1000;
  let frames = 0;
  let windowStart = monotonic();
  let awakeSince = windowStart;
  let loaded = false;
  return {
    count: () => {
      frames++;
    },
    pause: () => {
      if (pauseMs <= 0) return;
      const now = monotonic();
      const elapsed = now - windowStart;
      if (elapsed >= WINDOW_MS) {
        loaded = (frames * WINDOW_MS) / elapsed >= fromFrames;
        frames = 0;
        windowStart = now;
      }
      const awake = now - awakeSince;
      awakeSince = now;
      if (!loaded || awake > LONGEST_AWAKE_PAUSES * pauseMs) return;
      sleep(pauseMs);
      awakeSince = monotonic();
    },
  };
}

/** Blocks the calling thread; only for threads that have nothing to do but this server. */
export function blockingSleep(): (ms: number) => void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  return (ms) => {
    Atomics.wait(cell, 0, 0, ms);
  };
}
