import { randomFillSync } from 'node:crypto';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { createMediaCore } from './core.js';
import type { FromWorker, ToWorker, WorkerOptions } from './messages.js';

/** Media in a thread of its own. Started by `startWorker` only: importing it elsewhere does nothing. */

/** Ahead of everything that has no deadline of 20 ms; on Linux it holds for the thread alone. */
const PRIORITY = -15;

/** Unforeseeable numbers, from a pool, as asking the system for each is slow. */
function createRandom(): () => number {
  const pool = Buffer.alloc(4096);
  let at = pool.length;
  return () => {
    if (at >= pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    at += 4;
    return pool.readUInt32LE(at - 4) / 0x1_0000_0000;
  };
}

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
    random: createRandom(),
    sleep: (ms) => void Atomics.wait(cell, 0, 0, ms),
  });
  parentPort?.on('message', (message: ToWorker) => core.handle(message));
}

if (isMediaWorker(workerData)) run(workerData.options);

function isMediaWorker(data: unknown): data is { options: WorkerOptions } {
  return parentPort !== null && typeof data === 'object' && data !== null && 'mediaWorker' in data;
}
