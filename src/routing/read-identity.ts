import type { ReadHeaders } from './read-headers.js';
import { parseNameAddr, unescapeUri, type NameAddr, type SipRequest } from '../sip/index.js';

/** Who calls, as the headers say it, before numbers are normalised. */
export interface StatedCaller {
  /** The address the caller is known by: P-Asserted-Identity where it is trusted, else From. */
  readonly address: NameAddr;
  /** The user part as it came. */
  readonly raw: string;
  readonly name?: string;
  /** The caller wants not to be shown, or gave no identity. */
  readonly anonymous: boolean;
}

/** Where a trunk states its callers, and whether it may. */
export interface CallerTrust {
  readonly trust: boolean;
  readonly header: 'from' | 'p-asserted-identity' | 'remote-party-id';
}

const PAI_ONLY = ['p-asserted-identity'];
const RPID_FIRST = ['remote-party-id', 'p-asserted-identity'];

/** So many values of one header are looked at. */
const MAX_VALUES = 8;
const MAX_NAME_LENGTH = 80;
const MAX_RAW_LENGTH = 128;

/** User parts that stand for nobody, in lower case. */
const NOBODY: ReadonlySet<string> = new Set([
  '',
  'anonymous',
  'restricted',
  'unavailable',
  'unknown',
  'private',
]);

/** Reads who calls (RFC 3325 §9.1, RFC 3323). `trust` undefined: only From counts. */
export function statedCaller(
  request: SipRequest,
  trust: CallerTrust | undefined,
  { mayHave }: ReadHeaders,
): StatedCaller {
  const { from } = request;
  const asserted = trust?.trust === true ? assertedCaller(request, trust.header, mayHave) : undefined;
  const address = asserted ?? from;
  const raw = userOf(address);
  const name = cleanName(address.display ?? (asserted === undefined ? undefined : from.display));
  const anonymous =
    (mayHave('privacy') && wantsPrivacy(request)) ||
    NOBODY.has(raw.toLowerCase()) ||
    address.parsed.host === 'anonymous.invalid';
  return { address, raw, anonymous, ...(name === undefined || anonymous ? {} : { name }) };
}

/** The asserted identity that holds a number, else the first; a SIP and a tel URI may both be given. */
function assertedCaller(
  request: SipRequest,
  header: CallerTrust['header'],
  mayHave: ReadHeaders['mayHave'],
): NameAddr | undefined {
  const names = header === 'remote-party-id' ? RPID_FIRST : PAI_ONLY;
  for (const name of names) {
    if (!mayHave(name)) continue;
    const found = request.headers
      .list(name)
      .slice(0, MAX_VALUES)
      .map(parseNameAddr)
      .filter((address) => address !== undefined);
    const best = found.find((address) => /\d/.test(userOf(address))) ?? found[0];
    if (best !== undefined) return best;
  }
  return undefined;
}

/** `Privacy: none` asks for nothing; `id`, `user`, `header` and `session` hide the caller (RFC 3323 §4.2, RFC 3325 §9.3). */
function wantsPrivacy(request: SipRequest): boolean {
  const value = request.headers.get('Privacy');
  return value !== undefined && /(?:^|[\s;,])(?:id|user|header)(?:$|[\s;,])/i.test(value.slice(0, 200));
}

/** The user part (the number of a `tel:` URI), escapes resolved, controls stripped. */
function userOf(address: NameAddr): string {
  return plainUser(address.parsed.user);
}

export function plainUser(user: string | undefined): string {
  if (user === undefined) return '';
  const plain = user.includes('%') ? unescapeUri(user).replace(/[\u0000-\u001f\u007f-\u009f]/g, '') : user;
  return plain.slice(0, MAX_RAW_LENGTH);
}

function cleanName(display: string | undefined): string | undefined {
  if (display === undefined) return undefined;
  const name = display
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '')
    .trim()
    .slice(0, MAX_NAME_LENGTH);
  return name === '' ? undefined : name;
}

/** The nearest diversion (RFC 5806: the topmost value is the latest); undefined when there is none. */
export function divertedFrom(request: SipRequest): NameAddr | undefined {
  const value = request.headers.list('Diversion')[0];
  return value === undefined ? undefined : parseNameAddr(value);
}

/** Full, partial or gateway attestation, where a trusted carrier passes it on (RFC 8588 in P-Attestation-Indicator). */
export function attestationOf({ readable }: ReadHeaders): 'A' | 'B' | 'C' | undefined {
  const value = (readable['p-attestation-indicator'] ?? readable['attestation-info'])?.trim();
  return value === 'A' || value === 'B' || value === 'C' ? value : undefined;
}
