import { DIGIT, isAll, isSpace, isToken, readNumber } from './chars.js';
import { knownField } from './header-names.js';
import { SipRequest, SipResponse, type SipMessage } from './message.js';
import { collapseSpace, hasControl, replaceControls } from './normalize.js';
import { splitList } from './params.js';
import { CONTROLS, HIGH, scanBytes } from './scan-bytes.js';
import { checkMessage, type Problem } from './validate.js';
import { parseViaLoosely } from './via.js';

/** Sizes beyond which a message is refused. */
export interface ParseLimits {
  /** The whole message, in bytes. */
  maxMessageBytes: number;
  /** From the start line to the empty line, in bytes. */
  maxHeaderBytes: number;
  maxHeaderLines: number;
  /** One header field or start line, in characters. */
  maxLineBytes: number;
}

export const DEFAULT_PARSE_LIMITS: Readonly<ParseLimits> = {
  maxMessageBytes: 65535,
  maxHeaderBytes: 16384,
  maxHeaderLines: 256,
  maxLineBytes: 8192,
};

export type ParseOutcome =
  | { kind: 'message'; message: SipMessage }
  /** CRLF, CRLFCRLF or NULs: RFC 5626 §4.4.1 and what devices send to keep a NAT binding. */
  | { kind: 'keep-alive' }
  /** `status` and `partial` come together: enough was readable to answer. Without them the message is dropped silently. */
  | { kind: 'malformed'; reason: string; status?: number; partial?: SipRequest };

/**
 * Reads one SIP message strictly by RFC 3261 §7 and §25, in time linear in its size. Never throws. Header values come out on
 * one line, trimmed, white space outside quotes as single spaces, control characters in quoted pairs replaced.
 *
 * What has been checked afterwards: the start line; Via, From, To, Call-ID, CSeq, Max-Forwards, Content-Length, Contact, Route
 * and Record-Route; that fields which stand once stand once; and that the body is as long as it says. `datagram`: bytes
 * after the body are ignored and without Content-Length the body is the rest (§18.3); `stream`: the framer has cut the message
 * and Content-Length is mandatory. `data` must not be changed afterwards.
 */
export function parseMessage(
  data: Buffer | string,
  limits: Partial<ParseLimits> = DEFAULT_PARSE_LIMITS,
  framing: 'datagram' | 'stream' = 'datagram',
): ParseOutcome {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  const start = skipLineEnds(bytes, 0);
  if (isKeepAlive(bytes, start)) return { kind: 'keep-alive' };
  const latin = bytes.toString('latin1', start);
  const latinEnd = latin.indexOf('\r\n\r\n');
  const headBytes = latinEnd === -1 ? latin.length : latinEnd;
  const found = scanBytes(bytes, start, start + headBytes);
  // ASCII is the same in Latin-1 and UTF-8; otherwise the head is decoded again.
  const text = (found & HIGH) === 0 ? latin : bytes.toString('utf8', start, start + headBytes);
  const source: Source = {
    bytes,
    text,
    headEnd: (found & HIGH) === 0 ? headBytes : text.length,
    bodyStart: latinEnd === -1 ? -1 : start + latinEnd + 4,
    hasControls: (found & CONTROLS) !== 0,
    problem: undefined,
  };
  const message = readHead(source, limits);
  if (message === undefined) return { kind: 'malformed', reason: 'the start line cannot be read' };
  const problem = source.problem ?? checkMessage(message) ?? readBody(source, message, framing);
  return problem === undefined ? { kind: 'message', message } : refuse(message, problem);
}

/** The message while it is read. */
interface Source {
  readonly bytes: Buffer;
  /** Begins with the start line and holds at least the head. */
  readonly text: string;
  /** Index in `text` where the headers end. */
  readonly headEnd: number;
  /** Index in `bytes`; -1 when the headers have no end. */
  readonly bodyStart: number;
  readonly hasControls: boolean;
  /** The first thing that is wrong. */
  problem: Problem | undefined;
}

function skipLineEnds(bytes: Buffer, from: number): number {
  let i = from;
  while (bytes[i] === 13 || bytes[i] === 10) i++;
  return i;
}

