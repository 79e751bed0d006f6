import type { CallbackRecord } from '../model/index.js';
import { agentsThere } from './agent-state.js';
import { saveCallback } from './callback-records.js';
import { callbackCaller, takePlace } from './callbacks.js';
import { about, type Caller, holdsPlace, type House, type Queue, waitedMs } from './house.js';
import { intoLane, isServable, nextStageMs } from './lanes.js';
import { leave } from './leaving.js';
import type {
  CallbackTaken,
  QueueCallerEvents,
  QueueEntry,
  QueueNews,
  QueueTicket,
  WaitRange,
} from './queues.js';
import { endTalk } from './talks.js';

/** Lets a caller in, or says why not. */
export function admit(
  house: House,
  entry: QueueEntry,
  on: QueueCallerEvents<unknown>,
): Caller | 'full' | 'empty' {
  const queue = house.queues.get(entry.queue);
  const refused = refusal(house, queue);
  if (queue === undefined || refused !== undefined) {
    const outcome = refused ?? 'empty';
    house.record({
      kind: 'refused',
      at: house.deps.clock.now(),
      queue: entry.queue,
      callId: entry.callId,
      ...(entry.number !== undefined && { caller: entry.number }),
      outcome,
    });
    return outcome;
  }
  const caller = newCaller(house, queue, entry, on);
  queue.order.add(caller);
  queue.onLine++;
  const { position } = caller.entered;
  house.record({ ...about(house, caller), kind: 'entered', position, priority: caller.priority });
  intoLane(house, caller);
  caller.atOnce = isServable(caller);
  watchCaller(house, caller);
  return caller;
}

function refusal(house: House, queue: Queue | undefined): 'full' | 'empty' | undefined {
  if (queue === undefined || house.draining || agentsThere(house, queue) === 0) return 'empty';
  return queue.onLine >= (queue.settings.maxCallers ?? Infinity) ? 'full' : undefined;
}

function newCaller(house: House, queue: Queue, entry: QueueEntry, on: QueueCallerEvents<unknown>): Caller {
  const { announce, callback } = queue.settings;
  const priority = entry.priority ?? 0;
  const since = house.now();
  const caller: Caller = {
    ticket: house.deps.newId(),
    queue,
    callId: entry.callId,
    number: entry.number,
    name: entry.name,
    priority: Number.isFinite(priority) ? priority : 0,
    wanted: entry.skills ?? {},
    facts: entry.facts ?? {},
    maxWaitMs: entry.maxWaitMs,
    since,
    order: house.nextOrder(),
    state: 'waiting',
    on,
    callback: undefined,
    rings: [],
    lane: undefined,
    seeking: false,
    overdue: false,
    alarm: undefined,
    nextStageAt: Infinity,
    nextNewsAt: announce === undefined ? Infinity : since + announce.firstMs,
    callbackOfferAt: callback === undefined ? Infinity : since + callback.afterMs,
    entered: { position: 1, agents: agentsThere(house, queue) },
    atOnce: false,
    agent: undefined,
    attempt: undefined,
  };
  caller.entered = { position: queue.order.rankOf(caller) + 1, agents: caller.entered.agents };
  return caller;
}

/** Follows the caller's wait from now on, by what the queue is now. */
export function watchCaller(house: House, caller: Caller): void {
  caller.nextStageAt = caller.since + nextStageMs(caller, waitedMs(house, caller));
  setAlarm(house, caller);
}

/** Sets the alarm of what comes next by waiting. */
function setAlarm(house: House, caller: Caller): void {
  const next = Math.min(caller.nextStageAt, endOfWait(caller), caller.callbackOfferAt, caller.nextNewsAt);
  house.agenda.clear(caller.alarm);
  caller.alarm = next === Infinity ? undefined : house.agenda.set(next, () => waitedOn(house, caller));
}

/** Callbacks wait as long as it takes, as do callers who were called back. */
function endOfWait(caller: Caller): number {
  if (caller.callback !== undefined || caller.overdue) return Infinity;
  return caller.since + (caller.maxWaitMs ?? caller.queue.settings.maxWaitMs ?? Infinity);
}

