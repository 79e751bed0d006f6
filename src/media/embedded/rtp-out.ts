import { sequenceDelta, writeRtp } from './rtp.js';

/**
 * One continuous RTP stream towards a peer, whatever feeds it: relayed packets keep their gaps and order under our own SSRC; when the
 * source changes, sequence numbers go on, the timestamp moves by the time that has passed, and the marker says that it is a new spurt.
 */
export class RtpOut {
  readonly ssrc: number;
  packets = 0;
  bytes = 0;
  sequence: number;
  timestamp: number;
  /** When the last packet went. Milliseconds; negative: none did. */
  sentAt = -1;
  /** Sender of what is relayed; −1: we are the source; −2: nobody. */
  #source = -2;
  #sequenceOffset = 0;
  #timestampOffset = 0;
  #lastIn = 0;
  #oldest = 0;
  #spanMs = 20;

  constructor(random: () => number) {
    this.ssrc = Math.floor(random() * 0x1_0000_0000) >>> 0;
    this.sequence = Math.floor(random() * 0x8000);
    this.timestamp = Math.floor(random() * 0x1_0000_0000) >>> 0;
  }

  /** The next packet comes from elsewhere. */
  interrupt(): void {
    this.#source = -2;
  }

  /**
   * Rewrites a relayed packet's header in place. False: it is older than what has been sent from another source since, and must not go.
   */
  relay(
    data: Buffer,
    marker: boolean,
    payloadType: number,
    source: number,
    sequence: number,
    timestamp: number,
    clock: number,
    now: number,
  ): boolean {
    let mark = marker;
    if (source !== this.#source || Math.abs(sequenceDelta(sequence, this.#lastIn)) > 1000) {
      this.#source = source;
      this.#sequenceOffset = this.sequence + 1 - sequence;
      this.#timestampOffset = this.#next(clock, now) - timestamp;
      this.#oldest = sequence;
      this.#lastIn = sequence;
      mark = true;
    }
    if (sequenceDelta(sequence, this.#oldest) < 0) return false;
    const outSequence = (sequence + this.#sequenceOffset) & 0xffff;
    const outTimestamp = (timestamp + this.#timestampOffset) >>> 0;
    if (sequenceDelta(sequence, this.#lastIn) >= 0) {
      this.#lastIn = sequence;
      this.sequence = outSequence;
      // The packets of an event share a timestamp, and time counts from the first of them.
      if (outTimestamp !== this.timestamp || this.sentAt < 0) {
        this.timestamp = outTimestamp;
        this.sentAt = now;
      }
      // Once in a while, so that half the number space later nothing looks old.
      if (sequenceDelta(sequence, this.#oldest) > 0x3fff) this.#oldest = (sequence - 0x1000) & 0xffff;
    }
    writeRtp(data, data[0]!, mark, payloadType, outSequence, outTimestamp, this.ssrc);
    this.packets++;
    this.bytes += data.length - 12;
    return true;
  }

  /** A packet of the source that is not sent on: the next one takes its place, so that it does not look lost. */
  skip(source: number, sequence: number): void {
    if (source !== this.#source || sequenceDelta(sequence, this.#lastIn) <= 0) return;
    this.#lastIn = sequence;
    this.#sequenceOffset--;
  }

  /** Header of a packet of our own that carries `spanMs`. */
  own(data: Uint8Array, payloadType: number, spanMs: number, clock: number, now: number): void {
    const changed = this.#source !== -1;
    this.timestamp = changed
      ? this.#next(clock, now)
      : (this.timestamp + (this.#spanMs * clock) / 1000) >>> 0;
    this.#source = -1;
    this.#spanMs = spanMs;
    this.sentAt = now;
    this.#write(data, changed, payloadType, this.timestamp);
  }

  /** Begins an event (RFC 4733): its packets share the timestamp that this returns, and time counts from here. */
  beginEvent(clock: number, now: number): number {
    this.timestamp = this.#next(clock, now);
    this.sentAt = now;
    this.#source = -2;
    return this.timestamp;
  }

  /** A packet of the event that began last. */
  event(data: Uint8Array, marker: boolean, payloadType: number, eventTimestamp: number): void {
    this.#source = -2;
    this.#write(data, marker, payloadType, eventTimestamp);
  }

  #write(data: Uint8Array, marker: boolean, payloadType: number, timestamp: number): void {
    this.sequence = (this.sequence + 1) & 0xffff;
    writeRtp(data, 0x80, marker, payloadType, this.sequence, timestamp, this.ssrc);
    this.packets++;
    this.bytes += data.length - 12;
  }

  /** Timestamp of a packet that goes now and follows no other directly. */
  #next(clock: number, now: number): number {
    if (this.sentAt < 0) return this.timestamp;
    const elapsed = Math.max(this.#spanMs, now - this.sentAt);
    return (this.timestamp + Math.round((elapsed * clock) / 1000)) >>> 0;
  }
}
