import { createExactTable } from './exact-table.js';
import { findNearMiss } from './near-miss.js';
import { comparePatterns, matchesPattern, type NumberPattern } from './pattern.js';

export interface DidMatch<T> {
  readonly pattern: NumberPattern;
  readonly value: T;
}

/** All rules by number; holds a million exact DIDs. Filled with `add`, then frozen. */
export interface DidIndex<T> {
  add(pattern: NumberPattern, value: T): void;
  /** Sorts what was added; after that nothing can be added. */
  freeze(): void;
  /** All that fit, the most specific first; those that `comparePatterns` holds equal in the order they were added. */
  lookup(number: string): readonly DidMatch<T>[];
  /** How many patterns there are. */
  readonly size: number;
  /** The DID that was probably meant, with the difference in words: `+12025550100 differs by a leading +1`. */
  nearest(number: string): string | undefined;
}

type Range = Extract<NumberPattern, { kind: 'range' }>;

interface RangeEntry<T> {
  readonly pattern: Range;
  readonly value: T;
  /** The highest end of this and all entries before it: says how far back a search must look. */
  highestBefore: string;
}

const NONE: readonly never[] = [];

export function createDidIndex<T>(): DidIndex<T> {
  const exact = createExactTable();
  /** The values of exact numbers by position; a second value of a number begins a list. */
  const single: T[] = [];
  const several = new Map<number, T[]>();
  const ranges = new Map<number, RangeEntry<T>[]>();
  const prefixes = new Map<string, T[]>();
  let prefixLengths: number[] = [];
  const patterns = new Map<number, DidMatch<T>[]>();
  let size = 0;
  let frozen = false;

  const addExact = (number: string, value: T) => {
    const position = exact.find(number);
    if (position === -1) {
      exact.set(number, single.length);
      single.push(value);
      return;
    }
    const list = several.get(position);
    if (list === undefined) several.set(position, [single[position]!, value]);
    else list.push(value);
  };

  const findRanges = (number: string, found: DidMatch<T>[]) => {
    const entries = ranges.get(number.length);
    if (entries === undefined) return;
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (entries[middle]!.pattern.lo <= number) low = middle + 1;
      else high = middle;
    }
    const from = found.length;
    for (let index = low - 1; index >= 0 && entries[index]!.highestBefore >= number; index--) {
      const { pattern, value } = entries[index]!;
      if (matchesPattern(pattern, number)) found.push({ pattern, value });
    }
    if (found.length - from > 1) {
      const sorted = found
        .splice(from)
        .reverse()
        .sort((a, b) => comparePatterns(a.pattern, b.pattern));
      found.push(...sorted);
    }
  };

  const lookup = (number: string): readonly DidMatch<T>[] => {
    const found: DidMatch<T>[] = [];
    const position = exact.find(number);
    if (position !== -1) {
      const pattern: NumberPattern = { kind: 'exact', number };
      const list = several.get(position);
      if (list === undefined) found.push({ pattern, value: single[position]! });
      else for (const value of list) found.push({ pattern, value });
    }
    if (ranges.size > 0) findRanges(number, found);
    for (const length of prefixLengths) {
      if (length > number.length) continue;
      const prefix = number.slice(0, length);
      for (const value of prefixes.get(prefix) ?? NONE)
        found.push({ pattern: { kind: 'prefix', prefix }, value });
    }
    for (const entry of patterns.get(number.length) ?? NONE) {
      if (matchesPattern(entry.pattern, number)) found.push(entry);
    }
    return found;
  };

  return {
    add: (pattern, value) => {
      if (frozen) throw new Error('the index is frozen');
      size += 1;
      switch (pattern.kind) {
        case 'exact':
          addExact(pattern.number, value);
          return;
        case 'range':
          append(ranges, pattern.lo.length, { pattern, value, highestBefore: pattern.hi });
          return;
        case 'prefix':
          append(prefixes, pattern.prefix, value);
          return;
        case 'pattern':
          append(patterns, pattern.places.length + (pattern.text.startsWith('+') ? 1 : 0), {
            pattern,
            value,
          });
      }
    },
    freeze: () => {
      frozen = true;
      prefixLengths = [...new Set([...prefixes.keys()].map((prefix) => prefix.length))].sort((a, b) => b - a);
      for (const entries of patterns.values()) entries.sort((a, b) => comparePatterns(a.pattern, b.pattern));
      for (const entries of ranges.values()) {
        entries.sort((a, b) => (a.pattern.lo < b.pattern.lo ? -1 : a.pattern.lo > b.pattern.lo ? 1 : 0));
        let highest = '';
        for (const entry of entries) {
          if (entry.pattern.hi > highest) highest = entry.pattern.hi;
          entry.highestBefore = highest;
        }
      }
    },
    lookup,
    get size() {
      return size;
    },
    nearest: (number) =>
      findNearMiss(number, (candidate) => exact.find(candidate) !== -1 || hasRange(candidate)),
  };

  function hasRange(number: string): boolean {
    if (ranges.size === 0) return false;
    const found: DidMatch<T>[] = [];
    findRanges(number, found);
    return found.length > 0;
  }
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
