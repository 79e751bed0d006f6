import type { Database } from 'better-sqlite3';
import Sqlite from 'better-sqlite3';
import { Worker } from 'node:worker_threads';
import { AppError, type ErrorCode, ERRORS } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { GroupCommit } from './group-commit.js';
import type { Maintenance, MaintenanceMessage, MaintenanceReply, MaintenanceRequest } from './maintenance.js';
import { createQueueTallyReader } from './queue-tally.js';
import { createRecordReader } from './record-reader.js';
import { createRetention } from './retention.js';

/** Requests that may wait for the worker; more are refused. */
const MAX_WAITING = 1000;

/** Whether the worker's script is there: not when TypeScript runs from its sources, as tests do. */
export const HAS_WORKER = import.meta.url.endsWith('.js');

interface Ticket {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Long reads, retention and checkpoints in a worker thread. It is started with the first request after a fault again. */
export function startWorker(path: string, logger: Logger, script: URL = workerScript()): Maintenance {
  const tickets = new Map<number, Ticket>();
  let lastTicket = 0;
  let closing = false;
  let worker: Worker | undefined = spawn();

  function spawn(): Worker {
    const started = new Worker(script, { workerData: { path }, name: 'store' });
    started.unref();
    started.on('message', (reply: MaintenanceReply) => {
      const ticket = tickets.get(reply.ticket);
      tickets.delete(reply.ticket);
      if ('message' in reply) ticket?.reject(errorOf(reply));
      else ticket?.resolve(reply.value);
    });
    started.on('error', (error: unknown) => logger.error({ reason: reasonOf(error) }, 'store worker failed'));
    started.on('exit', () => {
      if (worker === started) worker = undefined;
      const left = [...tickets.values()];
      tickets.clear();
      for (const ticket of left) {
        if (closing) ticket.resolve(undefined);
        else ticket.reject(new Error('the store worker ended'));
      }
    });
    return started;
  }

  function ask(request: MaintenanceRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (closing && request.kind !== 'close') {
        reject(new Error('the store is closed'));
        return;
      }
      if (tickets.size >= MAX_WAITING) {
        reject(new Error(`${MAX_WAITING} requests wait for the store already`));
        return;
      }
      worker ??= spawn();
      const ticket = ++lastTicket;
      tickets.set(ticket, { resolve, reject });
      worker.postMessage({ ticket, request } satisfies MaintenanceMessage);
    });
  }

  return {
    list: (query) => ask({ kind: 'list', query }) as ReturnType<Maintenance['list']>,
    get: (id) => ask({ kind: 'get', id }) as ReturnType<Maintenance['get']>,
    tally: (request) => ask({ kind: 'tally', request }) as ReturnType<Maintenance['tally']>,
    sweep: (before) => ask({ kind: 'sweep', before }) as Promise<number>,
    async close() {
      if (closing) return;
      closing = true;
      const ending = worker;
      if (ending === undefined) return;
      const exited = new Promise<void>((resolve) => ending.once('exit', () => resolve()));
      // A worker's exit must be awaited: closing the database under its connections loses nothing, but keeps its files.
      ending.ref();
      await ask({ kind: 'close' });
      await exited;
    },
  };
}

/** The same in this thread, for TypeScript run from its sources. */
export function createInProcessMaintenance(database: Database, group: GroupCommit): Maintenance {
  const reading = new Sqlite(database.name, { readonly: true, timeout: 5000 });
  const reader = createRecordReader(reading, () => performance.now());
  const tallies = createQueueTallyReader(reading);
  const retention = createRetention(database);
  return {
    list: (query) => attempt(() => reader.list(query)),
    get: (id) => attempt(() => reader.get(id)),
    tally: (request) => attempt(() => tallies.read(request)),
    async sweep(before) {
      let total = 0;
      for (;;) {
        const count = await group.run(() => retention.sweepBatch(before));
        total += count;
        if (count === 0) return total;
      }
    },
    close: () => attempt(() => void reading.close()),
  };
}

function attempt<T>(run: () => T): Promise<T> {
  return new Promise((resolve) => resolve(run()));
}

function workerScript(): URL {
  return new URL('./maintenance-worker.js', import.meta.url);
}

function errorOf(reply: { readonly code: string | undefined; readonly message: string }): Error {
  return reply.code !== undefined && reply.code in ERRORS
    ? new AppError(reply.code as ErrorCode, reply.message)
    : new Error(reply.message);
}

/** What another thread throws may arrive as a plain object. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.message !== '') return error.message;
  const { message, code } = (error ?? {}) as { readonly message?: unknown; readonly code?: unknown };
  return [message, code].filter((part) => typeof part === 'string').join(' ') || String(error);
}
