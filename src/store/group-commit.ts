import type { Database } from 'better-sqlite3';
import type { Clock, Timer } from '../base/clock.js';
import { AppError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { classifyFault, describeFault } from './sqlite-fault.js';

/** Longest time between two groups, in milliseconds; with a timer's millisecond of slack it stays within 5. */
const GROUP_MS = 4;

/** Somebody waits for a group that follows a pause: time left for its neighbours to join. */
const EAGER_MS = 1;

/** Another connection (retention, a checkpoint) writes just now: time until the next try. */
const BUSY_RETRY_MS = 1;

/** A call waits no longer than this for a busy database before it goes on without. */
const BUSY_PATIENCE_MS = 250;

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

/** Rows kept while nothing can be written; beyond it the oldest are given up. */
const MAX_WAITING_ROWS = 20_000;

/** A queue of rows that the group commit empties. */
export interface WriteSource {
  readonly waiting: number;
  /** Runs its statements in the open transaction and keeps its queue. What a row's statement throws goes to `refused`. */
  write(refused: (error: unknown) => void): void;
  /** The transaction is on disk: the queue is cleared. */
  written(): void;
  /** Gives up the oldest rows until `keep` are left; says how many it gave up. */
  shed(keep: number): number;
}

export interface WriteStats {
  readonly commits: number;
  /** Groups that failed, busy ones not counted. */
  readonly failures: number;
  /** Rows given up: refused by SQLite, or too many while nothing could be written. */
  readonly lostRows: number;
  readonly waitingRows: number;
  /** `failing`: calls go on, their records wait. */
  readonly state: 'writing' | 'failing' | 'closed';
}

export interface GroupCommit {
  readonly stats: WriteStats;
  add(source: WriteSource): void;
  /** Something was queued: it is committed within 5 ms. */
  queued(): void;
  /** Resolves when all that is queued now is on disk. While nothing can be written it resolves at once: calls over records. Never rejects. */
  committed(): Promise<void>;
  /** Runs `job` in the next group's transaction. Rejects with what it throws, or with STORE_UNWRITABLE. */
  run<T>(job: () => T): Promise<T>;
  /** Commits what waits and ends. */
  close(): void;
}

export interface GroupCommitDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Waits for the disk after a commit, before anybody is told; absent: the commit is enough. */
  readonly sync?: () => Promise<void>;
  /** Told once when nothing can be written, and once when it can be again. */
  readonly onAlarm: (alarm: StoreAlarm) => void;
}

export type StoreAlarm =
  | { readonly kind: 'records-not-written'; readonly reason: string }
  | { readonly kind: 'records-written-again'; readonly lostRows: number };

interface Job {
  readonly run: () => void;
  readonly fail: (error: unknown) => void;
  readonly done: () => void;
}

