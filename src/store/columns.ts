import type { EndCause, HangupParty } from '../model/index.js';

/** A value as SQLite takes it. */
export type Cell = string | number | null;

/** Longest text kept in a column, in UTF-16 units: what comes off the wire must not swell the database. */
const MAX_TEXT = 1024;

/** Longest trace kept. A trace is JSON, so a longer one is replaced rather than cut. */
const MAX_TRACE = 65_536;

/** Columns of an `EndCause`, in the order `causeCells` gives them. */
export const CAUSE_COLUMNS = ['cause_sip', 'cause_q850', 'cause_text', 'cause_by', 'cause_kind'] as const;

export interface CauseRow {
  readonly cause_sip: number | null;
  readonly cause_q850: number | null;
  readonly cause_text: string | null;
  readonly cause_by: string | null;
  readonly cause_kind: string | null;
}

export function text(value: string | undefined): string | null {
  if (value === undefined) return null;
  return value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) : value;
}

export function number(value: number | undefined): number | null {
  return value ?? null;
}

export function trace(value: string | undefined): string | null {
  if (value === undefined) return null;
  if (value.length <= MAX_TRACE) return value;
  return JSON.stringify([{ kind: 'note', text: `a trace of ${value.length} characters was not kept` }]);
}

/** For `SET`: a column whose value is null stays as it is. */
export function keepOrSet(columns: readonly string[]): string {
  return columns.map((column) => `${column} = coalesce(?, ${column})`).join(', ');
}

/** The cause out of its columns; undefined while there is none. */
export function causeOf(row: CauseRow): EndCause | undefined {
  if (row.cause_sip === null || row.cause_kind === null) return undefined;
  return {
    sip: row.cause_sip,
    ...(row.cause_q850 !== null && { q850: row.cause_q850 }),
    ...(row.cause_text !== null && { text: row.cause_text }),
    by: row.cause_by as HangupParty,
    kind: row.cause_kind,
  };
}
