import { isIPv6 } from 'node:net';
import {
  ANY_URI,
  DIGIT,
  HOST,
  PASSWORD,
  TOKEN,
  URI_HEADER,
  URI_PARAM,
  USER,
  escapesAreComplete,
  isAll,
  isClass,
  readNumber,
  skipClass,
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

/** Longest URI that is read at all. */
const MAX_URI_LENGTH = 4096;

/** Reads a `sip:`, `sips:` or `tel:` URI strictly (RFC 3261 §19.1, RFC 3966) and any other as scheme and opaque rest. */
export function parseUri(text: string): Uri | undefined {
  if (text.length > MAX_URI_LENGTH) return undefined;
  const colon = text.indexOf(':');
  if (colon < 1) return undefined;
  const scheme = readScheme(text, colon);
  if (scheme === undefined) return undefined;
  if (scheme === 'sip' || scheme === 'sips') return parseSipUri(text, colon + 1, scheme);
  if (scheme === 'tel') return parseTelUri(text, colon + 1);
  const complete =
    isAll(text, colon + 1, text.length, ANY_URI) && escapesAreComplete(text, colon + 1, text.length);
  return complete ? { scheme, host: '', params: new Map(), opaque: text.slice(colon + 1) } : undefined;
}

function readScheme(text: string, colon: number): string | undefined {
  if (colon === 3 && text.startsWith('sip')) return 'sip';
  const scheme = text.slice(0, colon).toLowerCase();
  return /^[a-z][a-z0-9+.-]*$/.test(scheme) ? scheme : undefined;
}

function parseSipUri(text: string, from: number, scheme: string): Uri | undefined {
  const end = text.length;
  const uri: Uri = { scheme, host: '', params: new Map() };
  let i = from;
  const at = text.indexOf('@', from);
  if (at !== -1) {
    const userEnd = skipClass(text, from, at, USER);
    if (userEnd === from) return undefined;
    if (userEnd !== at) {
      if (text.charCodeAt(userEnd) !== 0x3a) return undefined;
      if (skipClass(text, userEnd + 1, at, PASSWORD) !== at) return undefined;
      uri.password = text.slice(userEnd + 1, at);
    }
    if (!escapesAreComplete(text, from, at)) return undefined;
    uri.user = text.slice(from, userEnd);
    i = at + 1;
  }
  const hostEnd = skipHost(text, i, end);
  if (hostEnd === -1) return undefined;
  uri.host = text.slice(i, hostEnd).toLowerCase();
  i = hostEnd;
  if (text.charCodeAt(i) === 0x3a) {
    const portEnd = skipClass(text, i + 1, end, DIGIT);
    const port = readNumber(text, i + 1, portEnd, 65535);
    if (port < 1) return undefined;
    uri.port = port;
    i = portEnd;
  }
  if (text.charCodeAt(i) === 0x3b) {
    i = readUriParams(text, i, end, uri.params);
    if (i === -1) return undefined;
  }
  if (text.charCodeAt(i) === 0x3f) {
    const headers = readUriHeaders(text, i + 1, end);
    if (headers === undefined) return undefined;
    uri.headers = headers;
    i = end;
  }
  return i === end ? uri : undefined;
}

/** The end of the host at `from`, or -1; a bracketed IPv6 reference is checked whole. */
export function skipHost(text: string, from: number, end: number): number {
  if (text.charCodeAt(from) === 0x5b) {
    const close = text.indexOf(']', from);
    if (close === -1 || close >= end || close - from > 46) return -1;
    return isIPv6(text.slice(from + 1, close)) ? close + 1 : -1;
  }
  const hostEnd = skipClass(text, from, end, HOST);
  return hostEnd === from || hostEnd - from > 255 ? -1 : hostEnd;
}

function readUriParams(text: string, from: number, end: number, params: Params): number {
  let i = from;
  while (text.charCodeAt(i) === 0x3b) {
    const nameEnd = skipClass(text, i + 1, end, URI_PARAM);
    if (nameEnd === i + 1) return -1;
    const name = parameterName(text.slice(i + 1, nameEnd));
    i = nameEnd;
    let value = '';
    if (text.charCodeAt(i) === 0x3d) {
      const valueEnd = skipClass(text, i + 1, end, URI_PARAM);
      value = text.slice(i + 1, valueEnd);
      i = valueEnd;
    }
    // RFC 3261 §19.1.1: a parameter name must not come more than once.
    if (params.has(name)) return -1;
    params.set(name, value);
  }
  return escapesAreComplete(text, from, i) ? i : -1;
}

/** Names compare without case and with unneeded escapes resolved (`%6C%72` is `lr`, RFC 3261 §19.1.4). */
function parameterName(name: string): string {
  const plain = name.includes('%') ? unescapeUri(name) : name;
  return (isAll(plain, 0, plain.length, URI_PARAM) ? plain : name).toLowerCase();
}

function readUriHeaders(text: string, from: number, end: number): Map<string, string> | undefined {
  const headers = new Map<string, string>();
  let i = from;
  for (;;) {
    const nameEnd = skipClass(text, i, end, URI_HEADER);
    if (nameEnd === i || text.charCodeAt(nameEnd) !== 0x3d) return undefined;
    // `=` may not stand in a value by the grammar, but Replaces is often written with its own `=` unescaped.
    let valueEnd = skipClass(text, nameEnd + 1, end, URI_HEADER);
    while (valueEnd < end && isUnescapedInPractice(text.charCodeAt(valueEnd))) {
      valueEnd = skipClass(text, valueEnd + 1, end, URI_HEADER);
    }
    headers.set(text.slice(i, nameEnd), text.slice(nameEnd + 1, valueEnd));
    if (valueEnd === end) break;
    if (text.charCodeAt(valueEnd) !== 0x26) return undefined;
    i = valueEnd + 1;
  }
  return escapesAreComplete(text, from, end) ? headers : undefined;
}

function isUnescapedInPractice(code: number): boolean {
  return code === 0x3d || code === 0x3b || code === 0x40;
}

const TEL_NUMBER = /^(?:\+[0-9\-.()]*[0-9][0-9\-.()]*|[0-9A-Fa-f*#\-.()]*[0-9A-Fa-f*#][0-9A-Fa-f*#\-.()]*)$/;

function parseTelUri(text: string, from: number): Uri | undefined {
  const semicolon = text.indexOf(';', from);
  const numberEnd = semicolon === -1 ? text.length : semicolon;
  const number = text.slice(from, numberEnd);
  if (number.length > 128 || !TEL_NUMBER.test(number)) return undefined;
  const uri: Uri = { scheme: 'tel', user: number, host: '', params: new Map() };
  if (semicolon === -1) return uri;
  return readUriParams(text, semicolon, text.length, uri.params) === text.length ? uri : undefined;
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
    out += uri.host.startsWith('[') ? uri.host : escapeUri(uri.host, HOST);
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
  if (skipClass(text, 0, text.length, mask) === text.length && escapesAreComplete(text, 0, text.length))
    return text;
  let out = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    const escaped = byte !== 0x25 && isClass(byte, mask);
    out += escaped ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
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

/** Whether `text` is a method or other token. */
export function isMethod(text: string): boolean {
  return isAll(text, 0, text.length, TOKEN);
}
