import { parseNameAddr, type SipRequest, type SipResponse } from '../../sip/index.js';

/** The route set of a dialog as seen by the UAS: Record-Route in order (RFC 3261 §12.1.1). */
export function routeSetOfRequest(request: SipRequest): readonly string[] {
  return request.headers.has('Record-Route') ? request.headers.list('Record-Route') : NO_ROUTES;
}

/** The route set as seen by the UAC: Record-Route in reverse order (RFC 3261 §12.1.2). */
export function routeSetOfResponse(response: SipResponse): readonly string[] {
  return response.headers.has('Record-Route') ? response.headers.list('Record-Route').reverse() : NO_ROUTES;
}

const NO_ROUTES: readonly string[] = [];

/** Request-URI and Route values of a request in a dialog (RFC 3261 §12.2.1.1). */
export function applyRouteSet(
  target: string,
  routeSet: readonly string[],
): { readonly uri: string; readonly routes: readonly string[] } {
  const first = routeSet[0];
  if (first === undefined) return { uri: target, routes: NO_ROUTES };
  const parsed = parseNameAddr(first);
  if (parsed === undefined || parsed.parsed.params.has('lr')) return { uri: target, routes: routeSet };
  // A strict router: it wants its own URI as Request-URI and the target at the end of the list.
  return { uri: parsed.uri, routes: [...routeSet.slice(1), `<${target}>`] };
}
