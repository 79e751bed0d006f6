import type { EndCause } from '../model/index.js';
import type { Change, DialogEvents, IncomingRequest, Sdp } from '../signalling/index.js';
import { toldCause } from './cause.js';
import { answerByOurselves, digitOfInfo } from './in-dialog-requests.js';
import type { AnsweredLeg } from './leg-attempt.js';
import { answerLocally, isRelayed } from './relayed-session.js';

/** A leg that picked up and talks to nobody yet: an agent who hears whom the call is from, a phone that is asked whether it takes it. */
export class WaitingLeg implements DialogEvents {
  /** Who hears of the dialog once the leg is joined. */
  #joined: DialogEvents | undefined;
  #over = false;
  #talkedMs = 0;

  constructor(
    readonly leg: AnsweredLeg,
    private onEnded: (cause: EndCause) => void,
  ) {
    leg.ack();
  }

  /** It hung up, or was hung up on. */
  get isOver(): boolean {
    return this.#over;
  }

  /** From now on `events` hear of its dialog. */
  join(events: DialogEvents): void {
    this.#joined = events;
  }

  /** It talks to nobody once more, having talked for so long. */
  part(talkedMs: number, onEnded: (cause: EndCause) => void = () => undefined): void {
    this.#joined = undefined;
    this.#talkedMs += talkedMs;
    this.onEnded = onEnded;
  }

  /** Also of a leg that is joined, for `talkedMs` by now. */
  hangUp(cause: EndCause, talkedMs = 0): void {
    if (this.#over) return;
    this.#letGo(cause, talkedMs);
    void this.leg.dialog.bye(toldCause(cause)).catch(() => undefined);
  }

  #letGo(cause: EndCause, talkedMs: number): void {
    this.#over = true;
    this.leg.row.ended(cause);
    this.leg.release?.(this.#talkedMs + talkedMs);
    this.leg.session.close();
  }

  acknowledged(answer: Sdp | undefined): void {
    this.#joined?.acknowledged(answer);
  }

  change(change: Change): void {
    if (this.#joined !== undefined) {
      this.#joined.change(change);
      return;
    }
    const { session } = this.leg;
    if (isRelayed(session)) void answerLocally(change, session, undefined).catch(() => change.reject(488));
    else change.reject(491);
  }

  request(incoming: IncomingRequest): void {
    if (this.#joined !== undefined) {
      this.#joined.request(incoming);
      return;
    }
    const digit = incoming.request.method === 'INFO' ? digitOfInfo(incoming) : undefined;
    if (digit === undefined) {
      answerByOurselves(incoming);
      return;
    }
    this.leg.session.media?.infoDigit(digit);
    incoming.respond({ status: 200 });
  }

  ended(cause: EndCause): void {
    if (this.#joined !== undefined) {
      this.#joined.ended(cause);
      return;
    }
    if (this.#over) return;
    this.#letGo(cause, 0);
    this.onEnded(cause);
  }
}
