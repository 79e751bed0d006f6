import type { AgentRefusal, CallbackRecord } from '../model/index.js';
import { becomeIdle, setDuty } from './agent-state.js';
import { closeCallback, saveCallback } from './callback-records.js';
import { about, type Attempt, type Caller, type House, type Member, placeNow, type Queue } from './house.js';
import { intoLane } from './lanes.js';
import { giveUpPlace, takeBackRings } from './leaving.js';
import type { QueueCallerEvents, QueueTicket } from './queues.js';
import { ringAgents } from './rings.js';
import { CALLBACK_DEFAULTS } from './settings.js';
import { connect } from './talks.js';

/** The port ends an attempt by itself sooner; if it does not, the agent must not be lost. */
const ATTEMPT_GUARD_MS = 120_000;

/** Agent first: an agent has picked up, now the caller is called. */
export function callbackPickedUp(house: House, caller: Caller, member: Member, connection: unknown): void {
  begin(house, { caller, member, order: 'agent-first', connection, handle: undefined, over: false });
}

/** Caller first: the agent is kept free meanwhile. */
export function callCallerFirst(house: House, caller: Caller, member: Member): void {
  begin(house, {
    caller,
    member,
    order: 'caller-first',
    connection: undefined,
    handle: undefined,
    over: false,
  });
}

function begin(house: House, attempt: Attempt): void {
  const { caller, member } = attempt;
  house.agenda.clear(caller.alarm);
  caller.alarm = house.agenda.set(house.now() + ATTEMPT_GUARD_MS, () => {
    house.later(() => attempt.handle?.cancel());
    failed(house, attempt, 'no-answer');
  });
  caller.state = 'calling-back';
  caller.attempt = attempt;
  setDuty(house, member.agent, { kind: 'reserved', caller });
  const attempts = caller.callback!.attempts + 1;
  const saved = saveCallback(house, caller, { state: 'placing', attempts, agent: member.agent.extension });
  // What is not on disk yet could be called again after a crash, without being counted.
  void saved.then(() => house.run(() => dial(house, attempt)));
}

function dial(house: House, attempt: Attempt): void {
  if (attempt.over || house.stopped) return;
  const { caller, member, order, connection } = attempt;
  const agent = member.agent.extension;
  house.record({ ...about(house, caller), kind: 'callback', outcome: 'placed', agent });
  house.later(() => {
    if (attempt.over) return;
    attempt.handle = house.deps.callbackPhones.place(
      { callback: caller.callback!, agent, order, ...(order === 'agent-first' && { connection }) },
      {
        answered: (callId, on) => house.runAnswering(() => reached(house, attempt, callId, on)),
        failed: (outcome) => house.run(() => failed(house, attempt, outcome)),
      },
    );
  });
}

function reached(
  house: House,
  attempt: Attempt,
  callId: string,
  on: QueueCallerEvents<unknown>,
): QueueTicket | undefined {
  if (attempt.over) return undefined;
  const { caller, member } = attempt;
  const { agent } = member;
  end(house, attempt);
  house.record({ ...about(house, caller), kind: 'callback', outcome: 'reached', agent: agent.extension });
  caller.callId = callId;
  caller.on = on;
  caller.queue.onLine++;
  if (attempt.order === 'agent-first') connect(house, caller, member, attempt.connection);
  else {
    releaseAgent(house, attempt);
    const place = placeNow(member);
    if (place?.pooled === true) ringAgents(house, caller, [place], connect);
    else seekAgain(house, caller);
  }
  return house.ticketFor(caller);
}

function failed(house: House, attempt: Attempt, outcome: AgentRefusal | 'agent-gone'): void {
  if (attempt.over) return;
  const { caller, member } = attempt;
  const { queue } = caller;
  end(house, attempt);
  if (outcome === 'agent-gone') {
    const { restMs } = queue.settings;
    const { agent } = member;
    setDuty(house, agent, { kind: 'resting' }, { afterMs: restMs, run: () => becomeIdle(house, agent) });
    void saveCallback(house, caller, { state: 'waiting', attempts: caller.callback!.attempts - 1 });
    seekAgain(house, caller);
    return;
  }
  releaseAgent(house, attempt);
  house.record({
    ...about(house, caller),
    kind: 'callback',
    outcome: 'missed',
    agent: member.agent.extension,
  });
  const { attempts, retryMs } = triesOf(queue);
  if (caller.callback!.attempts >= attempts) {
    giveUpPlace(house, caller);
    caller.state = 'gone';
    closeCallback(house, caller, 'failed');
    return;
  }
  void saveCallback(house, caller, { state: 'waiting', notBefore: house.deps.clock.now() + retryMs });
  pauseCallback(house, caller, retryMs);
}

