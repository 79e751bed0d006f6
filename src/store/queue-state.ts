import type { Database } from 'better-sqlite3';
import type { AgentStateRecord, CallbackRecord } from '../model/index.js';
import type { GroupCommit } from './group-commit.js';
import type { KeyedWrites } from './keyed-writes.js';

/** Callbacks that were promised. */
export interface CallbackRepository {
  /** Those that are not over, oldest first. */
  load(): readonly CallbackRecord[];
  /** Resolves when it is on disk; false, at once, while nothing can be written. Never rejects. */
  save(callback: CallbackRecord): Promise<boolean>;
}

export function createCallbackRepository(
  database: Database,
  writes: KeyedWrites,
  group: GroupCommit,
): CallbackRepository {
  const select = database.prepare<[], { record: string }>(
    'SELECT record FROM queue_callbacks WHERE ended_at IS NULL',
  );
  const upsert = database.prepare(
    'INSERT OR REPLACE INTO queue_callbacks (id, state, ended_at, record) VALUES (?, ?, ?, ?)',
  );
  return {
    load: () =>
      select
        .all()
        .map((row) => JSON.parse(row.record) as CallbackRecord)
        .sort((a, b) => a.enteredAt - b.enteredAt),
    async save(callback) {
      const { id, state, endedAt } = callback;
      writes.put(`callback ${id}`, () => {
        upsert.run(id, state, endedAt ?? null, JSON.stringify(callback));
      });
      await group.committed();
      return group.stats.state === 'writing';
    },
  };
}

/** What agents chose: logged out, paused. */
export interface AgentStateRepository {
  load(): readonly AgentStateRecord[];
  save(state: AgentStateRecord): void;
}

export function createAgentStateRepository(database: Database, writes: KeyedWrites): AgentStateRepository {
  const select = database.prepare<[], { record: string }>('SELECT record FROM queue_agents');
  const upsert = database.prepare('INSERT OR REPLACE INTO queue_agents (agent, record) VALUES (?, ?)');
  return {
    load: () => select.all().map((row) => JSON.parse(row.record) as AgentStateRecord),
    save: (state) =>
      writes.put(`queue agent ${state.agent}`, () => void upsert.run(state.agent, JSON.stringify(state))),
  };
}
