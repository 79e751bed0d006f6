import type { MediaSession } from '../media/index.js';
import type { Change, Sdp } from '../signalling/index.js';
import type { LegSession } from './leg-session.js';

/** A leg whose media runs through us: it agrees with us, whoever is at the other end. */
export class RelayedSession implements LegSession {
  #theirOffer: Sdp | undefined;
  /** Told of each key its peer presses, by whom it talks to at the time. */
  onDigit: ((digit: string) => void) | undefined;

  constructor(
    readonly media: MediaSession,
    /** Of its trunk. */
    private readonly codecs: readonly string[] | undefined,
  ) {}

  /** What the media engine makes of it decides, when the answer is written. */
  admit(offer: Sdp): Sdp {
    return offer;
  }

  takeOffer(offer: Sdp): void {
    this.#theirOffer = offer;
  }

  offer(partner: Sdp | undefined): Sdp {
    return this.media.offer(this.#spec(partner));
  }

  answer(partner: Sdp | undefined): Sdp {
    return this.#theirOffer === undefined
      ? this.media.offer(this.#spec(partner))
      : this.media.answer(this.#theirOffer, this.#spec(partner));
  }

  heard(answer: Sdp): void {
    // Delayed offer: from here on what they say answers us.
    this.media.answered(answer);
  }

  /**
   * What came with the ACK of the call's 200. False: it should have answered our offer and did not (RFC 3261 §13.2.2.4), so nothing is
   * agreed. A description where none is owed is left aside.
   */
  acknowledged(answer: Sdp | undefined): boolean {
    if (this.media.remote !== undefined) return true;
    if (answer === undefined) return false;
    try {
      this.heard(answer);
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    this.media.close();
  }

  #spec(partner: Sdp | undefined): { like?: Sdp; codecs?: readonly string[] } {
    return {
      ...(partner === undefined ? {} : { like: partner }),
      ...(this.codecs === undefined ? {} : { codecs: this.codecs }),
    };
  }
}

export function isRelayed(session: LegSession): session is RelayedSession {
  return session.media !== undefined;
}

/** Agrees to a change without asking anybody. Rejects where the engine cannot: the change is not answered then. */
export async function answerLocally(
  change: Change,
  session: RelayedSession,
  partner: Sdp | undefined,
): Promise<void> {
  if (change.offer === undefined) {
    const answer = await change.accept(session.offer(partner));
    if (answer !== undefined) session.heard(answer);
    return;
  }
  session.takeOffer(change.offer);
  await change.accept(session.answer(partner));
}
