import type { Outcome } from '../dialplan/index.js';
import type { EndCause } from '../model/index.js';
import type { Change, DialogEvents, IncomingRequest, Sdp } from '../signalling/index.js';
import { systemCause } from './cause.js';
import { answerByOurselves, digitOfInfo } from './in-dialog-requests.js';
import type { AnsweredLeg } from './leg-attempt.js';
import type { LegFailure, LegRun } from './leg-run.js';
import { answerLocally, isRelayed } from './relayed-session.js';

/** What became of "press 1 to take the call". */
export type Confirmation = 'accepted' | 'declined' | 'no-answer' | 'gone';

/** A leg that picked up and is asked whether it takes the call; the caller goes on hearing it ring. */
export class ConfirmedLeg implements LegRun, DialogEvents {
  readonly forks = false;
  readonly #abort = new AbortController();
  /** Who hears of the dialog once the leg is taken. */
  #taken: DialogEvents | undefined;
  #over = false;

  constructor(
    private readonly leg: AnsweredLeg,
    private readonly ask: (leg: AnsweredLeg, signal: AbortSignal) => Promise<Confirmation>,
    private readonly on: { accepted(leg: AnsweredLeg): DialogEvents; failed(failure: LegFailure): void },
  ) {}

  start(): void {
    this.leg.ack();
    void this.ask(this.leg, this.#abort.signal)
      .catch((): Confirmation => 'gone')
      .then((end) => {
        if (this.#over) return;
        this.#over = true;
        if (end === 'accepted') {
          this.#taken = this.on.accepted(this.leg);
          return;
        }
        const outcome: Outcome = end === 'declined' ? 'declined' : 'no-answer';
        const cause = systemCause(outcome, outcome === 'declined' ? 603 : 480, 'Not confirmed');
        this.#hangUp(cause);
        this.on.failed({ outcome, cause });
      });
  }

  /** Another one took the call, or the caller has gone. */
  cancel(cause: EndCause): void {
    if (this.#over) return;
    this.#over = true;
    this.#abort.abort();
    this.#hangUp(cause);
  }

  #hangUp(cause: EndCause): void {
    this.leg.row.ended(cause);
    this.leg.release?.(0);
    this.leg.session.close();
    void this.leg.dialog.bye(cause).catch(() => undefined);
  }

  acknowledged(answer: Sdp | undefined): void {
    this.#taken?.acknowledged(answer);
  }

  change(change: Change): void {
    if (this.#taken !== undefined) return this.#taken.change(change);
    const { session } = this.leg;
    if (!isRelayed(session)) return change.reject(491);
    void answerLocally(change, session, undefined).catch(() => change.reject(488));
  }

  request(incoming: IncomingRequest): void {
    if (this.#taken !== undefined) return this.#taken.request(incoming);
    const digit = incoming.request.method === 'INFO' ? digitOfInfo(incoming) : undefined;
    if (digit === undefined) return answerByOurselves(incoming);
    this.leg.session.media?.infoDigit(digit);
    incoming.respond({ status: 200 });
  }

  ended(cause: EndCause): void {
    if (this.#taken !== undefined) return this.#taken.ended(cause);
    if (this.#over) return;
    this.#over = true;
    this.#abort.abort();
    this.leg.row.ended(cause);
    this.leg.release?.(0);
    this.leg.session.close();
    this.on.failed({ outcome: 'no-answer', cause: systemCause('no-answer', 480, 'Not confirmed') });
  }
}
