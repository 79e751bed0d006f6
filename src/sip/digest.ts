import { createHash, timingSafeEqual } from 'node:crypto';

/** Digest algorithms (RFC 8760 §2.2), strongest first in `DIGEST_ALGORITHMS`. */
export type DigestAlgorithm =
  'MD5' | 'MD5-sess' | 'SHA-256' | 'SHA-256-sess' | 'SHA-512-256' | 'SHA-512-256-sess';

export const DIGEST_ALGORITHMS: readonly DigestAlgorithm[] = [
  'SHA-512-256',
  'SHA-512-256-sess',
  'SHA-256',
  'SHA-256-sess',
  'MD5',
  'MD5-sess',
];

/** The algorithm a challenge names, in any case; MD5 when it names none; undefined when we do not know it. */
export function digestAlgorithm(name: string | undefined): DigestAlgorithm | undefined {
  if (name === undefined) return 'MD5';
  const lower = name.toLowerCase();
  return DIGEST_ALGORITHMS.find((algorithm) => algorithm.toLowerCase() === lower);
}

const HASHES = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' } as const;

function hash(algorithm: DigestAlgorithm, text: string): string {
  const base = (algorithm.endsWith('-sess') ? algorithm.slice(0, -5) : algorithm) as keyof typeof HASHES;
  return createHash(HASHES[base]).update(text, 'utf8').digest('hex');
}

/**
 * H(user:realm:password) in hex, the form in which passwords may be stored. For a `-sess` algorithm this is the same value:
 * the session part is worked in by `computeResponse`.
 */
export function computeHa1(
  user: string,
  realm: string,
  password: string,
  algorithm: DigestAlgorithm,
): string {
  return hash(algorithm, `${user}:${realm}:${password}`);
}

export interface DigestInput {
  /** From `computeHa1`. */
  readonly ha1: string;
  readonly method: string;
  /** The digest-uri as it stands in the header. */
  readonly uri: string;
  readonly nonce: string;
  /** Eight hex digits; needed with `qop`. */
  readonly nc?: string | undefined;
  /** Needed with `qop` and with `-sess`. */
  readonly cnonce?: string | undefined;
  readonly qop?: string | undefined;
  readonly algorithm: DigestAlgorithm;
  /** The message body; used with `qop=auth-int` only. */
  readonly body?: string | undefined;
}

/** The `response` value in hex (RFC 7616 §3.4.1, RFC 8760); without `qop` the form of RFC 2069. */
export function computeResponse(input: DigestInput): string {
  const { algorithm, nonce, cnonce = '', qop } = input;
  const ha1 = algorithm.endsWith('-sess') ? hash(algorithm, `${input.ha1}:${nonce}:${cnonce}`) : input.ha1;
  const entity = qop?.toLowerCase() === 'auth-int' ? `:${hash(algorithm, input.body ?? '')}` : '';
  const ha2 = hash(algorithm, `${input.method}:${input.uri}${entity}`);
  return qop === undefined
    ? hash(algorithm, `${ha1}:${nonce}:${ha2}`)
    : hash(algorithm, `${ha1}:${nonce}:${input.nc ?? ''}:${cnonce}:${qop}:${ha2}`);
}

/** Compares two texts in a time that does not depend on where they differ. */
export function constantTimeEqual(a: string, b: string): boolean {
  const digestOf = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digestOf(a), digestOf(b));
}
