import type { RelayRule } from './relay-table.js';
import { RTP_HEADER_BYTES } from './rtp.js';
import type { RtpOut } from './rtp-out.js';

/**
 * Passes on events (RFC 4733) of a peer that counts time otherwise than ours: an event has the clock of its own payload type (§2.1), so its
 * timestamp begins anew in our stream, and its durations are converted.
 */
export class EventReclock {
  #from = -1;
  #to = 0;

  /** The packet to send for `data`, whose event begins at `start` and had `timestamp`. */
  convert(data: Buffer, start: number, timestamp: number, rule: RelayRule, out: RtpOut, now: number): Buffer {
    const first = timestamp !== this.#from;
    if (first) {
      this.#from = timestamp;
      this.#to = out.beginEvent(rule.clock, now);
    }
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + 4);
    data.copy(packet, RTP_HEADER_BYTES, start, start + 4);
    const duration = Math.round(packet.readUInt16BE(14) * rule.ratio);
    packet.writeUInt16BE(Math.min(0xffff, duration), 14);
    out.event(packet, first, rule.payloadType, this.#to);
    return packet;
  }
}
