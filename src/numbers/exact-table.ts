/**
 * A hash table from numbers to positions, open addressing over typed arrays: about 17 bytes an entry, and no object for the collector
 * to walk. A number of up to 15 digits is packed into a double: `+…` as it is, plain digits negative behind a leading 1 (so that `0412`
 * and `412` stay apart). Longer ones, and those with `*` or `#`, go into a Map.
 */
export interface ExactTable {
  /** The position stored for a number, or -1. */
  find(number: string): number;
  set(number: string, position: number): void;
  readonly size: number;
}

const EMPTY = 0;
const LOAD = 0.7;

export function createExactTable(): ExactTable {
  const odd = new Map<string, number>();
  let capacity = 1024;
  let mask = capacity - 1;
  let keys = new Float64Array(capacity);
  let positions = new Int32Array(capacity);
  let used = 0;

  const slotOf = (key: number): number => {
    let slot = hash(key) & mask;
    while (keys[slot] !== EMPTY && keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  };

  const grow = () => {
    const oldKeys = keys;
    const oldPositions = positions;
    capacity *= 2;
    mask = capacity - 1;
    keys = new Float64Array(capacity);
    positions = new Int32Array(capacity);
    for (let index = 0; index < oldKeys.length; index++) {
      const key = oldKeys[index]!;
      if (key === EMPTY) continue;
      const slot = slotOf(key);
      keys[slot] = key;
      positions[slot] = oldPositions[index]!;
    }
  };

  return {
    find: (number) => {
      const key = pack(number);
      if (key === EMPTY) return odd.size === 0 ? -1 : (odd.get(number) ?? -1);
      const slot = slotOf(key);
      return keys[slot] === EMPTY ? -1 : positions[slot]!;
    },
    set: (number, position) => {
      const key = pack(number);
      if (key === EMPTY) {
        odd.set(number, position);
        return;
      }
      let slot = slotOf(key);
      if (keys[slot] === EMPTY) {
        if (used + 1 > capacity * LOAD) {
          grow();
          slot = slotOf(key);
        }
        keys[slot] = key;
        used += 1;
      }
      positions[slot] = position;
    },
    get size() {
      return used + odd.size;
    },
  };
}

/** The number as a double, or `EMPTY` when it cannot be packed. */
function pack(number: string): number {
  const plus = number.charCodeAt(0) === 0x2b;
  const from = plus ? 1 : 0;
  const length = number.length - from;
  if (length < 1 || length > (plus ? 15 : 14)) return EMPTY;
  let value = plus ? 0 : 1;
  for (let index = from; index < number.length; index++) {
    const digit = number.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return EMPTY;
    value = value * 10 + digit;
  }
  if (!plus) return -value;
  // `+0…` is no E.164, and its zero would be lost.
  return number.charCodeAt(1) === 0x30 ? EMPTY : value;
}

function hash(key: number): number {
  const low = key >>> 0;
  const high = Math.floor(Math.abs(key) / 4_294_967_296);
  let mixed = Math.imul(low ^ (high * 0x9e37), 0x85ebca6b) ^ Math.imul(high, 0xc2b2ae35);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
