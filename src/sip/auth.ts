import { closingQuote, isAll, isClass, quote, skipClass, skipSpace, TOKEN, unquote } from './chars.js';

/** A challenge or credentials: scheme and parameters by lower-case name, unquoted (RFC 3261 §25.1, RFC 7235 §2.1). */
export interface AuthHeader {
  /** As sent, e.g. `Digest`; compare without case. */
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

/** One WWW-Authenticate or Proxy-Authenticate line. */
export function parseChallenge(text: string): AuthHeader | undefined {
  return parseAuthHeader(text);
}

/** One Authorization or Proxy-Authorization line. */
export function parseCredentials(text: string): AuthHeader | undefined {
  return parseAuthHeader(text);
}

function parseAuthHeader(text: string): AuthHeader | undefined {
  const end = text.length;
  const schemeStart = skipSpace(text, 0);
  const schemeEnd = skipClass(text, schemeStart, end, TOKEN);
  if (schemeEnd === schemeStart) return undefined;
  const params = new Map<string, string>();
  let i = skipSpace(text, schemeEnd);
  if (i === schemeEnd && i < end) return undefined;
  while (i < end) {
    const nameEnd = skipClass(text, i, end, TOKEN);
    if (nameEnd === i) return undefined;
    const name = text.slice(i, nameEnd).toLowerCase();
    i = skipSpace(text, nameEnd);
    if (text.charCodeAt(i) !== 0x3d) return undefined;
    i = skipSpace(text, i + 1);
    let value: string;
    if (text.charCodeAt(i) === 0x22) {
      const close = closingQuote(text, i, end);
      if (close === -1) return undefined;
      value = unquote(text.slice(i + 1, close));
      i = close + 1;
    } else {
      const valueEnd = skipBareValue(text, i, end);
      if (valueEnd === i) return undefined;
      value = text.slice(i, valueEnd);
      i = valueEnd;
    }
    if (params.has(name)) return undefined;
    params.set(name, value);
    i = skipSpace(text, i);
    if (i === end) break;
    if (text.charCodeAt(i) !== 0x2c) return undefined;
    i = skipSpace(text, i + 1);
  }
  return { scheme: text.slice(schemeStart, schemeEnd), params };
}

/** A token, or what sloppy peers leave unquoted (URIs, base64). */
function skipBareValue(text: string, from: number, end: number): number {
  let i = from;
  while (i < end) {
    const code = text.charCodeAt(i);
    if (
      !isClass(code, TOKEN) &&
      !(code === 0x3a || code === 0x2f || code === 0x3d || code === 0x40 || code === 0x3f)
    )
      break;
    i++;
  }
  return i;
}

/** Parameters that RFC 8760 and RFC 3261 write without quotes. */
const BARE = new Set(['algorithm', 'stale', 'nc']);

/** Writes a challenge or credentials. In credentials (`kind`), `qop` is bare as well (RFC 3261 §25.1). */
export function formatAuthHeader(header: AuthHeader, kind: 'challenge' | 'credentials'): string {
  const fields: string[] = [];
  for (const [name, value] of header.params) {
    const bare =
      (BARE.has(name) || (name === 'qop' && kind === 'credentials')) && isAll(value, 0, value.length, TOKEN);
    fields.push(`${name}=${bare ? value : quote(value)}`);
  }
  return `${header.scheme} ${fields.join(', ')}`;
}
