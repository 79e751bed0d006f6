import { findNearMiss } from './near-miss.js';
import { createNumberTable } from './number-table.js';
import type { NumberPattern } from './pattern.js';
import { createPatternGroups, type PatternGroups } from './pattern-groups.js';
import { createRangeIndex, type RangeIndex } from './range-index.js';

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

export function createDidIndex<T extends object | string | number>(): DidIndex<T> {
  const exact = createNumberTable<T>();
  /** By the length of the number, as the patterns. */
  const ranges = new Map<number, RangeIndex<T>>();
  const prefixes = createNumberTable<T>();
  /** The longest first. */
  let prefixLengths: number[] = [];
  const patterns = new Map<number, PatternGroups<T>>();
  let size = 0;
  let frozen = false;

  const lookup = (number: string): readonly DidMatch<T>[] => {
    const found: DidMatch<T>[] = [];
    const first = exact.first(number, number.length);
    if (first !== undefined) {
      const pattern: NumberPattern = { kind: 'exact', number };
      found.push({ pattern, value: first });
      for (const value of exact.others(number, number.length)) found.push({ pattern, value });
    }
    const inRanges = ranges.size === 0 ? undefined : ranges.get(number.length)?.find(number);
    if (inRanges !== undefined) {
      for (const { pattern, value } of inRanges) found.push({ pattern, value });
    }
    for (const length of prefixLengths) {
      if (length > number.length) continue;
      const shorter = prefixes.first(number, length);
      if (shorter === undefined) continue;
      const pattern: NumberPattern = { kind: 'prefix', prefix: number.slice(0, length) };
      found.push({ pattern, value: shorter });
      for (const value of prefixes.others(number, length)) found.push({ pattern, value });
    }
    const inPatterns = patterns.size === 0 ? undefined : patterns.get(number.length)?.find(number);
    if (inPatterns !== undefined) {
      for (const { pattern, value } of inPatterns) found.push({ pattern, value });
    }
    return found;
  };

  return {
    add: (pattern, value) => {
      if (frozen) throw new Error('the index is frozen');
      size += 1;
      switch (pattern.kind) {
        case 'exact':
          exact.add(pattern.number, value);
          return;
        case 'range':
          of(ranges, pattern.lo.length, createRangeIndex<T>).add(pattern, value);
          return;
        case 'prefix':
          prefixes.add(pattern.prefix, value);
          if (!prefixLengths.includes(pattern.prefix.length)) prefixLengths.push(pattern.prefix.length);
          return;
        case 'pattern': {
          const length = pattern.places.length + (pattern.text.startsWith('+') ? 1 : 0);
          of(patterns, length, createPatternGroups<T>).add(pattern, value);
        }
      }
    },
    freeze: () => {
      frozen = true;
      prefixLengths = prefixLengths.sort((a, b) => b - a);
      for (const index of ranges.values()) index.freeze();
    },
    lookup,
    get size() {
      return size;
    },
    nearest: (number) =>
      findNearMiss(
        number,
        (candidate) => exact.has(candidate) || ranges.get(candidate.length)?.has(candidate) === true,
      ),
  };
}

/** The value of a key, made when it is not there. */
function of<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}
