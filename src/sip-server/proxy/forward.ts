import { SipRequest, type SipResponse } from '../../sip/index.js';

/** A copy for the next hop: hop count less one, everything else as it came (RFC 3261 §16.6). Undefined: no hop is left. */
export function copyForNextHop(request: SipRequest): SipRequest | undefined {
  const hops = request.maxForwards;
  if (hops === 0) return undefined;
  const copy = new SipRequest(request.method, request.uri);
  for (const [name, value] of request.headers) if (name !== 'Content-Length') copy.headers.add(name, value);
  copy.headers.set('Max-Forwards', String((hops ?? 71) - 1));
  if (request.body !== '') copy.bodyBytes = request.bodyBytes;
  return copy;
}

/** Takes our Via off a response that goes further upstream (RFC 3261 §16.7 step 3). False: it has no other, so it was meant for us. */
export function removeOwnVia(response: SipResponse): boolean {
  const vias = response.headers.list('Via');
  if (vias.length < 2) return false;
  response.headers.delete('Via');
  for (const via of vias.slice(1).reverse()) response.headers.prepend('Via', via);
  return true;
}

/** Anything being proxied, to be found by its server transaction. */
export abstract class Proxied {
  /** The caller has taken its INVITE back. */
  abstract cancel(): void;
}
