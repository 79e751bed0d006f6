import type { Clock } from '../base/clock.js';
import type { MediaSession } from '../media/index.js';
import type { TrunkSettings } from '../model/index.js';
import type { Sdp } from '../signalling/index.js';
import { answerCodecs } from './answer-codecs.js';
import { DirectSession, type LegSession } from './leg-session.js';
import type { MediaParts } from './ports.js';
import { RelayedSession } from './relayed-session.js';
import { SessionOpener, type MediaLoss } from './session-opener.js';

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
  lost(why: MediaLoss): void;
  /** The caller pressed a key. */
  digit(digit: string): void;
}

/** We transcode between the two laws. */
const G711 = /^(?:PCMU|PCMA)/i;

/** Whether the media of two sides that agreed with us by themselves can be carried from one to the other. */
export function fitTogether(one: Sdp, other: Sdp): boolean {
  const [first, second] = [answerCodecs(one), answerCodecs(other)];
  return first === second || (G711.test(first) && G711.test(second));
}

/** The media of one call: whether it runs through us, and the sessions of its legs. */
export class CallMedia implements LegSessions {
  #caller: RelayedSession | undefined;
  #opening: Promise<RelayedSession> | undefined;
  #closed = false;
  /** Absent where there is no media engine. */
  readonly opener: SessionOpener | undefined;

  constructor(
    private readonly parts: MediaParts | undefined,
    private readonly env: { readonly clock: Clock; readonly random: () => number },
    private readonly about: {
      readonly callId: string;
      readonly caller: { readonly address: string; readonly listener: string };
      readonly trunk: TrunkSettings | undefined;
    },
    private readonly on: CallMediaEvents,
  ) {
    if (parts !== undefined)
      this.opener = new SessionOpener(parts, env.clock, about.callId, (why) => on.lost(why));
  }

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
  openCaller(near?: MediaSession): Promise<RelayedSession> {
    this.#opening ??= this.#openCaller(near);
    return this.#opening;
  }

  async #openCaller(near: MediaSession | undefined): Promise<RelayedSession> {
    const { caller, trunk } = this.about;
    if (this.opener === undefined) throw new Error('there is no media engine');
    const peer = { peer: caller.address, listener: caller.listener };
    const media = await this.opener.open(peer, near, (digit) => {
      if (session.onDigit === undefined) this.on.digit(digit);
      else session.onDigit(digit);
    });
    const session = new RelayedSession(media, trunk?.codecs);
    if (this.#closed) session.close();
    this.#caller = session;
    return session;
  }

  open(to: LegDestination): LegSession | Promise<LegSession> {
    const near = this.#caller?.media;
    return near === undefined || this.opener === undefined
      ? new DirectSession(this.env.random, to.trunk)
      : this.opener.sessionsNear(near).open(to);
  }

  /** The caller hears this leg, and it the caller. */
  join(leg: MediaSession): void {
    if (this.#caller !== undefined) this.parts?.engine.bridge(this.#caller.media, leg);
  }

  /** Whether what two sides agreed with us can be brought together without asking either again. */
  canCarry(one: Sdp, other: Sdp): boolean {
    return this.#caller !== undefined && fitTogether(one, other);
  }

  /** The caller's leg belongs to another call from now on, its session too. */
  letGo(lost: (why: MediaLoss) => void): void {
    this.opener?.handTo(lost);
    this.#caller = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#caller?.close();
  }
}
