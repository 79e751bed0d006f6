import type { TrunkSettings } from '../model/index.js';
import { formatUri, parseNameAddr, parseUri, type SipResponse } from '../sip/index.js';

/** So many redirections are followed for one leg. */
export const MAX_REDIRECTS = 5;

/** So many Contacts of one 3xx are looked at. */
const MAX_CONTACTS = 8;

/** Contact of a 3xx that may be followed: its host is one of the trunk's own destinations. The best `q` first (RFC 3261 §8.1.3.4). */
export function redirectTarget(response: SipResponse, trunk: TrunkSettings): string | undefined {
  if (response.status < 300 || response.status > 399) return undefined;
  const hosts = new Set(trunk.to.map((destination) => parseUri(destination.uri)?.host));
  let best: { readonly uri: string; readonly q: number } | undefined;
  for (const value of response.headers.list('Contact').slice(0, MAX_CONTACTS)) {
    const contact = parseNameAddr(value);
    if (contact === undefined) continue;
    const { scheme, user, host, port, params } = contact.parsed;
    if ((scheme !== 'sip' && scheme !== 'sips') || !hosts.has(host)) continue;
    const q = qValue(contact.params.get('q'));
    if (best !== undefined && q <= best.q) continue;
    // Headers and method of a Contact are orders we do not take from a peer.
    const kept = new Map([...params].filter(([name]) => name !== 'method'));
    const plain = {
      scheme,
      host,
      params: kept,
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port }),
    };
    best = { uri: formatUri(plain), q };
  }
  return best?.uri;
}

function qValue(text: string | undefined): number {
  const q = text === undefined ? 1 : Number(text);
  return q >= 0 && q <= 1 ? q : 0;
}
