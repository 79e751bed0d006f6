import type { RemoteInfo } from 'node:dgram';
import type { AgreedCodec, AgreedMedia } from '../sdp/index.js';
import { Control } from './control.js';
import { EventIn, readEvent } from './event-in.js';
import type { DigitsOut } from './event-out.js';
import { createInBandTap } from './in-band.js';
import type { WireStats } from './messages.js';
import { OwnAudio, type OwnAudioEvents } from './own-audio.js';
import type { Paced, Pacer } from './pacer.js';
import type { Partner } from './partner.js';
import { AUDIO, EVENT, NOISE, payloadKinds, UNKNOWN } from './payload-kinds.js';
import type { Player } from './player.js';
import { createReception } from './reception.js';
import { Relay } from './relay.js';
import { g711Of, lawOf } from './relay-table.js';
import { emptyHeader, isRtcp, readRtp, RTP_HEADER_BYTES } from './rtp.js';
import { RtpOut } from './rtp-out.js';
import { createSourceGuard, type SourceGuard } from './source.js';
import { DEFAULT_CLOCK, streamStats } from './stream-stats.js';
import { Taps, type Tap } from './tap.js';
import type { PortPair } from './udp.js';

export interface StreamEvents extends OwnAudioEvents {
  digit(digit: string, by: 'rfc4733' | 'in-band'): void;
}

export interface StreamDeps {
  readonly pacer: Pacer;
  readonly monotonic: () => number;
  readonly wall: () => number;
  readonly random: () => number;
}

export interface StreamOptions {
  readonly family: 4 | 6;
  readonly learnMs: number;
  readonly signalledFrom: string | undefined;
}

const IDLE_FRAME_MS = 20;
const EVENT_MS = 20;
/** Reused for each packet: a stream is done with it before the next is read. */
const header = emptyHeader();

/**
 * One m-line of a session: its two ports, whom it hears, and the one continuous stream it sends. Fed by its partner in a bridge, or by
 * itself: what is played, digits, the mix, silence. Lines that are no audio are handed on as they come.
 */
export class Stream implements Paced, Partner {
  /** Who hears what the peer says, as long as it is G.711. */
  readonly heard = new Taps();
  /** Who hears what is said to the peer, as long as it is G.711. */
  readonly said = new Taps();
  media: AgreedMedia | undefined;
  /** When the peer was last heard. */
  heardAt: number;
  readonly #deps: StreamDeps;
  readonly #on: StreamEvents;
  readonly #guard: SourceGuard;
  readonly #reception = createReception();
  readonly #out: RtpOut;
  readonly #control: Control;
  readonly #own: OwnAudio;
  readonly #relay: Relay;
  readonly #events = new EventIn();
  #inBand: Tap | undefined;
  #pair: PortPair | undefined;
  #partner: Partner | undefined;
  #kinds = payloadKinds(undefined);
  #g711: AgreedCodec | undefined;
  #clock = DEFAULT_CLOCK;
  #sends = false;
  #hears = false;
  #opaque = false;
  /** In a mix, whose frames it gets from there. */
  #mixed = false;
  #closed = false;