function waitedOn(house: House, caller: Caller): void {
  const now = house.now();
  caller.alarm = undefined;
  if (endOfWait(caller) <= now) {
    if (caller.state !== 'offered') {
      leave(house, caller, 'timeout');
      return;
    }
    // Somebody may pick up this moment: the ring is waited for.
    caller.overdue = true;
  }
  if (caller.nextStageAt <= now) {
    if (caller.state === 'waiting') intoLane(house, caller);
    caller.nextStageAt = caller.since + nextStageMs(caller, waitedMs(house, caller));
  }
  offerCallback(house, caller, now);
  tellNews(house, caller, now);
  setAlarm(house, caller);
}

function offerCallback(house: House, caller: Caller, now: number): void {
  if (caller.callbackOfferAt > now) return;
  caller.callbackOfferAt = Infinity;
  const { on } = caller;
  const key = caller.queue.settings.callback?.key;
  if (key !== undefined) house.later(() => on?.callbackOffered?.(key));
}

/** A caller for whom a phone rings is not talked to. */
function tellNews(house: House, caller: Caller, now: number): void {
  if (caller.nextNewsAt > now) return;
  const { announce } = caller.queue.settings;
  if (announce === undefined) {
    caller.nextNewsAt = Infinity;
    return;
  }
  while (caller.nextNewsAt <= now) caller.nextNewsAt += announce.everyMs;
  if (caller.state !== 'waiting') return;
  const position = positionOf(caller);
  const wait = announce.wait ? waitFrom(house, caller, position) : undefined;
  const news: QueueNews = {
    ...(announce.position && { position }),
    ...(wait !== undefined && { wait }),
  };
  const { on } = caller;
  if (announce.position || wait !== undefined) house.later(() => on?.announce?.(news));
}

function placeOf(house: House, caller: Caller): { position: number; wait?: WaitRange } {
  const position = positionOf(caller);
  const wait = waitFrom(house, caller, position);
  return { position, ...(wait !== undefined && { wait }) };
}

function positionOf(caller: Caller): number {
  return caller.queue.order.rankOf(caller) + 1;
}

function waitFrom(house: House, { queue }: Caller, position: number): WaitRange | undefined {
  return queue.history.range(house.now(), position, agentsThere(house, queue));
}

export function ticketFor(house: House, caller: Caller): QueueTicket {
  return {
    id: caller.ticket,
    leave: (why) =>
      house.run(() => {
        if (holdsPlace(caller)) leave(house, caller, why);
      }),
    takeCallback: (number) => house.run(() => takeCallback(house, caller, number)),
    place: () => (holdsPlace(caller) ? placeOf(house, caller) : undefined),
    ended: (end = {}) => house.run(() => endTalk(house, caller, end)),
  };
}

/** The caller hangs up, and a callback holds the place from now on. */
function takeCallback(house: House, caller: Caller, number: string): Promise<CallbackTaken> {
  const { queue } = caller;
  const mayAsk = holdsPlace(caller) && caller.callback === undefined && queue.settings.callback !== undefined;
  if (!mayAsk || number === '') return Promise.resolve({ kind: 'refused' });
  const known = queue.callbackByNumber.get(number);
  if (known !== undefined) {
    leave(house, caller, 'callback');
    return Promise.resolve({ kind: 'already', id: known.callback!.id, ...placeOf(house, known) });
  }
  const record = recordFor(house, caller, number);
  const { since, order, entered } = caller;
  const promised = callbackCaller(house, queue, record, { since, order, entered });
  leave(house, caller, 'callback');
  takePlace(house, promised);
  house.record({ ...about(house, promised), kind: 'callback', outcome: 'requested' });
  intoLane(house, promised);
  watchCaller(house, promised);
  const place = placeOf(house, promised);
  return saveCallback(house, promised, {}).then((durable) => ({
    kind: 'promised',
    id: record.id,
    ...place,
    durable,
  }));
}

function recordFor(house: House, caller: Caller, number: string): CallbackRecord {
  return {
    id: house.deps.newId(),
    queue: caller.queue.name,
    state: 'waiting',
    number,
    ...(caller.name !== undefined && { callerName: caller.name }),
    callId: caller.callId,
    priority: caller.priority,
    skills: caller.wanted,
    facts: caller.facts,
    enteredAt: house.timeOf(caller.since),
    requestedAt: house.deps.clock.now(),
    attempts: 0,
  };
}