function end(house: House, attempt: Attempt): void {
  attempt.over = true;
  attempt.caller.attempt = undefined;
  house.agenda.clear(attempt.caller.alarm);
  attempt.caller.alarm = undefined;
}

function releaseAgent(house: House, { caller, member }: Attempt): void {
  const { duty } = member.agent;
  if (duty.kind === 'reserved' && duty.caller === caller) becomeIdle(house, member.agent, true);
}

/** Keeps its place, but is not called before this time is over. */
export function pauseCallback(house: House, caller: Caller, forMs: number): void {
  caller.state = 'paused';
  house.agenda.clear(caller.alarm);
  caller.alarm = house.agenda.set(house.now() + Math.max(0, forMs), () => {
    caller.alarm = undefined;
    seekAgain(house, caller);
  });
}

function seekAgain(house: House, caller: Caller): void {
  if (house.queues.get(caller.queue.name) === caller.queue) {
    caller.state = 'waiting';
    intoLane(house, caller);
    house.watchCaller(caller);
  } else setAside(house, caller);
}

/** The queue is no longer there: the callback waits for its return. */
export function setAside(house: House, caller: Caller): void {
  if (caller.state === 'calling-back') return;
  takeBackRings(house, caller);
  giveUpPlace(house, caller);
  caller.state = 'gone';
  house.callbacks.delete(caller.callback!.id);
  house.orphans.set(caller.callback!.id, caller.callback!);
}

/** A callback takes the place of before a restart. */
export function restoreCallback(house: House, queue: Queue, record: CallbackRecord): void {
  const wall = house.deps.clock.now();
  const { attempts, retryMs } = triesOf(queue);
  const caller = callbackCaller(house, queue, record, {
    since: house.now() - (wall - record.enteredAt),
    order: house.nextOrder(),
    entered: { position: 0, agents: 0 },
  });
  if (record.attempts >= attempts) {
    closeCallback(house, caller, 'failed');
    return;
  }
  // The crash cut the attempt off: it counts.
  const notBefore = record.state === 'placing' ? wall + retryMs : (record.notBefore ?? 0);
  if (record.state === 'placing') void saveCallback(house, caller, { state: 'waiting', notBefore });
  takePlace(house, caller);
  if (notBefore > wall) pauseCallback(house, caller, notBefore - wall);
  else seekAgain(house, caller);
}

/** Puts a callback into the queue. */
export function takePlace(house: House, caller: Caller): void {
  caller.queue.order.add(caller);
  caller.queue.callbackByNumber.set(caller.callback!.number, caller);
  house.callbacks.set(caller.callback!.id, caller);
}

export function callbackCaller(
  house: House,
  queue: Queue,
  record: CallbackRecord,
  place: Pick<Caller, 'since' | 'order' | 'entered'>,
): Caller {
  return {
    ticket: house.deps.newId(),
    queue,
    callId: record.callId,
    number: record.number,
    name: record.callerName,
    priority: record.priority,
    wanted: record.skills,
    facts: record.facts,
    maxWaitMs: undefined,
    ...place,
    state: 'waiting',
    on: undefined,
    callback: record,
    rings: [],
    lane: undefined,
    seeking: false,
    overdue: false,
    alarm: undefined,
    nextStageAt: Infinity,
    nextNewsAt: Infinity,
    callbackOfferAt: Infinity,
    atOnce: false,
    agent: undefined,
    attempt: undefined,
  };
}

/** Withdraws a callback. False: it is over, or the caller is on the line. */
export function cancelCallback(house: House, id: string): boolean {
  const orphan = house.orphans.get(id);
  if (orphan !== undefined) {
    house.orphans.delete(id);
    void house.deps.callbacks.save({ ...orphan, state: 'cancelled', endedAt: house.deps.clock.now() });
    return true;
  }
  const caller = house.callbacks.get(id);
  if (caller === undefined || caller.on !== undefined) return false;
  const { attempt } = caller;
  if (attempt !== undefined) {
    end(house, attempt);
    house.later(() => attempt.handle?.cancel());
    releaseAgent(house, attempt);
  }
  takeBackRings(house, caller);
  giveUpPlace(house, caller);
  caller.state = 'gone';
  closeCallback(house, caller, 'cancelled');
  return true;
}

/** A reload may have taken callbacks from the queue: what was promised is kept all the same. */
function triesOf(queue: Queue): { readonly attempts: number; readonly retryMs: number } {
  return queue.settings.callback ?? CALLBACK_DEFAULTS;
}
