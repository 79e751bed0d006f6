import type { AgentChange, AgentView } from '../model/index.js';
import { becomeIdle, isLoggedIn, refresh } from './agent-state.js';
import { saveAgent } from './agent-records.js';
import type { Agent, House } from './house.js';
import type { QueueAgents } from './queues.js';
import { takeBackFrom } from './rings.js';
import { endWrapUp } from './talks.js';

/** What agents do by phone code and API. */
export function createAgents(house: House): QueueAgents {
  /** Runs a change of an agent, brings in line what follows, and says how the agent is then. */
  function change(extension: string, queues: readonly string[], apply: (agent: Agent) => void): AgentChange {
    return house.run(() => {
      const agent = house.agents.get(extension);
      if (agent === undefined || agent.members.length === 0)
        return { kind: 'refused', reason: 'not-an-agent' };
      const isIn = (queue: string): boolean => agent.members.some((member) => member.queue.name === queue);
      if (!queues.every(isIn)) return { kind: 'refused', reason: 'not-in-queue' };
      const wasFree = agent.state === 'available';
      apply(agent);
      saveAgent(house, agent);
      if (!wasFree && agent.duty.kind === 'idle') agent.idleSince = house.now();
      withdrawRing(house, agent);
      refresh(house, agent);
      return { kind: 'done', agent: viewAgent(house, agent) };
    });
  }

  return {
    login: (extension, queues = []) =>
      change(extension, queues, (agent) => {
        const names = queues.length > 0 ? queues : namesOf(agent);
        for (const member of agent.members) {
          if (names.includes(member.queue.name) && !isLoggedIn(agent, member.queue.name))
            resetCalls(agent, member);
        }
        const before = agent.loggedOut === 'all' ? new Set(namesOf(agent)) : agent.loggedOut;
        agent.loggedOut = new Set([...before].filter((name) => queues.length > 0 && !names.includes(name)));
        if (agent.pause?.by === 'misses') agent.pause = undefined;
      }),
    logout: (extension, queues = []) =>
      change(extension, queues, (agent) => {
        if (queues.length === 0) agent.loggedOut = 'all';
        else if (agent.loggedOut !== 'all') agent.loggedOut = new Set([...agent.loggedOut, ...queues]);
      }),
    pause: (extension, reason) =>
      change(extension, [], (agent) => {
        agent.pause = { reason, since: house.deps.clock.now(), by: 'agent' };
      }),
    resume: (extension) =>
      change(extension, [], (agent) => {
        agent.pause = undefined;
        agent.misses = 0;
        if (agent.duty.kind === 'wrapping') endWrapUp(house, agent);
        else if (agent.duty.kind === 'resting') becomeIdle(house, agent);
      }),
    busy: (extension, busy) =>
      house.run(() => {
        if (busy) house.busyOutside.add(extension);
        else house.busyOutside.delete(extension);
        const agent = house.agents.get(extension);
        if (agent === undefined || agent.outside === busy) return;
        agent.outside = busy;
        if (!busy && agent.duty.kind === 'idle') agent.idleSince = house.now();
        withdrawRing(house, agent);
        refresh(house, agent);
      }),
    get(extension) {
      const agent = house.agents.get(extension);
      return agent === undefined ? undefined : viewAgent(house, agent);
    },
  };
}

function namesOf(agent: Agent): string[] {
  return agent.members.map((member) => member.queue.name);
}

function resetCalls(agent: Agent, member: Agent['members'][number]): void {
  member.calls = 0;
  if (agent.members.every(({ queue }) => !isLoggedIn(agent, queue.name))) agent.calls = 0;
}

/** A ring is taken back from an agent who is no longer there for it. */
function withdrawRing(house: House, agent: Agent): void {
  if (agent.duty.kind !== 'ringing') return;
  const { ring } = agent.duty;
  const isThere = isLoggedIn(agent, ring.member.queue.name) && agent.pause === undefined && !agent.outside;
  if (!isThere) takeBackFrom(house, ring);
}

export function viewAgent(house: House, agent: Agent): AgentView {
  const { duty } = agent;
  const caller =
    duty.kind === 'ringing'
      ? duty.ring.caller
      : duty.kind === 'idle' || duty.kind === 'resting'
        ? undefined
        : duty.caller;
  return {
    extension: agent.extension,
    state: agent.state,
    since: house.timeOf(agent.stateSince),
    ...(agent.state === 'paused' && agent.pause !== undefined && { reason: agent.pause.reason }),
    ...(caller !== undefined && { queue: caller.queue.name, callId: caller.callId }),
    queues: agent.members.map(({ queue: { name } }) => ({ name, loggedIn: isLoggedIn(agent, name) })),
    calls: agent.calls,
  };
}
