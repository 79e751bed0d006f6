import type { Leg } from '../dialplan/index.js';
import type { DialogEvents, Sdp } from '../signalling/index.js';
import { COMPLETED_ELSEWHERE } from './cause.js';
import type { CallerSide } from './caller-side.js';
import type { AnsweredLeg } from './leg-attempt.js';
import type { MediaLoss } from './session-opener.js';
import type { WaitingLeg } from './waiting-leg.js';

/** A call that rings somewhere, and may be taken elsewhere. */
export interface PickUp {
  readonly callId: string;
  /** The leg that picked up answers the call in the place of all that ring; it is hung up on where that is not possible any more. */
  take(waiting: WaitingLeg, agreed: Sdp): Promise<void>;
  /** The media of a leg that was taken is lost. */
  mediaLost(why: MediaLoss): void;
}

/** What the call does whose ringing is taken over. */
export interface RingingHost {
  readonly callId: string;
  readonly caller: Pick<CallerSide, 'relay' | 'media' | 'leg'>;
  /** All that rings is told to stop. */
  cancel(): void;
  join(leg: AnsweredLeg): DialogEvents;
  note(text: string): void;
  mediaLost(why: MediaLoss): void;
}

/** The ringing of one step, from its begin until somebody answers or all have failed. */
export class RingingStep implements PickUp {
  #isOver = false;

  constructor(
    private readonly legs: readonly Leg[],
    private readonly host: RingingHost,
  ) {}

  get callId(): string {
    return this.host.callId;
  }

  /** Whether a phone of the extension (its tenant before it) is rung. */
  rings(extension: string): boolean {
    const { leg, media } = this.host.caller;
    // What the caller has agreed on reliably already cannot be moved to us any more.
    if (this.#isOver || (!media.relayed && leg.reliableAnswer !== undefined)) return false;
    return this.legs.some(({ to }) => to.kind === 'device' && to.extension === extension);
  }

  over(): void {
    this.#isOver = true;
  }

  async take(waiting: WaitingLeg, agreed: Sdp): Promise<void> {
    const { host } = this;
    // Who picks up talks through us: the caller's media has to be there first.
    const isReady = await host.caller.relay();
    if (!isReady || this.#isOver || waiting.isOver) {
      waiting.hangUp(COMPLETED_ELSEWHERE);
      return;
    }
    this.#isOver = true;
    host.cancel();
    host.note(`picked up by ${waiting.leg.label}`);
    waiting.join(host.join({ ...waiting.leg, sdp: agreed }));
  }

  mediaLost(why: MediaLoss): void {
    this.host.mediaLost(why);
  }
}
