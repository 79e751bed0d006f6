/**
 * The media port: what calls, the IVR and queues ask of a media engine. The embedded engine and FreeSWITCH both stand behind it, and
 * one contract test runs against each. A session is the media of one leg. Whatever is begun here settles exactly once, by a deadline,
 * also when the call dies in the middle: operations never reject, they say how they ended.
 */
export type Sdp = string;

export interface MediaEngine {
  readonly name: 'embedded' | 'freeswitch';
  /** Throws AppError MEDIA_UNAVAILABLE. */
  start(): Promise<void>;
  /** New sessions are refused from now on; those there are go on. */
  drain(): void;
  /** Closes what is left. */
  stop(): Promise<void>;
  /** A session whose ports are bound. Rejects within 2 s: AppError MEDIA_NO_PORT, MEDIA_UNAVAILABLE. */
  open(spec: OpenSpec, on: SessionEvents): Promise<MediaSession>;
  /**
   * The two hear each other: whatever both sides agreed on is relayed unchanged, G.711 is transcoded where they differ. A session is
   * in one bridge or mix at most: a new one takes it out of the old. What is played to a bridged session is heard instead of the
   * partner until it ends. Closing either session ends the bridge.
   */
  bridge(a: MediaSession, b: MediaSession): void;
  /** Both sessions stay open and hear silence. No-op where it is in none. */
  unbridge(session: MediaSession): void;
  /** A room of three or more: conference, supervisor. Decoded and mixed (G.711 only: others of its members hear silence). */
  mix(): Mix;
  /** Loads and encodes a clip ahead of its first use. Rejects: AppError PROMPT_UNREADABLE. */
  prepare(clip: Clip): Promise<void>;
  /** For metrics and the dashboard. */
  load(): EngineLoad;
}

export interface OpenSpec {
  /** Of the call, for logs. */
  readonly callId: string;
  /** Local address whose packets the peer can reach: of the listener the leg uses. Must be one of the engine's own. */
  readonly address: string;
  /** Address to put in SDP where it differs (behind NAT). */
  readonly advertise?: string;
  /**
   * IP address the peer's signalling comes from, as the packet had it (not what it writes). A peer behind NAT names an address in SDP from
   * which its media cannot come; then packets from this one may prove themselves. Without it a private address in SDP lets any try.
   */
  readonly signalledFrom?: string;
  /** Session this one will be bridged with: opened in the same worker. */
  readonly near?: MediaSession;
  /** No packet for so long while the peer should send: `timeout` is told. 0: never. Default 60,000 ms; never while on hold. */
  readonly rtpTimeoutMs?: number;
}

export interface SessionEvents {
  /** A digit the peer pressed, once, whatever way it came. Told whether or not a `collect` takes it. */
  digit?(digit: string, by: 'rfc4733' | 'info' | 'in-band'): void;
  /** No RTP for `rtpTimeoutMs`. Told once; the session stays open. */
  timeout?(): void;
  /** The engine gave up on it (worker died, FreeSWITCH hung up): it is closed. */
  lost?(): void;
}

/** Direction as we wish it, from our side. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface DescribeSpec {
  /**
   * The partner's description (its offer, or its answer), as it came from its peer: media lines, codecs, order and payload types are
   * carried over, so that relayed media needs no change. G.711 (and telephone-event) is added where the partner can take it by
   * transcoding. Without: G.711 and telephone-event alone.
   */
  readonly like?: Sdp;
  /** Only these codecs, by name as in `trunk.codecs`; undefined: all. */
  readonly codecs?: readonly string[];
  /** Default sendrecv (answers are bounded by the offer). */
  readonly direction?: Direction;
}

export interface MediaSession {
  readonly id: string;
  readonly closed: boolean;
  /** Our offer for its peer. The same session id each time, the version raised when it differs (RFC 3264 §8). */
  offer(spec?: DescribeSpec): Sdp;
  /**
   * The peer's answer to our last offer; may come again (early media, another fork): the last counts.
   * Throws AppError MEDIA_NOT_ACCEPTABLE, and all stays as it was.
   */
  answered(answer: Sdp): void;
  /**
   * Our answer to the peer's offer (initial, hold, codec change); with `like` the partner's agreed description, so that both sides
   * use one codec where they can. May be called again for the same offer as the partner changes.
   * Throws AppError MEDIA_NOT_ACCEPTABLE (488), and all stays as it was.
   */
  answer(offer: Sdp, spec?: DescribeSpec): Sdp;
  /** What the peer last described, unchanged: the `like` for its partner. */
  readonly remote: Sdp | undefined;
  /** Whether the peer has put us on hold (sendonly, inactive, 0.0.0.0). */
  readonly held: boolean;
  /** Plays clips in turn, towards the peer. A new one stops the one before. */
  play(clips: readonly Clip[], options?: PlayOptions): Playing;
  /** Digits from the peer. One at a time: a second one stops the first. */
  collect(spec: CollectSpec): Collecting;
  /** What the peer says, or both sides of its bridge, to a WAV file (8 kHz, 16 bit; `both`: stereo, peer left). */
  record(spec: RecordSpec): Recording;
  /** To the peer, as agreed with it (RFC 4733, else in-band). 0-9, *, #, A-D. Resolves when sent or closed. */
  sendDigits(digits: string, options?: { readonly toneMs?: number; readonly gapMs?: number }): Promise<void>;
  /** A digit that came in a SIP INFO of the leg. */
  infoDigit(digit: string): void;
  /** At most 500 ms late; last known ones when closed. */
  stats(): Promise<SessionStats>;
  /** Idempotent. Ends all that runs on it; its ports rest before they are used again. */
  close(): void;
}