function isKeepAlive(bytes: Buffer, start: number): boolean {
  if (start === bytes.length) return true;
  if (bytes[start] !== 0) return false;
  let i = start;
  while (bytes[i] === 0) i++;
  return skipLineEnds(bytes, i) === bytes.length;
}

function fail(source: Source, status: number, reason: string): void {
  source.problem ??= { status, reason };
}

function readHead(source: Source, limits: Partial<ParseLimits>): SipMessage | undefined {
  const { text, bytes } = source;
  const maxHeaderBytes = limits.maxHeaderBytes ?? DEFAULT_PARSE_LIMITS.maxHeaderBytes;
  const end = Math.min(source.headEnd, maxHeaderBytes);
  const lineFeed = text.indexOf('\n');
  const lineEnd = lineFeed === -1 || lineFeed > end ? end : lineFeed;
  const message = readStartLine(
    source,
    text.charCodeAt(lineEnd - 1) === 13 ? text.slice(0, lineEnd - 1) : text.slice(0, lineEnd),
  );
  if (message === undefined) return undefined;
  if (bytes.length > (limits.maxMessageBytes ?? DEFAULT_PARSE_LIMITS.maxMessageBytes))
    fail(source, 513, 'the message is too large');
  if (end < source.headEnd) fail(source, 513, 'the headers are too large');
  readHeaders(source, message, lineEnd + 1, end, limits);
  if (source.bodyStart === -1) fail(source, 400, 'the headers have no end');
  return message;
}

function readStartLine(source: Source, line: string): SipMessage | undefined {
  if (source.hasControls && hasControl(line)) return undefined;
  return line.startsWith('SIP/') ? readStatusLine(line) : readRequestLine(source, line);
}

/** A response that is malformed is dropped (RFC 3261 §18.1.2), so nothing is noted. */
function readStatusLine(line: string): SipResponse | undefined {
  const status = readNumber(line, 8, 11, 699);
  if (!line.startsWith('SIP/2.0 ') || status < 100 || line.length < 11) return undefined;
  if (line.length > 11 && line.charCodeAt(11) !== 0x20) return undefined;
  return new SipResponse(status, line.slice(12));
}

/** Stands for a request URI that cannot be read, in a request that is only answered. */
const UNREADABLE_URI = 'sip:invalid.invalid';

function readRequestLine(source: Source, line: string): SipRequest | undefined {
  const methodEnd = line.indexOf(' ');
  const method = line.slice(0, Math.max(0, methodEnd));
  if (!isToken(method)) return undefined;
  const uriEnd = line.indexOf(' ', methodEnd + 1);
  if (line.length - uriEnd === 8 && uriEnd > methodEnd + 1 && line.endsWith('SIP/2.0')) {
    return requestOf(source, method, line.slice(methodEnd + 1, uriEnd));
  }
  // Something else than three parts and one space between each: is it SIP at all?
  const version = /SIP\/([0-9]{1,9}\.[0-9]{1,9})[ \t]{0,64}$/i.exec(line);
  if (version === null) return undefined;
  if (version[1] !== '2.0') fail(source, 505, 'the SIP version is not supported');
  else if (line.length - uriEnd !== 8) fail(source, 400, 'the request line has stray white space');
  return requestOf(source, method, line.slice(methodEnd + 1, uriEnd));
}

function requestOf(source: Source, method: string, uri: string): SipRequest {
  if (/^[\x21-\x7e]+$/.test(uri)) return new SipRequest(method, uri);
  fail(source, 400, 'the request URI holds characters that may not stand there');
  return new SipRequest(method, UNREADABLE_URI);
}

