import type { Change, ChangeOutcome, EarlyChangeOutcome, Sdp } from '../signalling/index.js';
import type { CallerLeg } from './caller-leg.js';
import { answerLocally, isRelayed, type RelayedSession } from './relayed-session.js';
import { offerBetween, type LegSession } from './leg-session.js';

/** An INVITE of ours whose early dialog may take a change. */
export interface EarlyPeer {
  readonly session: LegSession;
  change(offer: Sdp): Promise<EarlyChangeOutcome>;
}

/**
 * The session as it stands before the call is answered: with whom the caller has agreed on it reliably, and what the two say to
 * change it (UPDATE, RFC 3311; an offer in a PRACK). What has nobody to agree to it is refused in the words of RFC 3311 §5.2.
 */
export class EarlySession {
  #peer: EarlyPeer | undefined;
  #changing = false;

  constructor(
    private readonly caller: Pick<CallerLeg, 'changeEarly' | 'session' | 'sessionUpdated'>,
    /** What the caller's session description is now. */
    private readonly onCallerSdp: (sdp: Sdp) => void,
  ) {}

  /** The caller has taken this one's description, reliably. */
  agreedWith(peer: EarlyPeer | undefined): void {
    this.#peer = peer;
  }

  fromCaller(change: Change): void {
    const peer = this.#peer;
    const { offer } = change;
    if (offer !== undefined && isRelayed(this.caller.session)) {
      this.onCallerSdp(offer);
      return this.#agree(change, this.caller.session, peer?.session.media?.remote);
    }
    // Whom it was agreed with may be gone, and the next one not be there yet.
    if (peer === undefined || offer === undefined) return change.reject(500);
    const passed = offerBetween(this.caller.session, peer.session, offer);
    if (passed === undefined) return change.reject(488);
    this.#carry(
      change,
      this.caller.session,
      () => peer.change(passed),
      (answer) => {
        this.caller.sessionUpdated(answer);
        this.onCallerSdp(offer);
      },
    );
  }

  fromCallee(peer: EarlyPeer, change: Change): void {
    const { offer } = change;
    if (offer === undefined) return change.reject(500);
    if (isRelayed(peer.session)) return this.#agree(change, peer.session, this.caller.session.media?.remote);
    // The caller has no session with this one that it could change: it is told by the answer to its call.
    if (peer !== this.#peer) return change.reject(504);
    const passed = offerBetween(peer.session, this.caller.session, offer);
    if (passed === undefined) return change.reject(488);
    this.#carry(
      change,
      peer.session,
      () => this.caller.changeEarly(passed),
      (answer) => {
        this.caller.sessionUpdated(offer);
        this.onCallerSdp(answer);
      },
    );
  }

  /** Media runs through us: nobody need be asked. */
  #agree(change: Change, session: RelayedSession, partner: Sdp | undefined): void {
    void answerLocally(change, session, partner).catch(() => change.reject(488));
  }

  #carry(
    change: Change,
    own: LegSession,
    ask: () => Promise<EarlyChangeOutcome>,
    agreed: (answer: Sdp) => void,
  ): void {
    if (this.#changing) return change.reject(491);
    this.#changing = true;
    void ask()
      .then(async (outcome) => {
        if (outcome.kind !== 'accepted') return change.reject(refusalOfChange(outcome));
        agreed(outcome.sdp);
        await change.accept(own.answer(outcome.sdp));
      })
      .catch(() => change.reject(500))
      .finally(() => {
        this.#changing = false;
      });
  }
}

/** The answer a change gets, by what the other side said of it. */
export function refusalOfChange(
  outcome: Exclude<ChangeOutcome, { kind: 'accepted' }> | { readonly kind: 'unable' },
): 488 | 491 | 500 | 504 {
  if (outcome.kind === 'unable') return 504;
  if (outcome.kind === 'gone') return 500;
  const { status } = outcome;
  if (status === 491 || status === 504) return status;
  return status === 408 || status === 481 || (status >= 500 && status < 600) ? 500 : 488;
}
