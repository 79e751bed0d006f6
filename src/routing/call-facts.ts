import { findExtension, type Plan } from '../dialplan/index.js';
import type { CallFacts, DeviceDefinition, NumberRules, TrunkSettings } from '../model/index.js';
import type { SipRequest } from '../sip/index.js';
import { dialedNumber } from './dialed-number.js';
import { attestationOf, divertedFrom, statedCaller } from './read-identity.js';
import { readHeaders } from './read-headers.js';
import { statedNumber } from './read-number.js';

/** Facts a call gets from outside its message. */
export interface CallCircumstances {
  readonly callId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly seed: number;
}

/** Facts under way: filled in field by field, since spreading many small objects is what would cost most here. */
type FactsDraft = { -readonly [Key in keyof CallFacts]: CallFacts[Key] };

/** The facts of a call that came in on a trunk. */
export function trunkCallFacts(
  request: SipRequest,
  trunk: TrunkSettings,
  plan: Plan,
  circumstances: CallCircumstances,
): CallFacts {
  const headers = readHeaders(request);
  const stated = statedCaller(request, trunk.callerId, headers);
  const dialed = dialedNumber(request, trunk.did, trunk.numbers);
  const number = dialed.number ?? dialed.raw;
  const extension = trunk.kind === 'pbx' ? pbxExtension(plan, trunk, stated.raw) : undefined;
  const inside = isInside(plan, trunk, extension, number);
  const facts: FactsDraft = {
    callId: circumstances.callId,
    direction: inside ? 'internal' : 'inbound',
    dialed: inside ? insideDigits(dialed.raw, number) : number,
    dialedRaw: dialed.raw,
    callerRaw: stated.raw,
    anonymous: stated.anonymous,
    trunk: trunk.name,
    headers: headers.readable,
    at: circumstances.at,
    seed: circumstances.seed,
  };
  if (!stated.anonymous) {
    const caller =
      extension === undefined
        ? statedNumber(stated.address.parsed, trunk.numbers).number
        : bareName(extension);
    if (caller !== undefined) facts.caller = caller;
    if (stated.name !== undefined) facts.callerName = stated.name;
  }
  if (extension !== undefined) facts.extension = extension;
  if (trunk.site !== undefined) facts.site = trunk.site;
  if (trunk.tenant !== undefined) facts.tenant = trunk.tenant;
  const attestation = trunk.callerId.trust ? attestationOf(headers) : undefined;
  if (attestation !== undefined) facts.attestation = attestation;
  const diverted = headers.mayHave('diversion') ? divertedFrom(request) : undefined;
  if (diverted !== undefined) {
    const { number: from } = statedNumber(diverted.parsed, trunk.numbers);
    if (from !== undefined) facts.divertedFrom = from;
  }
  return facts;
}

/** The facts of a call that a registered device makes. */
export function deviceCallFacts(
  request: SipRequest,
  device: DeviceDefinition,
  plan: Plan,
  rules: NumberRules,
  circumstances: CallCircumstances,
): CallFacts {
  const headers = readHeaders(request);
  const stated = statedCaller(request, undefined, headers);
  const dialed = dialedNumber(request, ['request-uri'], rules);
  const found = findExtension(plan, device.extension, device.tenant);
  const name = found?.definition.displayName ?? stated.name;
  const site = device.site ?? found?.definition.site;
  // Who proved to be a device is its extension, whatever From says; `Privacy: id` still hides it from the far side.
  const hidden = stated.anonymous && stated.raw.toLowerCase() !== device.name.toLowerCase();
  const facts: FactsDraft = {
    callId: circumstances.callId,
    direction: 'internal',
    dialed: insideDigits(dialed.raw, dialed.number ?? dialed.raw),
    dialedRaw: dialed.raw,
    callerRaw: stated.raw,
    anonymous: hidden,
    extension: device.extension,
    device: device.name,
    headers: headers.readable,
    at: circumstances.at,
    seed: circumstances.seed,
  };
  if (!hidden) {
    facts.caller = bareName(device.extension);
    if (name !== undefined) facts.callerName = name;
  }
  if (site !== undefined) facts.site = site;
  if (device.tenant !== undefined) facts.tenant = device.tenant;
  return facts;
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

/** A name without its tenant. */
function bareName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
