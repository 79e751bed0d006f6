import { SipResponse, type SipRequest } from '../../sip/index.js';

/**
 * Looks at what every request must satisfy before anyone acts on it (RFC 3261 §8.2.2): the scheme of its URI, and the extensions it
 * requires. The response that refuses it, or undefined. ACK and CANCEL are never refused (§8.2.2.3).
 * @param supported option tags in lower case; `*` accepts all
 */
export function screenRequest(
  request: SipRequest,
  supported: ReadonlySet<string>,
  toTag: () => string,
): SipResponse | undefined {
  if (!hasKnownScheme(request.uri)) return SipResponse.reply(request, 416, undefined, toTag());
  if (!request.headers.has('Require') || supported.has('*')) return undefined;
  const unknown = request.headers.list('Require').filter((tag) => !supported.has(tag.toLowerCase()));
  if (unknown.length === 0) return undefined;
  const refusal = SipResponse.reply(request, 420, undefined, toTag());
  refusal.headers.add('Unsupported', unknown.join(', '));
  return refusal;
}

function hasKnownScheme(uri: string): boolean {
  if (uri.startsWith('sip:')) return true;
  const scheme = uri.slice(0, uri.indexOf(':')).toLowerCase();
  return scheme === 'sip' || scheme === 'sips' || scheme === 'tel';
}
