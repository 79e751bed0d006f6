import { legsToExtension, type Action, type Plan } from '../dialplan/index.js';
import type { CallFacts } from '../model/index.js';
import type { AgentOffer, Ringing, RingOutcome } from '../queues/index.js';
import { agentIdentity, refusalOf } from './agent-offer.js';
import { answerCodecs } from './answer-codecs.js';
import type { CallLegs } from './call-legs.js';
import type { CallerSide } from './caller-side.js';
import { COMPLETED_ELSEWHERE } from './cause.js';
import type { ConnectAction, ConnectStep } from './connect-step.js';
import { WaitingLeg } from './waiting-leg.js';

/** Who waits, and how its call sends out legs. */
export interface AgentRinger {
  readonly legs: CallLegs;
  readonly caller: CallerSide;
  readonly plan: Plan;
  readonly facts: CallFacts;
  readonly step: Extract<Action, { kind: 'queue' }>['step'];
}

/** Rings an agent of a queue for the caller who waits. What the caller entered goes along as headers. */
export function ringAgent(
  { legs, caller, plan, facts, step }: AgentRinger,
  offer: AgentOffer,
  on: RingOutcome<WaitingLeg>,
): Ringing {
  const identity = agentIdentity(offer);
  const targets = legsToExtension(plan, offer.agent, facts.tenant, identity);
  if (targets.length === 0) {
    on.failed('unreachable');
    return { cancel: () => undefined };
  }
  let isOver = false;
  let ring: ConnectStep | undefined;
  const begin = (): void => {
    const action: ConnectAction = {
      kind: 'connect',
      step,
      groups: [{ legs: targets, forMs: offer.forMs }],
      stopOnDecline: true,
      identity,
      fax: false,
      music: 'ringback',
    };
    ring = legs.connect(action, caller.media, caller.offer, {
      progress: (progress) => progress.answerOffer?.(),
      answered: (leg) => {
        leg.row.answered(answerCodecs(leg.sdp));
        const waiting = new WaitingLeg(leg, () => undefined);
        if (isOver || !on.answered(waiting)) waiting.hangUp(COMPLETED_ELSEWHERE);
        return waiting;
      },
      failed: (result) => {
        if (!isOver) on.failed(refusalOf(result.outcome));
      },
    });
    ring.start();
  };
  // The agent talks to the caller through us: the caller's media has to be there first.
  void caller.relay().then((isReady) => {
    if (isReady && !isOver) begin();
  });
  return {
    cancel: () => {
      isOver = true;
      ring?.cancel(COMPLETED_ELSEWHERE);
    },
  };
}
