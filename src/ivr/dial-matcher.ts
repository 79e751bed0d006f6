import type { DialMatcher } from './menu.js';

/** Longest number that can be dialled in a menu. */
const MAX_DIALLED = 32;

const NO_MATCHER: DialMatcher = { matches: () => false, continues: () => false, longest: 0, usesHash: false };

/**
 * What can be dialled, out of the names of extensions: single ones, and blocks whose two ends have equal length. Names that no phone
 * can dial (letters) are left out. A look-up costs the logarithm of their count, so that it may run on each digit.
 */
export function createDialMatcher(
  names: Iterable<string | { readonly lo: string; readonly hi: string }>,
): DialMatcher {
  const single = new Set<string>();
  const spansByLength = new Map<number, [lo: string, hi: string][]>();
  for (const name of names) {
    if (typeof name === 'string') {
      if (/^[0-9*#]+$/.test(name) && name.length <= MAX_DIALLED) single.add(name);
    } else if (/^\d+$/.test(name.lo) && name.lo.length === name.hi.length && name.lo <= name.hi) {
      if (name.lo.length > MAX_DIALLED) continue;
      const spans = spansByLength.get(name.lo.length) ?? [];
      spans.push([name.lo, name.hi]);
      spansByLength.set(name.lo.length, spans);
    }
  }
  const sorted = [...single].sort(byCode);
  const blocks = [...spansByLength].map(([length, spans]) => ({ length, spans: merged(spans) }));
  let longest = 0;
  for (const { length } of sorted) longest = Math.max(longest, length);
  for (const { length } of blocks) longest = Math.max(longest, length);
  if (longest === 0) return NO_MATCHER;
  return {
    longest,
    usesHash: sorted.some((name) => name.includes('#')),
    matches: (digits) =>
      single.has(digits) ||
      (/^\d+$/.test(digits) &&
        blocks.some(({ length, spans }) => length === digits.length && overlaps(spans, digits, digits))),
    continues(digits) {
      // In order of their characters the names that begin with the digits stand together, right behind the digits themselves.
      const next = sorted[firstAfter(sorted, digits)];
      if (next?.startsWith(digits) === true) return true;
      if (!/^\d*$/.test(digits)) return false;
      return blocks.some(
        ({ length, spans }) =>
          length > digits.length && overlaps(spans, digits.padEnd(length, '0'), digits.padEnd(length, '9')),
      );
    },
  };
}

/** Sorted and disjoint, so that a look-up is a binary search. */
function merged(spans: readonly [lo: string, hi: string][]): readonly (readonly [lo: string, hi: string])[] {
  const result: [lo: string, hi: string][] = [];
  for (const [lo, hi] of spans.toSorted((a, b) => byCode(a[0], b[0]))) {
    const last = result.at(-1);
    if (last === undefined || lo > last[1]) result.push([lo, hi]);
    else if (hi > last[1]) last[1] = hi;
  }
  return result;
}

/** Whether any span holds a number of `lo..hi`; all of one length, so that texts compare as numbers do. */
function overlaps(spans: readonly (readonly [lo: string, hi: string])[], lo: string, hi: string): boolean {
  let from = 0;
  let to = spans.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (spans[middle]![1] < lo) from = middle + 1;
    else to = middle;
  }
  const span = spans[from];
  return span !== undefined && span[0] <= hi;
}

function firstAfter(sorted: readonly string[], digits: string): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! <= digits) from = middle + 1;
    else to = middle;
  }
  return from;
}

function byCode(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
