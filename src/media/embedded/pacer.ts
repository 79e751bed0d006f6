/** Something that has a packet to send at fixed distances. */
export interface Paced {
  /** Sends what is due; returns the milliseconds to the next time, at most 120, or 0: no more. */
  tick(): number;
}

/**
 * Sends by an absolute schedule in slots: what is late does not move what follows. In a worker of its own it blocks between the slots,
 * since timers drift and jitter by milliseconds; packets that arrive meanwhile gather in the sockets and are taken together.
 */
export interface Pacer {
  /** Its first tick comes with the next slot, or near `notBeforeMs` (monotonic) from now. No-op when it is in already. */
  add(paced: Paced, delayMs?: number): void;
  remove(paced: Paced): void;
  /** A packet came in: many of them a second make it worth to let them gather. */
  count(): void;
  /** Longest delay of a tick since the last call. Milliseconds. */
  takeLateMs(): number;
  stop(): void;
}

export interface PacerOptions {
  readonly monotonic: () => number;
  /** Blocks the thread; undefined where it may not be blocked: timers are used then. */
  readonly sleep: ((ms: number) => void) | undefined;
  readonly slotMs: number;
}

const WHEEL = 128;
const LOAD_WINDOW_MS = 100;
/** Packets in a window from which they are left to gather: 2,000 a second. */
const LOADED_PACKETS = 200;
/** After a standstill longer than this the missed time is given up. */
const MAX_BEHIND_MS = 500;

interface Entry {
  readonly paced: Paced;
  /** Number of the slot it is due in; −1: removed. */
  due: number;
}

export function createPacer(options: PacerOptions): Pacer {
  const { monotonic, sleep, slotMs } = options;
  const wheel: Entry[][] = Array.from({ length: WHEEL }, () => []);
  const entries = new Map<Paced, Entry>();
  const origin = monotonic();
  let slot = 0;
  let running = false;
  let stopped = false;
  let lateMs = 0;
  let packets = 0;
  let windowStart = origin;
  let loaded = false;

  const current = (): number => Math.floor((monotonic() - origin) / slotMs);

  function place(entry: Entry, due: number): void {
    entry.due = due;
    wheel[due % WHEEL]!.push(entry);
  }

  function runSlot(): void {
    const list = wheel[slot % WHEEL]!;
    if (list.length === 0) return;
    wheel[slot % WHEEL] = [];
    for (const entry of list) {
      if (entry.due === slot) {
        const late = monotonic() - origin - slot * slotMs - slotMs;
        if (late > lateMs) lateMs = late;
        const next = entry.paced.tick();
        // It may have been removed, or removed and added again, by what its tick did.
        if (entries.get(entry.paced) !== entry) continue;
        if (next <= 0) entries.delete(entry.paced);
        else place(entry, slot + Math.max(1, Math.min(WHEEL - 1, Math.round(next / slotMs))));
      } else if (entry.due > slot && entry.due % WHEEL === slot % WHEEL) {
        wheel[slot % WHEEL]!.push(entry);
      }
    }
  }

  function measure(now: number): void {
    if (now - windowStart < LOAD_WINDOW_MS) return;
    loaded = (packets * LOAD_WINDOW_MS) / (now - windowStart) >= LOADED_PACKETS;
    packets = 0;
    windowStart = now;
  }

  function turn(): void {
    if (stopped) return;
    const target = current();
    if ((target - slot) * slotMs > MAX_BEHIND_MS) skipTo(target);
    while (slot <= target) {
      runSlot();
      slot++;
    }
    const now = monotonic();
    measure(now);
    if (entries.size === 0 && !(loaded && sleep !== undefined)) {
      running = false;
      return;
    }
    const wait = origin + slot * slotMs - now;
    if (sleep === undefined) {
      setTimeout(turn, Math.max(0, wait));
      return;
    }
    if (wait > 0) sleep(wait);
    setImmediate(turn);
  }

  /** The machine slept: what was due long ago begins anew. */
  function skipTo(target: number): void {
    const all = [...entries.values()];
    for (const list of wheel) list.length = 0;
    slot = target;
    all.forEach((entry, index) => place(entry, target + (index % 10)));
  }

  function run(): void {
    if (running || stopped) return;
    running = true;
    // Not past who was added just now: time may have gone on since.
    if (entries.size === 0) slot = Math.max(slot, current());
    if (sleep === undefined) setTimeout(turn, 0);
    else setImmediate(turn);
  }

  return {
    add: (paced, delayMs = 0) => {
      if (entries.has(paced) || stopped) return;
      if (!running) slot = Math.max(slot, current());
      const entry: Entry = { paced, due: -1 };
      entries.set(paced, entry);
      // While a slot runs, its own list is being walked: the next one is the first that can be joined.
      const earliest = Math.max(slot + 1, current() + 1);
      place(entry, earliest + Math.min(WHEEL / 2, Math.round(delayMs / slotMs)));
      run();
    },
    remove: (paced) => {
      const entry = entries.get(paced);
      if (entry === undefined) return;
      entry.due = -1;
      entries.delete(paced);
    },
    count: () => {
      packets++;
      if (running) return;
      const now = monotonic();
      measure(now);
      if (loaded && sleep !== undefined) run();
    },
    takeLateMs: () => {
      const late = lateMs;
      lateMs = 0;
      return Math.max(0, late);
    },
    stop: () => {
      stopped = true;
      entries.clear();
    },
  };
}
