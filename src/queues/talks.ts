import { becomeIdle, setDuty } from './agent-state.js';
import { closeCallback } from './callback-records.js';
import { about, type Agent, type Caller, type House, type Member, waitedMs, placeNow } from './house.js';
import { giveUpPlace } from './leaving.js';

/** The caller and the agent talk from now on. */
export function connect(house: House, caller: Caller, member: Member, connection: unknown): void {
  const { agent } = member;
  const { on, queue } = caller;
  const ms = waitedMs(house, caller);
  giveUpPlace(house, caller);
  caller.state = 'connected';
  caller.agent = agent;
  agent.calls++;
  // A reload may have made the place anew.
  const place = placeNow(member);
  if (place !== undefined) place.calls++;
  setDuty(house, agent, { kind: 'talking', caller, since: house.now() });
  const callback = caller.callback !== undefined;
  closeCallback(house, caller, 'reached');
  house.record({
    ...about(house, caller),
    kind: 'answered',
    agent: agent.extension,
    ms,
    inServiceLevel: ms <= queue.settings.serviceLevelMs,
    position: caller.entered.position,
    agents: caller.entered.agents,
    atOnce: caller.atOnce,
    callback,
  });
  if (!callback && !caller.atOnce)
    queue.history.add({
      at: house.now(),
      waitMs: ms,
      position: caller.entered.position,
      agents: caller.entered.agents,
    });
  house.later(() =>
    on?.connected(agent.extension, connection, { queue: queue.name, waitedMs: ms, callback }),
  );
}

/** The conversation is over; the agent wraps up. */
export function endTalk(house: House, caller: Caller, end: { holdMs?: number; transferred?: boolean }): void {
  const { agent } = caller;
  if (caller.state !== 'connected' || agent === undefined) return;
  caller.state = 'gone';
  if (agent.duty.kind !== 'talking' || agent.duty.caller !== caller) return;
  const now = house.now();
  const total = Math.round(now - agent.duty.since);
  const holdMs = Math.min(total, Math.max(0, Math.round(end.holdMs ?? 0)));
  house.record({
    ...about(house, caller),
    kind: 'ended',
    agent: agent.extension,
    ms: total - holdMs,
    holdMs,
    transferred: end.transferred ?? false,
  });
  const { wrapUpMs } = caller.queue.settings;
  if (wrapUpMs === 0) becomeIdle(house, agent);
  else
    setDuty(
      house,
      agent,
      { kind: 'wrapping', caller, since: now },
      { afterMs: wrapUpMs, run: () => endWrapUp(house, agent) },
    );
}

/** By time, or sooner by the agent. */
export function endWrapUp(house: House, agent: Agent): void {
  if (agent.duty.kind !== 'wrapping') return;
  const { caller, since } = agent.duty;
  const ms = Math.round(house.now() - since);
  house.record({ ...about(house, caller), kind: 'wrapped', agent: agent.extension, ms });
  becomeIdle(house, agent);
}
