import type { Database, Statement } from 'better-sqlite3';
import { type CallRow, toCallRecord } from './call-rows.js';
import { createCallSlots } from './call-slots.js';
import type { Cell } from './columns.js';
import { type LegRow, SELECT_LEGS, toLegRecord } from './leg-rows.js';
import {
  checkQuery,
  decodeCursor,
  encodeCursor,
  pageSize,
  type RecordDetail,
  type RecordPage,
  type RecordQuery,
} from './record-query.js';

/** Rows looked at in one statement where a condition has no index of its own. */
const SCAN_ROWS = 5000;

/** One page searches no longer than this; what is left is left to the next page. */
const SEARCH_MS = 400;

export interface RecordReader {
  list(query: RecordQuery): RecordPage;
  get(id: string): RecordDetail | undefined;
}

/** A condition, with its values. */
interface Condition {
  readonly where: string;
  readonly values: readonly Cell[];
}

interface Search {
  /** Each is answered by an index in the order of time. */
  readonly drivers: readonly Condition[];
  /** What is left to compare in each row. */
  readonly rest: Condition;
  /** No call with a lower number can fit. */
  readonly lowest: number;
}

interface Scan {
  readonly rows: readonly CallRow[];
  /** Searched down to this number; undefined: to the end. */
  readonly reached: number | undefined;
}

/** Reads records through a connection of its own; runs in the store's worker. */
export function createRecordReader(database: Database, monotonic: () => number): RecordReader {
  const statements = new Map<string, Statement<Cell[]>>();
  const slots = createCallSlots(database);
  const byId = database.prepare<[string], CallRow>('SELECT * FROM calls WHERE id = ?');
  const legsOf = database.prepare<[string], LegRow>(
    `${SELECT_LEGS} WHERE calls.id = ? ORDER BY sequence LIMIT 1000`,
  );

  /** The shapes of a query are few, so each is prepared once. */
  function prepare(sql: string): Statement<Cell[]> {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = database.prepare<Cell[]>(sql);
      statements.set(sql, statement);
    }
    return statement;
  }

  function scan(driver: Condition, search: Search, before: number, limit: number): Scan {
    const { rest, lowest } = search;
    const range = `FROM calls WHERE ${driver.where} number < ? AND number >= ? ORDER BY number DESC`;
    const values = [...driver.values, before, lowest];
    if (rest.where === '') {
      const rows = prepare(`SELECT * ${range} LIMIT ?`).all(...values, limit) as CallRow[];
      return { rows, reached: rows.length === limit ? rows.at(-1)!.number : undefined };
    }
    const rows = prepare(`SELECT * FROM (SELECT * ${range} LIMIT ?) WHERE ${rest.where} LIMIT ?`).all(
      ...values,
      SCAN_ROWS,
      ...rest.values,
      limit,
    ) as CallRow[];
    if (rows.length === limit) return { rows, reached: rows.at(-1)!.number };
    const last = prepare(`SELECT number ${range} LIMIT 1 OFFSET ${SCAN_ROWS - 1}`).get(...values);
    return { rows, reached: (last as { number: number } | undefined)?.number };
  }

  return {
    list(query) {
      checkQuery(query);
      const limit = pageSize(query);
      const deadline = monotonic() + SEARCH_MS;
      const lowest = query.since === undefined ? 0 : slots.firstSince(query.since);
      if (lowest === undefined) return { records: [] };
      const search = { ...searchOf(query), lowest };
      const found: CallRow[] = [];
      let before: number | undefined = begin(query);
      do {
        const from: number = before;
        const scans = search.drivers.map((driver) => scan(driver, search, from, limit - found.length));
        const merged = merge(scans, limit - found.length);
        found.push(...merged.rows);
        before = merged.reached;
      } while (before !== undefined && found.length < limit && monotonic() <= deadline);
      return {
        records: found.map(toCallRecord),
        ...(before !== undefined && { next: encodeCursor(before) }),
      };
    },
    get(id) {
      const row = byId.get(id);
      return row === undefined
        ? undefined
        : { record: toCallRecord(row), legs: legsOf.all(id).map(toLegRecord) };
    },
  };

  /** The number below which the search begins. */
  function begin(query: RecordQuery): number {
    if (query.cursor !== undefined) return decodeCursor(query.cursor);
    return (query.until === undefined ? undefined : slots.endBefore(query.until)) ?? Number.MAX_SAFE_INTEGER;
  }
}

/** Which index leads the search, and what is left to compare. */
function searchOf(query: RecordQuery): { readonly drivers: readonly Condition[]; readonly rest: Condition } {
  const rest: Condition[] = [];
  let drivers: Condition[] = [];
  if (query.number !== undefined) {
    drivers = [
      { where: 'caller = ? AND', values: [query.number] },
      { where: 'coalesce(did, dialed) = ? AND', values: [query.number] },
    ];
  }
  if (query.state !== undefined) {
    rest.push({ where: 'state = ?', values: [query.state] });
    // Few calls are open, and there is an index of those.
    if (drivers.length === 0 && query.state !== 'ended')
      drivers = [{ where: 'end_at IS NULL AND', values: [] }];
  }
  if (query.trunk !== undefined) {
    if (drivers.length === 0) drivers = [{ where: 'trunk = ? AND', values: [query.trunk] }];
    else rest.push({ where: 'trunk = ?', values: [query.trunk] });
  }
  if (query.since !== undefined) rest.push({ where: 'setup_at >= ?', values: [query.since] });
  if (query.until !== undefined) rest.push({ where: 'setup_at < ?', values: [query.until] });
  if (query.cause !== undefined) {
    const isStatus = /^[1-6]\d\d$/.test(query.cause);
    rest.push(
      isStatus
        ? { where: 'cause_sip = ?', values: [Number(query.cause)] }
        : { where: 'cause_kind = ?', values: [query.cause] },
    );
  }
  return {
    drivers: drivers.length === 0 ? [{ where: '', values: [] }] : drivers,
    rest: {
      where: rest.map((condition) => condition.where).join(' AND '),
      values: rest.flatMap((condition) => condition.values),
    },
  };
}

/** Rows of several searches in one order. Beyond what the slowest search has reached, nothing is sure yet. */
function merge(scans: readonly Scan[], limit: number): Scan {
  const ends = scans.map((scan) => scan.reached).filter((reached) => reached !== undefined);
  const reached = ends.length === 0 ? undefined : Math.max(...ends);
  const unique = new Map<number, CallRow>();
  for (const row of scans.flatMap((scan) => scan.rows)) {
    if (reached === undefined || row.number >= reached) unique.set(row.number, row);
  }
  const rows = [...unique.values()].sort((a, b) => b.number - a.number);
  if (rows.length <= limit) return { rows, reached };
  return { rows: rows.slice(0, limit), reached: rows[limit - 1]!.number };
}
