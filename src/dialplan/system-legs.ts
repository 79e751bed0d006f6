import type { TraceEntry } from '../model/index.js';
import { nearestDid } from './local-presence.js';
import type { CallerIdentity } from './machine.js';
import { placeNumber } from './place-number.js';
import type { OutboundRule, Plan } from './plan.js';
import { legsToExtension, type Redirected } from './redirected-legs.js';

/** On whose behalf the house calls by itself. */
export interface SystemDialler {
  readonly site?: string;
  readonly tenant?: string;
  /** Our own number to show where the outbound rule names none. */
  readonly shown?: string;
}

/**
 * Legs to a number that no phone dialled: a caller who was promised a call, a transfer ordered by the API. The outbound rules place it
 * as they would for anybody of the site. Never an emergency number.
 */
export function systemLegs(plan: Plan, dialled: string, dialler: SystemDialler): Redirected {
  const trace: TraceEntry[] = [];
  const { site, tenant } = dialler;
  const placement = placeNumber(
    plan,
    dialled,
    { ...(site === undefined ? {} : { site }), ...(tenant === undefined ? {} : { tenant }) },
    trace,
  );
  switch (placement.kind) {
    case 'extension': {
      const { name } = placement.found;
      const legs = legsToExtension(plan, name, tenant, { mode: 'keep', headers: [] });
      return legs.length === 0
        ? { kind: 'refused', why: `${name} has a route of its own` }
        : { kind: 'legs', legs, trace };
    }
    case 'trunks': {
      const { rule, number } = placement;
      const to = { kind: 'trunks', trunks: rule.via, number } as const;
      const identity = shownBy(plan, rule, number, dialler);
      const leg = { to, label: number, identity, confirm: false, delayMs: 0, emergency: false };
      return { kind: 'legs', legs: [leg], trace };
    }
    case 'emergency':
      return { kind: 'refused', why: 'it is an emergency number' };
    case 'route':
      return { kind: 'refused', why: 'its outbound rule has a route of its own' };
    case 'unknown':
      return { kind: 'refused', why: 'it is no extension, and no outbound rule fits it' };
  }
}

/** What the rule says of the caller, else the number to show, else what the trunk makes of it. */
function shownBy(
  plan: Plan,
  { callerId }: OutboundRule,
  called: string,
  { shown, tenant }: SystemDialler,
): CallerIdentity {
  const headers: CallerIdentity['headers'] = [];
  if (callerId.kind === 'anonymous') return { mode: 'anonymous', headers };
  const nearest = callerId.kind === 'local-presence' ? nearestDid(plan, called, tenant) : undefined;
  // A number made of variables belongs to a step, which there is none of here.
  const written =
    callerId.kind === 'number' && /^\+?\d+$/.test(callerId.number.source)
      ? callerId.number.source
      : undefined;
  const number = written ?? nearest ?? shown;
  return number === undefined ? { mode: 'keep', headers } : { mode: 'number', number, headers };
}
