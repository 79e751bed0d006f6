import type { QueueLeaving } from '../model/index.js';
import { becomeIdle } from './agent-state.js';
import { closeCallback } from './callback-records.js';
import { about, type Caller, type House, type Ring, waitedMs } from './house.js';
import { outOfLane } from './lanes.js';

/** Takes the caller out of the queue without an answer. */
export function leave(house: House, caller: Caller, outcome: QueueLeaving): void {
  const ms = waitedMs(house, caller);
  takeBackRings(house, caller);
  giveUpPlace(house, caller);
  caller.state = 'gone';
  if (caller.callback === undefined) {
    const short = outcome === 'abandoned' && ms < caller.queue.settings.shortAbandonMs;
    house.record({ ...about(house, caller), kind: 'left', outcome, ms, short });
  }
  closeCallback(house, caller, 'cancelled');
  const { on } = caller;
  if (on !== undefined && (outcome === 'timeout' || outcome === 'empty')) house.later(() => on.left(outcome));
}

/** Removes the caller from all lists; who is rung for it is not touched. */
export function giveUpPlace(house: House, caller: Caller): void {
  const { queue } = caller;
  house.agenda.clear(caller.alarm);
  caller.alarm = undefined;
  outOfLane(caller);
  if (caller.seeking) {
    caller.seeking = false;
    house.seeking.remove(caller);
  }
  if (queue.order.remove(caller) && caller.on !== undefined) queue.onLine--;
  if (caller.callback !== undefined && queue.callbackByNumber.get(caller.callback.number) === caller)
    queue.callbackByNumber.delete(caller.callback.number);
}

/** Stops all phones that ring for the caller; their agents are free again. */
export function takeBackRings(house: House, caller: Caller): void {
  const { rings } = caller;
  caller.rings = [];
  for (const ring of rings) {
    stopRing(house, ring);
    becomeIdle(house, ring.agent, true);
  }
}

/** The phone stops; what it may still tell comes too late. */
export function stopRing(house: House, ring: Ring): void {
  if (ring.over) return;
  ring.over = true;
  house.later(() => ring.handle?.cancel());
}
