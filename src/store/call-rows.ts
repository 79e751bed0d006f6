import type { Database } from 'better-sqlite3';
import type { CallRecord, CallState } from '../model/index.js';
import type { RowWriter } from './pending-rows.js';
import {
  CAUSE_COLUMNS,
  causeOf,
  type CauseRow,
  type Cell,
  keepOrSet,
  number,
  text,
  trace,
} from './columns.js';

/** Fields of a call that wait to be written. */
export type CallFields = { -readonly [Name in keyof CallRecord]?: CallRecord[Name] };

/** What changes on a call's way; none of these is in an index. */
const PROGRESS_COLUMNS = [
  'state',
  'ring_at',
  'answer_at',
  'pdd_ms',
  'codecs',
  'destination',
  'last_step',
  'trace',
] as const;

/** What its end adds. */
const END_COLUMNS = ['end_at', ...CAUSE_COLUMNS] as const;

/** What is known at the start as a rule; changing it rewrites index entries, so it has a statement of its own. */
const ORIGIN_COLUMNS = [
  'direction',
  'sip_call_id',
  'trunk',
  'extension',
  'source_address',
  'caller_raw',
  'caller',
  'caller_name',
  'dialed_raw',
  'dialed',
  'did',
  'rule',
  'plan_revision',
  'setup_at',
  'tenant',
] as const;

export interface CallRow extends CauseRow {
  readonly number: number;
  readonly id: string;
  readonly state: string;
  readonly direction: string;
  readonly sip_call_id: string;
  readonly trunk: string | null;
  readonly extension: string | null;
  readonly source_address: string;
  readonly caller_raw: string;
  readonly caller: string | null;
  readonly caller_name: string | null;
  readonly dialed_raw: string;
  readonly dialed: string;
  readonly did: string | null;
  readonly rule: string | null;
  readonly plan_revision: number;
  readonly setup_at: number;
  readonly ring_at: number | null;
  readonly answer_at: number | null;
  readonly end_at: number | null;
  readonly pdd_ms: number | null;
  readonly codecs: string | null;
  readonly destination: string | null;
  readonly last_step: string | null;
  readonly tenant: string | null;
  readonly trace: string;
}

export interface CallWriter extends RowWriter<CallFields> {
  /** Fields that are absent keep their value. A call that is not there is left alone. */
  update(id: string, fields: CallFields): void;
}

/** Calls set up within so many milliseconds share a row of `call_slots`. */
export const SLOT_MS = 600_000;

