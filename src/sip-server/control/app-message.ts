import { SipHeaders } from '../../sip/index.js';

/** A SIP message as an application hands it over: incomplete (no Via, perhaps no To), to be filled in by the server. */
export interface AppMessage {
  readonly start: AppStart;
  /** Names in their canonical form; lines that are no header are left out. */
  readonly headers: SipHeaders;
  readonly body: string;
}

export type AppStart =
  | { readonly kind: 'request'; readonly method: string; readonly uri: string }
  | { readonly kind: 'response'; readonly status: number; readonly reason: string };

/** Header lines beyond this many are refused: no application needs more. */
const MAX_HEADER_LINES = 512;

/** Reads what follows the leader of a `sip` or `proxy` command: start line, headers up to an empty line, body. Undefined: no start line. */
export function parseAppMessage(text: string): AppMessage | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  const end = headEnd === -1 ? text.length : headEnd;
  const startEnd = lineEnd(text, 0, end);
  const start = parseStart(text.slice(0, startEnd));
  if (start === undefined) return undefined;
  const headers = new SipHeaders();
  let lines = 0;
  for (let at = startEnd + 2; at < end;) {
    let stop = lineEnd(text, at, end);
    // RFC 3261 §7.3.1: a line that begins with white space continues the one before.
    while (stop + 2 < end && isSpace(text.charCodeAt(stop + 2))) stop = lineEnd(text, stop + 2, end);
    if (++lines > MAX_HEADER_LINES) return undefined;
    addLine(headers, text, at, stop);
    at = stop + 2;
  }
  return { start, headers, body: headEnd === -1 ? '' : text.slice(headEnd + 4) };
}

function lineEnd(text: string, from: number, end: number): number {
  const at = text.indexOf('\r\n', from);
  return at === -1 || at > end ? end : at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function parseStart(line: string): AppStart | undefined {
  if (line.startsWith('SIP/')) {
    const match = /^SIP\/\d\.\d ([1-6]\d\d)(?: ([^\r\n\0]*))?$/.exec(line);
    return match === null
      ? undefined
      : { kind: 'response', status: Number(match[1]), reason: match[2] ?? '' };
  }
  const first = line.indexOf(' ');
  const last = line.lastIndexOf(' ');
  if (first < 1 || last <= first) return undefined;
  const method = line.slice(0, first).toUpperCase();
  const uri = line.slice(first + 1, last).trim();
  return /^[A-Z0-9\-.!%*_+`'~]{1,64}$/.test(method) ? { kind: 'request', method, uri } : undefined;
}

function addLine(headers: SipHeaders, text: string, from: number, to: number): void {
  const colon = text.indexOf(':', from);
  if (colon === -1 || colon >= to) return;
  const name = text.slice(from, colon).trim();
  let value = text.slice(colon + 1, to);
  if (value.includes('\r\n')) value = value.replace(/\r\n[ \t]*/g, ' ');
  try {
    headers.add(properName(name), value);
  } catch {
    // A name that is no token, or a bare CR, LF or NUL in the value: the reference drops such a line too.
  }
}

/** Proper names found so far; applications use few, but may use any. */
const properNames = new Map<string, string>();
const MAX_PROPER_NAMES = 1000;

/** A header name in upper and lower case as the reference writes it: each word capitalised unless it begins with `X-`. */
function properName(name: string): string {
  const known = properNames.get(name);
  if (known !== undefined) return known;
  const proper = /^x-/i.test(name)
    ? name
    : name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
  if (properNames.size < MAX_PROPER_NAMES && name.length < 128) properNames.set(name, proper);
  return proper;
}

/**
 * Challenges that came joined by commas in one line, apart: a field of its own for each (RFC 3261 §7.3.1 forbids to join them, but
 * drachtio-srf joins an array of values). Linear.
 */
export function splitChallenges(value: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i < value.length; i++) {
    const char = value[i];
    if (quoted) {
      if (char === '\\') i++;
      else if (char === '"') quoted = false;
    } else if (char === '"') {
      quoted = true;
    } else if (char === ',' && beginsChallenge(value, i + 1)) {
      parts.push(value.slice(from, i).trim());
      from = i + 1;
    }
  }
  parts.push(value.slice(from).trim());
  return parts.filter((part) => part !== '');
}

/** `scheme SP name =`, where a further parameter would read `name =`. */
function beginsChallenge(value: string, from: number): boolean {
  let at = from;
  while (at < value.length && isSpace(value.charCodeAt(at))) at++;
  const scheme = /[A-Za-z][A-Za-z0-9-]{0,31}[ \t]{1,8}[A-Za-z]/y;
  scheme.lastIndex = at;
  return scheme.test(value);
}
