import type { Clock } from '../base/clock.js';
import { newOrderedUuid } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Calls, WaitingLeg } from '../calls/index.js';
import type { Plan } from '../dialplan/index.js';
import { createQueues, type QueueDeps, type Queues } from '../queues/index.js';

type QueueStore = Pick<QueueDeps<WaitingLeg>, 'events' | 'callbacks' | 'agentStates'>;

export interface QueuesRoom {
  readonly queues: Queues<WaitingLeg>;
  /** The queues of a plan that takes force. */
  follow(plan: Plan): void;
}

/** The queues, their agents' phones being extensions. `calls` is asked for when a phone is to ring, which is after the start. */
export function createQueuesRoom(
  store: QueueStore,
  deps: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly calls: () => Pick<Calls, 'ringAgent' | 'placeCallback'>;
    readonly onEvent: NonNullable<QueueDeps<WaitingLeg>['onEvent']>;
  },
): QueuesRoom {
  const { clock, logger, calls, onEvent } = deps;
  const queues = createQueues<WaitingLeg>({
    clock,
    logger,
    random: Math.random,
    newId: newOrderedUuid,
    phones: { ring: (offer, on) => calls().ringAgent(offer, on) },
    callbackPhones: { place: (placement, on) => calls().placeCallback(placement, on) },
    ...store,
    onEvent,
  });
  return { queues, follow: (plan) => queues.configure([...plan.queues.values()]) };
}
