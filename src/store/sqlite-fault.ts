/** What an error out of SQLite means for its caller. */
export type SqliteFault =
  /** Another connection writes just now; the same again succeeds soon. */
  | 'busy'
  /** The disk is full, gone, read-only or fails: nothing can be written. */
  | 'storage'
  /** The file is no database, or is broken. */
  | 'damaged'
  /** The statement or its values are at fault. */
  | 'statement';

/** Sorts an error that better-sqlite3 threw. */
export function classifyFault(error: unknown): SqliteFault {
  const code = codeOf(error);
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return 'busy';
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return 'damaged';
  if (/^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|NOMEM|PERM|NOLFS|PROTOCOL)/.test(code)) return 'storage';
  return 'statement';
}

/** One line about it, with SQLite's code. */
export function describeFault(error: unknown): string {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return code === '' ? message : `${message} (${code})`;
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
