import type { Database } from 'better-sqlite3';
import { createHistogram, type Histogram } from '../base/histogram.js';
import type { AgentState, QueueTally, QueueTallyQuery, TallyCount, TallySpread } from '../model/index.js';
import { BY_CALLBACK, EVENT_COLUMNS, IN_LEVEL, type QueueEventRow } from './queue-event-rows.js';

export const QUARTER_MS = 900_000;

export type TallyRequest = QueueTallyQuery & {
  /** Whose window of repetition ends later is not known yet. */
  readonly now: number;
};

export interface QueueTallyReader {
  read(request: TallyRequest): readonly QueueTally[];
}

/** Sums up what happened in queues; runs in the store's worker. */
export function createQueueTallyReader(database: Database): QueueTallyReader {
  const events = database.prepare<[object], QueueEventRow>(
    `SELECT ${EVENT_COLUMNS.join(', ')} FROM queue_events
     WHERE at >= :since AND at < :until
       AND (:queue IS NULL OR queue = :queue OR kind = 'agent') AND (:agent IS NULL OR agent = :agent)
     ORDER BY at`,
  );
  const again = database
    .prepare<[string, string, number, number], number>(
      `SELECT 1 FROM queue_events
       WHERE kind = 'entered' AND caller IS NOT NULL AND queue = ? AND caller = ? AND at > ? AND at <= ? LIMIT 1`,
    )
    .pluck();
  return {
    read(request) {
      const since = Math.floor(request.since / QUARTER_MS) * QUARTER_MS;
      const every = request.everyMs ?? request.until - since;
      const windowMs = request.repeatWindowMs ?? 0;
      const sums = new Map<string, Sum>();

      function sumsOf(row: QueueEventRow): { queue?: Sum; agent?: Sum } {
        // A state that ends with an interval belongs to it.
        const at = row.kind === 'agent' ? Math.max(since, row.at - 1) : row.at;
        const begin = since + Math.floor((at - since) / every) * every;
        return {
          ...(row.queue !== null && { queue: sumFor('queue', begin, row.queue) }),
          ...(row.agent !== null && { agent: sumFor('agent', begin, row.agent) }),
        };
      }

      function sumFor(kind: 'queue' | 'agent', at: number, name: string): Sum {
        const key = `${at} ${kind} ${name}`;
        let sum = sums.get(key);
        if (sum === undefined) {
          sum = new Sum(kind, at, name);
          sums.set(key, sum);
        }
        return sum;
      }

      const parameters = {
        since,
        until: request.until,
        queue: request.queue ?? null,
        agent: request.agent ?? null,
      };
      for (const row of events.iterate(parameters)) {
        const { queue, agent } = sumsOf(row);
        addRow(row, queue, agent);
        const isKnown = row.kind === 'answered' && row.caller !== null && row.at + windowMs <= request.now;
        if (!isKnown || row.queue === null) continue;
        queue?.count('repeatKnown');
        if (again.get(row.queue, row.caller, row.at, row.at + windowMs) === undefined)
          queue?.count('notRepeated');
      }
      const wanted = [...sums.values()].filter((sum) =>
        request.agent !== undefined && sum.kind === 'queue'
          ? false
          : request.queue === undefined || sum.kind === 'queue' || sum.counted,
      );
      return wanted.map((sum) => sum.tally());
    },
  };
}

/** What one row adds to the sums of its queue and its agent. */
function addRow(row: QueueEventRow, queue: Sum | undefined, agent: Sum | undefined): void {
  const ms = row.ms ?? 0;
  switch (row.kind) {
    case 'entered':
      queue?.count('offered');
      break;
    case 'refused':
      queue?.count('refused');
      break;
    case 'offered':
    case 'missed':
      for (const sum of [queue, agent]) sum?.count(row.kind === 'offered' ? 'rung' : 'missed');
      break;
    case 'answered':
      agent?.count('answered');
      // Callbacks count apart: their wait is nobody's on a line.
      if ((row.flags & BY_CALLBACK) !== 0) break;
      queue?.count('answered');
      if ((row.flags & IN_LEVEL) !== 0) queue?.count('answeredInLevel');
      queue?.spread('answerWait', ms);
      break;
    case 'left':
      addLeft(row, queue);
      break;
    case 'ended':
      for (const sum of [queue, agent]) {
        sum?.spread('talk', ms);
        sum?.spread('hold', row.hold_ms ?? 0);
        if ((row.flags & 1) !== 0) sum?.count('transferred');
      }
      break;
    case 'wrapped':
      for (const sum of [queue, agent]) sum?.spread('wrapUp', ms);
      break;
    case 'callback':
      if (row.outcome === 'requested') queue?.count('callbacksRequested');
      else if (row.outcome === 'reached') queue?.count('callbacksReached');
      else if (row.outcome === 'failed') queue?.count('callbacksFailed');
      break;
    case 'survey':
      for (const sum of [queue, agent]) sum?.spread('score', row.score ?? 0);
      break;
    case 'agent':
      agent?.state(row.outcome?.split(' ')[0] as AgentState, ms);
      break;
  }
}

function addLeft(row: QueueEventRow, queue: Sum | undefined): void {
  switch (row.outcome) {
    case 'abandoned':
      queue?.count((row.flags & 1) !== 0 ? 'abandonedShort' : 'abandoned');
      if ((row.flags & 1) === 0) queue?.spread('abandonWait', row.ms ?? 0);
      break;
    case 'timeout':
      queue?.count('timedOut');
      queue?.spread('abandonWait', row.ms ?? 0);
      break;
    case 'empty':
      queue?.count('leftEmpty');
      queue?.spread('abandonWait', row.ms ?? 0);
      break;
    case 'key':
      queue?.count('leftByKey');
      queue?.spread('abandonWait', row.ms ?? 0);
      break;
    default:
      // `callback`: keeps the place, and is counted as one.
      break;
  }
}

class Sum {
  private readonly counts = new Map<TallyCount, number>();
  private readonly spreads = new Map<TallySpread, Histogram>();
  private readonly states = new Map<AgentState, number>();

  constructor(
    readonly kind: 'queue' | 'agent',
    private readonly at: number,
    private readonly name: string,
  ) {}

  /** Something of a queue is in it, not only states. */
  get counted(): boolean {
    return this.counts.size > 0 || this.spreads.size > 0;
  }

  count(what: TallyCount): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  spread(what: TallySpread, value: number): void {
    let histogram = this.spreads.get(what);
    if (histogram === undefined) {
      histogram = createHistogram();
      this.spreads.set(what, histogram);
    }
    histogram.add(value);
  }

  state(state: AgentState, ms: number): void {
    this.states.set(state, (this.states.get(state) ?? 0) + ms);
  }

  tally(): QueueTally {
    return {
      at: this.at,
      ...(this.kind === 'queue' ? { queue: this.name } : { agent: this.name }),
      counts: Object.fromEntries(this.counts),
      spreads: Object.fromEntries([...this.spreads].map(([what, histogram]) => [what, histogram.encode()])),
      states: Object.fromEntries(this.states),
    };
  }
}
