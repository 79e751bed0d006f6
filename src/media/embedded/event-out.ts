import { RTP_HEADER_BYTES } from './rtp.js';
import type { RtpOut } from './rtp-out.js';

const DIGITS = '0123456789*#ABCD';
const INTERVAL_MS = 20;
/** The last packet goes three times (RFC 4733 §2.5.1.4). */
const END_PACKETS = 3;
/** −10 dBm0. */
const VOLUME = 10;

/** Digits to send, with the operation that ends with the last of them. */
export interface DigitsOut {
  readonly op: number;
  readonly digits: string;
  readonly toneMs: number;
  readonly gapMs: number;
}

/** Sends digits as RFC 4733 events, a packet each 20 ms; between two digits nothing is sent. */
export class EventOut {
  readonly op: number;
  readonly #digits: string;
  readonly #toneMs: number;
  readonly #gapMs: number;
  #index = 0;
  #elapsed = 0;
  #ends = 0;
  #gap = 0;
  #timestamp = 0;

  constructor(options: DigitsOut) {
    this.op = options.op;
    this.#digits = options.digits.toUpperCase().replace(/[^0-9*#A-D]/g, '');
    this.#toneMs = Math.ceil(options.toneMs / INTERVAL_MS) * INTERVAL_MS;
    this.#gapMs = Math.ceil(options.gapMs / INTERVAL_MS) * INTERVAL_MS;
  }

  get done(): boolean {
    return this.#index >= this.#digits.length;
  }

  /** The packet that is due, or undefined in a gap. To be asked each 20 ms until `done`. */
  next(out: RtpOut, payloadType: number, clock: number, now: number): Buffer | undefined {
    if (this.done) return undefined;
    if (this.#gap > 0) {
      this.#gap -= INTERVAL_MS;
      if (this.#gap <= 0) this.#index++;
      return undefined;
    }
    const first = this.#elapsed === 0;
    if (first) this.#timestamp = out.beginEvent(clock, now);
    if (this.#elapsed < this.#toneMs) this.#elapsed += INTERVAL_MS;
    const end = this.#elapsed >= this.#toneMs;
    const duration = Math.min(0xffff, Math.round((this.#elapsed * clock) / 1000));
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + 4);
    packet[12] = DIGITS.indexOf(this.#digits[this.#index]!);
    packet[13] = (end ? 0x80 : 0) | VOLUME;
    packet.writeUInt16BE(duration, 14);
    out.event(packet, first, payloadType, this.#timestamp);
    if (end && ++this.#ends >= END_PACKETS) {
      this.#ends = 0;
      this.#elapsed = 0;
      this.#gap = Math.max(INTERVAL_MS, this.#gapMs - (END_PACKETS - 1) * INTERVAL_MS);
    }
    return packet;
  }
}
