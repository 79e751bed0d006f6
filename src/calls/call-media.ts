import { isIP } from 'node:net';
import { hostOf } from '../base/host-of.js';
import type { Clock } from '../base/clock.js';
import type { MediaSession, OpenSpec, SessionEvents } from '../media/index.js';
import type { TrunkSettings } from '../model/index.js';
import type { Sdp } from '../signalling/index.js';
import { answerCodecs } from './answer-codecs.js';
import { DirectSession, type LegSession } from './leg-session.js';
import type { MediaParts } from './ports.js';
import { RelayedSession } from './relayed-session.js';

/** Where a leg goes, as far as its media is concerned. */
export interface LegDestination {
  readonly trunk: TrunkSettings | undefined;
  /** Its URI, or `address:port`. */
  readonly peer: string;
  readonly listener: string | undefined;
}

/** Sessions of the legs a call sends out. */
export interface LegSessions {
  /** Media runs through us. */
  readonly relayed: boolean;
  /** Rejects: AppError MEDIA_NO_PORT, MEDIA_UNAVAILABLE. */
  open(to: LegDestination): LegSession | Promise<LegSession>;
}

export interface CallMediaEvents {
  /** A leg sent no media for too long, or its engine is gone. */
  lost(why: 'rtp-timeout' | 'media-lost'): void;
  /** The caller pressed a key. */
  digit(digit: string): void;
}

/** The address the peer signals from, where it is known by its number. */
function signalledFrom(peer: string): { readonly signalledFrom?: string } {
  const host = hostOf(peer);
  return isIP(host) === 0 ? {} : { signalledFrom: host };
}

/** We transcode between the two laws. */
const G711 = /^(?:PCMU|PCMA)/i;

/** A peer that has not sent a single packet yet gets so many time-outs: some send nothing before they hear something. */
const PATIENCE_BEFORE_FIRST_PACKET = 5;

/** The media of one call: whether it runs through us, and the sessions of its legs. */
export class CallMedia implements LegSessions {
  #caller: RelayedSession | undefined;
  #opening: Promise<RelayedSession> | undefined;
  #closed = false;

  constructor(
    private readonly parts: MediaParts | undefined,
    private readonly env: { readonly clock: Clock; readonly random: () => number },
    private readonly about: {
      readonly callId: string;
      readonly caller: { readonly address: string; readonly listener: string };
      readonly trunk: TrunkSettings | undefined;
    },
    private readonly on: CallMediaEvents,
  ) {}

  get relayed(): boolean {
    return this.#caller !== undefined;
  }

  /** Undefined while the two sides send to one another. */
  get caller(): RelayedSession | undefined {
    return this.#caller;
  }

  /** Whether a call between these two is to run through us: unless both sides do without. */
  wants(trunks: readonly (TrunkSettings | undefined)[]): boolean {
    const { parts } = this;
    if (parts === undefined) return false;
    const phones = parts.settings().extensions;
    return [this.about.trunk, ...trunks].some((trunk) => (trunk?.media ?? phones) === 'relay');
  }

  /** The caller's session, opened on first use. Rejects: AppError MEDIA_NO_PORT, MEDIA_UNAVAILABLE. */
  openCaller(): Promise<RelayedSession> {
    this.#opening ??= this.#openCaller();
    return this.#opening;
  }

  async #openCaller(): Promise<RelayedSession> {
    const { caller, trunk } = this.about;
    const media = await this.#open(caller.address, caller.listener, undefined, (digit) =>
      this.on.digit(digit),
    );
    const session = new RelayedSession(media, trunk?.codecs);
    if (this.#closed) session.close();
    this.#caller = session;
    return session;
  }

  open(to: LegDestination): LegSession | Promise<LegSession> {
    const near = this.#caller?.media;
    if (near === undefined) return new DirectSession(this.env.random, to.trunk);
    return this.#open(to.peer, to.listener, near).then(
      (media) => new RelayedSession(media, to.trunk?.codecs),
    );
  }

  /** The caller hears this leg, and it the caller. */
  join(leg: MediaSession): void {
    if (this.#caller !== undefined) this.parts?.engine.bridge(this.#caller.media, leg);
  }

  /** Whether what two sides agreed with us can be brought together without asking either again. */
  canCarry(one: Sdp, other: Sdp): boolean {
    if (this.#caller === undefined) return false;
    const [first, second] = [answerCodecs(one), answerCodecs(other)];
    return first === second || (G711.test(first) && G711.test(second));
  }

  close(): void {
    this.#closed = true;
    this.#caller?.close();
  }

  async #open(
    peer: string,
    listener: string | undefined,
    near: MediaSession | undefined,
    digit?: (digit: string) => void,
  ): Promise<MediaSession> {
    const { parts } = this;
    if (parts === undefined) throw new Error('there is no media engine');
    const spec: OpenSpec = {
      callId: this.about.callId,
      ...parts.address(peer, listener),
      ...signalledFrom(peer),
      ...(near === undefined ? {} : { near }),
      rtpTimeoutMs: parts.settings().rtpTimeoutMs,
    };
    const events: SessionEvents = {
      timeout: () => void this.#silent(session),
      lost: () => this.on.lost('media-lost'),
      ...(digit === undefined ? {} : { digit }),
    };
    const session = await parts.engine.open(spec, events);
    return session;
  }

  async #silent(session: MediaSession): Promise<void> {
    const sent = async (): Promise<boolean> => (await session.stats()).packetsReceived > 0;
    if (session.closed) return;
    if (await sent()) {
      this.on.lost('rtp-timeout');
      return;
    }
    const waitMs = (this.parts?.settings().rtpTimeoutMs ?? 0) * (PATIENCE_BEFORE_FIRST_PACKET - 1);
    this.env.clock.after(waitMs, () => {
      if (session.closed) return;
      void sent().then((speaks) => {
        if (!speaks && !session.closed) this.on.lost('rtp-timeout');
      });
    });
  }
}
