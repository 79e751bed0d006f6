import type { GroupCommit, WriteSource } from './group-commit.js';

/** Writes that replace one another: of those for one key within a group only the last runs. */
export interface KeyedWrites {
  put(key: string, write: () => void): void;
}

export function createKeyedWrites(group: GroupCommit): KeyedWrites {
  const writes = new Map<string, () => void>();
  const source: WriteSource = {
    get waiting() {
      return writes.size;
    },
    write(refused) {
      for (const write of writes.values()) {
        try {
          write();
        } catch (error) {
          refused(error);
        }
      }
    },
    written: () => writes.clear(),
    shed(keep) {
      let lost = 0;
      for (const key of writes.keys()) {
        if (writes.size <= keep) break;
        writes.delete(key);
        lost++;
      }
      return lost;
    },
  };
  group.add(source);
  return {
    put(key, write) {
      writes.set(key, write);
      group.queued();
    },
  };
}