  constructor(deps: StreamDeps, options: StreamOptions, on: StreamEvents) {
    this.#deps = deps;
    this.#on = on;
    this.heardAt = deps.monotonic();
    this.#own = new OwnAudio(on);
    this.#out = new RtpOut(deps.random);
    this.#relay = new Relay(this.#out);
    this.#guard = createSourceGuard({
      family: options.family,
      learnMs: options.learnMs,
      ...(options.signalledFrom !== undefined && { signalledFrom: options.signalledFrom }),
    });
    this.#control = new Control({
      monotonic: deps.monotonic,
      wall: deps.wall,
      guard: this.#guard,
      reception: this.#reception,
      out: this.#out,
    });
  }

  attach(pair: PortPair): void {
    this.#pair = pair;
    if (this.#closed) pair.close();
    else this.#schedule();
  }

  get partner(): Partner | undefined {
    return this.#partner;
  }

  /** The peer's audio should be arriving now. */
  get expectsAudio(): boolean {
    return this.#hears && !this.#opaque && this.media?.held === false;
  }

  setMedia(media: AgreedMedia | undefined): void {
    const now = this.#deps.monotonic();
    const live = media?.live === true;
    const wasHearing = this.#hears;
    this.media = media;
    this.#sends = live && (media.direction === 'sendrecv' || media.direction === 'sendonly');
    this.#hears = live && (media.direction === 'sendrecv' || media.direction === 'recvonly');
    this.#opaque = media !== undefined && (media.kind !== 'audio' || media.transport !== 'rtp');
    this.#g711 = live && !this.#opaque ? g711Of(media) : undefined;
    this.#clock = media?.send?.clock ?? DEFAULT_CLOCK;
    this.#kinds = payloadKinds(media);
    this.#signalSource(live ? media.remote : undefined, now);
    if (!wasHearing) this.heardAt = now;
    this.#listenInBand();
    this.partnerChanged();
    this.#partner?.partnerChanged();
    this.#schedule();
  }

  #signalSource(remote: AgreedMedia['remote'], now: number): void {
    const guard = this.#guard;
    const { address, port } = guard;
    guard.signal(remote, now);
    const moved = port !== guard.port || address !== guard.address;
    this.#control.signal(guard.port === this.media?.remote?.port ? this.media.remote.rtcpPort : 0, moved);
  }

  /** Where no telephone-event was agreed, keys are heard as tones. */
  #listenInBand(): void {
    const wanted = this.#g711 !== undefined && this.media?.telephoneEvent === undefined;
    if (wanted === (this.#inBand !== undefined)) return;
    if (this.#inBand !== undefined) this.heard.remove(this.#inBand);
    this.#inBand = wanted ? createInBandTap((digit) => this.#on.digit(digit, 'in-band')) : undefined;
    if (this.#inBand !== undefined) this.heard.add(this.#inBand);
  }

  /** Undefined: alone again. One-sided: the other side is told apart. */
  setPartner(partner: Partner | undefined): void {
    this.#partner = partner;
    this.partnerChanged();
    this.#schedule();
  }

  setMixed(mixed: boolean): void {
    this.#mixed = mixed;
    this.#out.interrupt();
    this.#schedule();
  }

  play(player: Player): void {
    this.#own.endPlay('stopped');
    if (this.#closed) return this.#on.played(player.op, 'closed', 0);
    if (this.media !== undefined && this.#g711 === undefined) return this.#on.played(player.op, 'failed', 0);
    this.#own.play(player);
    this.#schedule();
  }

  stop(op: number): void {
    this.#own.stop(op);
  }

  sendDigits(digits: DigitsOut): void {
    const byEvents = this.media?.telephoneEvent !== undefined;
    if (this.#closed || this.media === undefined || (!byEvents && this.#g711 === undefined)) {
      return this.#on.sent(digits.op);
    }
    this.#own.sendDigits(digits, byEvents ? 'events' : 'tones');
    this.#schedule();
  }

  /** A frame of a mix, encoded in `law` of this stream. */
  sendMixed(frame: Buffer, spanMs: number): void {
    if (this.#own.busy || this.#g711 === undefined) return;
    this.#sendOwn(frame, spanMs);
  }

  /** The law it speaks, if it speaks G.711. */
  get law(): 'mu' | 'a' | undefined {
    return lawOf(this.#g711);
  }

  close(): void {
    if (this.#closed) return;
    this.#own.close();
    this.#closed = true;
    this.#deps.pacer.remove(this);
    this.#partner = undefined;
    this.#pair?.close();
    this.#pair = undefined;
  }

  stats(): WireStats {
    return streamStats(
      this.#reception,
      this.#out,
      this.#control.rttMs,
      this.#guard.refused,
      this.media?.send,
    );
  }

  // Receiving.

  readonly onRtp = (data: Buffer, from: RemoteInfo): void => {
    if (data.length < 2) return;
    const { pacer, monotonic } = this.#deps;
    const now = monotonic();
    pacer.count();
    if (this.#opaque) return this.#onOpaque(data, from, now);
    if (this.media?.rtcpMux === true && isRtcp(data)) return this.onRtcp(data, from);
    if (!readRtp(data, header)) return;
    const { payloadType, sequence, timestamp, ssrc, marker, start, end } = header;
    const kind = this.#kinds[payloadType]!;
    if (
      !this.#isPeer(from) &&
      !this.#believes(from, { ssrc, sequence, payloadType }, kind !== UNKNOWN, now)
    ) {
      return;
    }
    if (kind === UNKNOWN || !this.#hears) return;
    this.heardAt = now;
    this.#reception.count(ssrc, sequence, timestamp, Math.round((now * this.#clock) / 1000) >>> 0);
    let pressed: string | undefined;
    if (kind === EVENT) {
      const event = readEvent(data, start, end);
      if (event === undefined) return;
      pressed = this.#events.take(event, timestamp, marker, now);
      if (pressed !== undefined) this.#on.digit(pressed, 'rfc4733');
    } else if (kind === AUDIO && this.heard.any) {
      const law = this.#lawOfPayload(payloadType);
      if (law !== undefined) this.heard.audio(law, sequence, timestamp, data.subarray(start, end));
    } else if (kind === NOISE && end > start) {
      this.heard.noise(data[start]! & 0x7f);
    }
    this.#partner?.relay(data, pressed);
  };

  readonly onRtcp = (data: Buffer, from: RemoteInfo): void => {
    if (from.address !== this.#guard.address) return;
    if (this.#opaque) this.#partner?.sendControl(data);
    else this.#control.heard(data, from.port);
  };

  /** The quick way for all packets but the first. */
  #isPeer(from: RemoteInfo): boolean {
    const guard = this.#guard;
    return guard.proven && from.port === guard.port && from.address === guard.address;
  }

  #believes(
    from: RemoteInfo,
    rtp: { ssrc: number; sequence: number; payloadType: number } | undefined,
    payloadTypeAgreed: boolean,
    now: number,
  ): boolean {
    const guard = this.#guard;
    const before = guard.port;
    const believed = guard.accepts({ address: from.address, port: from.port, rtp, payloadTypeAgreed }, now);
    if (believed && guard.port !== before) this.#control.sourceLearned();
    return believed;
  }

  #lawOfPayload(payloadType: number): 'mu' | 'a' | undefined {
    return lawOf(this.media?.codecs.find((codec) => codec.receivePt === payloadType));
  }

  #onOpaque(data: Buffer, from: RemoteInfo, now: number): void {
    const rtp = this.media?.transport === 'rtp';
    if (rtp && this.media?.rtcpMux === true && isRtcp(data)) return this.onRtcp(data, from);
    if (rtp && !readRtp(data, header)) return;
    const { payloadType, sequence, ssrc } = header;
    const agreed = rtp && this.#kinds[payloadType] === AUDIO;
    const proof = rtp ? { ssrc, sequence, payloadType } : undefined;
    if (!this.#isPeer(from) && !this.#believes(from, proof, agreed, now)) return;
    if (!this.#hears) return;
    this.heardAt = now;
    this.#partner?.relayOpaque(data);
  }

  // Sending.

  /** A datagram of the partner's, unchanged but for the payload type. */
  relayOpaque(data: Buffer): void {
    if (!this.#sends || !this.#opaque) return;
    if (this.media?.transport === 'rtp') {
      if (data.length < RTP_HEADER_BYTES) return;
      const rule = this.#relay.ruleFor(data[1]! & 0x7f);
      if (rule === undefined) return;
      data[1] = (data[1]! & 0x80) | rule.payloadType;
    }
    this.#emit(data);
  }

  sendControl(data: Buffer): void {
    const { address, port } = this.#guard;
    const pair = this.#pair;
    if (pair === undefined || address === undefined) return;
    if (this.media?.rtcpMux === true) pair.sendRtp(data, port, address);
    else if (this.#control.port > 0) pair.sendRtcp(data, this.#control.port, address);
  }

  /** Tells the peer how its packets come, and what of ours went. To be called every few seconds. */
  report(cname: string): void {
    if (this.#opaque || this.media?.live !== true || !(this.#sends || this.#hears)) return;
    const report = this.#control.report(cname, this.#clock);
    if (report !== undefined) this.sendControl(report);
  }

  /** A packet of the partner's peer; `pressed`: the digit that began with it. Changes `data`. */
  relay(data: Buffer, pressed: string | undefined): void {
    if (!readRtp(data, header)) return;
    const rule = this.#relay.ruleFor(header.payloadType);
    if (rule === undefined) return this.#out.skip(header.ssrc, header.sequence);
    if (rule.kind === 'tone') return this.#relayAsTone(pressed);
    if (!this.#sends || this.#own.busy) return;
    const packet = this.#relay.rewrite(data, header, rule, this.#deps.monotonic());
    if (packet === undefined) return;
    this.#emit(packet);
    if (this.said.any && rule.kind !== 'event') this.#tapSaid(packet);
  }

  #relayAsTone(pressed: string | undefined): void {
    if (pressed === undefined) return;
    this.#own.relayAsTone(pressed);
    this.#schedule();
  }

  tick(): number {
    if (this.media === undefined || this.#closed) return 0;
    const own = this.#own;
    if (own.eventIsNext) {
      const packet = own.nextEvent(this.#out, this.media.telephoneEvent, this.#deps.monotonic());
      if (packet !== undefined && this.#sends) this.#emit(packet);
      return EVENT_MS;
    }
    if (!own.busy && (this.#partner !== undefined || this.#mixed)) return 0;
    const { law } = this;
    if (law === undefined) {
      own.fail();
      return own.busy ? IDLE_FRAME_MS : 0;
    }
    const spanMs = this.media.ptimeMs;
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + spanMs * 8);
    own.fill(packet.subarray(RTP_HEADER_BYTES), law);
    this.#sendOwn(packet, spanMs);
    return spanMs;
  }

  #sendOwn(packet: Buffer, spanMs: number): void {
    if (!this.#sends) return;
    const now = this.#deps.monotonic();
    this.#out.own(packet, this.#g711!.pt, spanMs, 8000, now);
    this.#emit(packet);
    if (this.said.any) this.#tapSaid(packet);
  }

  #tapSaid(packet: Buffer): void {
    const law = lawOf(this.media?.codecs.find((codec) => codec.pt === (packet[1]! & 0x7f)));
    if (law === undefined) return;
    this.said.audio(law, packet.readUInt16BE(2), packet.readUInt32BE(4), packet.subarray(RTP_HEADER_BYTES));
  }

  #emit(data: Buffer): void {
    const { address, port } = this.#guard;
    if (address !== undefined) this.#pair?.sendRtp(data, port, address);
  }

  /** What its partner agreed on with its peer is other than before. */
  partnerChanged(): void {
    this.#relay.setMedia(this.#partner?.media, this.media);
  }

  /** Paced while it has something of its own to send: in a bridge or a mix others drive it. */
  #schedule(): void {
    const { pacer } = this.#deps;
    const idle =
      this.#partner === undefined && !this.#mixed && this.#sends && !this.#opaque && this.#g711 !== undefined;
    if (!this.#closed && this.#pair !== undefined && this.media?.live === true && (this.#own.busy || idle)) {
      pacer.add(this);
    } else {
      pacer.remove(this);
    }
  }
}
