import type { CallerIdentity } from '../dialplan/index.js';
import type { AgentRefusal } from '../model/index.js';
import type { AgentOffer } from '../queues/index.js';

/** Where what the caller entered holds the DID that was called, if one was. */
export const CALLED_FACT = 'did';

const MAX_FACTS = 20;
const MAX_FACT = 200;

/** What an agent's phone is told of the caller. */
export function agentIdentity({ name, queue, waitedMs, facts }: AgentOffer): CallerIdentity {
  const entered = Object.entries(facts)
    .slice(0, MAX_FACTS)
    .map(([key, value]): readonly [string, string] => [`X-Trunkline-${key}`, value.slice(0, MAX_FACT)]);
  return {
    mode: 'keep',
    ...(name === undefined ? {} : { name }),
    headers: [
      ['X-Trunkline-Queue', queue],
      ['X-Trunkline-Waited', String(Math.round(waitedMs / 1000))],
      ...entered,
    ],
  };
}

/** What the outcome of a leg is to a queue. */
export function refusalOf(outcome: string): AgentRefusal {
  return outcome === 'busy' || outcome === 'no-answer' || outcome === 'declined' ? outcome : 'unreachable';
}
