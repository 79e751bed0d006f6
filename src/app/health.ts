import type { ApiPorts, ApiQueues } from '../api/index.js';
import type { EngineLoad } from '../media/index.js';

type Health = ReturnType<ApiPorts['health']>;

/** What `GET /health` says. */
export function healthOf(
  state: {
    readonly draining: boolean;
    readonly signallingUp: boolean;
    readonly storeFailing: boolean;
    readonly media: EngineLoad;
    readonly queues: ApiQueues;
  },
  facts: Pick<Health, 'version' | 'uptimeS' | 'listeners' | 'calls' | 'planRevision'>,
): Health {
  const { draining, signallingUp, storeFailing, media } = state;
  const fine = signallingUp && !storeFailing && media.portsFree > 0;
  return {
    ...facts,
    status: draining ? 'draining' : fine ? 'ok' : 'degraded',
    signalling: signallingUp ? 'up' : 'down',
    store: storeFailing ? 'failing' : 'ok',
    media,
    queues: totals(state.queues),
  };
}

/** Sums over all queues; an agent of several counts once. */
function totals(source: ApiQueues): Health['queues'] {
  const { queues, agents } = source.snapshot();
  const count = (of: (agent: (typeof agents)[number]) => boolean): number => agents.filter(of).length;
  return {
    waiting: queues.reduce((sum, queue) => sum + queue.waiting, 0),
    callbacks: queues.reduce((sum, queue) => sum + queue.callbacks, 0),
    longestWaitMs: Math.max(0, ...queues.map((queue) => queue.longestWaitMs)),
    agents: {
      loggedIn: count((agent) => agent.state !== 'logged-out'),
      available: count((agent) => agent.state === 'available'),
      talking: count((agent) => agent.state === 'talking'),
    },
  };
}
