import { comparePatterns, matchesPattern, type NumberPattern } from './pattern.js';

type Places = Extract<NumberPattern, { kind: 'pattern' }>;

export interface PlacesMatch<T> {
  readonly pattern: Places;
  readonly value: T;
}

/** The patterns of one number length, found by the literal digits they begin with. */
export interface PatternGroups<T> {
  add(pattern: Places, value: T): void;
  /** The patterns that fit, the one with more literals first, equal ones as they were added. */
  find(number: string): readonly PlacesMatch<T>[];
}

export function createPatternGroups<T>(): PatternGroups<T> {
  const groups = new Map<string, (PlacesMatch<T> & { readonly turn: number })[]>();
  /** Lengths of the groups' heads. */
  const headLengths = new Set<number>();
  let size = 0;

  return {
    add: (pattern, value) => {
      const head = /^\+?\d*/.exec(pattern.text)![0];
      headLengths.add(head.length);
      const entry = { pattern, value, turn: size++ };
      const group = groups.get(head);
      if (group === undefined) groups.set(head, [entry]);
      else group.push(entry);
    },
    find: (number) => {
      const found: (PlacesMatch<T> & { readonly turn: number })[] = [];
      for (const length of headLengths) {
        for (const entry of groups.get(number.slice(0, length)) ?? []) {
          if (matchesPattern(entry.pattern, number)) found.push(entry);
        }
      }
      if (found.length > 1) found.sort((a, b) => comparePatterns(a.pattern, b.pattern) || a.turn - b.turn);
      return found;
    },
  };
}
