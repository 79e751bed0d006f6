import type { Database, Statement } from 'better-sqlite3';
import { type CallRow, toCallRecord } from './call-rows.js';
import type { Cell } from './columns.js';
import { type LegRow, toLegRecord } from './leg-rows.js';
import {
  checkQuery,
  decodeCursor,
  encodeCursor,
  pageSize,
  type Position,
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

/** A condition that an index answers in the order of time. */
interface Driver {
  readonly where: string;
  readonly values: readonly Cell[];
}

interface Scan {
  readonly rows: readonly CallRow[];
  /** Searched down to here; undefined: to the end. */
  readonly reached: Position | undefined;
}

/** Reads records through a connection of its own; runs in the store's worker. */
export function createRecordReader(database: Database, monotonic: () => number): RecordReader {
  const statements = new Map<string, Statement<Cell[]>>();
  const byId = database.prepare<[string], CallRow>('SELECT rowid AS number, * FROM calls WHERE id = ?');
  const legsOf = database.prepare<[string], LegRow>(
    'SELECT * FROM legs WHERE record_id = ? ORDER BY started_at, sequence LIMIT 1000',
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

  function scan(driver: Driver, rest: Driver, query: RecordQuery, before: Position, limit: number): Scan {
    const filtered = rest.where !== '';
    const portion = filtered ? SCAN_ROWS : limit;
    const range = `FROM calls WHERE ${driver.where} (setup_at, rowid) < (?, ?) AND setup_at >= ?
      ORDER BY setup_at DESC, rowid DESC`;
    const values = [...driver.values, before.setupAt, before.number, query.since ?? 0];
    const inner = `SELECT rowid AS number, * ${range} LIMIT ?`;
    const sql = filtered ? `SELECT * FROM (${inner}) WHERE ${rest.where} LIMIT ?` : inner;
    const rows = prepare(sql).all(
      ...values,
      portion,
      ...(filtered ? [...rest.values, limit] : []),
    ) as CallRow[];
    if (rows.length === limit) return { rows, reached: positionOf(rows.at(-1)!) };
    if (!filtered) return { rows, reached: undefined };
    const last = prepare(
      `SELECT setup_at AS setupAt, rowid AS number ${range} LIMIT 1 OFFSET ${portion - 1}`,
    ).get(...values) as Position | undefined;
    return { rows, reached: last };
  }

  return {
    list(query) {
      checkQuery(query);
      const limit = pageSize(query);
      const deadline = monotonic() + SEARCH_MS;
      const { drivers, rest } = planOf(query);
      const found: CallRow[] = [];
      let before: Position | undefined =
        query.cursor === undefined
          ? { setupAt: query.until ?? Number.MAX_SAFE_INTEGER, number: 0 }
          : decodeCursor(query.cursor);
      while (before !== undefined && found.length < limit && monotonic() <= deadline) {
        const from: Position = before;
        const scans = drivers.map((driver) => scan(driver, rest, query, from, limit - found.length));
        const merged = merge(scans, limit - found.length);
        found.push(...merged.rows);
        before = merged.reached;
      }
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
}

/** Which index leads the search, and what is left to compare. */
function planOf(query: RecordQuery): { readonly drivers: readonly Driver[]; readonly rest: Driver } {
  const conditions: Driver[] = [];
  let drivers: Driver[] = [];
  if (query.number !== undefined) {
    drivers = [
      { where: 'caller = ? AND', values: [query.number] },
      { where: 'coalesce(did, dialed) = ? AND', values: [query.number] },
    ];
  }
  if (query.state !== undefined) {
    if (drivers.length === 0 && query.state !== 'ended') {
      // Names the partial index `calls_open`: few calls are open, so they are sorted.
      drivers = [{ where: `state <> 'ended' AND state = ? AND`, values: [query.state] }];
    } else conditions.push({ where: 'state = ?', values: [query.state] });
  }
  if (query.trunk !== undefined) {
    if (drivers.length === 0) drivers = [{ where: 'trunk = ? AND', values: [query.trunk] }];
    else conditions.push({ where: 'trunk = ?', values: [query.trunk] });
  }
  if (query.cause !== undefined) {
    const status = /^[1-6]\d\d$/.test(query.cause);
    conditions.push(
      status
        ? { where: 'cause_sip = ?', values: [Number(query.cause)] }
        : { where: 'cause_kind = ?', values: [query.cause] },
    );
  }
  return {
    drivers: drivers.length === 0 ? [{ where: '', values: [] }] : drivers,
    rest: {
      where: conditions.map((condition) => condition.where).join(' AND '),
      values: conditions.flatMap((condition) => condition.values),
    },
  };
}

/** Rows of several searches in one order. Beyond what the slowest search has reached, nothing is sure yet. */
function merge(scans: readonly Scan[], limit: number): Scan {
  let reached: Position | undefined;
  for (const scan of scans) {
    if (scan.reached !== undefined && (reached === undefined || newer(scan.reached, reached)))
      reached = scan.reached;
  }
  const unique = new Map<number, CallRow>();
  for (const row of scans.flatMap((scan) => scan.rows)) {
    if (reached === undefined || !newer(reached, positionOf(row))) unique.set(row.number, row);
  }
  const rows = [...unique.values()].sort((a, b) => (newer(positionOf(a), positionOf(b)) ? -1 : 1));
  if (rows.length <= limit) return { rows, reached };
  return { rows: rows.slice(0, limit), reached: positionOf(rows[limit - 1]!) };
}

function positionOf(row: CallRow): Position {
  return { setupAt: row.setup_at, number: row.number };
}

function newer(a: Position, b: Position): boolean {
  return a.setupAt > b.setupAt || (a.setupAt === b.setupAt && a.number > b.number);
}