interface Waiter {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

/** Collects the writes of all calls into one transaction each few milliseconds. */
export function createGroupCommit(database: Database, deps: GroupCommitDeps): GroupCommit {
  const { clock, logger } = deps;
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const rollback = database.prepare('ROLLBACK');
  const sources: WriteSource[] = [];
  let jobs: Job[] = [];
  let waiter: Waiter | undefined;
  let timer: Timer | undefined;
  let dueAt = 0;
  let lastCommitAt = Number.NEGATIVE_INFINITY;
  let busySince: number | undefined;
  let retryMs = FIRST_RETRY_MS;
  let state: WriteStats['state'] = 'writing';
  let commits = 0;
  let failures = 0;
  let lostRows = 0;

  const waitingRows = (): number => sources.reduce((sum, source) => sum + source.waiting, 0);

  function schedule(delayMs: number): void {
    const at = clock.monotonic() + delayMs;
    if (timer !== undefined) {
      if (dueAt <= at) return;
      timer.clear();
    }
    dueAt = at;
    timer = clock.after(delayMs, flush);
  }

  /** One row SQLite will not have must not hold up the others; a fault of the disk concerns the whole group. */
  function refused(error: unknown): void {
    if (classifyFault(error) !== 'statement') throw error;
    lostRows++;
    logger.error({ reason: describeFault(error) }, 'record not written');
  }

  function flush(): void {
    timer = undefined;
    if (state === 'closed') return;
    const running = jobs;
    try {
      begin.run();
      for (const source of sources) if (source.waiting > 0) source.write(refused);
      for (const job of running) job.run();
      commit.run();
    } catch (error) {
      failed(error);
      return;
    }
    lastCommitAt = clock.monotonic();
    commits++;
    busySince = undefined;
    for (const source of sources) source.written();
    jobs = [];
    for (const job of running) job.done();
    if (deps.sync === undefined) release();
    else releaseAfter(deps.sync());
    if (state === 'failing') {
      state = 'writing';
      retryMs = FIRST_RETRY_MS;
      logger.info({ lostRows }, 'records are written again');
      deps.onAlarm({ kind: 'records-written-again', lostRows });
    }
  }

  function failed(error: unknown): void {
    if (database.inTransaction) {
      try {
        rollback.run();
      } catch {
        // SQLite has rolled back by itself, as it does when the disk fails.
      }
    }
    if (classifyFault(error) === 'busy') {
      const now = clock.monotonic();
      busySince ??= now;
      if (now - busySince < BUSY_PATIENCE_MS) {
        schedule(BUSY_RETRY_MS);
        return;
      }
    }
    failures++;
    const failedJobs = jobs;
    jobs = [];
    const reason = describeFault(error);
    const fault = new AppError('STORE_UNWRITABLE', `${database.name}: ${reason}`, { cause: error });
    for (const job of failedJobs) job.fail(fault);
    release();
    for (const source of sources) lostRows += source.shed(MAX_WAITING_ROWS);
    if (state === 'writing') {
      state = 'failing';
      logger.error(
        { reason, path: database.name },
        'records cannot be written: calls go on, their records wait',
      );
      deps.onAlarm({ kind: 'records-not-written', reason });
    }
    schedule(retryMs);
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  }

  function releaseAfter(synced: Promise<void>): void {
    const released = waiter;
    waiter = undefined;
    synced.then(released?.resolve, (error: unknown) => {
      failures++;
      logger.error(
        { reason: describeFault(error), path: database.name },
        'disk not synced: records may be lost with the power',
      );
      deps.onAlarm({ kind: 'records-not-written', reason: describeFault(error) });
      released?.resolve();
    });
  }

  function release(): void {
    const released = waiter;
    waiter = undefined;
    released?.resolve();
  }

  return {
    get stats() {
      return { commits, failures, lostRows, waitingRows: waitingRows(), state };
    },
    add: (source) => void sources.push(source),
    queued() {
      if (state === 'writing' && timer === undefined) schedule(GROUP_MS);
      else if (state === 'failing' && waitingRows() > 2 * MAX_WAITING_ROWS) {
        for (const source of sources) lostRows += source.shed(MAX_WAITING_ROWS);
      }
    },
    committed() {
      if (state !== 'writing') return Promise.resolve();
      if (waiter === undefined) {
        let resolve: () => void = () => undefined;
        const promise = new Promise<void>((settle) => (resolve = settle));
        waiter = { promise, resolve };
      }
      // After a pause nothing is gained by waiting for more; under load the groups stay GROUP_MS apart.
      const sinceLast = clock.monotonic() - lastCommitAt;
      schedule(Math.max(EAGER_MS, Math.min(GROUP_MS, GROUP_MS - sinceLast)));
      return waiter.promise;
    },
    run: <T>(job: () => T) =>
      new Promise<T>((resolve, reject) => {
        if (state === 'closed') {
          reject(new AppError('STORE_UNWRITABLE', `${database.name} is closed`));
          return;
        }
        let outcome: { readonly value: T } | { readonly error: unknown };
        jobs.push({
          run() {
            try {
              outcome = { value: database.transaction(job)() };
            } catch (error) {
              if (classifyFault(error) !== 'statement') throw error;
              outcome = { error };
            }
          },
          done: () => {
            if ('value' in outcome) resolve(outcome.value);
            else reject(asError(outcome.error));
          },
          fail: (error) => reject(asError(error)),
        });
        if (state === 'writing') schedule(EAGER_MS);
        else flush();
      }),
    close() {
      if (state === 'closed') return;
      timer?.clear();
      database.pragma('busy_timeout = 2000');
      if (waitingRows() > 0 || jobs.length > 0) flush();
      timer?.clear();
      const rest = waitingRows();
      if (rest > 0) logger.error({ rows: rest }, 'records lost at the end');
      state = 'closed';
      release();
    },
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
