import { DIGIT, isSpace, isToken, readNumber, skipClass, trimSpace, WORD, isAll } from './chars.js';
import {
  MAX_CSEQ,
  parseCSeq,
  SipRequest,
  SipResponse,
  type CSeq,
  type ParsedParts,
  type SipMessage,
} from './message.js';
import { parseNameAddr } from './name-addr.js';
import { splitList } from './params.js';
import { parseUri } from './uri.js';
import { parseVia, parseViaLoosely } from './via.js';

/** Sizes beyond which a message is refused, in bytes (characters for a line). */
export interface ParseLimits {
  maxMessageBytes: number;
  maxHeaderBytes: number;
  maxHeaderLines: number;
  maxLineBytes: number;
}

export const DEFAULT_PARSE_LIMITS: ParseLimits = {
  maxMessageBytes: 65535,
  maxHeaderBytes: 16384,
  maxHeaderLines: 256,
  maxLineBytes: 8192,
};

export type ParseOutcome =
  | { kind: 'message'; message: SipMessage }
  | { kind: 'keep-alive' }
  /** `status` and `partial` together: enough was readable to answer; absent: drop silently. */
  | { kind: 'malformed'; reason: string; status?: number; partial?: SipRequest };

export function parseMessage(
  data: Buffer | string,
  limits: Partial<ParseLimits> = {},
  framing: 'datagram' | 'stream' = 'datagram',
): ParseOutcome {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  const limit = { ...DEFAULT_PARSE_LIMITS, ...limits };
  let start = 0;
  while (start < bytes.length && (bytes[start] === 13 || bytes[start] === 10 || bytes[start] === 0)) start++;
  if (start === bytes.length) return { kind: 'keep-alive' };
  const headEnd = bytes.indexOf('\r\n\r\n', start, 'latin1');
  const headLength = headEnd === -1 ? bytes.length : headEnd;
  const head = bytes.toString('utf8', start, Math.min(headLength, start + limit.maxHeaderBytes));
  const lines = head.split('\r\n');
  const message = readStartLine(lines[0]!);
  if (typeof message === 'string') return { kind: 'malformed', reason: message };
  let problem: string | undefined;
  let status = 400;
  if (headEnd === -1) problem = 'the headers have no end';
  if (
    bytes.length > limit.maxMessageBytes ||
    headLength - start > limit.maxHeaderBytes ||
    lines.length > limit.maxHeaderLines + 1
  ) {
    problem = 'the message is too large';
    status = 513;
  }
  let current: string | undefined;
  const flush = (): void => {
    if (current === undefined) return;
    const colon = current.indexOf(':');
    const name = colon === -1 ? '' : trimSpace(current.slice(0, colon));
    if (!isToken(name)) problem ??= 'a header line has no name';
    else message.headers.appendParsed(name, trimSpace(current.slice(colon + 1)));
  };
  for (const line of lines.slice(1, limit.maxHeaderLines + 1)) {
    if (/[\r\n\0]/.test(line)) problem ??= 'a header line holds a control character';
    else if (isSpace(line.charCodeAt(0)) && current !== undefined)
      current = `${trimSpace(current)} ${trimSpace(line)}`;
    else {
      flush();
      current = line;
    }
  }
  flush();
  const parts: ParsedParts = {};
  const version = lines[0]!.endsWith('SIP/2.0') || message.kind === 'response';
  if (!version) {
    problem ??= 'the version is not supported';
    status = 505;
  }
  problem ??= checkMandatory(message);
  const bodyStart = headEnd === -1 ? bytes.length : headEnd + 4;
  const lengthText = message.headers.get('Content-Length');
  let bodyLength = framing === 'stream' ? 0 : bytes.length - bodyStart;
  if (lengthText !== undefined) {
    const wanted = readNumber(lengthText, 0, lengthText.length, 0xffffffff);
    if (
      wanted === -1 ||
      wanted > bytes.length - bodyStart ||
      message.headers.getAll('Content-Length').length > 1
    ) {
      problem ??= 'the Content-Length is not right';
    } else bodyLength = wanted;
  }
  if (problem !== undefined) {
    const answerable = message.kind === 'request' && message.method !== 'ACK' && hasVia(message);
    parts.lenient = true;
    message.adopt(parts);
    return answerable
      ? { kind: 'malformed', reason: problem, status, partial: message }
      : { kind: 'malformed', reason: problem };
  }
  if (bodyLength > 0) parts.body = bytes.subarray(bodyStart, bodyStart + bodyLength);
  message.adopt(parts);
  return { kind: 'message', message };
}

function hasVia(message: SipRequest): boolean {
  const first = splitList(message.headers.get('Via') ?? '')[0];
  return first !== undefined && parseViaLoosely(first) !== undefined;
}

function readStartLine(line: string): SipMessage | string {
  if (line.startsWith('SIP/')) {
    const match = /^SIP\/2\.0 ([1-6][0-9][0-9])(?: (.*))?$/.exec(line);
    return match === null ? 'bad status line' : new SipResponse(Number(match[1]), match[2] ?? '');
  }
  const match = /^([^ ]+) ([^ ]+) SIP\/[0-9]+\.[0-9]+$/.exec(line);
  if (match === null || !isToken(match[1]!) || /[\x00-\x20\x7f]/.test(match[2]!)) return 'bad request line';
  return new SipRequest(match[1]!, match[2]!);
}

function checkMandatory(message: SipMessage): string | undefined {
  const { headers } = message;
  for (const name of ['From', 'To', 'Call-ID', 'CSeq']) {
    if (headers.getAll(name).length !== 1) return `${name} does not stand exactly once`;
  }
  const via = splitList(headers.get('Via') ?? '')[0];
  if (via === undefined || parseVia(via) === undefined) return 'bad Via';
  if (parseNameAddr(headers.get('From')!) === undefined) return 'bad From';
  if (parseNameAddr(headers.get('To')!) === undefined) return 'bad To';
  const cseq: CSeq | undefined = parseCSeq(headers.get('CSeq')!);
  if (cseq === undefined || cseq.seq > MAX_CSEQ) return 'bad CSeq';
  const callId = headers.get('Call-ID')!;
  if (!isAll(callId.replace('@', ''), 0, callId.replace('@', '').length, WORD)) return 'bad Call-ID';
  if (message.kind === 'request') {
    if (cseq.method !== message.method) return 'the CSeq method is another';
    if (parseUri(message.uri) === undefined) return 'bad request URI';
    const hops = headers.get('Max-Forwards');
    if (hops !== undefined && skipClass(hops, 0, hops.length, DIGIT) !== hops.length)
      return 'bad Max-Forwards';
  }
  return undefined;
}
