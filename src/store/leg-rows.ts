import type { Database } from 'better-sqlite3';
import type { LegRecord } from '../model/index.js';
import type { RowWriter } from './pending-rows.js';
import { CAUSE_COLUMNS, causeOf, type CauseRow, type Cell, keepOrSet, number, text } from './columns.js';

/** Fields of a leg attempt that wait to be written; where it belongs is always among them. */
export type LegFields = { -readonly [Name in keyof LegRecord]?: LegRecord[Name] } & LegKey;

export interface LegKey {
  readonly recordId: string;
  readonly sequence: number;
}

const PROGRESS_COLUMNS = ['ring_at', 'answer_at', 'codecs', 'sip_call_id'] as const;
const END_COLUMNS = ['end_at', ...CAUSE_COLUMNS] as const;
const ORIGIN_COLUMNS = ['id', 'kind', 'target', 'uri', 'number', 'started_at', 'sequence'] as const;

/** A leg's row with the id of its call. */
export const SELECT_LEGS =
  'SELECT legs.*, calls.id AS record_id FROM legs JOIN calls ON calls.number = legs.call';

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

/** A leg of a call that is not there is left alone. Where and when it began never changes, so an update leaves that alone, too. */
export function createLegWriter(database: Database): RowWriter<LegFields> {
  const all = [...PROGRESS_COLUMNS, ...END_COLUMNS, ...ORIGIN_COLUMNS];
  const insert = database.prepare<Cell[]>(
    `INSERT INTO legs (${all.join(', ')}, call)
     SELECT ${'?, '.repeat(all.length)} number FROM calls WHERE calls.id = ? ON CONFLICT DO NOTHING`,
  );
  const ofCall = 'WHERE call = (SELECT number FROM calls WHERE calls.id = ?) AND sequence = ?';
  const progress = database.prepare<Cell[]>(`UPDATE legs SET ${keepOrSet(PROGRESS_COLUMNS)} ${ofCall}`);
  const end = database.prepare<Cell[]>(
    `UPDATE legs SET ${keepOrSet([...PROGRESS_COLUMNS, ...END_COLUMNS])} ${ofCall}`,
  );
  return {
    insert(id, fields) {
      const { cause } = fields;
      insert.run(
        number(fields.ringAt),
        number(fields.answerAt),
        text(fields.codecs),
        text(fields.sipCallId),
        number(fields.endAt),
        number(cause?.sip),
        number(cause?.q850),
        text(cause?.text),
        text(cause?.by),
        text(cause?.kind),
        id === legId(fields) ? null : id,
        text(fields.kind),
        text(fields.target),
        text(fields.uri),
        text(fields.number),
        number(fields.startedAt),
        fields.sequence,
        fields.recordId,
      );
    },
    update(_id, fields) {
      const { cause } = fields;
      if (fields.endAt === undefined && cause === undefined) {
        progress.run(
          number(fields.ringAt),
          number(fields.answerAt),
          text(fields.codecs),
          text(fields.sipCallId),
          fields.recordId,
          fields.sequence,
        );
        return;
      }
      end.run(
        number(fields.ringAt),
        number(fields.answerAt),
        text(fields.codecs),
        text(fields.sipCallId),
        number(fields.endAt),
        number(cause?.sip),
        number(cause?.q850),
        text(cause?.text),
        text(cause?.by),
        text(cause?.kind),
        fields.recordId,
        fields.sequence,
      );
    },
  };
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
