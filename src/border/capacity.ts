import type { Clock } from '../base/clock.js';
import type { BorderCode, TrunkLimits } from '../model/index.js';
import { createTokenBucket, type TokenBucket } from './token-bucket.js';

const DAY_MS = 86_400_000;

/** Gives the place back, once; `answeredMs` is how long it was connected, for minutes a day. */
export type Release = (answeredMs: number) => void;

/** Calls, calls a second and minutes a day of one trunk, or of the whole server. */
export interface Capacity {
  readonly name: string;
  /** Undefined when a call may come now. `dry` takes no token. */
  overRate(dry: boolean): CapacityProblem | undefined;
  overCapacity(): CapacityProblem | undefined;
  occupy(): Release;
  readonly calls: number;
  configure(limits: TrunkLimits): void;
}

export interface CapacityProblem {
  readonly code: BorderCode;
  readonly reason: string;
}

export function createCapacity(name: string, first: TrunkLimits, clock: Clock): Capacity {
  let limits = first;
  let rate = bucketFor(first);
  let calls = 0;
  let day = 0;
  let msToday = 0;

  const today = () => Math.floor(clock.now() / DAY_MS);

  return {
    name,
    overRate: (dry) => {
      if (rate === undefined) return undefined;
      const now = clock.monotonic();
      if (dry ? rate.has(now) : rate.take(now)) return undefined;
      return { code: 'trunk-rate', reason: `${name} may have ${limits.perSecond ?? 0} new calls a second` };
    },
    overCapacity: () => {
      if (limits.calls !== undefined && calls >= limits.calls) {
        return { code: 'trunk-capacity', reason: `${name} has ${calls} of ${limits.calls} calls` };
      }
      const { minutesPerDay } = limits;
      if (minutesPerDay !== undefined && day === today() && msToday >= minutesPerDay * 60_000) {
        return {
          code: 'trunk-minutes',
          reason: `${name} has used its ${minutesPerDay} minutes of the day (UTC)`,
        };
      }
      return undefined;
    },
    occupy: () => {
      calls += 1;
      let held = true;
      return (answeredMs) => {
        if (!held) return;
        held = false;
        calls -= 1;
        if (day !== today()) {
          day = today();
          msToday = 0;
        }
        msToday += answeredMs;
      };
    },
    get calls() {
      return calls;
    },
    configure: (next) => {
      // An unchanged rate keeps its tokens, so that a reload gives nobody a new burst.
      if (next.perSecond !== limits.perSecond) rate = bucketFor(next);
      limits = next;
    },
  };
}

function bucketFor(limits: TrunkLimits): TokenBucket | undefined {
  return limits.perSecond === undefined ? undefined : createTokenBucket(limits.perSecond);
}
