import Sqlite from 'better-sqlite3';
import { parentPort, workerData } from 'node:worker_threads';
import { AppError } from '../base/errors.js';
import { startCheckpoints } from './checkpoints.js';
import type { MaintenanceMessage, MaintenanceReply, MaintenanceRequest } from './maintenance.js';
import { createQueueTallyReader } from './queue-tally.js';
import { createRecordReader } from './record-reader.js';
import { createRetention } from './retention.js';

/** Pause between two batches of a sweep, so that the records of running calls get their turn. */
const SWEEP_PAUSE_MS = 25;

if (parentPort !== null) serve(parentPort, (workerData as { readonly path: string }).path);

function serve(port: NonNullable<typeof parentPort>, path: string): void {
  const reading = new Sqlite(path, { readonly: true, timeout: 5000 });
  const writing = new Sqlite(path, { timeout: 5000 });
  const reader = createRecordReader(reading, () => performance.now());
  const tallies = createQueueTallyReader(reading);
  const retention = createRetention(writing);
  const checkpoints = startCheckpoints(writing);

  async function answer(request: MaintenanceRequest): Promise<unknown> {
    switch (request.kind) {
      case 'list':
        return reader.list(request.query);
      case 'get':
        return reader.get(request.id);
      case 'tally':
        return tallies.read(request.request);
      case 'sweep': {
        let total = 0;
        for (;;) {
          const count = retention.sweepBatch(request.before);
          total += count;
          if (count === 0) return total;
          await new Promise((resolve) => setTimeout(resolve, SWEEP_PAUSE_MS));
        }
      }
      case 'close':
        checkpoints.stop();
        reading.close();
        writing.close();
        // After the answer has left.
        setImmediate(() => port.close());
        return undefined;
    }
  }

  port.on('message', (message: MaintenanceMessage) => {
    answer(message.request).then(
      (value) => port.postMessage({ ticket: message.ticket, value } satisfies MaintenanceReply),
      (error: unknown) =>
        port.postMessage({
          ticket: message.ticket,
          code: error instanceof AppError ? error.code : undefined,
          message: error instanceof Error ? error.message : String(error),
        } satisfies MaintenanceReply),
    );
  });
}
