import type { Plan } from '../dialplan/index.js';
import type { DeviceDefinition, TrunkSettings } from '../model/index.js';
import type { SipRequest } from '../sip/index.js';
import { isOwnNumber } from './call-facts.js';
import { dialedNumber } from './dialed-number.js';
import type { CallerAuthentication, RequestSource, TrunkDirectory } from './ports.js';

export type CallerIdentification =
  | { readonly kind: 'trunk'; readonly trunk: TrunkSettings; readonly why: string }
  | { readonly kind: 'device'; readonly device: DeviceDefinition; readonly why: string }
  | {
      readonly kind: 'challenge';
      readonly status: 401 | 407;
      readonly headers: readonly (readonly [name: string, value: string])[];
    }
  /** Nobody we know; `why` is for log and record. */
  | { readonly kind: 'unknown'; readonly why: string };

/**
 * Who calls: a phone that is registered from this very address and port, who has to prove it; else a trunk by its address; else
 * whoever proves to be a device or a trunk by digest.
 */
export function identifyCaller(
  request: SipRequest,
  source: RequestSource,
  plan: Plan,
  deps: { readonly trunks: TrunkDirectory; readonly authentication: CallerAuthentication },
): CallerIdentification {
  // A softphone on a trunk's own machine is a phone all the same.
  if (deps.authentication.isPhoneAt(request, source)) return byDigest(request, source, deps);
  const match = deps.trunks.identify({ source, request });
  switch (match.kind) {
    case 'trunk':
      return match;
    case 'tie':
      return breakTie(request, plan, match.trunks);
    case 'none':
      return byDigest(request, source, deps);
  }
}

/** Trunks of one address: the one under whose rules the number is one of ours. A tie that remains is refused. */
function breakTie(request: SipRequest, plan: Plan, trunks: readonly TrunkSettings[]): CallerIdentification {
  const fitting = trunks.filter((trunk) => {
    const { number } = dialedNumber(request, trunk.did, trunk.numbers);
    return number !== undefined && isOwnNumber(plan, number);
  });
  const only = fitting[0];
  const names = trunks.map((trunk) => trunk.name).join(', ');
  if (only !== undefined && fitting.length === 1) {
    return {
      kind: 'trunk',
      trunk: only,
      why: `trunks ${names} share this address; the number is one of ${only.name}`,
    };
  }
  return {
    kind: 'unknown',
    why: `trunks ${names} share this address, and the number does not tell which it is`,
  };
}

function byDigest(
  request: SipRequest,
  source: RequestSource,
  deps: { readonly trunks: TrunkDirectory; readonly authentication: CallerAuthentication },
): CallerIdentification {
  const verdict = deps.authentication.authenticateInvite(request, source);
  switch (verdict.kind) {
    case 'ok':
      return {
        kind: 'device',
        device: verdict.device,
        why: `device ${verdict.device.name} proved itself by digest`,
      };
    case 'trunk': {
      const trunk = deps.trunks.get(verdict.trunk);
      if (trunk === undefined) return { kind: 'unknown', why: `there is no trunk ${verdict.trunk} any more` };
      return { kind: 'trunk', trunk, why: `trunk ${trunk.name} proved itself by digest` };
    }
    case 'challenge':
      return verdict;
    case 'failed':
      return { kind: 'unknown', why: 'wrong credentials' };
  }
}
