import type { AgentState, AgentStateRecord, CallbackRecord, QueueEvent } from '../model/index.js';
import type { Agenda, Alarm } from './agenda.js';
import type { WaitHistory } from './estimate.js';
import type { Ringing } from './ports.js';
import type { QueueCallerEvents, QueueDeps, QueueTicket } from './queues.js';
import type { CallbackOrder, QueueSettings, Skills } from './settings.js';
import type { SortedList } from './sorted-list.js';

/** The state of all queues. Connections of agents are handed through unread. */
export interface House {
  readonly deps: QueueDeps<unknown>;
  readonly queues: Map<string, Queue>;
  readonly agents: Map<string, Agent>;
  /** Callbacks that are not over, by id. */
  readonly callbacks: Map<string, Caller>;
  /** Callbacks of queues that are not there just now. */
  readonly orphans: Map<string, CallbackRecord>;
  /** What agents chose, also those who are in no queue just now. */
  readonly choices: Map<string, AgentStateRecord>;
  /** Extensions on calls that no queue gave them, agents or not. */
  readonly busyOutside: Set<string>;
  readonly agenda: Agenda;
  /** Callers for whom somebody may be free: they came, came back, or became less demanding. */
  readonly seeking: SortedList<Caller>;
  /** Agents who became free. */
  readonly freed: Set<Agent>;
  draining: boolean;
  stopped: boolean;
  /** Monotonic milliseconds: all that is measured and awaited. */
  now(): number;
  /** Monotonic time as time of day. */
  timeOf(monotonic: number): number;
  record(event: QueueEvent): void;
  /** Runs after the state is whole again: whatever calls out of this room. */
  later(effect: () => void): void;
  ticketFor(caller: Caller): QueueTicket;
  /** Answers before the start that estimates may go by. */
  recentAnswers(since: number): readonly Extract<QueueEvent, { kind: 'answered' }>[];
  /** Sets the alarm of what the caller's wait brings next. */
  watchCaller(caller: Caller): void;
  /** An order for callers who enter at one time. */
  nextOrder(): number;
  /** Runs a change, then places who can be placed, then what was put off for later. */
  run<T>(change: () => T): T;
  /** As `run`; what is told outside is told after the one who asked has its answer. */
  runAnswering<T>(change: () => T): T;
}

export interface Queue {
  readonly name: string;
  settings: QueueSettings;
  /** Everybody who holds a place, callbacks too, also while agents are rung. */
  readonly order: SortedList<Caller>;
  /** On the line, without callbacks. */
  onLine: number;
  /** Callers who wait for an agent, by what they demand. */
  readonly lanes: Map<string, Lane>;
  /** Lanes with callers whom agents of this queue may serve: its own, and those that overflow into it. */
  readonly served: Set<Lane>;
  /** Agents who are free, the next one first. */
  pool: SortedList<Member>;
  members: readonly Member[];
  /** Queues whose callers overflow into this one, itself included. */
  feeders: readonly Queue[];
  /** Agents who are there: logged in, and not paused for missing rings. */
  present: number;
  /** Of the agent rung last, for round-robin. */
  cursor: number;
  readonly history: WaitHistory;
  readonly callbackByNumber: Map<string, Caller>;
  emptyAlarm: Alarm | undefined;
  /** No agent has come back: callers on the line leave. */
  whenEmpty: () => void;
}

/** Callers of one queue who may be served by the same agents. */
export interface Lane {
  readonly key: string;
  readonly queue: Queue;
  readonly demand: readonly (readonly [skill: string, level: number])[];
  /** The queue itself, then those it overflows into. */
  readonly from: readonly Queue[];
  readonly waiting: SortedList<Caller>;
}

/** An agent's place in one queue. */
export interface Member {
  readonly agent: Agent;
  readonly queue: Queue;
  /** Place in the list of the settings. */
  readonly index: number;
  readonly tier: number;
  readonly penalty: number;
  readonly skills: Skills;
  /** Callers answered here since the log-in. */
  calls: number;
  pooled: boolean;
  counted: boolean;
}

