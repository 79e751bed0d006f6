/**
 * Character classes of RFC 3261 §25.1 as one table look-up a character. Scanners here go forward only and never
 * back up, so that every one of them is linear in its input.
 */
export const TOKEN = 1;
export const DIGIT = 2;
/** `user` of a SIP URI: unreserved and user-unreserved. The five classes of URIs leave escapes to `skipEscaped`. */
export const USER = 4;
/** `password` of a SIP URI. */
export const PASSWORD = 8;
/** `paramchar` of a URI parameter. */
export const URI_PARAM = 16;
/** `hnv` characters of a URI header. */
export const URI_HEADER = 32;
/** Host names, with the underscore that many networks use. */
export const HOST = 64;
/** A bare parameter value in a header: token, or a host (brackets and colons). */
export const PARAM_VALUE = 128;
/** `word` as in Call-ID. */
export const WORD = 256;
/** What may stand in an absolute URI of any other scheme (RFC 3986 §2). */
export const ANY_URI = 512;

const ALPHANUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const UNRESERVED = `${ALPHANUM}-_.!~*'()`;

const CLASSES = new Uint16Array(128);

function mark(characters: string, bit: number): void {
  for (let i = 0; i < characters.length; i++) {
    const code = characters.charCodeAt(i);
    CLASSES[code] = CLASSES[code]! | bit;
  }
}

mark(`${ALPHANUM}-.!%*_+\`'~`, TOKEN | PARAM_VALUE);
mark('[]:', PARAM_VALUE);
mark('0123456789', DIGIT);
mark(`${UNRESERVED}&=+$,;?/`, USER);
mark(`${UNRESERVED}&=+$,`, PASSWORD);
mark(`${UNRESERVED}[]/:&+$`, URI_PARAM);
mark(`${UNRESERVED}[]/?:+$`, URI_HEADER);
mark(`${ALPHANUM}-._`, HOST);
mark(`${ALPHANUM}-.!%*_+\`'~()<>:\\"/[]?{}`, WORD);
mark(`${UNRESERVED};/?:@&=+$,[]#`, ANY_URI);

/** Whether the character code is in one of the classes in `mask`. */
export function isClass(code: number, mask: number): boolean {
  return code < 128 && (CLASSES[code]! & mask) !== 0;
}

/** The first index at or after `from` whose character is outside the classes in `mask`, at most `end`. */
export function skipClass(text: string, from: number, end: number, mask: number): number {
  let i = from;
  while (i < end) {
    const code = text.charCodeAt(i);
    if (code >= 128 || (CLASSES[code]! & mask) === 0) break;
    i++;
  }
  return i;
}

/** Whether `text` from `from` to `end` is not empty and wholly in the classes of `mask`. */
export function isAll(text: string, from: number, end: number, mask: number): boolean {
  return from < end && skipClass(text, from, end, mask) === end;
}

export function isToken(text: string): boolean {
  return isAll(text, 0, text.length, TOKEN);
}

/** The first index at or after `from` that holds neither space nor tab. */
export function skipSpace(text: string, from: number): number {
  let i = from;
  for (;;) {
    const code = text.charCodeAt(i);
    if (code !== 0x20 && code !== 0x09) return i;
    i++;
  }
}

/** `text` without spaces and tabs at its ends (`String.trim` would also take other white space). */
export function trimSpace(text: string): string {
  const length = text.length;
  let start = 0;
  let end = length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === length ? text : text.slice(start, end);
}

export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function isHex(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}

/** As `skipClass`, and `%` with two hex digits counts as a member; a `%` without them ends the run. */
export function skipEscaped(text: string, from: number, end: number, mask: number): number {
  let i = from;
  while (i < end) {
    const code = text.charCodeAt(i);
    if (code < 128 && (CLASSES[code]! & mask) !== 0) {
      i++;
    } else if (
      code === 0x25 &&
      i + 2 < end &&
      isHex(text.charCodeAt(i + 1)) &&
      isHex(text.charCodeAt(i + 2))
    ) {
      i += 3;
    } else {
      break;
    }
  }
  return i;
}

/** Reads decimal digits between `from` and `end`; -1 when there are none, other characters, or the value exceeds `max`. */
export function readNumber(text: string, from: number, end: number, max: number): number {
  if (from >= end) return -1;
  let value = 0;
  for (let i = from; i < end; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > max) return -1;
  }
  return value;
}

/** The index of the quote that closes the quoted string opened at `open`, or -1 (RFC 3261 §25.1, quoted-pair). */
export function closingQuote(text: string, open: number, end: number): number {
  for (let i = open + 1; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return i;
    if (code === 0x5c) i++;
  }
  return -1;
}

/** The meaning of the inside of a quoted string: quoted pairs are resolved. */
export function unquote(inside: string): string {
  if (!inside.includes('\\')) return inside;
  let out = '';
  let from = 0;
  for (let i = inside.indexOf('\\'); i !== -1 && i + 1 < inside.length; i = inside.indexOf('\\', from + 1)) {
    out += inside.slice(from, i);
    from = i + 1;
  }
  return out + inside.slice(from);
}

/** `text` as a quoted string; line ends and other controls become spaces, since none may stand in a header. */
export function quote(text: string): string {
  return `"${text.replace(/[\x00-\x1f\x7f]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}
