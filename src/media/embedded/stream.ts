import type { RemoteInfo, Socket } from 'node:dgram';
import { A_SILENCE, MU_SILENCE } from '../codec/g711.js';
import type { AgreedCodec, AgreedMedia } from '../sdp/index.js';
import { EventIn, readEvent } from './event-in.js';
import { EventOut } from './event-out.js';
import { createInBandTap } from './in-band.js';
import { estimateMos } from './mos.js';
import type { WireStats } from './messages.js';
import type { Paced, Pacer } from './pacer.js';
import type { Player } from './player.js';
import { createReception } from './reception.js';
import { g711Of, lawOf, relayTable, type RelayRule, type RelayTable } from './relay-table.js';
import { emptyHeader, isRtcp, readRtp, RTP_HEADER_BYTES } from './rtp.js';
import { RtpOut } from './rtp-out.js';
import { readRtcp, roundTripMs, shortNtp, writeReport } from './rtcp.js';
import { createSourceGuard, type SourceGuard } from './source.js';
import { ToneOut } from './tone-out.js';
import type { PortPair } from './udp.js';

/** What hears a stream's G.711 as it passes. `data` is the sender's: copy what is to stay. */
export interface Tap {
  audio(law: 'mu' | 'a', sequence: number, timestamp: number, data: Uint8Array): void;
  /** The peer falls silent, and tells how loud its silence is (RFC 3389), in −dBov. */
  noise?(minusDbov: number): void;
}

/** The other end of a bridge: a stream of this worker, or what stands for one of another. */
export interface Partner {
  readonly media: AgreedMedia | undefined;
  /** RTP audio that its partner's peer sent; the packet is given away. */
  relay(data: Buffer, pressed: string | undefined): void;
  /** Anything else it sent. */
  relayOpaque(data: Buffer): void;
  sendControl(data: Buffer): void;
  /** The `media` of its own partner changed. */
  partnerChanged(): void;
}

export interface StreamEvents {
  digit(digit: string, by: 'rfc4733' | 'in-band'): void;
  played(op: number, end: 'done' | 'stopped' | 'closed' | 'failed', playedMs: number): void;
  sent(op: number): void;
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
/** How long a digit that the partner must hear as a tone lasts. */
const RELAYED_TONE_MS = 100;
/** What a packet with a certain payload type is, in `#kinds`. */
const AUDIO = 1;
const EVENT = 2;
const NOISE = 3;
const NO_TAPS: readonly Tap[] = [];
const header = emptyHeader();

/**
 * One m-line of a session: its two ports, whom it hears, and the one continuous stream it sends. Fed by its partner in a bridge, or by
 * itself: what is played, digits, the mix, silence. Lines that are no audio are handed on as they come.
 */
export class Stream implements Paced, Partner {
  readonly guard: SourceGuard;
  readonly out: RtpOut;
  readonly reception = createReception();
  media: AgreedMedia | undefined;
  /** In a mix, whose frames it gets from there. */
  mixed = false;
  /** When the peer was last heard. */
  heardAt: number;
  rttMs: number | undefined;
  readonly #deps: StreamDeps;
  readonly #on: StreamEvents;
  readonly #events = new EventIn();
  #heardBy: readonly Tap[] = NO_TAPS;
  #saidTo: readonly Tap[] = NO_TAPS;
  #inBand: Tap | undefined;
  #pair: PortPair | undefined;
  #partner: Partner | undefined;
  #table: RelayTable | undefined;
  #kinds: Uint8Array | undefined;
  #g711: AgreedCodec | undefined;
  #clock = 8000;
  #sends = false;
  #hears = false;
  #opaque = false;
  #player: Player | undefined;
  #digits: (EventOut | ToneOut)[] = [];
  #reclockFrom = -1;
  #reclockTo = 0;
  #rtcpPort = 0;
  #rtcpLearned = false;
  #lastSr = 0;
  #lastSrAt = 0;
  #closed = false;