export function createCallWriter(database: Database): CallWriter {
  const all = [...PROGRESS_COLUMNS, ...END_COLUMNS, ...ORIGIN_COLUMNS];
  const insert = database.prepare<Cell[]>(
    `INSERT INTO calls (${all.join(', ')}, id) VALUES (${'?, '.repeat(all.length)}?) ON CONFLICT (id) DO NOTHING`,
  );
  const progress = database.prepare<Cell[]>(`UPDATE calls SET ${keepOrSet(PROGRESS_COLUMNS)} WHERE id = ?`);
  // Apart, since it takes the call out of the index of open ones.
  const end = database.prepare<Cell[]>(
    `UPDATE calls SET ${keepOrSet([...PROGRESS_COLUMNS, ...END_COLUMNS])} WHERE id = ?`,
  );
  // Apart, since it rewrites the entries of every index.
  const origin = database.prepare<Cell[]>(`UPDATE calls SET ${keepOrSet(ORIGIN_COLUMNS)} WHERE id = ?`);
  const beginSlot = database.prepare('INSERT OR REPLACE INTO call_slots (number, slot) VALUES (?, ?)');
  let slot = -1;
  let slotOnDisk = -1;

  // Values are spelt out one by one: an array of them, spread or not, costs a quarter of the whole statement.
  return {
    insert(id, fields) {
      const { cause } = fields;
      const { changes, lastInsertRowid } = insert.run(
        text(fields.state),
        number(fields.ringAt),
        number(fields.answerAt),
        number(fields.pddMs),
        text(fields.codecs),
        text(fields.destination),
        text(fields.lastStep),
        trace(fields.trace),
        number(fields.endAt),
        number(cause?.sip),
        number(cause?.q850),
        text(cause?.text),
        text(cause?.by),
        text(cause?.kind),
        text(fields.direction),
        text(fields.sipCallId),
        text(fields.trunk),
        text(fields.extension),
        text(fields.sourceAddress),
        text(fields.callerRaw),
        text(fields.caller),
        text(fields.callerName),
        text(fields.dialedRaw),
        text(fields.dialed),
        text(fields.did),
        text(fields.rule),
        number(fields.planRevision),
        number(fields.setupAt),
        text(fields.tenant),
        id,
      );
      const own = Math.floor((fields.setupAt ?? 0) / SLOT_MS);
      if (own === slot || changes === 0) return;
      slot = own;
      beginSlot.run(lastInsertRowid, own);
    },
    update(id, fields) {
      const { cause } = fields;
      if (fields.endAt === undefined && cause === undefined) {
        progress.run(
          text(fields.state),
          number(fields.ringAt),
          number(fields.answerAt),
          number(fields.pddMs),
          text(fields.codecs),
          text(fields.destination),
          text(fields.lastStep),
          trace(fields.trace),
          id,
        );
      } else {
        end.run(
          text(fields.state),
          number(fields.ringAt),
          number(fields.answerAt),
          number(fields.pddMs),
          text(fields.codecs),
          text(fields.destination),
          text(fields.lastStep),
          trace(fields.trace),
          number(fields.endAt),
          number(cause?.sip),
          number(cause?.q850),
          text(cause?.text),
          text(cause?.by),
          text(cause?.kind),
          id,
        );
      }
      if (!touchesOrigin(fields)) return;
      origin.run(
        text(fields.direction),
        text(fields.sipCallId),
        text(fields.trunk),
        text(fields.extension),
        text(fields.sourceAddress),
        text(fields.callerRaw),
        text(fields.caller),
        text(fields.callerName),
        text(fields.dialedRaw),
        text(fields.dialed),
        text(fields.did),
        text(fields.rule),
        number(fields.planRevision),
        number(fields.setupAt),
        text(fields.tenant),
        id,
      );
    },
    begin: () => void (slot = slotOnDisk),
    committed: () => void (slotOnDisk = slot),
  };
}

function touchesOrigin(fields: CallFields): boolean {
  return (
    fields.did !== undefined ||
    fields.rule !== undefined ||
    fields.trunk !== undefined ||
    fields.extension !== undefined ||
    fields.caller !== undefined ||
    fields.callerName !== undefined ||
    fields.dialed !== undefined ||
    fields.planRevision !== undefined ||
    fields.tenant !== undefined ||
    fields.direction !== undefined ||
    fields.sipCallId !== undefined ||
    fields.sourceAddress !== undefined ||
    fields.callerRaw !== undefined ||
    fields.dialedRaw !== undefined ||
    fields.setupAt !== undefined
  );
}

/** A row as the record it was. */
export function toCallRecord(row: CallRow): CallRecord {
  const cause = causeOf(row);
  return {
    id: row.id,
    state: row.state as CallState,
    direction: row.direction as CallRecord['direction'],
    sipCallId: row.sip_call_id,
    ...(row.trunk !== null && { trunk: row.trunk }),
    ...(row.extension !== null && { extension: row.extension }),
    sourceAddress: row.source_address,
    callerRaw: row.caller_raw,
    ...(row.caller !== null && { caller: row.caller }),
    ...(row.caller_name !== null && { callerName: row.caller_name }),
    dialedRaw: row.dialed_raw,
    dialed: row.dialed,
    ...(row.did !== null && { did: row.did }),
    ...(row.rule !== null && { rule: row.rule }),
    planRevision: row.plan_revision,
    setupAt: row.setup_at,
    ...(row.ring_at !== null && { ringAt: row.ring_at }),
    ...(row.answer_at !== null && { answerAt: row.answer_at }),
    ...(row.end_at !== null && { endAt: row.end_at }),
    ...(row.pdd_ms !== null && { pddMs: row.pdd_ms }),
    ...(cause !== undefined && { cause }),
    ...(row.codecs !== null && { codecs: row.codecs }),
    ...(row.destination !== null && { destination: row.destination }),
    ...(row.last_step !== null && { lastStep: row.last_step }),
    trace: row.trace,
    ...(row.tenant !== null && { tenant: row.tenant }),
  };
}
