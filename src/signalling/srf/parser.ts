import { createRequire } from 'node:module';
import type { SipRequest } from '../../sip/index.js';
import { parseMessage, reasonPhrase, SipResponse, type SipMessage } from '../../sip/index.js';
import { LINES } from './lines.js';
import type { SrfConstructor, SrfHeaders, SrfParsed, SrfParser, SrfStringified } from './types.js';

/** The one version whose inside is known here. */
export const SRF_VERSION = '5.0.29';

/** What our reader leaves with the headers of a message for the rest of this room. */
const READER = Symbol('reader');

export type Reading =
  | { readonly kind: 'message'; readonly message: SipMessage }
  /** The strict parser refused it. `status`: what a request gets. */
  | { readonly kind: 'malformed'; readonly reason: string; readonly status: number };

/**
 * Reads a message strictly when somebody asks for it: what comes from the network is always asked for, and before anything is done
 * with it; echoes of what we sent ourselves never are.
 */
class Reader {
  readonly #raw: string;
  #reading: Reading | undefined;

  constructor(raw: string) {
    this.#raw = raw;
  }

  get reading(): Reading {
    this.#reading ??= readStrictly(this.#raw);
    return this.#reading;
  }
}

function readStrictly(raw: string): Reading {
  const outcome = parseMessage(raw);
  switch (outcome.kind) {
    case 'message':
      return outcome;
    case 'malformed':
      return { kind: 'malformed', reason: outcome.reason, status: outcome.status ?? 400 };
    case 'keep-alive':
      return { kind: 'malformed', reason: 'the message is empty', status: 400 };
  }
}

interface ReadHeaders {
  [READER]?: Reader;
}

/** How the message behind srf's headers reads; undefined when srf made it itself. */
export function readingOf(headers: SrfHeaders): Reading | undefined {
  return (headers as ReadHeaders)[READER]?.reading;
}

/** The CSeq number of a message, strictly read or not; 0 when there is none. */
export function cseqOf(headers: SrfHeaders): number {
  const value = Number.parseInt(headers['cseq'] ?? '', 10);
  return Number.isSafeInteger(value) && value > 0 ? value : 0;
}

let loaded: SrfConstructor | undefined;

/**
 * Loads drachtio-srf and puts our parser in the place of its own, which is quadratic in white space and throws on some malformed
 * messages. srf's own messages keep only the four headers it looks at by itself; the others are there for whoever calls `get`.
 * Throws when the version is another than the one this was made for.
 */
export function loadSrf(): SrfConstructor {
  if (loaded !== undefined) return loaded;
  const fromHere = createRequire(import.meta.url);
  const { version } = fromHere('drachtio-srf/package.json') as { version: string };
  if (version !== SRF_VERSION) throw new Error(`drachtio-srf is ${version}, made for ${SRF_VERSION}`);
  const fromSrf = createRequire(fromHere.resolve('drachtio-srf'));
  // A helper that splits its list of keys by a regular expression for each message: before srf takes hold of it.
  fromSrf('only');
  const helper = fromSrf.cache[fromSrf.resolve('only')];
  if (helper !== undefined) helper.exports = only;
  const Srf = fromHere('drachtio-srf') as SrfConstructor;
  Object.assign(fromSrf('./sip-parser/parser') as SrfParser, {
    parseSipMessage: parse,
    stringifySipMessage: stringify,
    getHeaderName: srfName,
  });
  Object.assign((fromSrf('./sip-parser/message') as { prototype: object }).prototype, messageMethods);
  addPhrases(fromSrf('sip-status') as Record<number, string>);
  loaded = Srf;
  return Srf;
}

const keyLists = new Map<string, readonly string[]>();

