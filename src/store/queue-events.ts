import type { Database } from 'better-sqlite3';
import { AppError } from '../base/errors.js';
import type { QueueEvent, QueueTally, QueueTallyQuery } from '../model/index.js';
import type { Cell } from './columns.js';
import type { GroupCommit, WriteSource } from './group-commit.js';
import { cellsOf, EVENT_COLUMNS, type QueueEventRow, toAnswered } from './queue-event-rows.js';
import { QUARTER_MS, type TallyRequest } from './queue-tally.js';

const MAX_RECENT = 1000;
const DAY_MS = 86_400_000;
const MAX_DAYS = 400;

/** Most intervals of one reading. */
const MAX_INTERVALS = 10_000;

/** What happened in queues, appended as it happens; written with the next group commit. */
export interface QueueEventRepository {
  append(event: QueueEvent): void;
  /** Answered callers since this time, oldest first, at most the last 1,000. */
  recentAnswers(since: number): readonly Extract<QueueEvent, { kind: 'answered' }>[];
  /** Sums by interval, and in each by queue and by agent. Rejects: REQUEST_INVALID. */
  tally(query: QueueTallyQuery): Promise<readonly QueueTally[]>;
}

export function createQueueEventRepository(
  database: Database,
  group: GroupCommit,
  deps: { now: () => number; tally: (request: TallyRequest) => Promise<readonly QueueTally[]> },
): QueueEventRepository {
  const insert = database.prepare<Cell[]>(
    `INSERT INTO queue_events (${EVENT_COLUMNS.join(', ')}) VALUES (${EVENT_COLUMNS.map(() => '?').join(', ')})`,
  );
  const recent = database.prepare<[number, number], QueueEventRow>(
    `SELECT ${EVENT_COLUMNS.join(', ')} FROM queue_events WHERE at >= ? AND kind = 'answered' ORDER BY at DESC LIMIT ?`,
  );
  let waiting: QueueEvent[] = [];
  const source: WriteSource = {
    get waiting() {
      return waiting.length;
    },
    write(refused) {
      for (const event of waiting) {
        try {
          insert.run(...cellsOf(event));
        } catch (error) {
          refused(error);
        }
      }
    },
    written: () => void (waiting = []),
    shed(keep) {
      const lost = Math.max(0, waiting.length - keep);
      waiting = waiting.slice(lost);
      return lost;
    },
  };
  group.add(source);
  return {
    append(event) {
      waiting.push(event);
      group.queued();
    },
    recentAnswers: (since) => recent.all(since, MAX_RECENT).map(toAnswered).reverse(),
    async tally(query) {
      return deps.tally({ ...checked(query), now: deps.now() });
    },
  };
}

/** Throws REQUEST_INVALID that names the field. */
function checked(query: QueueTallyQuery): QueueTallyQuery {
  const { since, until, everyMs, repeatWindowMs = DAY_MS } = query;
  const fail = (what: string): never => {
    throw new AppError('REQUEST_INVALID', what);
  };
  if (!Number.isSafeInteger(since) || !Number.isSafeInteger(until) || since < 0 || until <= since)
    fail('since and until must be times in milliseconds since the epoch, since before until');
  if (until - since > MAX_DAYS * DAY_MS) fail(`until must be at most ${MAX_DAYS} days after since`);
  if (everyMs !== undefined && (!Number.isSafeInteger(everyMs) || everyMs <= 0 || everyMs % QUARTER_MS !== 0))
    fail('everyMs must be a multiple of 15 minutes');
  if (everyMs !== undefined && (until - since) / everyMs > MAX_INTERVALS)
    fail(`there may be at most ${MAX_INTERVALS} intervals: ask for longer ones`);
  if (!Number.isSafeInteger(repeatWindowMs) || repeatWindowMs <= 0 || repeatWindowMs > 30 * DAY_MS)
    fail('repeatWindowMs must be at most 30 days');
  return { ...query, repeatWindowMs };
}