function readHeaders(
  source: Source,
  message: SipMessage,
  from: number,
  end: number,
  limits: Partial<ParseLimits>,
): void {
  const { text } = source;
  const { headers } = message;
  const maxLines = limits.maxHeaderLines ?? DEFAULT_PARSE_LIMITS.maxHeaderLines;
  const maxLine = limits.maxLineBytes ?? DEFAULT_PARSE_LIMITS.maxLineBytes;
  const needsCollapsing = isBefore(text.indexOf('  '), end) || isBefore(text.indexOf('\t'), end);
  let seen = 0;
  let lines = 0;
  let pos = from;
  while (pos < end) {
    if (++lines > maxLines) return fail(source, 513, 'there are too many header lines');
    const lineStart = pos;
    let lineFeed = endOfLine(source, pos, end);
    let stop = contentEnd(text, lineFeed, end);
    pos = lineFeed + 1;
    const colon = text.indexOf(':', lineStart);
    let value = colon === -1 || colon >= stop ? '' : trimmed(text, colon + 1, stop);
    while (pos < end && isSpace(text.charCodeAt(pos))) {
      // RFC 3261 §7.3.1: a folded line goes on as if there were one space.
      if (++lines > maxLines) return fail(source, 513, 'there are too many header lines');
      lineFeed = endOfLine(source, pos, end);
      stop = contentEnd(text, lineFeed, end);
      const more = trimmed(text, pos, stop);
      value = value === '' ? more : more === '' ? value : `${value} ${more}`;
      pos = lineFeed + 1;
    }
    if (stop - lineStart > maxLine) {
      fail(source, 513, 'a header line is too long');
      continue;
    }
    let nameEnd = colon;
    while (nameEnd > lineStart && isSpace(text.charCodeAt(nameEnd - 1))) nameEnd--;
    const name = colon === -1 ? '' : text.slice(lineStart, nameEnd);
    if (needsCollapsing) value = collapseSpace(value);
    if (source.hasControls) value = withoutControls(source, value);
    const field = knownField(name);
    if (field === undefined) {
      if (isToken(name)) headers.appendChecked(name.toLowerCase(), name, value);
      else fail(source, 400, 'a header line has no proper name');
      continue;
    }
    if ((seen & field.bit) !== 0) fail(source, 400, `${field.name} stands more than once`);
    seen |= field.bit;
    headers.appendChecked(field.name, field.name, value);
  }
}

function isBefore(index: number, end: number): boolean {
  return index !== -1 && index < end;
}

/** The index of the line feed that ends the line at `pos`, or where one would stand after the head. */
function endOfLine(source: Source, pos: number, end: number): number {
  const lineFeed = source.text.indexOf('\n', pos);
  if (lineFeed === -1 || lineFeed > end) return end + 1;
  if (source.text.charCodeAt(lineFeed - 1) !== 13) fail(source, 400, 'a line does not end with CR LF');
  return lineFeed;
}

function contentEnd(text: string, lineFeed: number, end: number): number {
  if (lineFeed > end) return end;
  return text.charCodeAt(lineFeed - 1) === 13 ? lineFeed - 1 : lineFeed;
}

function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function withoutControls(source: Source, value: string): string {
  if (!hasControl(value)) return value;
  const replaced = replaceControls(value);
  if (!replaced.legal) fail(source, 400, 'a header value holds control characters');
  return replaced.value;
}

function readBody(source: Source, message: SipMessage, framing: 'datagram' | 'stream'): Problem | undefined {
  const { bytes, bodyStart } = source;
  const available = bytes.length - bodyStart;
  let length = available;
  const field = message.headers.first('Content-Length');
  if (field !== undefined) {
    if (!isAll(field, 0, field.length, DIGIT)) return { status: 400, reason: 'Content-Length is no number' };
    length = readNumber(field, 0, field.length, available);
    // RFC 3261 §18.3: a datagram that ends before its body does is an error.
    if (length === -1) return { status: 400, reason: 'Content-Length is larger than the message' };
  } else if (framing === 'stream') {
    return { status: 400, reason: 'Content-Length is missing' };
  }
  if (length > 0) message.adoptBody({ bytes, start: bodyStart, end: bodyStart + length });
  return undefined;
}

/** A request is answered when its way back is readable; ACK and responses never are (RFC 3261 §17.1.1.3, §18.1.2). */
function refuse(message: SipMessage, problem: Problem): ParseOutcome {
  const { reason, status } = problem;
  if (message.kind === 'response' || message.method === 'ACK') return { kind: 'malformed', reason };
  const via = splitList(message.headers.first('Via') ?? '')[0];
  if (via === undefined || parseViaLoosely(via) === undefined) return { kind: 'malformed', reason };
  message.becomeLenient();
  return { kind: 'malformed', reason, status, partial: message };
}
