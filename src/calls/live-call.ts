import type { EndCause } from '../model/index.js';
import type { AgentOffer, Ringing, RingOutcome } from '../queues/index.js';
import type { Replaces } from '../sip/index.js';
import type { OnDemandRecording } from './on-demand-recording.js';
import type { PickUp } from './pickup.js';
import type { RunningCall } from './ports.js';
import type { MediaLoss } from './session-opener.js';
import type { Supervision } from './supervision.js';
import type { TransferHost, Transfers } from './transfer.js';
import type { WaitingLeg } from './waiting-leg.js';

/** One of the two who talk. Where we called both, the one who was there first is the caller. */
export type Party = 'caller' | 'callee';

export function otherParty(party: Party): Party {
  return party === 'caller' ? 'callee' : 'caller';
}

/** A call that runs, as all that is told of it or done to it from outside sees it. */
export interface LiveCall extends TransferHost {
  /** Numbers dialled on the way here, where our own calls come back to us. */
  readonly chain: readonly string[];
  readonly transfers: Transfers;
  readonly supervision: Supervision;
  readonly onDemand: OnDemandRecording;
  show(): RunningCall;
  /** Idempotent. */
  end(cause: EndCause): void;
  /** Rings an agent for the caller who waits in a queue; undefined: nobody waits here. */
  ringAgent(offer: AgentOffer, on: RingOutcome<WaitingLeg>): Ringing | undefined;
  /** What rings at the extension (its tenant before it) for this call, and may be picked up elsewhere. */
  ringingAt(extension: string): PickUp | undefined;
  /** Whose dialog with us this names; undefined: none of this call's. */
  partyNamedBy(replaces: Replaces): Party | undefined;
  /**
   * This one's leg goes to another call, which hears of its media by `lost`; the call ends, and hangs up on the other one. Undefined:
   * it cannot be taken out, and the call goes on.
   */
  handOver(who: Party, lost: (why: MediaLoss) => void): WaitingLeg | undefined;
}

/** The call and the party whose dialog with us this names. */
export function findNamed(
  calls: Iterable<LiveCall>,
  replaces: Replaces,
): { readonly call: LiveCall; readonly who: Party } | undefined {
  for (const call of calls) {
    const who = call.partyNamedBy(replaces);
    if (who !== undefined) return { call, who };
  }
  return undefined;
}
