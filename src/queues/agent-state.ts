import type { AgentState } from '../model/index.js';
import type { Agent, Duty, House, Member, Queue } from './house.js';

export const QUARTER_MS = 900_000;

/** Brings everything in line that follows from what an agent does and chose: pools, who is there, the recorded state. */
export function refresh(house: House, agent: Agent): void {
  const state = stateOf(agent);
  if (state !== agent.state) {
    recordState(house, agent);
    agent.state = state;
    agent.stateSince = house.now();
  }
  const isFree = state === 'available';
  const isThere = agent.pause?.by !== 'misses';
  for (const member of agent.members) {
    const loggedIn = isLoggedIn(agent, member.queue.name);
    setPooled(house, member, isFree && loggedIn);
    setCounted(house, member, isThere && loggedIn);
  }
  if (agent.members.length === 0 && agent.duty.kind === 'idle') {
    recordState(house, agent);
    house.freed.delete(agent);
    house.agents.delete(agent.extension);
  }
}

/** Gives the agent something else to do; what was due for the former is no longer. */
export function setDuty(
  house: House,
  agent: Agent,
  duty: Duty,
  alarm?: { afterMs: number; run: () => void },
): void {
  house.agenda.clear(agent.alarm);
  agent.alarm =
    alarm === undefined
      ? undefined
      : house.agenda.set(house.now() + alarm.afterMs, () => {
          agent.alarm = undefined;
          alarm.run();
        });
  agent.duty = duty;
  refresh(house, agent);
}

/** Free again. `keepIdle`: a ring was taken back through no doing of the agent's, who keeps the place among the idle. */
export function becomeIdle(house: House, agent: Agent, keepIdle = false): void {
  if (!keepIdle) agent.idleSince = house.now();
  setDuty(house, agent, { kind: 'idle' });
}

export function isLoggedIn(agent: Agent, queue: string): boolean {
  return agent.loggedOut !== 'all' && !agent.loggedOut.has(queue);
}

/** Records the time in the present state, up to now. */
export function recordState(house: House, agent: Agent): void {
  const now = house.now();
  const ms = Math.round(now - agent.recordedTo);
  agent.recordedTo = now;
  if (ms <= 0) return;
  house.record({
    kind: 'agent',
    at: house.timeOf(now),
    agent: agent.extension,
    state: agent.state,
    ms,
    ...(agent.state === 'paused' && agent.pause !== undefined && { reason: agent.pause.reason }),
  });
}

function stateOf(agent: Agent): AgentState {
  const { duty } = agent;
  if (duty.kind === 'talking') return 'talking';
  if (duty.kind === 'wrapping') return 'wrap-up';
  if (duty.kind === 'ringing' || duty.kind === 'reserved') return 'ringing';
  if (agent.members.every((member) => !isLoggedIn(agent, member.queue.name))) return 'logged-out';
  if (agent.pause !== undefined) return 'paused';
  if (agent.outside) return 'busy';
  return duty.kind === 'resting' ? 'resting' : 'available';
}

function setPooled(house: House, member: Member, pooled: boolean): void {
  if (member.pooled === pooled) return;
  member.pooled = pooled;
  if (pooled) {
    member.queue.pool.add(member);
    house.freed.add(member.agent);
  } else member.queue.pool.remove(member);
}

function setCounted(house: House, member: Member, counted: boolean): void {
  if (member.counted === counted) return;
  member.counted = counted;
  const { queue } = member;
  queue.present += counted ? 1 : -1;
  if (queue.present === (counted ? 1 : 0)) for (const feeder of queue.feeders) watchEmpty(house, feeder);
}

/** Agents who are there for callers of this queue, in the end. */
export function agentsThere(house: House, queue: Queue): number {
  let there = queue.present;
  for (const { also } of queue.settings.overflow) there += house.queues.get(also)?.present ?? 0;
  return there;
}

/** When the last agent has gone, callers stay for a while and leave then. */
export function watchEmpty(house: House, queue: Queue): void {
  if (agentsThere(house, queue) > 0) {
    house.agenda.clear(queue.emptyAlarm);
    queue.emptyAlarm = undefined;
  } else
    queue.emptyAlarm ??= house.agenda.set(house.now() + queue.settings.emptyForMs, () => {
      queue.emptyAlarm = undefined;
      queue.whenEmpty();
    });
}
