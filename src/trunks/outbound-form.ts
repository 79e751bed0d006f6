import type { TrunkSettings } from '../model/index.js';
import { formatNumber } from '../numbers/index.js';
import { escapeUser, formatNameAddr, formatUri, parseUri } from '../sip/index.js';

/** A leg that is to leave by a trunk. */
export interface OutboundRequest {
  readonly trunk: TrunkSettings;
  /** The destination's URI. */
  readonly destination: string;
  /** E.164, digits of an extension, or an emergency number. */
  readonly number: string;
  readonly identity: OutboundIdentity;
  /** The call goes to an extension behind a PBX: its name is sent as it is. */
  readonly extension?: string;
  readonly emergency: boolean;
}

/** Who to show as the caller. `anonymous`: `number` is kept for P-Asserted-Identity where the trunk is trusted. */
export interface OutboundIdentity {
  readonly mode: 'keep' | 'number' | 'anonymous' | 'local-presence';
  readonly number?: string;
  readonly name?: string;
  readonly anonymous: boolean;
  readonly divertedFrom?: string;
}

export type OutboundForm =
  | {
      readonly kind: 'form';
      /** Request-URI. */
      readonly target: string;
      readonly from: { readonly uri: string; readonly display?: string };
      readonly to: { readonly uri: string };
      readonly headers: readonly (readonly [name: string, value: string])[];
      /** For a challenge of the carrier, where we register with it. */
      readonly credentials?: { readonly username: string; readonly password: string };
    }
  | { readonly kind: 'invalid-number'; readonly why: string };

const ANONYMOUS_URI = 'sip:anonymous@anonymous.invalid';

/** Writes called and calling number the way this trunk wants them; nothing of the other leg's addresses gets in. */
export function outboundForm(request: OutboundRequest, domain: string): OutboundForm {
  const { trunk, identity } = request;
  const destination = parseUri(request.destination);
  if (destination === undefined)
    return { kind: 'invalid-number', why: `${request.destination} is no SIP URI` };
  const called =
    request.extension ?? (request.emergency ? request.number : writeNumber(request.number, trunk));
  if (called === '') return { kind: 'invalid-number', why: 'there is no number to call' };

  const target = formatUri({ ...destination, user: escapeUser(called) });
  const to = {
    uri: formatUri({
      scheme: destination.scheme,
      user: escapeUser(called),
      host: destination.host,
      params: new Map(),
    }),
  };
  const headers: [name: string, value: string][] = [];
  const own = identity.number === undefined ? undefined : ownUri(writeNumber(identity.number, trunk), domain);
  const hidden = identity.anonymous || identity.mode === 'anonymous' || own === undefined;
  const from = hidden
    ? { uri: ANONYMOUS_URI, display: 'Anonymous' }
    : { uri: own, ...(identity.name !== undefined && { display: identity.name }) };

  if (hidden) headers.push(['Privacy', 'id']);
  // RFC 3325 §7: an identity that is to stay private goes only to a peer inside the trust domain.
  if (own !== undefined && (!hidden || trunk.callerId.trust)) {
    const address = formatNameAddr({
      uri: own,
      ...(!hidden && identity.name !== undefined && { display: identity.name }),
    });
    if (trunk.callerId.header === 'p-asserted-identity') headers.push(['P-Asserted-Identity', address]);
    if (trunk.callerId.header === 'remote-party-id') {
      headers.push([
        'Remote-Party-ID',
        `${address};party=calling;screen=yes;privacy=${hidden ? 'full' : 'off'}`,
      ]);
    }
  }
  if (identity.divertedFrom !== undefined) {
    const diverted = formatNameAddr({ uri: ownUri(writeNumber(identity.divertedFrom, trunk), domain) });
    headers.push(['Diversion', `${diverted};reason=unconditional`]);
  }
  const { register } = trunk;
  const credentials = register && { username: register.username, password: register.password };
  return { kind: 'form', target, from, to, headers, ...(credentials !== undefined && { credentials }) };
}

function writeNumber(number: string, trunk: TrunkSettings): string {
  return number.startsWith('+') ? formatNumber(number, trunk.numbers) : number;
}

function ownUri(number: string, domain: string): string {
  return `sip:${escapeUser(number)}@${domain}`;
}
