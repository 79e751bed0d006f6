import type { LegRecord } from '../model/index.js';
import { legId, type LegKey } from './leg-rows.js';

/** Legs remembered at most: far more than can be up at once. */
const MAX_LEGS = 200_000;

/** Which row belongs to the id of a leg. */
export interface LegKeys {
  opened(leg: LegRecord): void;
  /** Undefined for a leg that was never opened here, or has ended. */
  find(id: string): LegKey | undefined;
  ended(id: string): void;
}

/**
 * Legs are stored by call and sequence, so that a leg costs one B-tree and not three. An id of the form RECORD/SEQUENCE says where
 * its row is; others are remembered until the leg ends.
 */
export function createLegKeys(): LegKeys {
  const keys = new Map<string, LegKey>();
  return {
    opened(leg) {
      if (leg.id === legId(leg)) return;
      keys.set(leg.id, { recordId: leg.recordId, sequence: leg.sequence });
      if (keys.size > MAX_LEGS) for (const oldest of keys.keys()) return void keys.delete(oldest);
    },
    find(id) {
      const remembered = keys.get(id);
      if (remembered !== undefined) return remembered;
      const slash = id.lastIndexOf('/');
      const sequence = slash === -1 ? NaN : Number(id.slice(slash + 1));
      return Number.isSafeInteger(sequence) ? { recordId: id.slice(0, slash), sequence } : undefined;
    },
    ended: (id) => void keys.delete(id),
  };
}
