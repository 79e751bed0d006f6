import type { MediaSession } from '../media/index.js';
import type { TrunkSettings } from '../model/index.js';
import type { Sdp } from '../signalling/index.js';
import { keepCodecs, SdpOrigin } from '../sip/index.js';

/** What one leg and we have said to each other of the session, whoever is at the other end. */
export interface LegSession {
  /** Its media, where that runs through us. */
  readonly media?: MediaSession;
  /** An offer from or to this leg with the codecs its trunk takes; undefined when none is left. */
  admit(offer: Sdp): Sdp | undefined;
  /** Its offer, which the next answer answers. */
  takeOffer(offer: Sdp): void;
  /** Our offer to it, made of what its partner said; undefined (relayed media alone): of what we can ourselves. */
  offer(partner: Sdp | undefined): Sdp;
  /** Our answer to its offer, or our offer where it made none. Throws AppError MEDIA_NOT_ACCEPTABLE. */
  answer(partner: Sdp | undefined): Sdp;
  /** Its answer to our offer. Throws AppError MEDIA_NOT_ACCEPTABLE. */
  heard(answer: Sdp): void;
  close(): void;
}

/** A leg that sends its media straight to its partner: the codecs its trunk takes, and an origin of its own. */
export class DirectSession implements LegSession {
  readonly #origin: SdpOrigin;
  readonly #codecs: ReadonlySet<string> | undefined;

  /** `random`: 0 ≤ x < 1. */
  constructor(random: () => number, trunk: TrunkSettings | undefined) {
    // RFC 4566 §5.2: digits; it need only be unlike those of other sessions.
    this.#origin = new SdpOrigin(String(1 + Math.floor(random() * 0xffff_ffff)));
    const { codecs } = trunk ?? {};
    this.#codecs = codecs === undefined ? undefined : new Set(codecs.map((codec) => codec.toLowerCase()));
  }

  offer(partner: Sdp | undefined): Sdp {
    return this.#origin.rewrite(partner ?? '');
  }

  answer(partner: Sdp | undefined): Sdp {
    return this.#origin.rewrite(partner ?? '');
  }

  takeOffer(): void {
    // Its partner answers it.
  }

  heard(): void {
    // Its partner has heard it.
  }

  close(): void {
    // It holds nothing.
  }

  admit(offer: Sdp): Sdp | undefined {
    return this.#codecs === undefined ? offer : keepCodecs(offer, this.#codecs);
  }
}

/** What passes of an offer from one leg to another. */
export function offerBetween(from: LegSession, to: LegSession, offer: Sdp): Sdp | undefined {
  const admitted = from.admit(offer);
  return admitted === undefined ? undefined : to.admit(admitted);
}

/** What a leg that answered says, for the session of its partner: an answer as it is, an offer with the codecs both take. */
export function sdpFor(
  partner: LegSession,
  leg: { readonly isOffer: boolean; readonly session: LegSession; readonly sdp: Sdp },
): Sdp {
  return leg.isOffer ? (offerBetween(leg.session, partner, leg.sdp) ?? leg.sdp) : leg.sdp;
}
