import type { RotaDefinition } from './plan.js';
import { localTime } from './zone-time.js';

/** Who is on duty at a moment: a swap before the turn. Turns are counted on the wall clock, so that 09:00 stays 09:00. */
export function personOnDuty(
  rota: RotaDefinition,
  at: number,
): { readonly who: string; readonly why: string } | undefined {
  const swap = rota.swaps.find((one) => at >= one.from && at < one.to);
  if (swap !== undefined) return { who: swap.who, why: 'swapped in' };
  const { people } = rota;
  if (people.length === 0 || rota.everyMs <= 0) return undefined;
  const passed = localTime(rota.timezone, at).wallMs - localTime(rota.timezone, rota.starts).wallMs;
  const turn = Math.floor(passed / rota.everyMs);
  const who = people[((turn % people.length) + people.length) % people.length];
  return who === undefined ? undefined : { who, why: `turn ${turn + 1}` };
}
