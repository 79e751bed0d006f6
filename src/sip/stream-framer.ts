import { DEFAULT_PARSE_LIMITS, type ParseLimits } from './parse-limits.js';

/** What a framer yields: one whole message, a keep-alive, or the end of all framing (the connection must be closed). */
export type Frame = Buffer | { readonly malformed: string };

export interface StreamFramer {
  /** Takes the next bytes of the stream and gives the messages they complete. A CRLFCRLF ping comes out as itself. */
  push(chunk: Buffer): Iterable<Frame>;
  /** Bytes kept back for the next chunk. */
  readonly pending: number;
}

const PING = Buffer.from('\r\n\r\n', 'latin1');

/** Cuts a TCP or TLS stream into messages by Content-Length (RFC 3261 §18.3); holds at most one message. */
export function createStreamFramer(limits: Partial<ParseLimits> = {}): StreamFramer {
  const limit = { ...DEFAULT_PARSE_LIMITS, ...limits };
  let held: Buffer = Buffer.alloc(0);
  let broken = false;

  function* push(chunk: Buffer): Iterable<Frame> {
    if (broken) return;
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (;;) {
      if (held.length >= 4 && held.compare(PING, 0, 4, 0, 4) === 0) {
        yield held.subarray(0, 4);
        held = held.subarray(4);
        continue;
      }
      let start = 0;
      while (start + 1 < held.length && held[start] === 13 && held[start + 1] === 10) start += 2;
      if (start > 0 && start < held.length && held[start] !== 13) held = held.subarray(start);
      if (held.length === 0 || held[0] === 13) return;
      const headEnd = held.indexOf('\r\n\r\n', 0, 'latin1');
      if (headEnd === -1 ? held.length > limit.maxHeaderBytes : headEnd > limit.maxHeaderBytes) {
        broken = true;
        yield { malformed: 'the headers are too large' };
        return;
      }
      if (headEnd === -1) return;
      const match = /\r\n(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,10})[ \t]*(?=\r\n)/i.exec(
        held.toString('latin1', 0, headEnd + 2),
      );
      const length = match === null ? -1 : Number(match[1]);
      if (length === -1 || headEnd + 4 + length > limit.maxMessageBytes) {
        broken = true;
        yield { malformed: 'no usable Content-Length' };
        return;
      }
      const end = headEnd + 4 + length;
      if (held.length < end) return;
      yield held.subarray(0, end);
      held = held.subarray(end);
    }
  }

  return {
    push,
    get pending() {
      return held.length;
    },
  };
}
