/**
 * Frames of the control protocol: `<N>#<payload>`, N the length of the payload in UTF-8 bytes, nothing between frames. They arrive split
 * and joined in any way.
 */

/** Digits of the largest length that is read: frames stay below 10 MB. */
const MAX_LENGTH_DIGITS = 7;
const HASH = 0x23;
const ZERO = 0x30;
const NINE = 0x39;

export type FrameOutcome =
  | { readonly kind: 'frames'; readonly payloads: readonly string[] }
  /** No frame, and no way to find the next one: the connection is to be closed. `payloads` came before it. */
  | { readonly kind: 'broken'; readonly payloads: readonly string[]; readonly reason: string };

/** Cuts a byte stream into payloads. Time and memory are linear in what arrives and bounded by `maxFrameBytes`. */
export class FrameReader {
  #waiting: Buffer[] = [];
  #length = 0;
  /** Bytes that must be there before anything can be told. */
  #need = 2;

  /** `maxFrameBytes` may change between pushes (small until the peer has authenticated). */
  constructor(public maxFrameBytes: number) {}

  push(chunk: Buffer): FrameOutcome {
    this.#length += chunk.length;
    this.#waiting.push(chunk);
    if (this.#length < this.#need) return { kind: 'frames', payloads: [] };
    const data = this.#waiting.length === 1 ? chunk : Buffer.concat(this.#waiting, this.#length);
    const payloads: string[] = [];
    let at = 0;
    for (;;) {
      const header = readLength(data, at);
      if (header === 'partial') {
        this.#keep(data, at, data.length - at + 1);
        return { kind: 'frames', payloads };
      }
      if (header === 'bad') return this.#broken(payloads, 'a frame does not begin with its length');
      if (header.bytes > this.maxFrameBytes)
        return this.#broken(payloads, `a frame of ${header.bytes} bytes`);
      const end = header.start + header.bytes;
      if (end > data.length) {
        this.#keep(data, at, end - at);
        return { kind: 'frames', payloads };
      }
      payloads.push(data.toString('utf8', header.start, end));
      at = end;
    }
  }

  #keep(data: Buffer, from: number, need: number): void {
    this.#waiting = from === data.length ? [] : [data.subarray(from)];
    this.#length = data.length - from;
    this.#need = need;
  }

  #broken(payloads: string[], reason: string): FrameOutcome {
    this.#keep(Buffer.alloc(0), 0, 2);
    return { kind: 'broken', payloads, reason };
  }
}

function readLength(data: Buffer, from: number): { start: number; bytes: number } | 'partial' | 'bad' {
  let bytes = 0;
  for (let i = from; ; i++) {
    const code = data[i];
    if (code === undefined) return i - from > MAX_LENGTH_DIGITS ? 'bad' : 'partial';
    if (code === HASH) return i === from || bytes === 0 ? 'bad' : { start: i + 1, bytes };
    if (code < ZERO || code > NINE || i - from >= MAX_LENGTH_DIGITS) return 'bad';
    bytes = bytes * 10 + (code - ZERO);
  }
}

/** One frame as text. */
export function encodeFrame(payload: string): string {
  return `${Buffer.byteLength(payload, 'utf8')}#${payload}`;
}
