import { DIGIT, isAll, readNumber } from './chars.js';
import type { SipMessage, SipRequest } from './message.js';
import { splitList } from './params.js';
import { DEFAULT_PARSE_LIMITS, type ParseLimits } from './parse-limits.js';
import { readHead, type Source } from './read-head.js';
import { CONTROLS, HIGH, RUNS, scanBytes } from './scan-bytes.js';
import { checkMessage, type Problem } from './validate.js';
import { parseViaLoosely } from './via.js';

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
    hasRuns: (found & RUNS) !== 0,
    problem: undefined,
  };
  const message = readHead(source, limits);
  if (message === undefined) return { kind: 'malformed', reason: 'the start line cannot be read' };
  if (found !== 0) message.headers.noteUnusual();
  const problem = source.problem ?? checkMessage(message) ?? readBody(source, message, framing);
  return problem === undefined ? { kind: 'message', message } : refuse(message, problem);
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
