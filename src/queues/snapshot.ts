import type { QueueCallerView, QueuesSnapshot, QueueView } from '../model/index.js';
import { isLoggedIn } from './agent-state.js';
import { viewAgent } from './agents.js';
import { type Caller, type House, type Queue, waitedMs } from './house.js';

/** All queues and agents as they are now: one pass over callers and agents. */
export function takeSnapshot(house: House): QueuesSnapshot {
  return {
    at: house.deps.clock.now(),
    queues: [...house.queues.values()].map((queue) => viewQueue(house, queue)),
    agents: [...house.agents.values()].map((agent) => viewAgent(house, agent)),
  };
}

function viewQueue(house: House, queue: Queue): QueueView {
  const callers: QueueCallerView[] = [];
  let longestWaitMs = 0;
  for (const caller of queue.order) {
    const view = viewCaller(house, caller, callers.length + 1);
    callers.push(view);
    if (view.kind === 'call') longestWaitMs = Math.max(longestWaitMs, view.waitMs);
  }
  return {
    name: queue.name,
    callers,
    waiting: queue.onLine,
    callbacks: callers.length - queue.onLine,
    longestWaitMs,
    agents: {
      loggedIn: queue.members.filter(({ agent }) => isLoggedIn(agent, queue.name)).length,
      available: queue.pool.size,
      talking: queue.members.filter(({ agent }) => agent.state === 'talking').length,
    },
  };
}

function viewCaller(house: House, caller: Caller, position: number): QueueCallerView {
  const { state } = caller;
  return {
    ticket: caller.ticket,
    kind: caller.on === undefined ? 'callback' : 'call',
    state: state === 'offered' || state === 'calling-back' || state === 'paused' ? state : 'waiting',
    position,
    callId: caller.callId,
    ...(caller.number !== undefined && { number: caller.number }),
    ...(caller.name !== undefined && { name: caller.name }),
    priority: caller.priority,
    enteredAt: house.timeOf(caller.since),
    waitMs: waitedMs(house, caller),
    agents: caller.rings.map((ring) => ring.agent.extension),
    ...(caller.callback !== undefined && { callback: caller.callback }),
  };
}
