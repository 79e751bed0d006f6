import { parseNameAddr, type NameAddr, type SipRequest } from '../sip/index.js';
import { MAX_CONTACTS_PER_DEVICE } from './bindings.js';

/** Seconds a binding lasts when the device does not say (RFC 3261 §10.2.1.1 leaves it to the registrar). */
export const DEFAULT_EXPIRES_S = 3600;
export const MIN_EXPIRES_S = 60;
export const MAX_EXPIRES_S = 7200;

export type ContactsAsked =
  /** No Contact: the device only asks what there is. */
  | { readonly kind: 'query' }
  /** `Contact: *` with `Expires: 0`. */
  | { readonly kind: 'remove-all' }
  | {
      readonly kind: 'contacts';
      readonly contacts: readonly { readonly address: NameAddr; readonly expiresS: number }[];
    }
  | { readonly kind: 'refuse'; readonly status: number; readonly reason?: string };

/** What a REGISTER asks for (RFC 3261 §10.3, steps 6 and 7). */
export function readContacts(request: SipRequest): ContactsAsked {
  const values = request.headers.list('Contact');
  if (values.length === 0) return { kind: 'query' };
  const expires = request.headers.get('Expires');
  if (values.some((value) => value.trim() === '*')) {
    return values.length === 1 && expires === '0'
      ? { kind: 'remove-all' }
      : { kind: 'refuse', status: 400, reason: 'Contact * Needs Expires 0' };
  }
  if (values.length > MAX_CONTACTS_PER_DEVICE)
    return { kind: 'refuse', status: 400, reason: 'Too Many Contacts' };
  const contacts: { address: NameAddr; expiresS: number }[] = [];
  for (const value of values) {
    const address = parseNameAddr(value);
    if (address === undefined) return { kind: 'refuse', status: 400, reason: 'Malformed Contact' };
    if (address.parsed.scheme !== 'sip')
      return { kind: 'refuse', status: 400, reason: 'Contact Is No SIP URI' };
    const expiresS = readExpires(address.params.get('expires') ?? expires);
    if (expiresS !== 0 && expiresS < MIN_EXPIRES_S) return { kind: 'refuse', status: 423 };
    contacts.push({ address, expiresS: Math.min(expiresS, MAX_EXPIRES_S) });
  }
  return { kind: 'contacts', contacts };
}

/** A malformed value counts as the default (RFC 3261 §20.19). */
function readExpires(text: string | undefined): number {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : DEFAULT_EXPIRES_S;
}
