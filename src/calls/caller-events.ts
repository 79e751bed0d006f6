import type { EndCause } from '../model/index.js';
import type { Change, DialogEvents, IncomingRequest, Sdp } from '../signalling/index.js';
import { causeOfLeg, systemCause } from './cause.js';
import { answerByOurselves, digitOfInfo } from './in-dialog-requests.js';
import type { LegSession } from './leg-session.js';
import { answerLocally, isRelayed } from './relayed-session.js';

/** What the caller's dialog tells: to the bridge while there is a partner, to the call itself while there is none. */
export class CallerEvents implements DialogEvents {
  /** Who has the leg now that it is not this call's any more. */
  #heir: DialogEvents | undefined;

  constructor(
    private readonly call: {
      /** Of the partner there is now. */
      readonly partner: DialogEvents | undefined;
      readonly session: LegSession;
      readonly hasEnded: boolean;
      end(cause: EndCause): void;
      callerLeft(cause: EndCause): void;
    },
  ) {}

  handTo(heir: DialogEvents): void {
    this.#heir = heir;
  }

  get #partner(): DialogEvents | undefined {
    return this.#heir ?? this.call.partner;
  }

  acknowledged(answer: Sdp | undefined): void {
    const partner = this.#partner;
    const { session } = this.call;
    if (partner !== undefined) return partner.acknowledged(answer);
    // Who is asked for media and describes none would wait in our menus for ever.
    if (isRelayed(session) && !session.acknowledged(answer)) this.call.end(systemCause('no-codec', 488));
  }

  change(change: Change): void {
    const partner = this.#partner;
    const { session } = this.call;
    if (partner !== undefined) return partner.change(change);
    if (!isRelayed(session)) return change.reject(this.call.hasEnded ? 500 : 491);
    void answerLocally(change, session, undefined).catch(() => change.reject(488));
  }

  request(incoming: IncomingRequest): void {
    const partner = this.#partner;
    const { session } = this.call;
    if (partner !== undefined) return partner.request(incoming);
    const digit = incoming.request.method === 'INFO' ? digitOfInfo(incoming) : undefined;
    if (digit === undefined || session.media === undefined) return answerByOurselves(incoming);
    session.media.infoDigit(digit);
    incoming.respond({ status: 200 });
  }

  ended(cause: EndCause): void {
    const partner = this.#partner;
    if (partner !== undefined) partner.ended(cause);
    else this.call.callerLeft(causeOfLeg(cause, 'caller'));
  }
}
