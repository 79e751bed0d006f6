import { emergencyOf, type Plan } from '../dialplan/index.js';
import type { CallFacts } from '../model/index.js';

/** Whether the call is for help: from inside, to an emergency number of the caller's site. Such a call passes every limit. */
export function isEmergency(plan: Plan, facts: CallFacts): boolean {
  return facts.direction === 'internal' && emergencyOf(plan, facts.dialed, facts.site) !== undefined;
}