/** Those properties of `source` that are set; `keys` is one of the few texts that stand in srf's code. */
function only(source: Record<string, unknown> | undefined, keys: string): Record<string, unknown> {
  let names = keyLists.get(keys);
  if (names === undefined) {
    names = keys.split(' ').filter((name) => name !== '');
    keyLists.set(keys, names);
  }
  const picked: Record<string, unknown> = {};
  for (const name of names) {
    const value = source?.[name];
    if (value !== undefined && value !== null) picked[name] = value;
  }
  return picked;
}

/** srf throws for a status without a phrase; a far side may use any. */
function addPhrases(phrases: Record<number, string>): void {
  for (let status = 101; status < 700; status++) phrases[status] ??= reasonPhrase(status);
}

/**
 * What srf itself needs of a message, in one pass over the line starts. Never fails and is linear: a message srf cannot read it would
 * only print and lose, and a request must be answered.
 */
function parse(raw: string): SrfParsed {
  const headEnd = raw.indexOf('\r\n\r\n');
  const end = headEnd === -1 ? raw.length : headEnd;
  const startEnd = lineEnd(raw, 0, end);
  const headers: SrfHeaders & ReadHeaders = { 'call-id': '', cseq: '', from: '', to: '' };
  for (let at = startEnd + 2; at < end;) {
    const stop = lineEnd(raw, at, end);
    const name = neededName(raw, at);
    if (name !== undefined) {
      const colon = raw.indexOf(':', at);
      if (colon !== -1 && colon < stop) headers[name] = raw.slice(colon + 1, stop).trim();
    }
    at = stop + 2;
  }
  headers[READER] = new Reader(raw);
  const parsed: SrfParsed = {
    headers,
    body: headEnd === -1 ? '' : raw.slice(headEnd + 4),
    version: '2.0',
    payload: [],
  };
  if (raw.startsWith('SIP/')) {
    const status = Number(raw.slice(8, 11));
    parsed.status = status >= 100 && status <= 699 ? status : 500;
    parsed.reason = raw.slice(12, startEnd);
  } else {
    const methodEnd = raw.indexOf(' ');
    const uriEnd = raw.indexOf(' ', methodEnd + 1);
    const readable =
      methodEnd > 0 && uriEnd > 0 && uriEnd < startEnd && /^[A-Za-z]+$/.test(raw.slice(0, methodEnd));
    parsed.method = readable ? raw.slice(0, methodEnd) : 'MALFORMED';
    parsed.uri = readable ? raw.slice(methodEnd + 1, uriEnd) : 'sip:malformed.invalid';
  }
  return parsed;
}

function lineEnd(raw: string, from: number, end: number): number {
  const at = raw.indexOf('\r\n', from);
  return at === -1 || at > end ? end : at;
}

/** Which of the four headers begins at `at`, in long or compact form. */
function neededName(raw: string, at: number): 'call-id' | 'cseq' | 'from' | 'to' | undefined {
  const first = raw.charCodeAt(at) | 0x20;
  const second = raw.charCodeAt(at + 1) | 0x20;
  switch (first) {
    case 0x63:
      if (second === 0x61) return isName(raw, at, 'call-id') ? 'call-id' : undefined;
      return second === 0x73 && isName(raw, at, 'cseq') ? 'cseq' : undefined;
    case 0x66:
      return isName(raw, at, 'f') || isName(raw, at, 'from') ? 'from' : undefined;
    case 0x74:
      return isName(raw, at, 't') || isName(raw, at, 'to') ? 'to' : undefined;
    case 0x69:
      return isName(raw, at, 'i') ? 'call-id' : undefined;
    default:
      return undefined;
  }
}

function isName(raw: string, at: number, name: string): boolean {
  const end = at + name.length;
  const next = raw.charCodeAt(end);
  return (next === 0x3a || next === 0x20 || next === 0x09) && raw.slice(at, end).toLowerCase() === name;
}

