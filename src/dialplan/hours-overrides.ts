import type { StateStore } from './ports.js';

/** What ops set by hand for some hours. */
export interface HoursOverride {
  readonly hours: string;
  readonly verdict: 'open' | 'closed' | 'holiday';
  /** Milliseconds since the epoch; absent: until it is cleared. */
  readonly until?: number;
  readonly since: number;
  readonly who: string;
}

/** Overrides of `hours:`: run-time state, apart from the plan, so that it outlives reloads and restarts. */
export interface HoursOverrides {
  /** The verdict in force now. */
  verdict(hours: string): HoursOverride['verdict'] | undefined;
  set(override: Omit<HoursOverride, 'since'>): void;
  /** False when there was none. */
  clear(hours: string): boolean;
  list(): readonly HoursOverride[];
}

const PREFIX = 'hours/';

export function createHoursOverrides(state: StateStore, now: () => number): HoursOverrides {
  const overrides = new Map<string, HoursOverride>();
  for (const { key, value } of state.list(PREFIX)) {
    const read = readOverride(key.slice(PREFIX.length), value);
    if (read === undefined) state.remove(key);
    else overrides.set(read.hours, read);
  }
  const clear = (hours: string): boolean => {
    if (!overrides.delete(hours)) return false;
    state.remove(PREFIX + hours);
    return true;
  };
  const current = (hours: string): HoursOverride | undefined => {
    const override = overrides.get(hours);
    if (override?.until === undefined || now() < override.until) return override;
    clear(hours);
    return undefined;
  };
  return {
    verdict: (hours) => (overrides.size === 0 ? undefined : current(hours)?.verdict),
    set(override) {
      const whole: HoursOverride = { ...override, since: now() };
      overrides.set(override.hours, whole);
      state.set(PREFIX + override.hours, JSON.stringify(whole));
    },
    clear,
    list: () => [...overrides.keys()].map(current).filter((override) => override !== undefined),
  };
}

/** What a former run wrote; undefined when it is not what this one would write. */
function readOverride(hours: string, text: string): HoursOverride | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { verdict, until, since, who } = value as Partial<Record<keyof HoursOverride, unknown>>;
  if (verdict !== 'open' && verdict !== 'closed' && verdict !== 'holiday') return undefined;
  if (until !== undefined && typeof until !== 'number') return undefined;
  return {
    hours,
    verdict,
    ...(until === undefined ? {} : { until }),
    since: typeof since === 'number' ? since : 0,
    who: typeof who === 'string' ? who : 'unknown',
  };
}
