import type { DescribeSpec, Direction } from '../engine.js';
import type { LocalSession } from './local-session.js';

/** This side of a session, as the descriptions are to show it. */
export interface SdpLocal {
  /** What was said to this peer so far; one a session, by `createLocalSession`. Changed by a description that succeeds. */
  readonly session: LocalSession;
  /** IP address for `c=` and `o=`: the advertised one where there is one. Its family is the only one accepted from the peer. */
  readonly address: string;
  /**
   * The port for the line with this index (asked in order, once a line, for lines that will be live; the same each time).
   * Undefined: none is to be had, and the line is refused.
   */
  readonly port: (line: number, kind: string) => LocalPort | undefined;
  /** Offer RTCP on the RTP port. Default false; an offer that has it is always taken. */
  readonly rtcpMux?: boolean;
}

export interface LocalPort {
  readonly rtp: number;
  /** Default: the next one. */
  readonly rtcp?: number;
}

export type SdpSpec = DescribeSpec;

export interface AgreedCodec {
  /** What the peer wants to see: of its own description. Put it on what is sent. */
  readonly pt: number;
  /** What the peer sends: of our own description. Mostly the same. */
  readonly receivePt: number;
  /** As the registry spells it where it is known (`PCMU`, `opus`), else as written. */
  readonly name: string;
  /** Of the RTP timestamps, in Hz. G.722 has 8000. */
  readonly clock: number;
  readonly channels: number;
  /** Of the peer's description. */
  readonly fmtp?: string;
}

export interface AgreedEvent {
  readonly pt: number;
  readonly receivePt: number;
  readonly clock: number;
}

/** What holds for one m-line once both sides have described it. */
export interface AgreedMedia {
  /** `audio`, `video`, `image`, `text`, `application`. */
  readonly kind: string;
  /** False: refused by either side (port 0); nothing else counts then. */
  readonly live: boolean;
  readonly transport: 'rtp' | 'udptl';
  /** In our description. */
  readonly localPort: number;
  /** Where to send. Undefined where the line is refused, or held by 0.0.0.0. */
  readonly remote?: { readonly address: string; readonly port: number; readonly rtcpPort: number };
  readonly rtcpMux: boolean;
  /** From our side: whether we send, whether we receive. */
  readonly direction: Direction;
  /** The peer put the line on hold: its sendonly, inactive or 0.0.0.0. */
  readonly held: boolean;
  /** In the order of preference, without telephone-event and comfort noise. */
  readonly codecs: readonly AgreedCodec[];
  /** The first of them: what to send where nothing else speaks for another. */
  readonly send?: AgreedCodec;
  /** All that are agreed, one a clock rate. */
  readonly telephoneEvents: readonly AgreedEvent[];
  /** The one whose clock is that of `send` (else the first). */
  readonly telephoneEvent?: AgreedEvent;
  readonly comfortNoisePt?: number;
  /** How much audio the peer wants in a packet: 10–120. */
  readonly ptimeMs: number;
}

/** `media` of an offer has no `remote` yet: what may come as early media before the answer. */
export type Described =
  | { readonly kind: 'described'; readonly sdp: string; readonly media: readonly AgreedMedia[] }
  | { readonly kind: 'not-acceptable'; readonly reason: string };

export type ReadAnswer =
  | { readonly kind: 'agreed'; readonly media: readonly AgreedMedia[] }
  | { readonly kind: 'not-acceptable'; readonly reason: string };
