import type { AgentStateRecord } from '../model/index.js';
import type { Agent, House } from './house.js';

/** Keeps what an agent chose over restarts. */
export function saveAgent(house: House, agent: Agent): void {
  const choice: AgentStateRecord = {
    agent: agent.extension,
    loggedOut: agent.loggedOut === 'all' ? 'all' : [...agent.loggedOut],
    ...(agent.pause !== undefined && { pause: agent.pause }),
    at: house.deps.clock.now(),
  };
  house.choices.set(agent.extension, choice);
  house.deps.agentStates.save(choice);
}
