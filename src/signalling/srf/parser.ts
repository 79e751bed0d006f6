import { createRequire } from 'node:module';
import type { SipRequest } from '../../sip/index.js';
import { parseMessage, reasonPhrase, SipResponse, type SipMessage } from '../../sip/index.js';
import { LINES } from './lines.js';
import type { SrfConstructor, SrfHeaders, SrfParsed, SrfParser, SrfStringified } from './types.js';

/** The one version whose inside is known here. */
export const SRF_VERSION = '5.0.29';

/** What our reader leaves with the headers of a message for the rest of this room. */
const READING = Symbol('reading');

export type Reading =
  | { readonly kind: 'message'; readonly message: SipMessage }
  /** The strict parser refused it; srf sees what could be read loosely. */
  | { readonly kind: 'malformed'; readonly reason: string; readonly status: number };

interface ReadHeaders {
  [READING]?: Reading;
}

/** How the message behind srf's headers was read; undefined when srf made it itself. */
export function readingOf(headers: SrfHeaders): Reading | undefined {
  return (headers as ReadHeaders)[READING];
}

let loaded: SrfConstructor | undefined;

/**
 * Loads drachtio-srf and puts our parser in the place of its own, which is quadratic in white space and throws on some malformed
 * messages. Throws when the version is another than the one this was made for.
 */
export function loadSrf(): SrfConstructor {
  if (loaded !== undefined) return loaded;
  const fromHere = createRequire(import.meta.url);
  const { version } = fromHere('drachtio-srf/package.json') as { version: string };
  if (version !== SRF_VERSION) throw new Error(`drachtio-srf is ${version}, made for ${SRF_VERSION}`);
  const Srf = fromHere('drachtio-srf') as SrfConstructor;
  const fromSrf = createRequire(fromHere.resolve('drachtio-srf'));
  Object.assign(fromSrf('./sip-parser/parser') as SrfParser, ourParser);
  addPhrases(fromSrf('sip-status') as Record<number, string>);
  loaded = Srf;
  return Srf;
}

/** srf throws for a status without a phrase; a far side may use any. */
function addPhrases(phrases: Record<number, string>): void {
  for (let status = 101; status < 700; status++) phrases[status] ??= reasonPhrase(status);
}

const ourParser: SrfParser = {
  parseSipMessage: (raw) => {
    const outcome = parseMessage(raw);
    if (outcome.kind === 'message') return fromMessage(outcome.message);
    const status = outcome.kind === 'malformed' ? (outcome.status ?? 400) : 400;
    return readLoosely(raw, {
      kind: 'malformed',
      reason: outcome.kind === 'malformed' ? outcome.reason : 'empty',
      status,
    });
  },
  stringifySipMessage: stringify,
  getHeaderName: srfName,
};

function fromMessage(message: SipMessage): SrfParsed {
  const headers: SrfHeaders & ReadHeaders = {};
  for (const [name, value] of message.headers) {
    const key = srfName(name);
    const before = headers[key];
    headers[key] = before === undefined ? value : `${before},${value}`;
  }
  headers[READING] = { kind: 'message', message };
  const body = message.body;
  const parsed: SrfParsed = {
    headers,
    body,
    version: '2.0',
    payload: [{ type: headers['content-type'], content: body }],
  };
  if (message.kind === 'request') {
    parsed.method = message.method;
    parsed.uri = message.uri;
  } else {
    parsed.status = message.status;
    parsed.reason = message.reason;
  }
  return parsed;
}

/** Never fails, linear: srf would only print the message and lose it, and a request must be answered. */
function readLoosely(raw: string, reading: Reading): SrfParsed {
  const headers: SrfHeaders & ReadHeaders = {};
  const end = raw.indexOf('\r\n\r\n');
  const lines = (end === -1 ? raw : raw.slice(0, end)).split('\r\n');
  for (const line of lines.slice(1, 256)) {
    const colon = line.indexOf(':');
    if (colon < 1 || colon > 64) continue;
    const name = srfName(line.slice(0, colon).trimEnd());
    headers[name] ??= line.slice(colon + 1).trim();
  }
  headers[READING] = reading;
  const start = lines[0] ?? '';
  const parsed: SrfParsed = { headers, body: '', version: '2.0', payload: [] };
  if (start.startsWith('SIP/')) {
    const status = Number(start.slice(8, 11));
    parsed.status = status >= 100 && status <= 699 ? status : 500;
    parsed.reason = '';
  } else {
    const method = start.slice(0, Math.max(0, start.indexOf(' ')));
    parsed.method = /^[A-Z]{1,32}$/.test(method) ? method : 'MALFORMED';
    parsed.uri = 'sip:malformed.invalid';
  }
  return parsed;
}

/** The response as the strict parser read it; one that was malformed keeps its status only. */
export function responseFrom(headers: SrfHeaders, status: number): SipResponse {
  const reading = readingOf(headers);
  if (reading?.kind === 'message' && reading.message.kind === 'response') return reading.message;
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
