import type { Outcome } from '../dialplan/index.js';
import type { EndCause } from '../model/index.js';
import type { DialogEvents } from '../signalling/index.js';
import { systemCause } from './cause.js';
import type { AnsweredLeg } from './leg-attempt.js';
import type { LegFailure, LegRun } from './leg-run.js';
import { WaitingLeg } from './waiting-leg.js';

/** What became of "press 1 to take the call". */
export type Confirmation = 'accepted' | 'declined' | 'no-answer' | 'gone';

/** A leg that picked up and is asked whether it takes the call; the caller goes on hearing it ring. */
export class ConfirmedLeg implements LegRun {
  readonly forks = false;
  readonly waiting: WaitingLeg;
  readonly #abort = new AbortController();
  #over = false;

  constructor(
    leg: AnsweredLeg,
    private readonly ask: (leg: AnsweredLeg, signal: AbortSignal) => Promise<Confirmation>,
    private readonly on: { accepted(leg: AnsweredLeg): DialogEvents; failed(failure: LegFailure): void },
  ) {
    this.waiting = new WaitingLeg(leg, () => {
      if (this.#over) return;
      this.#over = true;
      this.#abort.abort();
      this.#fail('no-answer');
    });
  }

  start(): void {
    void this.ask(this.waiting.leg, this.#abort.signal)
      .catch((): Confirmation => 'gone')
      .then((end) => {
        if (this.#over) return;
        this.#over = true;
        if (end === 'accepted') this.waiting.join(this.on.accepted(this.waiting.leg));
        else this.#fail(end === 'declined' ? 'declined' : 'no-answer');
      });
  }

  /** Another one took the call, or the caller has gone. */
  cancel(cause: EndCause): void {
    if (this.#over) return;
    this.#over = true;
    this.#abort.abort();
    this.waiting.hangUp(cause);
  }

  #fail(outcome: Extract<Outcome, 'declined' | 'no-answer'>): void {
    const cause = systemCause(outcome, outcome === 'declined' ? 603 : 480, 'Not confirmed');
    this.waiting.hangUp(cause);
    this.on.failed({ outcome, cause });
  }
}
