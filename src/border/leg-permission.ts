import type { Clock } from '../base/clock.js';
import type { BorderCheck, BorderCode } from '../model/index.js';
import type { Capacity } from './capacity.js';
import type { HourlyCount } from './hourly-count.js';

/** A leg that leaves by a trunk. */
export interface LegToCheck {
  readonly trunk: { readonly name: string };
  /** E.164 where known, else digits. */
  readonly number: string;
  readonly caller?: string;
  /** Extension that calls, for internal calls. */
  readonly extension?: string;
  readonly emergency: boolean;
}

export interface LegProblem {
  readonly check: BorderCheck;
  readonly code: BorderCode;
  readonly reason: string;
}

/** Why a leg may not leave, or undefined. `dry` counts nothing. */
export function findLegProblem(
  leg: LegToCheck,
  dry: boolean,
  rules: {
    readonly clock: Clock;
    readonly isDeniedPrefix: (number: string) => boolean;
    readonly maxCallsPerHour: number | undefined;
    readonly hourly: HourlyCount;
    readonly capacity: Capacity | undefined;
  },
): LegProblem | undefined {
  if (leg.emergency) return undefined;
  if (rules.isDeniedPrefix(leg.number)) {
    const reason = `${leg.number} begins with one of border.fraud.deny-prefixes`;
    return { check: 'fraud', code: 'prefix-denied', reason };
  }
  // Calls of extensions are what toll fraud is made of; calls a trunk hands through have its own limits.
  const { maxCallsPerHour, hourly } = rules;
  if (maxCallsPerHour !== undefined && leg.extension !== undefined) {
    const now = rules.clock.now();
    const calls = dry ? hourly.of(leg.extension, now) + 1 : hourly.add(leg.extension, now);
    if (calls > maxCallsPerHour) {
      const reason = `extension ${leg.extension} made more than ${maxCallsPerHour} calls in an hour`;
      return { check: 'fraud', code: 'caller-rate', reason };
    }
  }
  const full = rules.capacity?.overCapacity();
  return full && { check: 'capacity', ...full };
}