export type Clip =
  /** Absolute path of a WAV: 8, 16, 22.05, 32, 44.1 or 48 kHz, mono or stereo, PCM, A-law or mu-law. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'tone'; readonly tone: 'beep' | 'busy' | 'ringback' | 'congestion'; readonly ms: number }
  | { readonly kind: 'silence'; readonly ms: number };

export interface PlayOptions {
  /** Times the list is played; 0: until stopped. Default 1. */
  readonly times?: number;
  /** Into the list, in milliseconds (music goes on where it was). */
  readonly fromMs?: number;
}

/** `closed`: the session ended, or its peer hung up. */
export interface PlayEnd {
  readonly kind: 'done' | 'stopped' | 'closed' | 'failed';
  readonly playedMs: number;
  /** Clips that could not be read and were skipped. */
  readonly skipped?: readonly Clip[];
}

export interface Playing {
  readonly ended: Promise<PlayEnd>;
  stop(): void;
}

export interface CollectSpec {
  /** Played first; the first-digit time-out begins when it ends. */
  readonly prompt?: readonly Clip[];
  /** A digit stops the prompt and counts. Without, digits during the prompt are dropped. */
  readonly bargeIn: boolean;
  /** Digits pressed before this operation count too, if no older than 10 s: type-ahead. They are at most 32. */
  readonly typeAhead: boolean;
  readonly maxDigits: number;
  /** End the input without being part of it. */
  readonly terminators: string;
  readonly firstDigitMs: number;
  readonly interDigitMs: number;
  /** From the first digit or the end of the prompt. Default none. */
  readonly totalMs?: number;
  /** Asked after each digit: true ends at once (no longer entry can match). */
  readonly complete?: (digits: string) => boolean;
}

export interface CollectEnd {
  /** `digits`: full, complete or terminated. `timeout`: with what came by then, perhaps nothing. */
  readonly kind: 'digits' | 'timeout' | 'stopped' | 'closed';
  readonly digits: string;
  readonly terminator?: string;
}

export interface Collecting {
  readonly ended: Promise<CollectEnd>;
  stop(): void;
}

export interface RecordSpec {
  /** Absolute path; its folder exists. Written under `PATH.part` and renamed when it is whole. */
  readonly path: string;
  readonly what: 'peer' | 'both';
  readonly beep?: boolean;
  readonly maxMs: number;
  /** Silence that ends it; 0: none does. */
  readonly silenceMs?: number;
  /** Keys that end it. */
  readonly terminators?: string;
}

export interface RecordEnd {
  readonly kind: 'recorded' | 'failed';
  readonly by: 'max' | 'silence' | 'key' | 'stopped' | 'closed' | 'disk';
  /** Without the silence that ended it. */
  readonly durationMs: number;
  readonly key?: string;
}

export interface Recording {
  readonly ended: Promise<RecordEnd>;
  /** Nothing is written while paused (card numbers). */
  pause(): void;
  resume(): void;
  stop(): void;
}

/** How a member hears and is heard. */
export interface MixMember {
  readonly session: MediaSession;
  /** Default all. `none`: hears silence. */
  readonly hears?: 'all' | 'none';
  /** Who hears it: all (barge in), none (listen), or these (whisper). Default all. */
  readonly heardBy?: 'all' | 'none' | readonly MediaSession[];
}

export interface Mix {
  /** Adds, or changes its roles. Takes it out of any bridge. */
  set(member: MixMember): void;
  /** Stays open, hears silence. */
  remove(session: MediaSession): void;
  /** Heard by all members together, over their voices. */
  play(clips: readonly Clip[]): Playing;
  close(): void;
}

export interface SessionStats {
  readonly packetsReceived: number;
  readonly packetsSent: number;
  /** Of those the peer sent, by sequence numbers. */
  readonly packetsLost: number;
  /** RFC 3550 §6.4.1. */
  readonly jitterMs: number;
  /** From RTCP, where the peer sends it. */
  readonly rttMs?: number;
  /** 1–4.5, estimated by the E-model from loss, jitter and delay. */
  readonly mos?: number;
  /** Sent to the peer now, as `PCMU/8000`. */
  readonly codec?: string;
  /** Packets that were dropped since their source did not prove itself. */
  readonly refused: number;
}

export interface EngineLoad {
  readonly sessions: number;
  readonly portsFree: number;
  readonly workers: number;
  /** Longest delay of a packet's send in the last 10 s, in milliseconds: the pacing is in trouble beyond 10. */
  readonly lateMs: number;
}