  constructor(deps: StreamDeps, options: StreamOptions, on: StreamEvents) {
    this.#deps = deps;
    this.#on = on;
    this.out = new RtpOut(deps.random);
    this.heardAt = deps.monotonic();
    this.guard = createSourceGuard({
      family: options.family,
      learnMs: options.learnMs,
      ...(options.signalledFrom !== undefined && { signalledFrom: options.signalledFrom }),
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

  /** Whether it carries audio that this engine understands, rather than handing everything on. */
  get understood(): boolean {
    return !this.#opaque;
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
    this.#clock = media?.send?.clock ?? 8000;
    this.#kinds = undefined;
    if (live) {
      const kinds = new Uint8Array(128);
      for (const codec of media.codecs) kinds[codec.receivePt] = AUDIO;
      for (const event of media.telephoneEvents) kinds[event.receivePt] = EVENT;
      if (media.comfortNoisePt !== undefined) kinds[media.comfortNoisePt] = NOISE;
      this.#kinds = kinds;
    }
    const before = this.guard.port;
    const beforeAddress = this.guard.address;
    this.guard.signal(live ? media.remote : undefined, now);
    if (before !== this.guard.port || beforeAddress !== this.guard.address || !this.#rtcpLearned) {
      this.#rtcpLearned = false;
      this.#rtcpPort = this.guard.port === media?.remote?.port ? media.remote.rtcpPort : 0;
    }
    if (!wasHearing) this.heardAt = now;
    this.#listenInBand();
    this.partnerChanged();
    this.#partner?.partnerChanged();
    this.#schedule();
  }

  /** What the peer says, or what is said to it, as long as it is G.711. */
  listen(to: 'heard' | 'said', tap: Tap): void {
    if (to === 'heard') this.#heardBy = [...this.#heardBy, tap];
    else this.#saidTo = [...this.#saidTo, tap];
  }

  unlisten(to: 'heard' | 'said', tap: Tap): void {
    if (to === 'heard') this.#heardBy = this.#heardBy.filter((other) => other !== tap);
    else this.#saidTo = this.#saidTo.filter((other) => other !== tap);
  }

  /** Where no telephone-event was agreed, keys are heard as tones. */
  #listenInBand(): void {
    const wanted = this.#g711 !== undefined && this.media?.telephoneEvent === undefined;
    if (wanted === (this.#inBand !== undefined)) return;
    if (this.#inBand !== undefined) this.unlisten('heard', this.#inBand);
    this.#inBand = wanted ? createInBandTap((digit) => this.#on.digit(digit, 'in-band')) : undefined;
    if (this.#inBand !== undefined) this.listen('heard', this.#inBand);
  }

  /** Undefined: alone again. One-sided: the other side is told apart. */
  setPartner(partner: Partner | undefined): void {
    this.#partner = partner;
    this.partnerChanged();
    this.#schedule();
  }

  setMixed(mixed: boolean): void {
    this.mixed = mixed;
    this.out.interrupt();
    this.#schedule();
  }

  play(player: Player): void {
    this.#endPlay('stopped');
    if (this.#closed) return this.#on.played(player.op, 'closed', 0);
    if (this.media !== undefined && this.#g711 === undefined) return this.#on.played(player.op, 'failed', 0);
    if (player.done) return this.#on.played(player.op, 'done', 0);
    this.#player = player;
    this.#schedule();
  }

  stop(op: number): void {
    if (this.#player?.op === op) this.#endPlay('stopped');
  }

  sendDigits(options: { op: number; digits: string; toneMs: number; gapMs: number }): void {
    if (this.#closed || this.media === undefined || this.#digits.length >= 32)
      return this.#on.sent(options.op);
    const byEvents = this.media.telephoneEvent !== undefined;
    const sender = byEvents ? new EventOut(options) : new ToneOut(options);
    if (sender.done || (!byEvents && this.#g711 === undefined)) return this.#on.sent(options.op);
    this.#digits.push(sender);
    this.#schedule();
  }

  /** A frame of a mix, encoded in `law` of this stream. */
  sendMixed(frame: Buffer, spanMs: number): void {
    if (this.#player !== undefined || this.#digits.length > 0 || this.#g711 === undefined) return;
    this.#sendOwn(frame, spanMs);
  }

  /** The law it speaks, if it speaks G.711. */
  get law(): 'mu' | 'a' | undefined {
    return lawOf(this.#g711);
  }

  close(): void {
    if (this.#closed) return;
    this.#endPlay('closed');
    for (const sender of this.#digits) if (sender.op >= 0) this.#on.sent(sender.op);
    this.#digits = [];
    this.#closed = true;
    this.#deps.pacer.remove(this);
    this.#partner = undefined;
    this.#pair?.close();
    this.#pair = undefined;
  }

  stats(): WireStats {
    const { reception, out, media } = this;
    const jitterMs = (reception.jitter / this.#clock) * 1000;
    const expected = reception.received + reception.lost;
    const share = expected === 0 ? 0 : reception.lost / expected;
    return {
      packetsReceived: reception.received,
      packetsSent: out.packets,
      packetsLost: reception.lost,
      jitterMs: Math.round(jitterMs * 100) / 100,
      rttMs: this.rttMs,
      mos: reception.received === 0 ? undefined : estimateMos(share, jitterMs, this.rttMs ?? 0),
      codec: media?.send === undefined ? undefined : `${media.send.name}/${media.send.clock}`,
      refused: this.guard.refused,
    };
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
    const kind = this.#kinds === undefined ? 0 : this.#kinds[payloadType]!;
    if (!this.#isPeer(from) && !this.#believes(from, { ssrc, sequence, payloadType }, kind !== 0, now)) {
      return;
    }
    if (kind === 0 || !this.#hears) return;
    this.heardAt = now;
    this.reception.count(ssrc, sequence, timestamp, Math.round((now * this.#clock) / 1000) >>> 0);
    let pressed: string | undefined;
    if (kind === EVENT) {
      const event = readEvent(data, start, end);
      if (event === undefined) return;
      pressed = this.#events.take(event, timestamp, marker, now);
      if (pressed !== undefined) this.#on.digit(pressed, 'rfc4733');
    } else if (kind === AUDIO && this.#heardBy.length > 0) {
      const law = this.#lawOfPayload(payloadType);
      const payload = data.subarray(start, end);
      if (law !== undefined) for (const tap of this.#heardBy) tap.audio(law, sequence, timestamp, payload);
    }
    if (kind === NOISE && end > start) for (const tap of this.#heardBy) tap.noise?.(data[start]! & 0x7f);
    this.#partner?.relay(data, pressed);
  };

  readonly onRtcp = (data: Buffer, from: RemoteInfo): void => {
    if (from.address !== this.guard.address) return;
    if (this.#opaque) return this.#partner?.sendControl(data);
    const seen = readRtcp(data, this.out.ssrc);
    if (seen === undefined) return;
    if (!this.#rtcpLearned && this.guard.proven && seen.ssrc === this.reception.ssrc) {
      this.#rtcpPort = from.port;
      this.#rtcpLearned = true;
    }
    const { wall } = this.#deps;
    if (seen.lastSr !== undefined) {
      this.#lastSr = seen.lastSr;
      this.#lastSrAt = wall();
    }
    const { block } = seen;
    if (block === undefined) return;
    this.rttMs = roundTripMs(shortNtp(wall()), block.lastSr, block.sinceSr) ?? this.rttMs;
  };

  /** The quick way for all packets but the first. */
  #isPeer(from: RemoteInfo): boolean {
    const { guard } = this;
    return guard.proven && from.port === guard.port && from.address === guard.address;
  }

  #believes(
    from: RemoteInfo,
    rtp: { ssrc: number; sequence: number; payloadType: number } | undefined,
    payloadTypeAgreed: boolean,
    now: number,
  ): boolean {
    const { guard } = this;
    const before = guard.port;
    const believed = guard.accepts({ address: from.address, port: from.port, rtp, payloadTypeAgreed }, now);
    // A learned source keeps RTCP where we do not know: it has to show itself.
    if (believed && guard.port !== before && !this.#rtcpLearned) this.#rtcpPort = 0;
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
    const agreed = rtp && this.#kinds?.[payloadType] === AUDIO;
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
      const rule = this.#table?.[data[1]! & 0x7f];
      if (rule === undefined) return;
      data[1] = (data[1]! & 0x80) | rule.payloadType;
    }
    this.#emit(data);
  }

  sendControl(data: Buffer): void {
    const { address, port } = this.guard;
    const pair = this.#pair;
    if (pair === undefined || address === undefined) return;
    if (this.media?.rtcpMux === true) send(pair.rtp, data, port, address);
    else if (this.#rtcpPort > 0) send(pair.rtcp, data, this.#rtcpPort, address);
  }

  /** RFC 3550 §6.4: our own report to the peer. */
  report(cname: string): void {
    const { reception, out } = this;
    if (this.#opaque || this.media?.live !== true || !(this.#sends || this.#hears)) return;
    if (out.packets === 0 && reception.received === 0) return;
    const { wall, monotonic } = this.#deps;
    const wallMs = wall();
    const sender =
      out.packets === 0
        ? undefined
        : {
            wallMs,
            timestamp: out.timestamp + Math.round(((monotonic() - out.sentAt) * this.#clock) / 1000),
            packets: out.packets,
            bytes: out.bytes,
          };
    const block =
      reception.received === 0
        ? undefined
        : {
            ssrc: reception.ssrc,
            fraction: reception.fraction(),
            lost: reception.lost,
            highest: reception.highest,
            jitter: reception.jitter,
            lastSr: this.#lastSr,
            sinceSr: this.#lastSr === 0 ? 0 : Math.round(((wallMs - this.#lastSrAt) * 65_536) / 1000),
          };
    this.sendControl(writeReport(out.ssrc, cname, sender, block));
  }

  /** A packet of the partner's peer; `pressed`: the digit that began with it. Changes `data`. */
  relay(data: Buffer, pressed: string | undefined): void {
    if (!readRtp(data, header)) return;
    const rule = this.#table?.[header.payloadType];
    if (rule === undefined) return this.out.skip(header.ssrc, header.sequence);
    const now = this.#deps.monotonic();
    if (rule.kind === 'tone') return this.#relayAsTone(pressed);
    if (!this.#sends || this.#player !== undefined || this.#digits.length > 0) return;
    if (rule.kind === 'event' && rule.ratio !== 1) return this.#relayReclocked(rule, data, now);
    const { marker, sequence, timestamp, ssrc, start, end } = header;
    let packet = data;
    if (start !== RTP_HEADER_BYTES || end !== data.length) {
      // Extensions and padding are between the peer and us.
      packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + end - start);
      data.copy(packet, RTP_HEADER_BYTES, start, end);
    }
    const { map } = rule;
    if (map !== undefined) {
      for (let index = RTP_HEADER_BYTES; index < packet.length; index++) packet[index] = map[packet[index]!]!;
    }
    packet[0] = 0x80;
    if (!this.out.relay(packet, marker, rule.payloadType, ssrc, sequence, timestamp, rule.clock, now)) return;
    this.#emit(packet);
    if (this.#saidTo.length > 0 && rule.kind !== 'event') this.#tapSaid(packet);
  }

  /** The partner's peer counts time otherwise than ours (RFC 4733 §2.1: the event has the clock of its own payload type). */
  #relayReclocked(rule: RelayRule, data: Buffer, now: number): void {
    const { timestamp, start } = header;
    const first = timestamp !== this.#reclockFrom;
    if (first) {
      this.#reclockFrom = timestamp;
      this.#reclockTo = this.out.beginEvent(rule.clock, now);
    }
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + 4);
    data.copy(packet, RTP_HEADER_BYTES, start, start + 4);
    const duration = Math.round(packet.readUInt16BE(14) * rule.ratio);
    packet.writeUInt16BE(Math.min(0xffff, duration), 14);
    this.out.event(packet, first, rule.payloadType, this.#reclockTo);
    this.#emit(packet);
  }

  #relayAsTone(digit: string | undefined): void {
    if (digit === undefined || this.#digits.length >= 32) return;
    this.#digits.push(new ToneOut({ op: -1, digits: digit, toneMs: RELAYED_TONE_MS, gapMs: 40 }));
    this.#schedule();
  }

  tick(): number {
    if (this.media === undefined || this.#closed) return 0;
    const sender = this.#digits[0];
    if (sender instanceof EventOut) {
      this.#tickEvent(sender);
      return EVENT_MS;
    }
    const spanMs = this.#g711 === undefined ? IDLE_FRAME_MS : this.media.ptimeMs;
    const law = lawOf(this.#g711);
    if (sender === undefined && this.#player === undefined && (this.#partner !== undefined || this.mixed)) {
      return 0;
    }
    if (law === undefined) {
      this.#endPlay('failed');
      this.#endDigits();
      return this.#player === undefined ? 0 : spanMs;
    }
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + spanMs * 8);
    const frame = packet.subarray(RTP_HEADER_BYTES);
    const player = this.#player;
    if (sender !== undefined) sender.fill(frame, law);
    else if (player !== undefined) player.fill(frame, law);
    else frame.fill(law === 'mu' ? MU_SILENCE : A_SILENCE);
    this.#sendOwn(packet, spanMs);
    if (sender?.done === true) this.#endDigits();
    else if (player?.done === true) this.#endPlay('done');
    return spanMs;
  }

  #tickEvent(sender: EventOut): void {
    const event = this.media?.telephoneEvent;
    if (event === undefined) return this.#endDigits();
    const packet = sender.next(this.out, event.pt, event.clock, this.#deps.monotonic());
    if (packet !== undefined && this.#sends) this.#emit(packet);
    if (sender.done) this.#endDigits();
  }

  #endDigits(): void {
    const sender = this.#digits.shift();
    if (sender !== undefined && sender.op >= 0) this.#on.sent(sender.op);
  }

  #endPlay(end: 'done' | 'stopped' | 'closed' | 'failed'): void {
    const player = this.#player;
    if (player === undefined) return;
    this.#player = undefined;
    this.#on.played(player.op, end, player.playedMs);
  }

  #sendOwn(packet: Buffer, spanMs: number): void {
    if (!this.#sends) return;
    const now = this.#deps.monotonic();
    this.out.own(packet, this.#g711!.pt, spanMs, 8000, now);
    this.#emit(packet);
    if (this.#saidTo.length > 0) this.#tapSaid(packet);
  }

  #tapSaid(packet: Buffer): void {
    const law = lawOf(this.media?.codecs.find((codec) => codec.pt === (packet[1]! & 0x7f)));
    if (law === undefined) return;
    const payload = packet.subarray(RTP_HEADER_BYTES);
    for (const tap of this.#saidTo) {
      tap.audio(law, packet.readUInt16BE(2), packet.readUInt32BE(4), payload);
    }
  }

  #emit(data: Buffer): void {
    const { address, port } = this.guard;
    if (this.#pair !== undefined && address !== undefined) send(this.#pair.rtp, data, port, address);
  }

  /** What its partner agreed on with its peer is other than before. */
  partnerChanged(): void {
    const theirs = this.#partner?.media;
    this.#table =
      this.media?.live === true && theirs?.live === true ? relayTable(theirs, this.media) : undefined;
  }

  /** Paced while it has something of its own to send: in a bridge or a mix others drive it. */
  #schedule(): void {
    const { pacer } = this.#deps;
    const own = this.#player !== undefined || this.#digits.length > 0;
    const idle =
      this.#partner === undefined && !this.mixed && this.#sends && !this.#opaque && this.#g711 !== undefined;
    if (!this.#closed && this.#pair !== undefined && this.media?.live === true && (own || idle)) {
      pacer.add(this);
    } else {
      pacer.remove(this);
    }
  }
}

function send(socket: Socket, data: Buffer, port: number, address: string): void {
  try {
    socket.send(data, 0, data.length, port, address);
  } catch {
    // Closed meanwhile, or a port no packet can go to.
  }
}
