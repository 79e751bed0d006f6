import { isIPv6 } from 'node:net';
import {
  ANY_URI,
  DIGIT,
  HOST,
  PASSWORD,
  URI_HEADER,
  URI_PARAM,
  USER,
  readNumber,
  skipClass,
  skipEscaped,
} from './chars.js';
import type { Params } from './params.js';

/**
 * A URI as SIP uses it. `user`, `password`, parameter and header values stay as written on the wire (escapes kept), so that
 * putting them into another message is safe; `unescapeUri` gives their meaning. Only what is listed for a scheme is set:
 * - `sip`, `sips`: all but `opaque`
 * - `tel`: `user` (the subscriber number with its visual separators) and `params`; `host` is `''`
 * - any other: `opaque` (all after the colon); `host` is `''`
 */
export interface Uri {
  /** Lower case. */
  scheme: string;
  user?: string;
  password?: string;
  /** Lower case; an IPv6 reference keeps its brackets. */
  host: string;
  port?: number;
  /** By lower-case name; a flag such as `lr` has the value `''`. */
  params: Params;
  /** The part after `?`, by name as written. */
  headers?: Map<string, string>;
  opaque?: string;
}

/** Longest URI that is read at all, in characters. */
const MAX_URI_LENGTH = 4096;

/** Where the parts of the SIP URI scanned last stand. Scanning is synchronous, so one is enough and nothing is allocated. */
const parts = { userEnd: -1, at: -1, hostStart: 0, hostEnd: 0, port: -1, paramsEnd: 0 };

/** Reads a `sip:`, `sips:` or `tel:` URI strictly (RFC 3261 §19.1, RFC 3966) and any other as scheme and opaque rest. */
export function parseUri(text: string): Uri | undefined {
  const scheme = scanUri(text);
  if (scheme === undefined) return undefined;
  const restStart = scheme.length + 1;
  if (scheme === 'tel') return buildTel(text);
  if (scheme !== 'sip' && scheme !== 'sips')
    return { scheme, host: '', params: new Map(), opaque: text.slice(restStart) };
  const { userEnd, at, hostStart, hostEnd, port, paramsEnd } = parts;
  const params: Params = new Map();
  const uri: Uri = { scheme, host: withoutTripleColon(text.slice(hostStart, hostEnd).toLowerCase()), params };
  if (at !== -1) {
    uri.user = text.slice(restStart, userEnd);
    if (userEnd !== at) uri.password = text.slice(userEnd + 1, at);
  }
  if (port !== -1) uri.port = port;
  if (paramsEnd > hostEnd) readParams(text, text.indexOf(';', hostEnd), paramsEnd, params);
  if (paramsEnd < text.length) uri.headers = readHeaders(text, paramsEnd + 1);
  return uri;
}

/**
 * The lower-case scheme of a well-formed URI, undefined for one that is malformed. Costs less than `parseUri`.
 * @internal
 */
export function scanUri(text: string): string | undefined {
  const end = text.length;
  if (end > MAX_URI_LENGTH) return undefined;
  const colon = text.indexOf(':');
  if (colon < 1) return undefined;
  const scheme = readScheme(text, colon);
  if (scheme === 'sip' || scheme === 'sips') return scanSip(text, colon + 1, end) ? scheme : undefined;
  if (scheme === 'tel') return scanTel(text, colon + 1, end) ? scheme : undefined;
  return colon + 1 < end && skipEscaped(text, colon + 1, end, ANY_URI) === end ? scheme : undefined;
}

/**
 * Whether the SIP URI scanned last had a headers part. Only for right after `scanUri`.
 * @internal
 */
export function lastHadHeaders(text: string): boolean {
  return parts.paramsEnd < text.length;
}

function readScheme(text: string, colon: number): string | undefined {
  if (colon === 3 && text.startsWith('sip')) return 'sip';
  const scheme = text.slice(0, colon).toLowerCase();
  return /^[a-z][a-z0-9+.-]*$/.test(scheme) ? scheme : undefined;
}

