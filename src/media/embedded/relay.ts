import type { AgreedMedia } from '../sdp/index.js';
import { EventReclock } from './event-reclock.js';
import { relayTable, type RelayRule, type RelayTable } from './relay-table.js';
import { RTP_HEADER_BYTES, withoutExtras, type RtpHeader } from './rtp.js';
import type { RtpOut } from './rtp-out.js';

/** Makes packets of the partner's peer into packets of our own stream. */
export class Relay {
  readonly #out: RtpOut;
  readonly #reclock = new EventReclock();
  #table: RelayTable | undefined;

  constructor(out: RtpOut) {
    this.#out = out;
  }

  /** What the partner and we agreed on with our peers; without both nothing is relayed. */
  setMedia(theirs: AgreedMedia | undefined, ours: AgreedMedia | undefined): void {
    this.#table = theirs?.live === true && ours?.live === true ? relayTable(theirs, ours) : undefined;
  }

  ruleFor(payloadType: number): RelayRule | undefined {
    return this.#table?.[payloadType];
  }

  /** The packet to send for `data`, which is used up and whose `header` was read; undefined: it comes too late to be sent. */
  rewrite(data: Buffer, header: RtpHeader, rule: RelayRule, now: number): Buffer | undefined {
    const { marker, sequence, timestamp, ssrc, start } = header;
    if (rule.kind === 'event' && rule.ratio !== 1) {
      return this.#reclock.convert(data, start, timestamp, rule, this.#out, now);
    }
    const packet = withoutExtras(data, header);
    const { map, payloadType, clock } = rule;
    if (map !== undefined) {
      for (let index = RTP_HEADER_BYTES; index < packet.length; index++) packet[index] = map[packet[index]!]!;
    }
    packet[0] = 0x80;
    const sent = this.#out.relay(packet, marker, payloadType, ssrc, sequence, timestamp, clock, now);
    return sent ? packet : undefined;
  }
}
