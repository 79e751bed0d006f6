import { AppError } from '../base/errors.js';
import type { CallRecord, CallState, LegRecord } from '../model/index.js';

/** Most records of one page. */
export const MAX_PAGE = 500;
const DEFAULT_PAGE = 50;

/** Which records to list, newest first; all conditions hold together. */
export interface RecordQuery {
  /** Calls set up at this time or later, in milliseconds since the epoch. */
  readonly since?: number;
  /** Calls set up before this time. */
  readonly until?: number;
  /** The caller's number, or the DID (where none matched: the dialled number), exactly as the record has it. */
  readonly number?: string;
  /** Trunk the call came in on. */
  readonly trunk?: string;
  readonly state?: CallState;
  /** A SIP status (`486`) or a kind of ending (`busy`). */
  readonly cause?: string;
  /** 1–500, default 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

export interface RecordPage {
  readonly records: readonly CallRecord[];
  /** There may be more. A page can hold fewer records than `limit`, or none, and still have this: a rare filter is searched in portions. */
  readonly next?: string;
}

export interface RecordDetail {
  readonly record: CallRecord;
  /** In the order of the attempts. */
  readonly legs: readonly LegRecord[];
}

/** A page ends at the number of its last call. */
export function encodeCursor(number: number): string {
  return Buffer.from(String(number)).toString('base64url');
}

/** Throws REQUEST_INVALID for what is no cursor of ours. */
export function decodeCursor(cursor: string): number {
  const text = cursor.length > 32 ? '' : Buffer.from(cursor, 'base64url').toString();
  if (!/^\d{1,15}$/.test(text))
    throw new AppError('REQUEST_INVALID', 'cursor is none that a page of records gave out');
  return Number(text);
}

/** The page size asked for. Throws REQUEST_INVALID outside of 1–500. */
export function pageSize(query: RecordQuery): number {
  const limit = query.limit ?? DEFAULT_PAGE;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw new AppError('REQUEST_INVALID', `limit must be 1 to ${MAX_PAGE}`);
  }
  return limit;
}

/** Times are whole milliseconds, texts short. Throws REQUEST_INVALID that names the field. */
export function checkQuery(query: RecordQuery): void {
  for (const name of ['since', 'until'] as const) {
    const value = query[name];
    if (value !== undefined && !Number.isSafeInteger(value)) {
      throw new AppError('REQUEST_INVALID', `${name} must be a time in milliseconds since the epoch`);
    }
  }
  for (const name of ['number', 'trunk', 'cause'] as const) {
    const value = query[name];
    if (value !== undefined && (value === '' || value.length > 128)) {
      throw new AppError('REQUEST_INVALID', `${name} must have 1 to 128 characters`);
    }
  }
  pageSize(query);
  if (query.cursor !== undefined) decodeCursor(query.cursor);
}
