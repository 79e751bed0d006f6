import { findExtension, type Plan } from '../dialplan/index.js';
import type { CallFacts, DeviceDefinition, NumberRules, TrunkSettings } from '../model/index.js';
import type { SipRequest } from '../sip/index.js';
import { dialedNumber } from './dialed-number.js';
import { attestationOf, divertedFrom, statedCaller } from './read-identity.js';
import { readableHeaders } from './read-headers.js';
import { statedNumber } from './read-number.js';

/** Facts a call gets from outside its message. */
export interface CallCircumstances {
  readonly callId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly seed: number;
}

/** The facts of a call that came in on a trunk. */
export function trunkCallFacts(
  request: SipRequest,
  trunk: TrunkSettings,
  plan: Plan,
  circumstances: CallCircumstances,
): CallFacts {
  const stated = statedCaller(request, trunk.callerId);
  const caller = statedNumber(stated.address.parsed, trunk.numbers).number;
  const dialed = dialedNumber(request, trunk.did, trunk.numbers);
  const number = dialed.number ?? dialed.raw;
  const extension = trunk.kind === 'pbx' ? pbxExtension(plan, trunk, stated.raw) : undefined;
  const inside = isInside(plan, trunk, extension, number);
  const diverted = divertedFrom(request);
  const divertedNumber =
    diverted === undefined ? undefined : statedNumber(diverted.parsed, trunk.numbers).number;
  const attestation = trunk.callerId.trust ? attestationOf(request) : undefined;
  return {
    ...circumstances,
    direction: inside ? 'internal' : 'inbound',
    dialed: inside ? insideDigits(dialed.raw, number) : number,
    dialedRaw: dialed.raw,
    callerRaw: stated.raw,
    anonymous: stated.anonymous,
    trunk: trunk.name,
    headers: readableHeaders(request),
    ...(stated.anonymous ? {} : callerField(extension, caller)),
    ...(stated.name === undefined ? {} : { callerName: stated.name }),
    ...(extension === undefined ? {} : { extension }),
    ...(trunk.site === undefined ? {} : { site: trunk.site }),
    ...(trunk.tenant === undefined ? {} : { tenant: trunk.tenant }),
    ...(attestation === undefined ? {} : { attestation }),
    ...(divertedNumber === undefined ? {} : { divertedFrom: divertedNumber }),
  };
}

/** The facts of a call that a registered device makes. */
export function deviceCallFacts(
  request: SipRequest,
  device: DeviceDefinition,
  plan: Plan,
  rules: NumberRules,
  circumstances: CallCircumstances,
): CallFacts {
  const stated = statedCaller(request, undefined);
  const dialed = dialedNumber(request, ['request-uri'], rules);
  const found = findExtension(plan, device.extension, device.tenant);
  const name = found?.definition.displayName ?? stated.name;
  const site = device.site ?? found?.definition.site;
  // Who proved to be a device is its extension, whatever From says; `Privacy: id` still hides it from the far side.
  const hidden = stated.anonymous && stated.raw.toLowerCase() !== device.name.toLowerCase();
  return {
    ...circumstances,
    direction: 'internal',
    dialed: insideDigits(dialed.raw, dialed.number ?? dialed.raw),
    dialedRaw: dialed.raw,
    callerRaw: stated.raw,
    anonymous: hidden,
    extension: device.extension,
    device: device.name,
    headers: readableHeaders(request),
    ...(hidden ? {} : { caller: bareName(device.extension) }),
    ...(name === undefined || hidden ? {} : { callerName: name }),
    ...(site === undefined ? {} : { site }),
    ...(device.tenant === undefined ? {} : { tenant: device.tenant }),
  };
}

/** The extension behind this PBX that From names. */
export function pbxExtension(plan: Plan, trunk: TrunkSettings, from: string): string | undefined {
  const found = findExtension(plan, from, trunk.tenant);
  if (found?.definition.where.kind !== 'trunk') return undefined;
  return found.definition.where.trunk === trunk.name ? found.name : undefined;
}

/** A PBX's call is one of its users dialling out, unless it hands us a number that the plan itself has a rule for. */
export function isInside(
  plan: Plan,
  trunk: TrunkSettings,
  extension: string | undefined,
  number: string,
): boolean {
  if (trunk.kind !== 'pbx') return false;
  return extension !== undefined || !isOwnNumber(plan, number);
}

export function isOwnNumber(plan: Plan, number: string): boolean {
  const [first] = plan.numbers.lookup(number);
  return first !== undefined;
}

/** What a person dialled, as outbound rules compare it: the raw digits; E.164 where it was written so. */
export function insideDigits(raw: string, number: string): string {
  const digits = raw.replace(/[\s().-]/g, '');
  if (digits.startsWith('+')) return number.startsWith('+') ? number : digits;
  return digits;
}

function callerField(extension: string | undefined, caller: string | undefined): { caller?: string } {
  if (extension !== undefined) return { caller: bareName(extension) };
  return caller === undefined ? {} : { caller };
}

/** A name without its tenant. */
function bareName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
