import type { MachineWorld } from './machine.js';

/** A draw 0 ≤ x < 1 that is the same for the same seed and purpose: a call can be replayed. */
export function drawOf(seed: number, purpose: string): number {
  return unit(mix(hashText(purpose) ^ Math.trunc(seed)));
}

/** A draw that only depends on the text: the same caller takes the same branch. */
export function drawOfText(text: string): number {
  return unit(mix(hashText(text)));
}

/** What a world is made of. */
export interface WorldOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The call's `facts.seed`. */
  readonly seed: number;
  readonly hoursOverride?: MachineWorld['hoursOverride'];
  readonly turn?: (list: string, size: number) => number;
}

/** The world of one run of the machine, its draws seeded by the call. */
export function createWorld(options: WorldOptions): MachineWorld {
  const { now, seed, turn } = options;
  return {
    now,
    hoursOverride: options.hoursOverride ?? (() => undefined),
    random: (purpose) => drawOf(seed, purpose),
    ...(turn === undefined ? {} : { turn }),
  };
}

/** Counts whose turn it is in each round-robin list of the plan: as many lists as the plan has, at most `MAX_LISTS`. */
export function createTurns(): (list: string, size: number) => number {
  const next = new Map<string, number>();
  return (list, size) => {
    const turn = (next.get(list) ?? 0) % Math.max(1, size);
    // Names are places in files; edited plans leave old ones behind, so the eldest makes way.
    next.delete(list);
    next.set(list, turn + 1);
    const eldest = next.keys().next();
    if (next.size > MAX_LISTS && eldest.done !== true) next.delete(eldest.value);
    return turn;
  };
}

const MAX_LISTS = 10_000;

/** FNV-1a, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}

/** The finaliser of MurmurHash3: near texts get far draws. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function unit(hash: number): number {
  return (hash >>> 0) / 0x1_0000_0000;
}
