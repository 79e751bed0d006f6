import Sqlite from 'better-sqlite3';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../base/errors.js';
import { classifyFault, describeFault } from './sqlite-fault.js';

/** Held while a process uses a data folder. */
export interface FolderLock {
  release(): void;
}

/**
 * Locks a data folder for this process, or throws STORE_LOCKED that names the holder. The lock is SQLite's own on the empty
 * database `trunkline.lock` (`BEGIN EXCLUSIVE`, never committed): the system drops it with the process, however it dies, so there
 * is no stale lock to remove. `trunkline.pid` beside it is for people only.
 */
export function lockFolder(folder: string): FolderLock {
  const pidFile = join(folder, 'trunkline.pid');
  const lock = openLock(folder);
  try {
    // No journal file: nothing is ever written through this connection.
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if (classifyFault(cause) !== 'busy') throw unwritable(folder, cause);
    throw new AppError('STORE_LOCKED', `${folder} is in use by ${holder(pidFile)}`, { cause });
  }
  try {
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (cause) {
    lock.close();
    throw unwritable(folder, cause);
  }
  let released = false;
  return {
    release() {
      if (released) return;
      released = true;
      rmSync(pidFile, { force: true });
      lock.close();
    },
  };
}

function openLock(folder: string): Sqlite.Database {
  try {
    return new Sqlite(join(folder, 'trunkline.lock'), { timeout: 0 });
  } catch (cause) {
    throw unwritable(folder, cause);
  }
}

function unwritable(folder: string, cause: unknown): AppError {
  return new AppError('STORE_UNWRITABLE', `${folder} cannot be written: ${describeFault(cause)}`, { cause });
}

function holder(pidFile: string): string {
  try {
    const pid = /^\d{1,10}$/m.exec(readFileSync(pidFile, 'utf8'))?.[0];
    return pid === undefined ? 'another process' : `process ${pid}`;
  } catch {
    return 'another process';
  }
}
