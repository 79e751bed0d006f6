import { callbackPickedUp, callCallerFirst } from './callbacks.js';
import { type Agent, type Caller, compareCallers, type House, type Member } from './house.js';
import { isServable, meets, outOfLane } from './lanes.js';
import { pick } from './pool.js';
import { ringAgents } from './rings.js';
import { connect } from './talks.js';

/**
 * Places until nobody is left who can be: again and again the first caller (by priority, then age) for whom an agent is free gets the
 * agent whom the strategy chooses. Before a change no waiting caller had a free agent, so only those count who came, came back or
 * became less demanding, and the callers of agents who became free.
 */
export function settle(house: House): void {
  while (house.seeking.size > 0 || house.freed.size > 0) {
    let caller = firstPlaceable(house);
    for (const agent of house.freed) {
      const head = bestFor(agent);
      if (head === undefined) house.freed.delete(agent);
      else if (caller === undefined || compareCallers(head, caller) < 0) caller = head;
    }
    if (caller === undefined) return;
    place(house, caller, pick(caller.lane!, house.deps.random));
  }
}

/** The first of those who seek for whom somebody is free; who is before it seeks no more. */
function firstPlaceable(house: House): Caller | undefined {
  for (;;) {
    const caller = house.seeking.first;
    if (caller === undefined) return undefined;
    if (isServable(caller)) return caller;
    caller.seeking = false;
    house.seeking.remove(caller);
  }
}

/** The first caller whom this agent may serve, over all queues; undefined: none, or the agent is not free. */
function bestFor(agent: Agent): Caller | undefined {
  let best: Caller | undefined;
  for (const member of agent.members) {
    if (!member.pooled) continue;
    for (const lane of member.queue.served) {
      const head = lane.waiting.first;
      if (head === undefined || (best !== undefined && compareCallers(best, head) <= 0)) continue;
      if (meets(member, lane.demand)) best = head;
    }
  }
  return best;
}

function place(house: House, caller: Caller, members: readonly Member[]): void {
  const isLive = caller.on !== undefined;
  if (isLive) ringAgents(house, caller, members, connect);
  else if (caller.queue.settings.callback?.order === 'caller-first') {
    outOfLane(caller);
    callCallerFirst(house, caller, members[0]!);
  } else ringAgents(house, caller, members, callbackPickedUp);
}
