import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { createMediaCore } from './core.js';
import type { FromWorker, ToWorker, WorkerOptions } from './messages.js';

/** Media in a thread of its own. Started by `startWorker` only: importing it elsewhere does nothing. */

/** Ahead of everything that has no deadline of 20 ms; on Linux it holds for the thread alone. */
const PRIORITY = -15;

function run(options: WorkerOptions): void {
  try {
    setPriority(0, PRIORITY);
  } catch {
    // Not allowed: it works without, with more jitter under load.
  }
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const core = createMediaCore({
    options,
    post: (message: FromWorker) => parentPort?.postMessage(message),
    monotonic: () => performance.now(),
    wall: () => Date.now(),
    random: Math.random,
    sleep: (ms) => void Atomics.wait(cell, 0, 0, ms),
  });
  parentPort?.on('message', (message: ToWorker) => core.handle(message));
}

if (isMediaWorker(workerData)) run(workerData.options);

function isMediaWorker(data: unknown): data is { options: WorkerOptions } {
  return parentPort !== null && typeof data === 'object' && data !== null && 'mediaWorker' in data;
}
