/**
 * A hash table from numbers to values, open addressing over typed arrays: about 16 bytes a slot, and no key for the collector to
 * walk. A number of up to 15 digits is packed into a double: `+…` as it is, plain digits negative behind a leading 1 (so that
 * `0412` and `412` stay apart). Longer ones, and those with `*` or `#`, go into a Map.
 */
export interface NumberTable<T> {
  /** The first value of the number in `text` up to `end`. */
  first(text: string, end: number): T | undefined;
  /** Its further values, in the order they were added. */
  others(text: string, end: number): readonly T[];
  has(number: string): boolean;
  add(number: string, value: T): void;
}

const EMPTY = 0;
const LOAD = 0.7;
const NONE: readonly never[] = [];

export function createNumberTable<T>(): NumberTable<T> {
  const odd = new Map<string, T[]>();
  /** Beside the table, so that a look-up need not touch the value to see whether there are more. */
  const more = new Map<number, T[]>();
  let capacity = 16;
  let mask = capacity - 1;
  let keys = new Float64Array(capacity);
  let values: (T | undefined)[] = new Array<undefined>(capacity).fill(undefined);
  let used = 0;

  const slotOf = (key: number): number => {
    let slot = hash(key) & mask;
    while (keys[slot] !== EMPTY && keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  };

  const grow = () => {
    const oldKeys = keys;
    const oldValues = values;
    capacity *= 2;
    mask = capacity - 1;
    keys = new Float64Array(capacity);
    values = new Array<undefined>(capacity).fill(undefined);
    for (let index = 0; index < oldKeys.length; index++) {
      const key = oldKeys[index]!;
      if (key === EMPTY) continue;
      const slot = slotOf(key);
      keys[slot] = key;
      values[slot] = oldValues[index];
    }
  };

  return {
    first: (text, end) => {
      const key = pack(text, end);
      if (key === EMPTY) return odd.size === 0 ? undefined : odd.get(text.slice(0, end))?.[0];
      return values[slotOf(key)];
    },
    others: (text, end) => {
      if (more.size === 0 && odd.size === 0) return NONE;
      const key = pack(text, end);
      if (key === EMPTY) return odd.get(text.slice(0, end))?.slice(1) ?? NONE;
      return more.get(key) ?? NONE;
    },
    has: (number) => {
      const key = pack(number, number.length);
      return key === EMPTY ? odd.has(number) : keys[slotOf(key)] !== EMPTY;
    },
    add: (number, value) => {
      const key = pack(number, number.length);
      if (key === EMPTY) {
        const list = odd.get(number);
        if (list === undefined) odd.set(number, [value]);
        else list.push(value);
        return;
      }
      let slot = slotOf(key);
      if (keys[slot] === EMPTY) {
        if (used + 1 > capacity * LOAD) {
          grow();
          slot = slotOf(key);
        }
        keys[slot] = key;
        values[slot] = value;
        used += 1;
        return;
      }
      const list = more.get(key);
      if (list === undefined) more.set(key, [value]);
      else list.push(value);
    },
  };
}

/** The number in `text` up to `end` as a double, or `EMPTY` when it cannot be packed. */
function pack(text: string, end: number): number {
  const plus = text.charCodeAt(0) === 0x2b;
  const from = plus ? 1 : 0;
  const length = end - from;
  if (length < 1 || length > (plus ? 15 : 14)) return EMPTY;
  let value = plus ? 0 : 1;
  for (let index = from; index < end; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return EMPTY;
    value = value * 10 + digit;
  }
  if (!plus) return -value;
  // `+0…` is no E.164, and its zero would be lost.
  return text.charCodeAt(1) === 0x30 ? EMPTY : value;
}

function hash(key: number): number {
  const low = key >>> 0;
  const high = Math.floor(Math.abs(key) / 4_294_967_296);
  let mixed = Math.imul(low ^ (high * 0x9e37), 0x85ebca6b) ^ Math.imul(high, 0xc2b2ae35);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
