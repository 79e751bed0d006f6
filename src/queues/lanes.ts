import {
  type Caller,
  compareCallers,
  type House,
  type Lane,
  type Member,
  type Queue,
  waitedMs,
} from './house.js';
import { createSortedList } from './sorted-list.js';

/** Puts a caller among those who wait for an agent, and has one sought. */
export function intoLane(house: House, caller: Caller): void {
  if (house.draining && caller.on === undefined) {
    // No callback begins any more; it is on disk.
    outOfLane(caller);
    return;
  }
  const lane = laneFor(house, caller);
  if (caller.lane !== lane) {
    outOfLane(caller);
    if (lane.waiting.size === 0) open(lane);
    lane.waiting.add(caller);
    caller.lane = lane;
  }
  seek(house, caller);
}

export function outOfLane(caller: Caller): void {
  const { lane } = caller;
  if (lane === undefined) return;
  caller.lane = undefined;
  lane.waiting.remove(caller);
  if (lane.waiting.size > 0) return;
  for (const queue of lane.from) queue.served.delete(lane);
  lane.queue.lanes.delete(lane.key);
}

function seek(house: House, caller: Caller): void {
  if (caller.seeking) return;
  caller.seeking = true;
  house.seeking.add(caller);
}

function open(lane: Lane): void {
  lane.queue.lanes.set(lane.key, lane);
  for (const queue of lane.from) queue.served.add(lane);
}

/** Where the caller belongs after this wait. */
function laneFor(house: House, caller: Caller): Lane {
  const { queue } = caller;
  const waited = waitedMs(house, caller);
  const demand = demandAfter(caller, waited);
  const overflow = queue.settings.overflow.filter(({ afterMs }) => afterMs <= waited).length;
  const key = demand.length === 0 ? String(overflow) : `${overflow} ${JSON.stringify(demand)}`;
  const known = queue.lanes.get(key);
  if (known !== undefined) return known;
  return {
    key,
    queue,
    demand,
    from: [...new Set([queue, ...overflowQueues(house, queue, overflow)])],
    waiting: createSortedList(compareCallers),
  };
}

function overflowQueues(house: House, queue: Queue, count: number): Queue[] {
  return queue.settings.overflow
    .slice(0, count)
    .map(({ also }) => house.queues.get(also))
    .filter((other) => other !== undefined);
}

/** Levels the agent must have. Relaxing only lowers: what it does not name is demanded no more. */
export function demandAfter(caller: Caller, waited: number): [string, number][] {
  const wanted = Object.entries(caller.wanted);
  if (wanted.length === 0) return [];
  const enough = caller.queue.settings.relax.findLast(({ afterMs }) => afterMs <= waited)?.skills;
  return wanted
    .map(([skill, level]): [string, number] => [
      skill,
      enough === undefined ? level : Math.min(level, enough[skill] ?? 0),
    ])
    .filter(([, level]) => level > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Whether an agent is free who will do. */
export function isServable(caller: Caller): boolean {
  if (caller.lane === undefined) return false;
  const { from, demand } = caller.lane;
  for (const queue of from) {
    if (queue.pool.size === 0) continue;
    if (demand.length === 0) return true;
    for (const member of queue.pool) if (meets(member, demand)) return true;
  }
  return false;
}

export function meets(member: Member, demand: Lane['demand']): boolean {
  for (const [skill, level] of demand) if ((member.skills[skill] ?? 0) < level) return false;
  return true;
}

/** When the caller's wait next changes who may serve; Infinity: never. */
export function nextStageMs(caller: Caller, waited: number): number {
  const { relax, overflow } = caller.queue.settings;
  let next = Infinity;
  for (const { afterMs } of relax) if (afterMs > waited && afterMs < next) next = afterMs;
  for (const { afterMs } of overflow) if (afterMs > waited && afterMs < next) next = afterMs;
  return next;
}