/** Methods of srf's SipMessage, by which everybody else reads headers. */
const messageMethods = {
  get(this: { readonly headers: SrfHeaders & ReadHeaders }, name: string): string | undefined {
    const own = this.headers[srfName(name)];
    if (own !== undefined && own !== '') return own;
    const reading = this.headers[READER]?.reading;
    if (reading?.kind === 'message') {
      const lines = reading.message.headers.getAll(name);
      return lines.length === 0 ? undefined : lines.join(',');
    }
    const lower = name.toLowerCase();
    for (const key in this.headers) if (key.toLowerCase() === lower) return this.headers[key];
    return undefined;
  },
  has(this: { get(name: string): string | undefined }, name: string): boolean {
    return this.get(name) !== undefined;
  },
  /** srf writes each message out for its debug log, whether or not anybody reads that. */
  toJSON(): undefined {
    return undefined;
  },
};

/** The response as the strict parser read it; one that was malformed keeps its status only. */
export function responseFrom(headers: SrfHeaders, status: number): SipResponse {
  const reading = readingOf(headers);
  if (reading?.kind === 'message' && reading.message.kind === 'response') return reading.message;
  return bareResponse(status);
}

const statusOnly: (SipResponse | undefined)[] = [];

/** For those who look at nothing but the status: one object for each, not to be handed on. */
export function statusResponse(status: number): SipResponse {
  return (statusOnly[status] ??= bareResponse(status));
}

function bareResponse(status: number): SipResponse {
  const response = new SipResponse(status);
  response.headers.set('Via', 'SIP/2.0/UDP malformed.invalid');
  response.headers.set('From', '<sip:malformed.invalid>');
  response.headers.set('To', '<sip:malformed.invalid>');
  response.headers.set('Call-ID', 'malformed');
  response.headers.set('CSeq', '0 MALFORMED');
  return response;
}

/** The request as the strict parser read it; undefined when it was malformed. */
export function requestFrom(headers: SrfHeaders): SipRequest | undefined {
  const reading = readingOf(headers);
  return reading?.kind === 'message' && reading.message.kind === 'request' ? reading.message : undefined;
}

/** Names as srf keeps them, of names met so far. */
const srfNames = new Map<string, string>([[LINES, LINES]]);
const MAX_SRF_NAMES = 1000;

const COMPACT: Readonly<Record<string, string>> = {
  i: 'call-id',
  m: 'contact',
  e: 'content-encoding',
  l: 'content-length',
  c: 'content-type',
  f: 'from',
  s: 'subject',
  k: 'supported',
  t: 'to',
  v: 'via',
};

/** As srf names headers: lower case, but `X-` and `P-` (save P-Asserted-…) and Diversion as they are. */
function srfName(name: string): string {
  const known = srfNames.get(name);
  if (known !== undefined) return known;
  const kept =
    name.startsWith('X-') ||
    (name.startsWith('P-') && !name.startsWith('P-Asserted')) ||
    name === 'Diversion';
  const lower = name.toLowerCase();
  const result = kept ? name : (COMPACT[lower] ?? lower);
  if (srfNames.size < MAX_SRF_NAMES && name.length <= 64) srfNames.set(name, result);
  return result;
}

const BREAKS = /[\r\n\0]/;

function stringify(message: SrfStringified): string {
  const status = message.status;
  let out =
    status === undefined || status === 0
      ? `${message.method ?? ''} ${typeof message.uri === 'string' ? message.uri : 'sip:invalid.invalid'} SIP/2.0\r\n`
      : `SIP/2.0 ${status} ${message.reason ?? ''}\r\n`;
  for (const name in message.headers) {
    const value = message.headers[name];
    if (name === LINES) out += String(value);
    else if (name !== 'content-length') out += lineOf(name, value);
  }
  const body = message.body;
  if (body === undefined || body === '') return `${out}content-length: 0\r\n\r\n`;
  return `${out}content-length: ${Buffer.byteLength(body, 'utf8')}\r\n\r\n${body}`;
}

function lineOf(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => lineOf(name, one)).join('');
  const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
  return text === undefined || BREAKS.test(text) ? '' : `${name}: ${text}\r\n`;
}