export type Duty =
  | { readonly kind: 'idle' }
  | { readonly kind: 'ringing'; readonly ring: Ring }
  /** Kept free while a caller is called back. */
  | { readonly kind: 'reserved'; readonly caller: Caller }
  | { readonly kind: 'talking'; readonly caller: Caller; readonly since: number }
  | { readonly kind: 'wrapping'; readonly caller: Caller; readonly since: number }
  | { readonly kind: 'resting' };

export interface Agent {
  readonly extension: string;
  members: Member[];
  loggedOut: 'all' | ReadonlySet<string>;
  pause: { readonly reason: string; readonly since: number; readonly by: 'agent' | 'misses' } | undefined;
  /** On a call that no queue gave. */
  outside: boolean;
  duty: Duty;
  /** Ends the duty. */
  alarm: Alarm | undefined;
  /** Rings in a row that were not taken. */
  misses: number;
  calls: number;
  /** When the agent last became free. */
  idleSince: number;
  state: AgentState;
  /** Monotonic time. */
  stateSince: number;
  /** Up to when the state was recorded. */
  recordedTo: number;
}

export interface Ring {
  readonly agent: Agent;
  readonly caller: Caller;
  readonly member: Member;
  readonly since: number;
  handle: Ringing | undefined;
  over: boolean;
}

/** A callback on its way. */
export interface Attempt {
  readonly caller: Caller;
  readonly member: Member;
  readonly order: CallbackOrder;
  /** The agent who waits on the line. */
  readonly connection: unknown;
  handle: Ringing | undefined;
  over: boolean;
}

export type CallerState = 'waiting' | 'offered' | 'calling-back' | 'paused' | 'connected' | 'gone';

export interface Caller {
  readonly ticket: string;
  readonly queue: Queue;
  /** Changes when a callback is reached. */
  callId: string;
  readonly number: string | undefined;
  readonly name: string | undefined;
  readonly priority: number;
  readonly wanted: Skills;
  readonly facts: Readonly<Record<string, string>>;
  readonly maxWaitMs: number | undefined;
  /** Monotonic; of a callback made before a restart it may lie before the start. */
  readonly since: number;
  readonly order: number;
  state: CallerState;
  /** Absent: nobody is on the line (a callback). */
  on: QueueCallerEvents<unknown> | undefined;
  callback: CallbackRecord | undefined;
  rings: Ring[];
  lane: Lane | undefined;
  seeking: boolean;
  /** The longest wait was over while agents were rung. */
  overdue: boolean;
  alarm: Alarm | undefined;
  /** When other agents may serve or less is demanded; all three are monotonic times, Infinity: never. */
  nextStageAt: number;
  nextNewsAt: number;
  callbackOfferAt: number;
  /** As it was at entering. */
  entered: { readonly position: number; readonly agents: number };
  /** An agent was free when the caller entered. */
  atOnce: boolean;
  /** The agent a callback waits for, or the one the caller talks to. */
  agent: Agent | undefined;
  attempt: Attempt | undefined;
}

/** Who is served first: priority, then age. */
export function compareCallers(a: Caller, b: Caller): number {
  return b.priority - a.priority || a.since - b.since || a.order - b.order;
}

/** The agent's place in this queue after reloads; undefined: there is none any more. */
export function placeNow(member: Member): Member | undefined {
  return member.agent.members.find(({ queue }) => queue === member.queue);
}

/** Waits for an agent, or is offered to one: neither connected, nor being called back, nor gone. */
export function holdsPlace({ state }: Caller): boolean {
  return state === 'waiting' || state === 'offered';
}

/** How long somebody has waited, in whole milliseconds. */
export function waitedMs(house: House, caller: Caller): number {
  return Math.max(0, Math.round(house.now() - caller.since));
}

/** What each event of a caller says of it. */
export function about(
  house: House,
  caller: Caller,
): { at: number; queue: string; callId: string; caller?: string } {
  return {
    at: house.deps.clock.now(),
    queue: caller.queue.name,
    callId: caller.callId,
    ...(caller.number !== undefined && { caller: caller.number }),
  };
}
