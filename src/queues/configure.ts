import { createWaitHistory, HISTORY_MS } from './estimate.js';
import { refresh, watchEmpty } from './agent-state.js';
import { restoreCallback, setAside } from './callbacks.js';
import {
  type Agent,
  type Caller,
  compareCallers,
  holdsPlace,
  type House,
  type Member,
  type Queue,
} from './house.js';
import { intoLane, outOfLane } from './lanes.js';
import { leave } from './leaving.js';
import { createPool } from './pool.js';
import { type QueueOptions, resolveQueue } from './settings.js';
import { createSortedList } from './sorted-list.js';

/** Puts these queues in force; everybody keeps place and state. */
export function configure(house: House, list: readonly QueueOptions[]): void {
  const wanted = new Map(list.map((options) => [options.name, resolveQueue(options)]));
  const removed = [...house.queues.values()].filter((queue) => !wanted.has(queue.name));
  for (const queue of house.queues.values()) unlane(queue);
  for (const queue of removed) house.queues.delete(queue.name);
  for (const [name, settings] of wanted) {
    const queue = house.queues.get(name);
    if (queue === undefined) house.queues.set(name, newQueue(house, settings));
    else queue.settings = settings;
  }
  assignMembers(house, removed);
  for (const queue of house.queues.values()) queue.feeders = feedersOf(house, queue);
  for (const agent of [...house.agents.values()]) refresh(house, agent);
  for (const queue of house.queues.values()) watchEmpty(house, queue);
  for (const queue of removed) close(house, queue);
  for (const queue of house.queues.values()) takeUp(house, queue);
}

function newQueue(house: House, settings: Queue['settings']): Queue {
  const { name } = settings;
  const queue: Queue = {
    name,
    settings,
    order: createSortedList(compareCallers),
    onLine: 0,
    lanes: new Map(),
    served: new Set(),
    pool: createPool(settings.strategy),
    members: [],
    feeders: [],
    present: 0,
    cursor: -1,
    history: createWaitHistory(),
    callbackByNumber: new Map(),
    emptyAlarm: undefined,
    whenEmpty: () => everybodyLeaves(house, queue),
  };
  recall(house, queue);
  return queue;
}

/** Estimates go on from the answers of the last hour. */
function recall(house: House, queue: Queue): void {
  const wall = house.deps.clock.now();
  for (const event of house.recentAnswers(wall - HISTORY_MS)) {
    if (event.queue !== queue.name || event.atOnce || event.callback) continue;
    const { ms: waitMs, position, agents } = event;
    queue.history.add({ at: house.now() - (wall - event.at), waitMs, position, agents });
  }
}

function unlane(queue: Queue): void {
  for (const caller of queue.order) outOfLane(caller);
}

/** Builds all places of agents anew; what was counted stays. */
function assignMembers(house: House, removed: readonly Queue[]): void {
  const before = new Map<string, Member>();
  for (const queue of [...removed, ...house.queues.values()]) {
    for (const member of queue.members) {
      before.set(JSON.stringify([queue.name, member.agent.extension]), member);
      member.pooled = false;
      member.counted = false;
    }
    queue.members = [];
    queue.present = 0;
    queue.pool = createPool(queue.settings.strategy);
  }
  for (const agent of house.agents.values()) agent.members = [];
  for (const queue of house.queues.values()) {
    const members = new Map<string, Member>();
    queue.settings.agents.forEach(({ extension, tier, penalty, skills }, index) => {
      if (members.has(extension)) return;
      const agent = house.agents.get(extension) ?? newAgent(house, extension);
      const calls = before.get(JSON.stringify([queue.name, extension]))?.calls ?? 0;
      const member = { agent, queue, index, tier, penalty, skills, calls, pooled: false, counted: false };
      agent.members.push(member);
      members.set(extension, member);
    });
    queue.members = [...members.values()];
  }
}

function newAgent(house: House, extension: string): Agent {
  const saved = house.choices.get(extension);
  const now = house.now();
  const agent: Agent = {
    extension,
    members: [],
    loggedOut: saved === undefined ? new Set() : saved.loggedOut === 'all' ? 'all' : new Set(saved.loggedOut),
    pause: saved?.pause,
    outside: house.busyOutside.has(extension),
    duty: { kind: 'idle' },
    alarm: undefined,
    misses: 0,
    calls: 0,
    idleSince: now,
    state: 'available',
    stateSince: now,
    recordedTo: now,
  };
  house.agents.set(extension, agent);
  return agent;
}

function feedersOf(house: House, queue: Queue): readonly Queue[] {
  const feeds = (other: Queue): boolean => other.settings.overflow.some(({ also }) => also === queue.name);
  return [...house.queues.values()].filter((other) => other === queue || feeds(other));
}

function close(house: House, queue: Queue): void {
  house.agenda.clear(queue.emptyAlarm);
  queue.emptyAlarm = undefined;
  everybodyLeaves(house, queue);
  for (const caller of [...queue.order]) setAside(house, caller);
}

/** Callers on the line leave; callbacks stay. */
function everybodyLeaves(house: House, queue: Queue): void {
  for (const caller of [...queue.order]) if (caller.on !== undefined) leave(house, caller, 'empty');
}

/** Callers are sorted in again by what the queue is now, and callbacks of former times return. */
function takeUp(house: House, queue: Queue): void {
  for (const caller of [...queue.order]) resume(house, caller);
  for (const record of [...house.orphans.values()].sort((a, b) => a.enteredAt - b.enteredAt)) {
    if (record.queue !== queue.name) continue;
    house.orphans.delete(record.id);
    restoreCallback(house, queue, record);
  }
}

function resume(house: House, caller: Caller): void {
  if (caller.state === 'waiting') intoLane(house, caller);
  if (!holdsPlace(caller)) return;
  const { callback } = caller.queue.settings;
  if (callback === undefined) caller.callbackOfferAt = Infinity;
  house.watchCaller(caller);
}
