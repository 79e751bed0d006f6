const DIGITS = '0123456789*#ABCD';
/** An event that has been silent for so long is over, whether or not its end came. */
const FORGOTTEN_MS = 300;
const REMEMBERED = 8;

/** Of an RFC 4733 payload. */
export interface TelephoneEvent {
  readonly event: number;
  readonly end: boolean;
  readonly duration: number;
}

/** Undefined: too short. Only the first event of a packet is read, as nobody sends more. */
export function readEvent(data: Uint8Array, start: number, end: number): TelephoneEvent | undefined {
  if (end - start < 4) return undefined;
  return {
    event: data[start]!,
    end: (data[start + 1]! & 0x80) !== 0,
    duration: (data[start + 2]! << 8) | data[start + 3]!,
  };
}

/**
 * Digits out of RFC 4733 packets: each once, at its first packet, however many of its packets are lost or come twice. An event is known by
 * its timestamp; senders that move the timestamp while a key is held (long events have to, RFC 4733 §2.5.1.3) press it once all the same.
 */
export class EventIn {
  #seen: number[] = [];
  #event = -1;
  #duration = 0;
  #ended = true;
  #at = 0;

  /** The digit that begins with this packet. */
  take(packet: TelephoneEvent, timestamp: number, marker: boolean, now: number): string | undefined {
    const digit = DIGITS[packet.event];
    if (digit === undefined) return undefined;
    const known = this.#seen.includes(timestamp);
    const held =
      !known &&
      !this.#ended &&
      !marker &&
      packet.event === this.#event &&
      (packet.duration > this.#duration || this.#duration > 0xf000) &&
      now - this.#at < FORGOTTEN_MS;
    if (!known) {
      this.#seen.push(timestamp);
      if (this.#seen.length > REMEMBERED) this.#seen.shift();
    } else if (timestamp !== this.#seen.at(-1)) {
      return undefined;
    }
    this.#event = packet.event;
    this.#duration = packet.duration;
    this.#ended = packet.end || (known && this.#ended);
    this.#at = now;
    return known || held ? undefined : digit;
  }
}
