import { DEFAULT_PARSE_LIMITS, type ParseLimits } from './parse-limits.js';

/**
 * What a framer gives: one whole message; a keep-alive ping, which is `\r\n\r\n` itself (RFC 5626 §4.4.1: the transport answers
 * `\r\n`); or the end of all framing, after which the connection must be closed once what came before it is answered.
 */
export type Frame = Buffer | { readonly malformed: string };

export interface StreamFramer {
  /** Takes the next bytes of the stream and gives the messages they complete, in order. `chunk` must not be changed afterwards. */
  push(chunk: Buffer): Frame[];
  /** Bytes kept back for the next chunk. */
  readonly pending: number;
}

const CR = 13;
const LF = 10;

/** Every Content-Length line of a head, with its folded continuation. */
const CONTENT_LENGTH = /\r\n(?:content-length|l)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)/gi;

/**
 * Cuts a TCP or TLS stream into messages by Content-Length (RFC 3261 §18.3). Keeps at most one message, copies each byte a
 * bounded number of times and looks at it about once, however small the chunks are. A message whose length is missing,
 * ambiguous or too large comes out as its head alone, for the parser to refuse, followed by the end of framing.
 */
export function createStreamFramer(limits: Partial<ParseLimits> = {}): StreamFramer {
  const { maxHeaderBytes, maxMessageBytes } = { ...DEFAULT_PARSE_LIMITS, ...limits };
  /** Bytes held back; the first `length` ones count, the rest is room to grow. */
  let held = Buffer.alloc(0);
  let length = 0;
  /** No header end before this index. */
  let scanned = 0;
  /** Length of the message at the front; 0 while its head is incomplete. */
  let needed = 0;
  let ended = false;

  function push(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    if (ended || chunk.length === 0) return frames;
    let data = chunk;
    if (length > 0) {
      hold(chunk);
      if (length < needed) return frames;
      data = held.subarray(0, length);
    }
    let at = 0;
    while (at < data.length) {
      const next = cut(data, at, frames);
      if (next === at) break;
      at = next;
    }
    keep(data, at);
    return frames;
  }

  /** Takes one frame from `data` at `at`; gives the index after it, `at` itself when more bytes are needed. */
  function cut(data: Buffer, at: number, frames: Frame[]): number {
    if (needed === 0) {
      const afterPings = skipPings(data, at, frames);
      if (afterPings !== at) return afterPings;
      const headEnd = data.indexOf('\r\n\r\n', at + scanned, 'latin1');
      if ((headEnd === -1 ? data.length : headEnd) - at > maxHeaderBytes)
        return end(data, 'the headers are too large', frames);
      if (headEnd === -1) {
        scanned = Math.max(0, data.length - at - 3);
        return at;
      }
      const bodyLength = contentLength(data.toString('latin1', at, headEnd));
      if (bodyLength === undefined || headEnd + 4 - at + bodyLength > maxMessageBytes) {
        frames.push(data.subarray(at, headEnd + 4));
        return end(data, 'no usable Content-Length', frames);
      }
      needed = headEnd + 4 - at + bodyLength;
    }
    if (data.length - at < needed) return at;
    frames.push(data.subarray(at, at + needed));
    const next = at + needed;
    needed = 0;
    scanned = 0;
    return next;
  }

  function end(data: Buffer, malformed: string, frames: Frame[]): number {
    ended = true;
    frames.push({ malformed });
    return data.length;
  }

  /** Adds to what is held; the room doubles, so that many small chunks cost no more than few large ones. */
  function hold(chunk: Buffer): void {
    if (length + chunk.length > held.length) {
      const larger = Buffer.allocUnsafe(Math.max(512, (length + chunk.length) * 2));
      held.copy(larger, 0, 0, length);
      held = larger;
    }
    chunk.copy(held, length);
    length += chunk.length;
  }

  /** Holds back what is left of `data` from `at`. Frames given out keep the old memory, so left bytes move to fresh memory. */
  function keep(data: Buffer, at: number): void {
    if (at === 0 && length > 0) return;
    const left = data.length - at;
    held = left === 0 ? Buffer.alloc(0) : Buffer.allocUnsafe(Math.max(512, left * 2));
    data.copy(held, 0, at);
    length = left;
  }

  return {
    push,
    get pending() {
      return length;
    },
  };
}

/**
 * Skips CRLFs between messages. A double one is a ping; any number of them in a row gives one, since one pong answers.
 * A CRLF or CR at the very end is left: the next bytes tell what it is.
 */
function skipPings(data: Buffer, at: number, frames: Frame[]): number {
  let i = at;
  while (data[i] === CR && data[i + 1] === LF) {
    if (data[i + 2] === CR && data[i + 3] === LF) {
      if (frames.at(-1) !== PING) frames.push(PING);
      i += 4;
    } else if (i + 2 === data.length || (data[i + 2] === CR && i + 3 === data.length)) {
      break;
    } else {
      i += 2;
    }
  }
  return i;
}

const PING = Buffer.from('\r\n\r\n', 'latin1');

/** The one Content-Length of a head; undefined when there is none, more than one, or no number. */
function contentLength(head: string): number | undefined {
  let found: number | undefined;
  for (const match of head.matchAll(CONTENT_LENGTH)) {
    const digits = /^\s*([0-9]{1,10})\s*$/.exec(match[1]!)?.[1];
    if (digits === undefined || found !== undefined) return undefined;
    found = Number(digits);
  }
  return found;
}
