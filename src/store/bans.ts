import type { Database } from 'better-sqlite3';
import type { KeyedWrites } from './keyed-writes.js';

/** A ban as room `border` has it. */
export interface BanRecord {
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly until: number;
  readonly times: number;
  readonly reason: string;
  readonly by: 'border' | 'ops';
}

/** Bans that outlive a restart. Writes go out with the next group commit. */
export interface BanRepository {
  /** All that were saved and not removed; those long over too, since `times` makes the next one longer. */
  load(): readonly BanRecord[];
  save(ban: BanRecord): void;
  remove(address: string): void;
}

export function createBanRepository(database: Database, writes: KeyedWrites): BanRepository {
  const select = database.prepare<[], BanRecord>('SELECT address, since, until, times, reason, by FROM bans');
  const upsert = database.prepare(
    'INSERT OR REPLACE INTO bans (address, since, until, times, reason, by) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const remove = database.prepare('DELETE FROM bans WHERE address = ?');
  return {
    load: () => select.all(),
    save: (ban) =>
      writes.put(`ban ${ban.address}`, () => {
        upsert.run(ban.address, ban.since, ban.until, ban.times, ban.reason, ban.by);
      }),
    remove: (address) => writes.put(`ban ${address}`, () => void remove.run(address)),
  };
}
