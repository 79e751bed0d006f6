import { showPlace } from '../base/diagnostic.js';
import { findExtension } from './find-extension.js';
import type { FoundExtension } from './find-extension.js';
import { addressOf } from './machine-address.js';
import type { ListAddress } from './machine-address.js';
import { callerSite } from './machine-decide.js';
import { identityFor } from './machine-identity.js';
import type { IdentityWish } from './machine-identity.js';
import { note } from './machine-run.js';
import type { Run } from './machine-run.js';
import { numberOf } from './machine-variables.js';
import type { CallerIdentity, Leg } from './machine.js';
import { placeNumber } from './place-number.js';
import type { Dialler, Placement } from './place-number.js';
import type { Outcome, Target } from './plan.js';
import { personOnDuty } from './rota-turn.js';

/** How something named can be rung. */
export type Reach =
  | { readonly kind: 'legs'; readonly legs: readonly Leg[] }
  | { readonly kind: 'extension'; readonly found: FoundExtension }
  /** An outbound rule's own route. */
  | { readonly kind: 'steps'; readonly at: ListAddress; readonly number: string }
  | { readonly kind: 'failed'; readonly outcome: Outcome; readonly why: string };

/** What each leg of one target has in common. */
export interface LegWish {
  readonly confirm: boolean;
  readonly delayMs: number;
  readonly forMs?: number | undefined;
}

/** A leg for each device of an extension, or one to the PBX it lives on. */
export function legsOfExtension(run: Run, found: FoundExtension, wish: LegWish): readonly Leg[] {
  const { where } = found.definition;
  switch (where.kind) {
    case 'devices':
      return where.devices.map((device) =>
        leg({ kind: 'device', device, extension: found.name }, found.name, wish, false),
      );
    case 'trunk':
      return [
        leg(
          { kind: 'trunks', trunks: [where.trunk], number: found.digits, extension: found.name },
          found.name,
          wish,
          false,
        ),
      ];
    case 'route':
      note(run, `extension ${found.name} has a route of its own: it cannot be rung as a member`);
      return [];
  }
}

/** What a target stands for at this moment; numbers are placed by the outbound rules. */
export function reachTarget(run: Run, target: Target, identity: IdentityWish, by: string | undefined): Reach {
  const { who } = target;
  switch (who.kind) {
    case 'extension':
      return reachExtension(run, who.name);
    case 'device': {
      const device = run.plan.devices.get(who.name);
      if (device === undefined)
        return { kind: 'failed', outcome: 'unreachable', why: `there is no device ${who.name}` };
      return {
        kind: 'legs',
        legs: [
          leg({ kind: 'device', device: who.name, extension: device.extension }, who.name, target, false),
        ],
      };
    }
    case 'number': {
      const number = numberOf(run, who.number);
      if (number === undefined)
        return { kind: 'failed', outcome: 'unknown', why: `"${who.number.source}" holds no number` };
      return reachNumber(run, number, target, identity, by);
    }
    case 'trunk': {
      const number = who.number === undefined ? run.number : numberOf(run, who.number);
      if (number === undefined || number === '') {
        return { kind: 'failed', outcome: 'unknown', why: `no number to ask trunk ${who.name} for` };
      }
      return {
        kind: 'legs',
        legs: [leg({ kind: 'trunks', trunks: [who.name], number }, who.name, target, false)],
      };
    }
    case 'rota': {
      const rota = run.plan.rotas.get(who.name);
      const duty = rota === undefined ? undefined : personOnDuty(rota, run.world.now);
      if (duty === undefined)
        return { kind: 'failed', outcome: 'unreachable', why: `nobody is on duty in rota ${who.name}` };
      note(run, `rota ${who.name}: ${duty.who} is on duty (${duty.why})`);
      return duty.who.startsWith('+')
        ? reachNumber(run, duty.who, target, identity, by)
        : reachExtension(run, duty.who);
    }
  }
}

function reachExtension(run: Run, name: string): Reach {
  const found = findExtension(run.plan, name, run.tenant);
  if (found === undefined)
    return { kind: 'failed', outcome: 'unknown', why: `there is no extension ${name}` };
  return { kind: 'extension', found };
}

function reachNumber(
  run: Run,
  number: string,
  wish: LegWish,
  identity: IdentityWish,
  by: string | undefined,
): Reach {
  const placement = placeNumber(run.plan, number, diallerOf(run, by), run.trace);
  switch (placement.kind) {
    case 'extension':
      return { kind: 'extension', found: placement.found };
    case 'unknown':
      return { kind: 'failed', outcome: 'unknown', why: `no outbound rule fits ${number}` };
    case 'route': {
      const { route } = placement.rule;
      const at = addressOf({ kind: 'outbound', place: showPlace(placement.rule.place) }, route ?? []);
      return { kind: 'steps', at, number: placement.number };
    }
    case 'emergency':
    case 'trunks': {
      const shown = identityOfPlacement(run, placement, identity);
      const { trunks, emergency } = trunksOf(run, placement);
      const to = { kind: 'trunks', trunks, number: placement.number } as const;
      const site = placement.kind === 'emergency' ? { emergencySite: placement.site.name } : {};
      return { kind: 'legs', legs: [{ ...leg(to, number, wish, emergency), identity: shown, ...site }] };
    }
  }
}

/** Who is shown on a leg that an outbound rule or an emergency places. */
function identityOfPlacement(
  run: Run,
  placement: Extract<Placement, { kind: 'emergency' | 'trunks' | 'route' }>,
  wish: IdentityWish,
): CallerIdentity {
  const called = placement.number;
  return placement.kind === 'emergency'
    ? identityFor(run, { ...wish, called, forced: placement.site.emergency?.callerId })
    : identityFor(run, { ...wish, called, rule: placement.rule });
}

function trunksOf(
  run: Run,
  placement: Extract<Placement, { kind: 'emergency' | 'trunks' | 'route' }>,
): { readonly trunks: readonly string[]; readonly emergency: boolean } {
  if (placement.kind !== 'emergency') return { trunks: placement.rule.via, emergency: false };
  noteEmergency(run, placement);
  return { trunks: placement.trunks, emergency: true };
}

/** Says in the trace who is to be told of an emergency call. */
export function noteEmergency(run: Run, placement: Extract<Placement, { kind: 'emergency' }>): void {
  const notify = placement.site.emergency?.notify ?? [];
  const told = notify.length === 0 ? '' : `; to be told: ${notify.join(', ')}`;
  note(run, `emergency call of site ${placement.site.name} to ${placement.number}${told}`);
}

/** Who dials, as outbound rules ask; `by` is an extension that forwards the call. */
export function diallerOf(run: Run, by?: string): Dialler {
  const { facts } = run;
  const extension = by ?? facts.extension;
  const site =
    by === undefined
      ? callerSite(run)
      : (findExtension(run.plan, by, run.tenant)?.definition.site ?? callerSite(run));
  return {
    ...(extension === undefined ? {} : { extension }),
    ...(site === undefined ? {} : { site }),
    ...(facts.trunk === undefined ? {} : { trunk: facts.trunk }),
    ...(facts.caller === undefined ? {} : { caller: facts.caller }),
    ...(run.tenant === undefined ? {} : { tenant: run.tenant }),
  };
}

function leg(to: Leg['to'], label: string, wish: LegWish, emergency: boolean): Leg {
  return {
    to,
    label,
    confirm: wish.confirm,
    delayMs: wish.delayMs,
    ...(wish.forMs === undefined ? {} : { forMs: wish.forMs }),
    emergency,
  };
}
