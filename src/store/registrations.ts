import type { Database } from 'better-sqlite3';
import type { KeyedWrites } from './keyed-writes.js';

/** What the store must know of a binding; the rest of it is kept as it is. */
export interface BindingKey {
  readonly device: string;
  readonly contact: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Bindings of devices that outlive a restart. Writes go out with the next group commit. */
export interface RegistrationRepository<Binding extends BindingKey> {
  /** Those that had not expired at the start. */
  load(): readonly Binding[];
  save(binding: Binding): void;
  remove(binding: Pick<Binding, 'device' | 'contact'>): void;
}

export function createRegistrationRepository<Binding extends BindingKey>(
  database: Database,
  writes: KeyedWrites,
  now: () => number,
): RegistrationRepository<Binding> {
  const select = database.prepare<[number], { binding: string }>(
    'SELECT binding FROM registrations WHERE expires_at > ?',
  );
  const upsert = database.prepare(
    'INSERT OR REPLACE INTO registrations (device, contact, expires_at, binding) VALUES (?, ?, ?, ?)',
  );
  const remove = database.prepare('DELETE FROM registrations WHERE device = ? AND contact = ?');
  // A phone that vanished never sends the REGISTER that removes it.
  database.prepare('DELETE FROM registrations WHERE expires_at <= ?').run(now());
  const keyOf = (binding: Pick<Binding, 'device' | 'contact'>): string =>
    `registration ${JSON.stringify([binding.device, binding.contact])}`;
  return {
    load: () => select.all(now()).map((row) => JSON.parse(row.binding) as Binding),
    save: (binding) =>
      writes.put(keyOf(binding), () => {
        upsert.run(binding.device, binding.contact, binding.expiresAt, JSON.stringify(binding));
      }),
    remove: (binding) => writes.put(keyOf(binding), () => void remove.run(binding.device, binding.contact)),
  };
}
