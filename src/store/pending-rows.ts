import type { WriteSource } from './group-commit.js';

/** What waits for one row: a new row with its first changes, or changes to a row that is on disk. */
interface Pending<Fields> {
  readonly isNew: boolean;
  fields: Fields;
  /** `fields` belongs to the queue; otherwise it is the caller's object and must be copied before it changes. */
  own: boolean;
}

export interface RowWriter<Fields> {
  insert(id: string, fields: Fields): void;
  update(id: string, fields: Fields): void;
  /** A transaction begins; what an earlier one did that was never `committed` is undone. */
  begin?(): void;
  committed?(): void;
}

export interface PendingRows<Fields> extends WriteSource {
  insert(id: string, fields: Readonly<Fields>): void;
  update(id: string, fields: Readonly<Fields>): void;
}

/** Rows of one table that wait for the group commit; all that happens to a row within a group becomes one statement. */
export function createPendingRows<Fields extends object>(writer: RowWriter<Fields>): PendingRows<Fields> {
  const rows = new Map<string, Pending<Fields>>();

  function merge(row: Pending<Fields>, fields: Readonly<Fields>): void {
    if (row.own) Object.assign(row.fields, fields);
    else {
      row.fields = { ...row.fields, ...fields };
      row.own = true;
    }
  }

  return {
    get waiting() {
      return rows.size;
    },
    insert(id, fields) {
      const row = rows.get(id);
      if (row === undefined) rows.set(id, { isNew: true, fields, own: false });
      else merge(row, fields);
    },
    update(id, fields) {
      const row = rows.get(id);
      if (row === undefined) rows.set(id, { isNew: false, fields, own: false });
      else merge(row, fields);
    },
    write(refused) {
      writer.begin?.();
      for (const [id, row] of rows) {
        try {
          if (row.isNew) writer.insert(id, row.fields);
          else writer.update(id, row.fields);
        } catch (error) {
          refused(error);
        }
      }
    },
    written() {
      writer.committed?.();
      rows.clear();
    },
    shed(keep) {
      let lost = 0;
      for (const id of rows.keys()) {
        if (rows.size <= keep) break;
        rows.delete(id);
        lost++;
      }
      return lost;
    },
  };
}
