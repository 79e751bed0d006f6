import type { Database } from 'better-sqlite3';
import type { LegRecord } from '../model/index.js';
import type { RowWriter } from './pending-rows.js';
import { CAUSE_COLUMNS, causeOf, type CauseRow, type Cell, number, text } from './columns.js';

/** Fields of a leg attempt that wait to be written; where it belongs is always among them. */
export type LegFields = { -readonly [Name in keyof LegRecord]?: LegRecord[Name] } & LegKey;

export interface LegKey {
  readonly recordId: string;
  readonly sequence: number;
}

const PROGRESS_COLUMNS = [
  'ring_at',
  'answer_at',
  'end_at',
  ...CAUSE_COLUMNS,
  'codecs',
  'sip_call_id',
] as const;
const ORIGIN_COLUMNS = ['id', 'kind', 'target', 'uri', 'number', 'started_at'] as const;

export interface LegRow extends CauseRow {
  readonly id: string | null;
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

/** The id a leg has unless it came with another one. */
export function legId(key: LegKey): string {
  return `${key.recordId}/${key.sequence}`;
}

/** Where and when an attempt began never changes; an update leaves that alone. */
export function createLegWriter(database: Database): RowWriter<LegFields> {
  const insert = database.prepare(
    `INSERT INTO legs (${[...PROGRESS_COLUMNS, ...ORIGIN_COLUMNS].join(', ')}, record_id, sequence)
     VALUES (${'?, '.repeat(PROGRESS_COLUMNS.length + ORIGIN_COLUMNS.length)}?, ?) ON CONFLICT DO NOTHING`,
  );
  const update = database.prepare(
    `UPDATE legs SET ${PROGRESS_COLUMNS.map((column) => `${column} = coalesce(?, ${column})`).join(', ')}
     WHERE record_id = ? AND sequence = ?`,
  );
  return {
    insert(id, fields) {
      insert.run(
        progressCells(fields),
        id === legId(fields) ? null : id,
        text(fields.kind),
        text(fields.target),
        text(fields.uri),
        text(fields.number),
        number(fields.startedAt),
        fields.recordId,
        fields.sequence,
      );
    },
    update(_id, fields) {
      update.run(progressCells(fields), fields.recordId, fields.sequence);
    },
  };
}

/** Values of `PROGRESS_COLUMNS`. */
function progressCells(fields: LegFields): Cell[] {
  const { cause } = fields;
  return [
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
  ];
}

/** A row as the leg it was. */
export function toLegRecord(row: LegRow): LegRecord {
  const cause = causeOf(row);
  return {
    id: row.id ?? legId({ recordId: row.record_id, sequence: row.sequence }),
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
