import type { AgentRefusal } from '../model/index.js';
import { becomeIdle, setDuty } from './agent-state.js';
import { saveAgent } from './agent-records.js';
import { about, type Caller, type House, type Member, type Ring, waitedMs } from './house.js';
import { intoLane, outOfLane } from './lanes.js';
import { leave, stopRing, takeBackRings } from './leaving.js';

/** Reason of a pause that the queue made. */
export const MISSES_REASON = 'no-answer';

/** What follows when an agent has picked up. */
export type Answered = (house: House, caller: Caller, member: Member, connection: unknown) => void;

/** Rings these agents for the caller, all at once. */
export function ringAgents(
  house: House,
  caller: Caller,
  members: readonly Member[],
  answered: Answered,
): void {
  outOfLane(caller);
  caller.state = 'offered';
  for (const member of members) ringAgent(house, caller, member, answered);
}

function ringAgent(house: House, caller: Caller, member: Member, answered: Answered): void {
  const { agent } = member;
  const { ringForMs } = caller.queue.settings;
  const ring: Ring = { agent, caller, member, since: house.now(), handle: undefined, over: false };
  caller.rings.push(ring);
  member.queue.cursor = member.index;
  setDuty(
    house,
    agent,
    { kind: 'ringing', ring },
    { afterMs: ringForMs, run: () => missed(house, ring, 'no-answer') },
  );
  house.record({ ...about(house, caller), kind: 'offered', agent: agent.extension });
  const offer = {
    agent: agent.extension,
    queue: caller.queue.name,
    callId: caller.callId,
    ...(caller.number !== undefined && { number: caller.number }),
    ...(caller.name !== undefined && { name: caller.name }),
    facts: caller.facts,
    waitedMs: waitedMs(house, caller),
    forMs: ringForMs,
    kind: caller.on === undefined ? ('callback' as const) : ('call' as const),
  };
  const { on } = caller;
  house.later(() => {
    if (ring.over) return;
    on?.offered?.(agent.extension);
    ring.handle = house.deps.phones.ring(offer, {
      answered: (connection) => house.run(() => pickedUp(house, ring, connection, answered)),
      failed: (outcome) => house.run(() => missed(house, ring, outcome)),
    });
  });
}

function pickedUp(house: House, ring: Ring, connection: unknown, answered: Answered): boolean {
  if (ring.over) return false;
  ring.over = true;
  const { caller, agent } = ring;
  caller.rings = caller.rings.filter((other) => other !== ring);
  takeBackRings(house, caller);
  agent.misses = 0;
  answered(house, caller, ring.member, connection);
  return true;
}

/** An agent did not take the caller, who goes back to the place it never lost. */
function missed(house: House, ring: Ring, outcome: AgentRefusal): void {
  if (ring.over) return;
  if (outcome === 'no-answer') stopRing(house, ring);
  ring.over = true;
  const { caller, agent } = ring;
  const ms = Math.round(house.now() - ring.since);
  house.record({ ...about(house, caller), kind: 'missed', agent: agent.extension, outcome, ms });
  countMiss(house, ring, outcome);
  ringEnded(house, ring);
}

function ringEnded(house: House, ring: Ring): void {
  const { caller } = ring;
  caller.rings = caller.rings.filter((other) => other !== ring);
  if (caller.rings.length > 0) return;
  if (caller.overdue) leave(house, caller, 'timeout');
  else {
    caller.state = 'waiting';
    intoLane(house, caller);
  }
}

/**
 * Who is paused when it happens too often: not who is on another call, nor one of many who are rung at once, or nobody would be left
 * after three callers.
 */
function countMiss(house: House, { agent, caller, member }: Ring, outcome: AgentRefusal): void {
  const { pauseAfterMisses, restMs } = caller.queue.settings;
  if (outcome !== 'busy' && member.queue.settings.strategy !== 'ring-all') agent.misses++;
  if (pauseAfterMisses > 0 && agent.misses >= pauseAfterMisses && agent.pause === undefined) {
    agent.misses = 0;
    agent.pause = { reason: MISSES_REASON, since: house.deps.clock.now(), by: 'misses' };
    saveAgent(house, agent);
    becomeIdle(house, agent);
  } else if (restMs > 0)
    setDuty(house, agent, { kind: 'resting' }, { afterMs: restMs, run: () => becomeIdle(house, agent) });
  else becomeIdle(house, agent);
}

/** The agent cannot be rung any more (paused, logged out, on another call): the caller goes back. */
export function takeBackFrom(house: House, ring: Ring): void {
  stopRing(house, ring);
  becomeIdle(house, ring.agent, true);
  ringEnded(house, ring);
}
