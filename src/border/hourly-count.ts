const HOUR_MS = 3_600_000;
/** Names beyond this are forgotten, the longest unused first. */
export const MAX_COUNTED_NAMES = 100_000;

/** Calls of the last hour by name, as a sliding window over two fixed hours, in bounded memory. */
export interface HourlyCount {
  /** Counts one and returns the estimate for the last 60 minutes, this one included. */
  add(name: string, nowMs: number): number;
  of(name: string, nowMs: number): number;
}

interface Window {
  hour: number;
  current: number;
  previous: number;
}

export function createHourlyCount(): HourlyCount {
  const windows = new Map<string, Window>();

  const settle = (window: Window, nowMs: number): number => {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (hour !== window.hour) {
      window.previous = hour === window.hour + 1 ? window.current : 0;
      window.current = 0;
      window.hour = hour;
    }
    const share = 1 - (nowMs % HOUR_MS) / HOUR_MS;
    return window.current + Math.floor(window.previous * share);
  };

  return {
    add: (name, nowMs) => {
      const window = windows.get(name) ?? { hour: Math.floor(nowMs / HOUR_MS), current: 0, previous: 0 };
      windows.delete(name);
      windows.set(name, window);
      if (windows.size > MAX_COUNTED_NAMES) windows.delete(windows.keys().next().value!);
      settle(window, nowMs);
      window.current += 1;
      return settle(window, nowMs);
    },
    of: (name, nowMs) => {
      const window = windows.get(name);
      return window === undefined ? 0 : settle(window, nowMs);
    },
  };
}
