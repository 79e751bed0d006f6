import type { Database } from 'better-sqlite3';
import type { KeyedWrites } from './keyed-writes.js';

/** Small run-time state that survives a restart, e.g. ops' overrides of hours (`hours/NAME`). */
export interface StateRepository {
  /** The value last set, on disk yet or not. */
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  remove(key: string): void;
  /** All whose key begins with `prefix`. */
  list(prefix: string): readonly { readonly key: string; readonly value: string }[];
}

export function createStateRepository(database: Database, writes: KeyedWrites): StateRepository {
  const upsert = database.prepare('INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM state WHERE key = ?');
  const stored = database.prepare<[], { key: string; value: string }>('SELECT key, value FROM state').all();
  const values = new Map(stored.map((row) => [row.key, row.value]));
  return {
    get: (key) => values.get(key),
    set(key, value) {
      values.set(key, value);
      writes.put(`state ${key}`, () => void upsert.run(key, value));
    },
    remove(key) {
      values.delete(key);
      writes.put(`state ${key}`, () => void remove.run(key));
    },
    list: (prefix) =>
      [...values]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, value]) => ({ key, value }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
  };
}
