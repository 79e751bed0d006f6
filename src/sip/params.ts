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

/** Where the parts of the parameter scanned last stand; `valueStart` is -1 when it has no value. */
const last = { nameStart: 0, nameEnd: 0, valueStart: -1, valueEnd: 0, quoted: false };

/** Reads the parameter whose semicolon stands at `i` into `last`; gives the index after it and its white space, or -1. */
function scanParam(text: string, i: number, end: number): number {
  if (text.charCodeAt(i) !== 0x3b) return -1;
  last.nameStart = skipSpace(text, i + 1);
  last.nameEnd = skipClass(text, last.nameStart, end, TOKEN);
  last.valueStart = -1;
  if (last.nameEnd === last.nameStart) return -1;
  let next = skipSpace(text, last.nameEnd);
  if (text.charCodeAt(next) !== 0x3d) return next;
  next = skipSpace(text, next + 1);
  last.quoted = text.charCodeAt(next) === 0x22;
  if (last.quoted) {
    last.valueStart = next + 1;
    last.valueEnd = closingQuote(text, next, end);
    return last.valueEnd === -1 ? -1 : skipSpace(text, last.valueEnd + 1);
  }
  last.valueStart = next;
  last.valueEnd = skipClass(text, next, end, PARAM_VALUE);
  return last.valueEnd === next ? -1 : skipSpace(text, last.valueEnd);
}

/**
 * Reads `*(SEMI generic-param)` (RFC 3261 §25.1) from `from` to the end of `text`. Quoted values are given unquoted.
 * Undefined when anything else stands there, or when a name comes twice (§7.3.1 forbids it).
 */
export function parseParams(text: string, from: number): Params | undefined {
  const params: Params = new Map();
  const end = text.length;
  let i = skipSpace(text, from);
  while (i < end) {
    i = scanParam(text, i, end);
    if (i === -1) return undefined;
    const name = text.slice(last.nameStart, last.nameEnd).toLowerCase();
    if (params.has(name)) return undefined;
    const value = last.valueStart === -1 ? '' : text.slice(last.valueStart, last.valueEnd);
    params.set(name, last.valueStart !== -1 && last.quoted ? unquote(value) : value);
  }
  return params;
}

/**
 * As `parseParams`, but a single parameter stays text to be read later: a tag often is never looked at.
 * @internal
 */
export function scanParams(text: string, from: number): Params | string | undefined {
  const end = text.length;
  const start = skipSpace(text, from);
  if (start === end) return '';
  const next = scanParam(text, start, end);
  if (next === -1) return undefined;
  return next === end ? text.slice(start) : parseParams(text, start);
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
