import { formatNameAddr, parseNameAddr } from '../sip/index.js';
import type { Address } from './port.js';
import { checkUri, cleanDisplay, headerLine } from './srf/lines.js';

/** `"Display" <uri>`. Throws SIP_INVALID. */
export function address(from: Address): string {
  const uri = checkUri('an address', from.uri);
  return formatNameAddr(from.display === undefined ? { uri } : { uri, display: cleanDisplay(from.display) });
}

/** Throws SIP_INVALID. */
export function routeLines(routes: readonly string[] | undefined): string {
  return (routes ?? []).map((route) => headerLine('Route', route)).join('');
}

/** The next hop as it stands in the leader of a frame, and the listener for an engine that can choose one. Throws SIP_INVALID. */
export function leaderRoute(
  spec: { readonly nextHop?: string; readonly routes?: readonly string[]; readonly listener?: string },
  choosesListener: boolean,
): string | undefined {
  // The reference drops Route headers: there the first one is told as the next hop.
  const first = spec.routes?.[0];
  const next = spec.nextHop ?? (first === undefined ? undefined : parseNameAddr(first)?.uri);
  const hop = next === undefined ? '' : checkUri('the next hop', next);
  const listener =
    choosesListener && spec.listener !== undefined
      ? `|listener=${checkUri('the listener', spec.listener)}`
      : '';
  return hop === '' && listener === '' ? undefined : `${hop}${listener}`;
}
