import { comparePatterns, type NumberPattern } from './pattern.js';

type Range = Extract<NumberPattern, { kind: 'range' }>;

export interface RangeMatch<T> {
  readonly pattern: Range;
  readonly value: T;
}

/** The ranges of one number length. */
export interface RangeIndex<T> {
  add(pattern: Range, value: T): void;
  /** Sorts what was added. */
  freeze(): void;
  /** Whether any range holds the number. */
  has(number: string): boolean;
  /** The ranges that hold the number, the narrowest first, equal ones as they were added. */
  find(number: string): readonly RangeMatch<T>[];
}

/**
 * An interval tree laid over a sorted array: the middle of each part is its root and knows the highest end within the part. A
 * look-up takes O(log n) for each range it finds, also where a few wide ranges lie over many narrow ones. Texts of equal length
 * compare as the numbers do.
 */
export function createRangeIndex<T>(): RangeIndex<T> {
  const entries: (RangeMatch<T> & { readonly turn: number })[] = [];
  /** By position: the highest end in the part whose middle it is. */
  let highest: string[] = [];
  /** Nothing lies outside these two, which spares most numbers the search. */
  let lowestOfAll = '';
  let highestOfAll = '';

  const build = (from: number, to: number): string => {
    if (from >= to) return '';
    const middle = (from + to) >>> 1;
    const left = build(from, middle);
    const right = build(middle + 1, to);
    const { hi } = entries[middle]!.pattern;
    const below = left > right ? left : right;
    highest[middle] = hi > below ? hi : below;
    return highest[middle];
  };

  /** Calls `take` for each hit in a part; stops when it says so. */
  const visit = (number: string, from: number, to: number, take: (position: number) => boolean): boolean => {
    if (from >= to) return true;
    const middle = (from + to) >>> 1;
    if (highest[middle]! < number) return true;
    if (!visit(number, from, middle, take)) return false;
    const { lo, hi } = entries[middle]!.pattern;
    if (lo > number) return true;
    if (hi >= number && !take(middle)) return false;
    return visit(number, middle + 1, to, take);
  };

  const isOutside = (number: string): boolean =>
    number > highestOfAll || number < lowestOfAll || !isNumber(number);

  return {
    add: (pattern, value) => {
      entries.push({ pattern, value, turn: entries.length });
    },
    freeze: () => {
      entries.sort((a, b) => (a.pattern.lo < b.pattern.lo ? -1 : a.pattern.lo > b.pattern.lo ? 1 : 0));
      highest = new Array<string>(entries.length);
      highestOfAll = build(0, entries.length);
      lowestOfAll = entries[0]?.pattern.lo ?? '';
    },
    has: (number) => !isOutside(number) && !visit(number, 0, entries.length, () => false),
    find: (number) => {
      if (isOutside(number)) return NONE;
      const found: (RangeMatch<T> & { readonly turn: number })[] = [];
      visit(number, 0, entries.length, (position) => {
        found.push(entries[position]!);
        return true;
      });
      if (found.length > 1) found.sort((a, b) => comparePatterns(a.pattern, b.pattern) || a.turn - b.turn);
      return found;
    },
  };
}

const NONE: readonly never[] = [];

/** Stars and hashes sort between digits and plus, so a text with one could seem to lie in a range. */
function isNumber(text: string): boolean {
  return /^\+?\d+$/.test(text);
}
