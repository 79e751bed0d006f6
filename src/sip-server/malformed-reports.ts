import type { Clock, Timer } from '../base/clock.js';

/** What one source sent that was no SIP message since the report before. */
export interface MalformedReport {
  readonly address: string;
  readonly count: number;
}

/** Reports go out so often at most. Milliseconds. */
const REPORT_EVERY_MS = 1000;

/** Addresses of one report; what others send meanwhile is not told: a flood of forged sources must not become one of messages. */
const MAX_ADDRESSES = 200;

export interface MalformedReports {
  note(address: string, count: number): void;
  stop(): void;
}

/** Gathers what is malformed by its source, and tells it once a second. */
export function createMalformedReports(
  clock: Clock,
  report: (reports: readonly MalformedReport[]) => void,
): MalformedReports {
  const counts = new Map<string, number>();
  let timer: Timer | undefined;
  const flush = (): void => {
    timer = undefined;
    const reports = [...counts].map(([address, count]) => ({ address, count }));
    counts.clear();
    report(reports);
  };
  return {
    note(address, count) {
      const before = counts.get(address);
      if (before === undefined && counts.size >= MAX_ADDRESSES) return;
      counts.set(address, (before ?? 0) + count);
      timer ??= clock.after(REPORT_EVERY_MS, flush);
    },
    stop() {
      timer?.clear();
      timer = undefined;
      counts.clear();
    },
  };
}
