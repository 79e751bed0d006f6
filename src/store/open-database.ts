import Sqlite from 'better-sqlite3';
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '../base/errors.js';
import { type FolderLock, lockFolder } from './folder-lock.js';
import { migrate } from './migrations.js';
import { classifyFault, describeFault } from './sqlite-fault.js';

/** Up to this size the whole file is checked at each start (a few hundred milliseconds at most). */
const FULL_CHECK_BYTES = 32 * 1024 * 1024;

/** Pages of 4 kB in the write-ahead log before the writer itself checkpoints (128 MB): only when the worker does not. */
const BACKSTOP_CHECKPOINT_PAGES = 32_000;

const HEADER_BYTES = 100;

export interface OpenedDatabase {
  readonly database: Sqlite.Database;
  readonly lock: FolderLock;
}

/**
 * Opens (or makes) the database for writing, locks its folder, checks it and brings its schema up to date.
 * Throws AppError STORE_LOCKED, STORE_UNWRITABLE, STORE_DAMAGED or STORE_TOO_NEW, each with one line.
 */
export function openDatabase(options: {
  readonly path: string;
  /** A worker checkpoints; this connection does so only when that fails. */
  readonly checkpointElsewhere: boolean;
}): OpenedDatabase {
  const { path } = options;
  const folder = dirname(path);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o750 });
  } catch (cause) {
    throw new AppError('STORE_UNWRITABLE', `${folder} cannot be made: ${describeFault(cause)}`, { cause });
  }
  const lock = lockFolder(folder);
  let database: Sqlite.Database | undefined;
  try {
    refuseTruncated(path);
    database = new Sqlite(path, { timeout: 2000 });
    database.pragma('journal_mode = WAL');
    // Survives the end of the process; `wal-sync.ts` adds what survives the end of the power.
    database.pragma('synchronous = NORMAL');
    database.pragma(`wal_autocheckpoint = ${options.checkpointElsewhere ? BACKSTOP_CHECKPOINT_PAGES : 1000}`);
    database.pragma('temp_store = MEMORY');
    check(database, path);
    migrate(database, path);
    // From here on a busy database is waited for by trying again, never by blocking the thread that carries the calls.
    database.pragma('busy_timeout = 0');
    return { database, lock };
  } catch (cause) {
    database?.close();
    lock.release();
    throw openFault(path, cause);
  }
}

/** What kept the database from being opened, as one of the catalogue's faults. */
export function openFault(path: string, cause: unknown): unknown {
  if (cause instanceof AppError) return cause;
  switch (classifyFault(cause)) {
    case 'damaged':
      return new AppError('STORE_DAMAGED', `${path}: ${describeFault(cause)}`, { cause });
    case 'busy':
      return new AppError('STORE_LOCKED', `${path} is being written by another program`, { cause });
    case 'storage':
      return new AppError('STORE_UNWRITABLE', `${path} cannot be written: ${describeFault(cause)}`, {
        cause,
      });
    case 'statement':
      return cause;
  }
}

/** The schema is read always, every page of a small file. */
function check(database: Sqlite.Database, path: string): void {
  database.pragma('schema_version');
  if (statSync(path).size > FULL_CHECK_BYTES) return;
  const finding = database.pragma('quick_check(1)', { simple: true });
  if (finding !== 'ok') throw new AppError('STORE_DAMAGED', `${path}: ${String(finding)}`);
}

/** A file shorter than its header says was cut off; without a write-ahead log nothing can make it whole. */
function refuseTruncated(path: string): void {
  if (!existsSync(path)) return;
  const size = statSync(path).size;
  if (size === 0 || (existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0)) return;
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(file);
  }
  // https://sqlite.org/fileformat2.html §1.3: page size, and the size in pages, valid where both change counters agree.
  const pageBytes = header.readUInt16BE(16) === 1 ? 65536 : header.readUInt16BE(16);
  const pages = header.readUInt32BE(28);
  const valid = header.readUInt32BE(24) === header.readUInt32BE(92);
  if (header.toString('latin1', 0, 15) === 'SQLite format 3' && valid && size < pageBytes * pages) {
    throw new AppError(
      'STORE_DAMAGED',
      `${path} is cut off: ${size} of ${pageBytes * pages} bytes are there`,
    );
  }
}
