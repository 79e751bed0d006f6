import type { Database, Statement } from 'better-sqlite3';
import type { LegRecord } from '../model/index.js';
import { CAUSE_COLUMNS, causeOf, type CauseRow, type Cell, number, text } from './columns.js';

/** Fields of a leg attempt that wait to be written. */
export type LegFields = { -readonly [Name in keyof LegRecord]?: LegRecord[Name] };

const PROGRESS_COLUMNS = [
  'ring_at',
  'answer_at',
  'end_at',
  ...CAUSE_COLUMNS,
  'codecs',
  'sip_call_id',
] as const;
const ORIGIN_COLUMNS = ['record_id', 'sequence', 'kind', 'target', 'uri', 'number', 'started_at'] as const;

export interface LegRow extends CauseRow {
  readonly id: string;
  readonly record_id: string;
  readonly sequence: number;
  readonly kind: string;
  readonly target: string;
  readonly uri: string;
  readonly number: string | null;
  readonly sip_call_id: string | null;
  readonly started_at: number;
  readonly ring_at: number | null;
  readonly answer_at: number | null;
  readonly end_at: number | null;
  readonly codecs: string | null;
}

export interface LegWriter {
  insert(id: string, fields: LegFields): void;
  /** Where and when an attempt began never changes; those fields are ignored here. */
  update(id: string, fields: LegFields): void;
}

export function createLegWriter(database: Database): LegWriter {
  const insert: Statement<Cell[]> = database.prepare<Cell[]>(
    `INSERT INTO legs (${[...PROGRESS_COLUMNS, ...ORIGIN_COLUMNS, 'id'].join(', ')})
     VALUES (${'?, '.repeat(PROGRESS_COLUMNS.length + ORIGIN_COLUMNS.length)}?) ON CONFLICT (id) DO NOTHING`,
  );
  const update: Statement<Cell[]> = database.prepare<Cell[]>(
    `UPDATE legs SET ${PROGRESS_COLUMNS.map((column) => `${column} = coalesce(?, ${column})`).join(', ')} WHERE id = ?`,
  );
  return {
    insert(id, fields) {
      const cause = fields.cause;
      insert.run(
        number(fields.ringAt),
        number(fields.answerAt),
        number(fields.endAt),
        number(cause?.sip),
        number(cause?.q850),
        text(cause?.text),
        text(cause?.by),
        text(cause?.kind),
        text(fields.codecs),
        text(fields.sipCallId),
        text(fields.recordId),
        number(fields.sequence),
        text(fields.kind),
        text(fields.target),
        text(fields.uri),
        text(fields.number),
        number(fields.startedAt),
        id,
      );
    },
    update(id, fields) {
      const cause = fields.cause;
      update.run(
        number(fields.ringAt),
        number(fields.answerAt),
        number(fields.endAt),
        number(cause?.sip),
        number(cause?.q850),
        text(cause?.text),
        text(cause?.by),
        text(cause?.kind),
        text(fields.codecs),
        text(fields.sipCallId),
        id,
      );
    },
  };
}

/** A row as the leg it was. */
export function toLegRecord(row: LegRow): LegRecord {
  const cause = causeOf(row);
  return {
    id: row.id,
    recordId: row.record_id,
    sequence: row.sequence,
    kind: row.kind as LegRecord['kind'],
    target: row.target,
    uri: row.uri,
    ...(row.number !== null && { number: row.number }),
    ...(row.sip_call_id !== null && { sipCallId: row.sip_call_id }),
    startedAt: row.started_at,
    ...(row.ring_at !== null && { ringAt: row.ring_at }),
    ...(row.answer_at !== null && { answerAt: row.answer_at }),
    ...(row.end_at !== null && { endAt: row.end_at }),
    ...(cause !== undefined && { cause }),
    ...(row.codecs !== null && { codecs: row.codecs }),
  };
}
