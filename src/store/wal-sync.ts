import { close, fdatasync, fsyncSync, openSync, closeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Waits for the disk. */
export interface WalSync {
  /** Resolves when all that was committed before is on the disk itself; rejects when the disk fails. */
  sync(): Promise<void>;
  close(): void;
}

/**
 * `durability: power-loss`. SQLite's `synchronous = FULL` would wait for the disk within each commit, and with it the thread that
 * carries all calls. So commits are those of `NORMAL` (which orders the log before the database), and the log is synced from the
 * thread pool before anybody is told that the commit is done: the same promise, and nothing stands still.
 * Of the log only its content is touched here: SQLite's locks lie on the other files.
 */
export function createWalSync(path: string): WalSync {
  const file = openSync(`${path}-wal`, 'r');
  syncFolder(dirname(path));
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  function start(): Promise<void> {
    running = new Promise<void>((resolve, reject) => {
      fdatasync(file, (error) => {
        running = undefined;
        if (error === null) resolve();
        else reject(error);
      });
    });
    return running;
  }

  return {
    sync() {
      if (running === undefined) return start();
      // The one that runs may have begun before this commit; all that come meanwhile share the one after it.
      next ??= running
        .catch(() => undefined)
        .then(() => {
          next = undefined;
          return start();
        });
      return next;
    },
    close: () => close(file),
  };
}

/** The log's own entry in its folder must be on the disk, too. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
