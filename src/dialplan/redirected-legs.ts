import type { CallFacts, TraceEntry } from '../model/index.js';
import { findExtension, type FoundExtension } from './find-extension.js';
import type { CallerIdentity, Leg } from './machine.js';
import { placeNumber } from './place-number.js';
import type { OutboundRule, Plan } from './plan.js';

/** Where a phone sent its call on to, by the rules of the plan. */
export type Redirected =
  | { readonly kind: 'legs'; readonly legs: readonly Leg[]; readonly trace: readonly TraceEntry[] }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * A device of `extension` answered 3xx, or transfers a call, and named `dialled`: it may send a call to whom it could call itself, an extension or a
 * number that an outbound rule places for it. Never to an emergency number, and not to an extension with a route of its own,
 * whose steps are no leg.
 */
export function redirectedLegs(
  plan: Plan,
  facts: Pick<CallFacts, 'tenant' | 'caller'>,
  extension: string,
  dialled: string,
  from: { readonly identity: CallerIdentity },
): Redirected {
  const cut = extension.lastIndexOf('/');
  const tenant = cut === -1 ? facts.tenant : extension.slice(0, cut);
  const own = findExtension(plan, extension, tenant);
  const site = own?.definition.site;
  const trace: TraceEntry[] = [];
  const placement = placeNumber(
    plan,
    dialled,
    {
      extension,
      ...(site === undefined ? {} : { site }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(facts.caller === undefined ? {} : { caller: facts.caller }),
    },
    trace,
  );
  const identity: CallerIdentity = { ...from.identity, divertedFrom: own?.digits ?? extension };
  const common = { confirm: false, delayMs: 0, emergency: false };
  switch (placement.kind) {
    case 'extension': {
      if (placement.found.name === own?.name) return { kind: 'refused', why: 'it is the extension itself' };
      const targets = targetsOf(placement.found);
      if (targets.length === 0)
        return { kind: 'refused', why: `${placement.found.name} has a route of its own` };
      const label = placement.found.name;
      return { kind: 'legs', trace, legs: targets.map((to) => ({ ...common, to, label, identity })) };
    }
    case 'trunks': {
      const { rule, number } = placement;
      const to = { kind: 'trunks', trunks: rule.via, number } as const;
      const shown = shownBy(rule, own, identity);
      return { kind: 'legs', trace, legs: [{ ...common, to, label: number, identity: shown }] };
    }
    case 'emergency':
      return { kind: 'refused', why: 'it is an emergency number' };
    case 'route':
      return { kind: 'refused', why: 'its outbound rule has a route of its own' };
    case 'unknown':
      return { kind: 'refused', why: 'it is no extension, and no outbound rule fits it' };
  }
}

/** Legs to an extension where it is; none where there is no such extension, or it has a route of its own. */
export function legsToExtension(
  plan: Plan,
  extension: string,
  tenant: string | undefined,
  identity: CallerIdentity,
): readonly Leg[] {
  const found = findExtension(plan, extension, tenant);
  if (found === undefined) return [];
  const common = { confirm: false, delayMs: 0, emergency: false, label: found.name, identity };
  return targetsOf(found).map((to) => ({ ...common, to }));
}

function targetsOf(found: FoundExtension): readonly Leg['to'][] {
  const { where } = found.definition;
  switch (where.kind) {
    case 'devices':
      return where.devices.map((device) => ({ kind: 'device', device, extension: found.name }));
    case 'trunk':
      return [{ kind: 'trunks', trunks: [where.trunk], number: found.digits, extension: found.name }];
    case 'route':
      return [];
  }
}

/** The outbound rule's own caller-id, or the redirecting extension's number, unless the step has said who is shown. */
function shownBy(
  rule: OutboundRule,
  own: FoundExtension | undefined,
  identity: CallerIdentity,
): CallerIdentity {
  if (identity.mode !== 'keep') return identity;
  const { callerId } = rule;
  if (callerId.kind === 'anonymous') return { ...identity, mode: 'anonymous' };
  const number = callerId.kind === 'number' ? callerId.number.source : own?.definition.callerId;
  // A number made of variables belongs to a step, which there is none of here.
  return number === undefined || !/^\+?\d+$/.test(number)
    ? identity
    : { ...identity, mode: 'number', number };
}