function scanSip(text: string, from: number, end: number): boolean {
  let i = from;
  const at = text.indexOf('@', from);
  parts.at = at;
  if (at !== -1) {
    const userEnd = skipEscaped(text, from, at, USER);
    if (userEnd === from) return false;
    if (userEnd !== at) {
      if (text.charCodeAt(userEnd) !== 0x3a) return false;
      if (skipEscaped(text, userEnd + 1, at, PASSWORD) !== at) return false;
    }
    parts.userEnd = userEnd;
    i = at + 1;
  }
  parts.hostStart = i;
  i = skipHost(text, i, end);
  if (i === -1) return false;
  parts.hostEnd = i;
  parts.port = -1;
  if (text.charCodeAt(i) === 0x3a) {
    const portEnd = skipClass(text, i + 1, end, DIGIT);
    parts.port = readNumber(text, i + 1, portEnd, 65535);
    if (parts.port < 1) return false;
    i = portEnd;
  }
  if (i < end && text.charCodeAt(i) === 0x3b) i = scanParams(text, i, end);
  parts.paramsEnd = i;
  return i === end || (i !== -1 && text.charCodeAt(i) === 0x3f && scanHeaders(text, i + 1, end));
}

/** The end of the host at `from`, or -1; a bracketed IPv6 reference is checked whole. */
export function skipHost(text: string, from: number, end: number): number {
  if (text.charCodeAt(from) === 0x5b) {
    const close = text.indexOf(']', from);
    if (close === -1 || close >= end || close - from > 46) return -1;
    return isIPv6(withoutTripleColon(text.slice(from + 1, close))) ? close + 1 : -1;
  }
  const hostEnd = skipClass(text, from, end, HOST);
  return hostEnd === from || hostEnd - from > 255 ? -1 : hostEnd;
}

/** RFC 3261's grammar lets `[2001:db8:::192.0.2.1]` through; RFC 5118 §4.10 wants it understood. */
function withoutTripleColon(host: string): string {
  return host.includes(':::') ? host.replace(':::', '::') : host;
}

/** The end of the URI parameters at `from`, or -1 when they are malformed or a name comes twice (RFC 3261 §19.1.1). */
function scanParams(text: string, from: number, end: number): number {
  let i = from;
  let names: Set<string> | undefined;
  while (i < end && text.charCodeAt(i) === 0x3b) {
    const nameStart = i + 1;
    const nameEnd = skipEscaped(text, nameStart, end, URI_PARAM);
    if (nameEnd === nameStart) return -1;
    i = nameEnd;
    if (text.charCodeAt(i) === 0x3d) i = skipEscaped(text, i + 1, end, URI_PARAM);
    if (names !== undefined || text.charCodeAt(i) === 0x3b) {
      names ??= new Set();
      const name = parameterName(text.slice(nameStart, nameEnd));
      if (names.has(name)) return -1;
      names.add(name);
    }
  }
  return i;
}

/** Fills `params` from parameters that have been scanned. */
function readParams(text: string, from: number, end: number, params: Params): void {
  let i = from;
  while (i !== -1 && i < end) {
    const nameEnd = skipEscaped(text, i + 1, end, URI_PARAM);
    const hasValue = nameEnd < end && text.charCodeAt(nameEnd) === 0x3d;
    const next = hasValue ? skipEscaped(text, nameEnd + 1, end, URI_PARAM) : nameEnd;
    params.set(parameterName(text.slice(i + 1, nameEnd)), hasValue ? text.slice(nameEnd + 1, next) : '');
    i = next;
  }
}

/** Names compare without case and with unneeded escapes resolved (`%6C%72` is `lr`, RFC 3261 §19.1.4). */
function parameterName(name: string): string {
  const plain = name.includes('%') ? unescapeUri(name) : name;
  return (skipClass(plain, 0, plain.length, URI_PARAM) === plain.length ? plain : name).toLowerCase();
}

function scanHeaders(text: string, from: number, end: number): boolean {
  let i = from;
  for (;;) {
    const nameEnd = skipEscaped(text, i, end, URI_HEADER);
    if (nameEnd === i || text.charCodeAt(nameEnd) !== 0x3d) return false;
    i = skipHeaderValue(text, nameEnd + 1, end);
    if (i === end) return true;
    if (text.charCodeAt(i) !== 0x26) return false;
    i++;
  }
}

