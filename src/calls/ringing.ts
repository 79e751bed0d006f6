import type { Clock, Timer } from '../base/clock.js';
import type { Sdp } from '../signalling/index.js';
import type { CallerLeg, Progress } from './caller-leg.js';
import type { EarlySession } from './early-session.js';
import type { RecordPatch } from './recorder.js';
import { offerBetween } from './leg-session.js';
import type { EarlyProgress } from './leg-attempt.js';

/** What the caller hears of a call before it is answered, and when it heard it first. */
export class Ringing {
  /** Milliseconds since the epoch, of the first 18x. */
  ringAt: number | undefined;
  /** Post-dial delay: INVITE to first 18x, or to the answer. */
  pddMs: number | undefined;
  /** The caller answered the callee's early offer in a PRACK. */
  offerAnswered = false;
  readonly #startedAt: number;
  #fast: Timer | undefined;

  constructor(
    private readonly caller: CallerLeg,
    private readonly early: Pick<EarlySession, 'agreedWith'>,
    private readonly clock: Clock,
    private readonly onFirst: () => void,
  ) {
    this.#startedAt = clock.monotonic();
  }

  /** 180 from us, should the caller hear nothing for so long. */
  soon(ms: number): void {
    if (this.caller.hasProgress) return;
    this.#fast ??= this.clock.after(ms, () => {
      if (!this.caller.hasProgress) this.tell({ status: 180 });
    });
  }

  /** The caller need not be told any more. */
  stop(): void {
    this.#fast?.clear();
    this.#fast = undefined;
  }

  /** The call is answered: without a 18x before, this was the post-dial delay. */
  answered(): void {
    this.stop();
    this.pddMs ??= this.#elapsedMs();
  }

  /** True when it was worth telling. */
  tell(progress: Progress): boolean {
    if (!this.caller.progress(progress)) return false;
    this.stop();
    if (this.ringAt === undefined) {
      this.ringAt = this.clock.now();
      this.pddMs = this.#elapsedMs();
      this.onFirst();
    }
    return true;
  }

  /** Hands a callee's provisional on; one that says nothing to a caller is only acknowledged. */
  relay(progress: EarlyProgress): void {
    const { sdp, answerOffer, peer } = progress;
    const status = relayedStatus(progress);
    if (status === undefined) {
      answerOffer?.();
      return;
    }
    if (answerOffer === undefined) {
      const before = this.caller.reliableAnswer;
      this.tell(sdp === undefined ? { status } : { status, sdp });
      if (before === undefined && this.caller.reliableAnswer !== undefined) this.early.agreedWith(peer);
      return;
    }
    // Delayed offer: the callee's early offer goes to the caller, whose PRACK brings the answer.
    const offerAnswered = (answer: Sdp | undefined): void => {
      this.offerAnswered = answer !== undefined;
      if (this.offerAnswered) this.early.agreedWith(peer);
      answerOffer(answer);
    };
    // Without a codec in common it is acknowledged, and the 200 will tell.
    const offer =
      sdp === undefined || peer === undefined ? sdp : offerBetween(peer.session, this.caller.session, sdp);
    if (sdp !== undefined && offer === undefined) answerOffer();
    else if (!this.tell({ status, ...(offer === undefined ? {} : { sdp: offer }), offerAnswered }))
      answerOffer();
  }

  /** What the record is told of it. */
  fields(destination: string | undefined): RecordPatch {
    const patch: RecordPatch = {};
    if (this.ringAt !== undefined) patch.ringAt = this.ringAt;
    if (this.pddMs !== undefined) patch.pddMs = this.pddMs;
    if (destination !== undefined) patch.destination = destination;
    return patch;
  }

  #elapsedMs(): number {
    return Math.round(this.clock.monotonic() - this.#startedAt);
  }
}

/** Which of the four provisionals relays this one. */
function relayedStatus({ status, sdp }: EarlyProgress): Progress['status'] | undefined {
  if (status === 180 || status === 181 || status === 182 || status === 183) return status;
  return sdp === undefined ? undefined : 183;
}
