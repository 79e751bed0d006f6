import { isSpace, isToken, readNumber } from './chars.js';
import { knownFieldAt } from './header-names.js';
import { SipRequest, SipResponse, type SipMessage } from './message.js';
import { collapseSpace, hasControl, replaceControls } from './normalize.js';
import { DEFAULT_PARSE_LIMITS, type ParseLimits } from './parse-limits.js';
import { lastHadHeaders, scanUri } from './uri.js';
import type { Problem } from './validate.js';

/** The message while it is read. */
export interface Source {
  readonly bytes: Buffer;
  /** Begins with the start line and holds at least the head. */
  readonly text: string;
  /** Index in `text` where the headers end. */
  readonly headEnd: number;
  /** Index in `bytes`; -1 when the headers have no end. */
  readonly bodyStart: number;
  readonly hasControls: boolean;
  /** White space in runs may be there. */
  readonly hasRuns: boolean;
  /** The first thing that is wrong. */
  problem: Problem | undefined;
}

function fail(source: Source, status: number, reason: string): void {
  source.problem ??= { status, reason };
}

/** Reads start line and header lines. What is wrong is noted in `source`; undefined when the start line tells nothing. */
export function readHead(source: Source, limits: Partial<ParseLimits>): SipMessage | undefined {
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
  const scheme = scanUri(uri);
  if (scheme === undefined) {
    fail(source, 400, 'the request URI is malformed');
    return new SipRequest(method, /^[\x21-\x7e]+$/.test(uri) ? uri : UNREADABLE_URI, true);
  }
  // RFC 3261 §19.1.1 table 1: headers are not allowed there; RFC 4475 §3.1.2.11.
  if ((scheme === 'sip' || scheme === 'sips') && lastHadHeaders(uri))
    fail(source, 400, 'the request URI carries headers');
  return new SipRequest(method, uri, true);
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
    const hasName = colon !== -1 && colon < stop;
    let value = hasName ? trimmed(text, colon + 1, stop) : '';
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
    if (!hasName) {
      fail(source, 400, 'a header line has no name');
      continue;
    }
    let nameEnd = colon;
    while (nameEnd > lineStart && isSpace(text.charCodeAt(nameEnd - 1))) nameEnd--;
    if (source.hasRuns) value = collapseSpace(value);
    if (source.hasControls) value = withoutControls(source, value);
    const field = knownFieldAt(text, lineStart, nameEnd);
    if (field === undefined) {
      const name = text.slice(lineStart, nameEnd);
      if (isToken(name)) headers.appendChecked(name.toLowerCase(), name, value);
      else fail(source, 400, 'a header line has no proper name');
      continue;
    }
    if ((seen & field.bit) !== 0) fail(source, 400, `${field.name} stands more than once`);
    seen |= field.bit;
    headers.appendChecked(field.name, field.name, value);
  }
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