/** By the grammar `=`, `;` and `@` must be escaped in a value; in a Replaces of a Refer-To they often are not. */
function skipHeaderValue(text: string, from: number, end: number): number {
  let i = skipEscaped(text, from, end, URI_HEADER);
  while (i < end && isUnescapedInPractice(text.charCodeAt(i))) i = skipEscaped(text, i + 1, end, URI_HEADER);
  return i;
}

function isUnescapedInPractice(code: number): boolean {
  return code === 0x3d || code === 0x3b || code === 0x40;
}

function readHeaders(text: string, from: number): Map<string, string> {
  const headers = new Map<string, string>();
  for (const pair of text.slice(from).split('&')) {
    const equals = pair.indexOf('=');
    headers.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  return headers;
}

const TEL_NUMBER = /^(?:\+[-.()]*[0-9][-.()0-9]*|[-.()]*[0-9A-Fa-f*#][-.()0-9A-Fa-f*#]*)$/;

function scanTel(text: string, from: number, end: number): boolean {
  const semicolon = text.indexOf(';', from);
  const numberEnd = semicolon === -1 ? end : semicolon;
  if (numberEnd - from > 128 || !TEL_NUMBER.test(text.slice(from, numberEnd))) return false;
  return semicolon === -1 || scanParams(text, semicolon, end) === end;
}

function buildTel(text: string): Uri {
  const semicolon = text.indexOf(';');
  const params: Params = new Map();
  if (semicolon !== -1) readParams(text, semicolon, text.length, params);
  return { scheme: 'tel', user: text.slice(4, semicolon === -1 ? text.length : semicolon), host: '', params };
}

/** Writes a URI; characters that may not stand in their place are escaped, so the result never breaks a header. */
export function formatUri(uri: Uri): string {
  if (uri.opaque !== undefined) return `${uri.scheme}:${escapeUri(uri.opaque, ANY_URI)}`;
  let out = `${uri.scheme}:`;
  if (uri.scheme === 'tel') {
    out += escapeUri(uri.user ?? '', USER);
  } else {
    if (uri.user !== undefined) {
      out += escapeUri(uri.user, USER);
      if (uri.password !== undefined) out += `:${escapeUri(uri.password, PASSWORD)}`;
      out += '@';
    }
    out += uri.host.startsWith('[') ? uri.host.replace(/[^[\]:.0-9a-fA-F]/g, '') : escapeUri(uri.host, HOST);
    if (uri.port !== undefined) out += `:${uri.port}`;
  }
  for (const [name, value] of uri.params) {
    out += `;${escapeUri(name, URI_PARAM)}`;
    if (value !== '') out += `=${escapeUri(value, URI_PARAM)}`;
  }
  if (uri.headers !== undefined) {
    let separator = '?';
    for (const [name, value] of uri.headers) {
      out += `${separator}${escapeUri(name, URI_HEADER)}=${escapeUri(value, URI_HEADER)}`;
      separator = '&';
    }
  }
  return out;
}

/** `text` with every character outside `mask`, and every `%` that begins no escape, percent-encoded as UTF-8. */
function escapeUri(text: string, mask: number): string {
  const end = text.length;
  let i = skipEscaped(text, 0, end, mask);
  if (i === end) return text;
  let out = '';
  let from = 0;
  while (i < end) {
    const code = text.codePointAt(i)!;
    out += text.slice(from, i);
    for (const byte of Buffer.from(String.fromCodePoint(code), 'utf8')) {
      out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    }
    from = i + (code > 0xffff ? 2 : 1);
    i = skipEscaped(text, from, end, mask);
  }
  return out + text.slice(from);
}

/** Escapes free text for the user part of a SIP URI. */
export function escapeUser(text: string): string {
  return escapeUri(text.replaceAll('%', '%25'), USER);
}

/** Resolves percent escapes; an escape that is no UTF-8 gives U+FFFD. The result may hold any character: never put it in a header. */
export function unescapeUri(text: string): string {
  if (!text.includes('%')) return text;
  const bytes = Buffer.from(text, 'utf8');
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const high = bytes[i] === 0x25 ? hexValue(bytes[i + 1]) : -1;
    const low = high === -1 ? -1 : hexValue(bytes[i + 2]);
    if (low === -1) {
      bytes[length++] = bytes[i]!;
    } else {
      bytes[length++] = high * 16 + low;
      i += 2;
    }
  }
  return bytes.toString('utf8', 0, length);
}

function hexValue(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
