import { createDidIndex, type DidIndex } from '../numbers/index.js';
import type { Matcher } from './plan.js';

/** A list's numbers in an index, and what else it holds. */
export interface IndexedList {
  readonly numbers: DidIndex<number>;
  readonly rest: readonly Matcher[];
}

/** Shorter lists are as fast to go through. */
const MIN_LENGTH = 32;

const indexes = new WeakMap<readonly Matcher[], IndexedList>();

/** The index of a long list; undefined for a short one. Made once a list: the loader does, so that no call waits for it. */
export function indexOfList(list: readonly Matcher[]): IndexedList | undefined {
  if (list.length < MIN_LENGTH) return undefined;
  const known = indexes.get(list);
  if (known !== undefined) return known;
  const numbers = createDidIndex<number>();
  const rest: Matcher[] = [];
  for (const matcher of list) {
    if (matcher.kind === 'number') numbers.add(matcher.pattern, 1);
    else rest.push(matcher);
  }
  numbers.freeze();
  const made = { numbers, rest };
  indexes.set(list, made);
  return made;
}
