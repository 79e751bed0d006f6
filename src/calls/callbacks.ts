import type {
  AgentOffer,
  CallbackPlacement,
  PlacementOutcome,
  Ringing,
  RingOutcome,
} from '../queues/index.js';
import type { CallEnvironment } from './call-environment.js';
import { CallbackCall, NOTHING_RINGS, type CallbackHouse } from './callback-call.js';
import { COMPLETED_ELSEWHERE } from './cause.js';
import type { WaitingLeg } from './waiting-leg.js';

/** The calls that keep queues' promises to call back. */
export class Callbacks {
  /** Of agents who picked up first. */
  readonly #calls = new WeakMap<WaitingLeg, CallbackCall>();

  constructor(private readonly env: CallEnvironment) {}

  /** Agent first: the agent's phone rings. */
  ring(offer: AgentOffer, on: RingOutcome<WaitingLeg>): Ringing {
    const house = this.#house();
    const { number, agent, queue, callId } = offer;
    if (house === undefined || number === undefined) {
      on.failed('unreachable');
      return NOTHING_RINGS;
    }
    const call = new CallbackCall(this.env, house, { agent, queue, number, promisedIn: callId });
    return call.ringFirst(offer, {
      answered: (waiting) => {
        this.#calls.set(waiting, call);
        return on.answered(waiting);
      },
      failed: (outcome) => on.failed(outcome),
    });
  }

  /** The caller's phone rings. */
  place(placement: CallbackPlacement<WaitingLeg>, on: PlacementOutcome<WaitingLeg>): Ringing {
    const { connection, agent, callback } = placement;
    const house = this.#house();
    const { queue, number, callId } = callback;
    const call =
      placement.order === 'agent-first'
        ? connection && this.#calls.get(connection)
        : house && new CallbackCall(this.env, house, { agent, queue, number, promisedIn: callId });
    if (call !== undefined) return call.place(placement, on);
    connection?.hangUp(COMPLETED_ELSEWHERE);
    on.failed('unreachable');
    return NOTHING_RINGS;
  }

  #house(): CallbackHouse | undefined {
    const { media } = this.env;
    const current = this.env.plan();
    return media === undefined || current === undefined ? undefined : { ...current, media };
  }
}
