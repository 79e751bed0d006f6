import { Worker } from 'node:worker_threads';
import { createMediaCore } from './core.js';
import type { FromWorker, ToWorker, WorkerOptions } from './messages.js';

/**
 * Of the worker's heap: packets die young, and a small nursery stays in the processor's cache. What is not reclaimed at once costs memory for
 * nothing.
 */
const YOUNG_MB = 6;

/** The main thread's end of a media worker. */
export interface WorkerLink {
  post(message: ToWorker): void;
  /** Ends it at once. */
  kill(): Promise<void>;
}

export interface WorkerLinkOptions {
  readonly options: WorkerOptions;
  /** False: runs in this thread, without blocking it, as under tests from TypeScript sources. */
  readonly thread: boolean;
  readonly name: string;
  readonly monotonic: () => number;
  readonly wall: () => number;
  readonly random: () => number;
  readonly message: (message: FromWorker) => void;
  /** It has died by itself. Told once. */
  readonly died: (cause: string) => void;
}

export function startWorker(options: WorkerLinkOptions): WorkerLink {
  return options.thread ? inThread(options) : inProcess(options);
}

function inThread({ options, name, message, died }: WorkerLinkOptions): WorkerLink {
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { mediaWorker: true, options },
    name,
    // Loaders and flags of the main thread are nothing to it, and cost seconds at its start.
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  let over = false;
  const ended = (cause: string): void => {
    if (over) return;
    over = true;
    died(cause);
  };
  worker.on('message', (from: FromWorker) => {
    if (!over) message(from);
  });
  worker.once('error', (error) => ended(error.message));
  worker.once('exit', (code) => ended(`exit ${code}`));
  return {
    post: (to) => worker.postMessage(to, to.kind === 'join' ? [to.port] : []),
    kill: async () => {
      over = true;
      await worker.terminate();
    },
  };
}

function inProcess({ options, monotonic, wall, random, message }: WorkerLinkOptions): WorkerLink {
  let over = false;
  const core = createMediaCore({
    options,
    // As across threads: never within the call that caused it.
    post: (from) =>
      queueMicrotask(() => {
        if (!over) message(from);
      }),
    monotonic,
    wall,
    random,
    sleep: undefined,
  });
  return {
    post: (to) => {
      if (!over) core.handle(to);
    },
    kill: () => {
      core.handle({ kind: 'halt' });
      over = true;
      return Promise.resolve();
    },
  };
}
