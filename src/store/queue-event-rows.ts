import type { QueueEvent } from '../model/index.js';
import { type Cell, text } from './columns.js';

/** A row of `queue_events`. `flags` holds the kind's two truths: bit 0 the first, bit 1 the second. */
export interface QueueEventRow {
  readonly at: number;
  readonly kind: QueueEvent['kind'];
  readonly queue: string | null;
  readonly call_id: string | null;
  readonly caller: string | null;
  readonly agent: string | null;
  /** Of kind `agent`: the state; of a pause with its reason behind a blank. */
  readonly outcome: string | null;
  readonly ms: number | null;
  readonly hold_ms: number | null;
  readonly position: number | null;
  /** Agents who were there; of kind `entered`: the priority. */
  readonly agents: number | null;
  readonly score: number | null;
  readonly flags: number;
}

export const EVENT_COLUMNS = [
  'at',
  'kind',
  'queue',
  'call_id',
  'caller',
  'agent',
  'outcome',
  'ms',
  'hold_ms',
  'position',
  'agents',
  'score',
  'flags',
] as const;

/** Flags of `answered`; those of `left` and `ended` are bit 0: short, transferred. */
export const IN_LEVEL = 1;
export const AT_ONCE = 2;
export const BY_CALLBACK = 4;

type Rest = Partial<
  Pick<QueueEventRow, 'outcome' | 'ms' | 'hold_ms' | 'position' | 'agents' | 'score' | 'flags'>
>;

/** The cells of an event, in the order of the columns. */
export function cellsOf(event: QueueEvent): Cell[] {
  const rest = restOf(event);
  return [
    event.at,
    event.kind,
    'queue' in event ? text(event.queue) : null,
    'callId' in event ? text(event.callId) : null,
    'caller' in event ? text(event.caller) : null,
    'agent' in event ? text(event.agent) : null,
    text(rest.outcome ?? undefined),
    rest.ms ?? null,
    rest.hold_ms ?? null,
    rest.position ?? null,
    rest.agents ?? null,
    rest.score ?? null,
    rest.flags ?? 0,
  ];
}

function restOf(event: QueueEvent): Rest {
  switch (event.kind) {
    case 'entered':
      return { position: event.position, agents: event.priority };
    case 'refused':
    case 'callback':
      return { outcome: event.outcome };
    case 'offered':
      return {};
    case 'missed':
      return { outcome: event.outcome, ms: event.ms };
    case 'answered':
      return {
        ms: event.ms,
        position: event.position,
        agents: event.agents,
        flags:
          (event.inServiceLevel ? IN_LEVEL : 0) |
          (event.atOnce ? AT_ONCE : 0) |
          (event.callback ? BY_CALLBACK : 0),
      };
    case 'left':
      return { outcome: event.outcome, ms: event.ms, flags: event.short ? 1 : 0 };
    case 'ended':
      return { ms: event.ms, hold_ms: event.holdMs, flags: event.transferred ? 1 : 0 };
    case 'wrapped':
      return { ms: event.ms };
    case 'survey':
      return { score: event.score };
    case 'agent':
      return {
        outcome: event.reason === undefined ? event.state : `${event.state} ${event.reason}`,
        ms: event.ms,
      };
  }
}

/** An answered caller's row as the event it was. */
export function toAnswered(row: QueueEventRow): Extract<QueueEvent, { kind: 'answered' }> {
  return {
    kind: 'answered',
    at: row.at,
    queue: row.queue ?? '',
    callId: row.call_id ?? '',
    ...(row.caller !== null && { caller: row.caller }),
    agent: row.agent ?? '',
    ms: row.ms ?? 0,
    inServiceLevel: (row.flags & IN_LEVEL) !== 0,
    position: row.position ?? 1,
    agents: row.agents ?? 0,
    atOnce: (row.flags & AT_ONCE) !== 0,
    callback: (row.flags & BY_CALLBACK) !== 0,
  };
}
