import type { TrunkSettings } from '../model/index.js';
import { formatUri, parseNameAddr, parseUri, type SipResponse, type Uri } from '../sip/index.js';

/** So many redirections are followed for one leg. */
export const MAX_REDIRECTS = 5;

/** So many Contacts of one 3xx are looked at. */
const MAX_CONTACTS = 8;

/** Whom a phone's 3xx names: the user part of its best Contact. The host is not looked at: the call never goes there. */
export function redirectUser(response: SipResponse): string | undefined {
  return bestContact(response, () => true)?.user;
}

/** Contact of a 3xx that may be followed: its host is one of the trunk's own destinations. The best `q` first (RFC 3261 §8.1.3.4). */
export function redirectTarget(response: SipResponse, trunk: TrunkSettings): string | undefined {
  const hosts = new Set(trunk.to.map((destination) => parseUri(destination.uri)?.host));
  const uri = bestContact(
    response,
    ({ scheme, host }) => (scheme === 'sip' || scheme === 'sips') && hosts.has(host),
  );
  if (uri === undefined) return undefined;
  const { scheme, user, host, port, params } = uri;
  // Headers and method of a Contact are orders we do not take from a peer.
  const kept = new Map([...params].filter(([name]) => name !== 'method'));
  return formatUri({
    scheme,
    host,
    params: kept,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
  });
}

/** The Contact with the greatest `q` that fits. */
function bestContact(response: SipResponse, fits: (uri: Uri) => boolean): Uri | undefined {
  if (response.status < 300 || response.status > 399) return undefined;
  let best: { readonly uri: Uri; readonly q: number } | undefined;
  for (const value of response.headers.list('Contact').slice(0, MAX_CONTACTS)) {
    const contact = parseNameAddr(value);
    if (contact === undefined) continue;
    if (!fits(contact.parsed)) continue;
    const q = qValue(contact.params.get('q'));
    if (best === undefined || q > best.q) best = { uri: contact.parsed, q };
  }
  return best?.uri;
}

function qValue(text: string | undefined): number {
  const q = text === undefined ? 1 : Number(text);
  return q >= 0 && q <= 1 ? q : 0;
}
