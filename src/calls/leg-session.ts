import type { TrunkSettings } from '../model/index.js';
import type { Sdp } from '../signalling/index.js';
import { keepCodecs, SdpOrigin } from '../sip/index.js';

/** What one leg is told of the session, whoever is at the other end: the codecs its trunk takes, and an origin of its own. */
export class LegSession {
  readonly #origin: SdpOrigin;
  readonly #codecs: ReadonlySet<string> | undefined;

  /** `random`: 0 ≤ x < 1. */
  constructor(random: () => number, trunk: TrunkSettings | undefined) {
    // RFC 4566 §5.2: digits; it need only be unlike those of other sessions.
    this.#origin = new SdpOrigin(String(1 + Math.floor(random() * 0xffff_ffff)));
    const { codecs } = trunk ?? {};
    this.#codecs = codecs === undefined ? undefined : new Set(codecs.map((codec) => codec.toLowerCase()));
  }

  /** A description as this leg gets it. */
  describe(sdp: Sdp): Sdp {
    return this.#origin.rewrite(sdp);
  }

  /** An offer from or to this leg with the codecs its trunk takes; undefined when none is left. */
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
