import {
  PARAM_VALUE,
  TOKEN,
  closingQuote,
  isAll,
  isSpace,
  quote,
  skipClass,
  skipSpace,
  unquote,
} from './chars.js';

/** Parameters by lower-case name; a parameter without a value (`;lr`) has the value `''`. */
export type Params = Map<string, string>;

/**
 * Reads `*(SEMI generic-param)` (RFC 3261 §25.1) from `from` to the end of `text`. Quoted values are given unquoted.
 * Undefined when anything else stands there, or when a name comes twice (§7.3.1 forbids it).
 */
export function parseParams(text: string, from: number): Params | undefined {
  const params: Params = new Map();
  const end = text.length;
  let i = skipSpace(text, from);
  while (i < end) {
    if (text.charCodeAt(i) !== 0x3b) return undefined;
    const nameStart = skipSpace(text, i + 1);
    const nameEnd = skipClass(text, nameStart, end, TOKEN);
    if (nameEnd === nameStart) return undefined;
    const name = text.slice(nameStart, nameEnd).toLowerCase();
    let value = '';
    i = skipSpace(text, nameEnd);
    if (text.charCodeAt(i) === 0x3d) {
      i = skipSpace(text, i + 1);
      if (text.charCodeAt(i) === 0x22) {
        const close = closingQuote(text, i, end);
        if (close === -1) return undefined;
        value = unquote(text.slice(i + 1, close));
        i = close + 1;
      } else {
        const valueEnd = skipClass(text, i, end, PARAM_VALUE);
        if (valueEnd === i) return undefined;
        value = text.slice(i, valueEnd);
        i = valueEnd;
      }
      i = skipSpace(text, i);
    }
    if (params.has(name)) return undefined;
    params.set(name, value);
  }
  return params;
}

/** `;name=value…`; a value that is neither token nor host is quoted. */
export function formatParams(params: Iterable<readonly [string, string]>): string {
  let out = '';
  for (const [name, value] of params) {
    out += value === '' ? `;${name}` : `;${name}=${formatValue(value)}`;
  }
  return out;
}

function formatValue(value: string): string {
  return isAll(value, 0, value.length, PARAM_VALUE) ? value : quote(value);
}

/** The elements of a comma-separated header, split outside quotes and angle brackets and trimmed; empty ones are left out. */
export function splitList(value: string): string[] {
  if (!value.includes(',')) {
    const only = trimmedSlice(value, 0, value.length);
    return only === '' ? [] : [only];
  }
  const elements: string[] = [];
  const end = value.length;
  let start = 0;
  let inBrackets = false;
  for (let i = 0; i <= end; i++) {
    const code = i === end ? 0x2c : value.charCodeAt(i);
    if (code === 0x22) {
      const close = closingQuote(value, i, end);
      i = close === -1 ? end - 1 : close;
    } else if (code === 0x3c) {
      inBrackets = true;
    } else if (code === 0x3e) {
      inBrackets = false;
    } else if (code === 0x2c && (!inBrackets || i === end)) {
      const element = trimmedSlice(value, start, i);
      if (element !== '') elements.push(element);
      start = i + 1;
    }
  }
  return elements;
}

function trimmedSlice(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}
