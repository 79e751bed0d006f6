import { matchesPattern, type NumberPattern } from '../../numbers/index.js';

type Wild = Extract<NumberPattern, { kind: 'pattern' }>;

/** The symbols each place of a pattern admits, its `+` included. */
function placesOf(pattern: Wild): readonly string[] {
  return pattern.text.startsWith('+') ? ['+', ...pattern.places] : pattern.places;
}

function meet(a: string, b: string): boolean {
  for (const symbol of a) if (b.includes(symbol)) return true;
  return false;
}

/** Whether some number fits both patterns. */
export function patternsOverlap(a: NumberPattern, b: NumberPattern): boolean {
  if (a.kind === 'exact') return matchesPattern(b, a.number);
  if (b.kind === 'exact') return matchesPattern(a, b.number);
  if (a.kind === 'range' && b.kind === 'range')
    return a.lo.length === b.lo.length && a.lo <= b.hi && b.lo <= a.hi;
  if (a.kind === 'prefix' && b.kind === 'prefix')
    return a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix);
  if (a.kind === 'prefix') return prefixMeets(a.prefix, b);
  if (b.kind === 'prefix') return prefixMeets(b.prefix, a);
  if (a.kind === 'range') return b.kind === 'pattern' && rangeMeets(a.lo, a.hi, placesOf(b));
  if (b.kind === 'range') return rangeMeets(b.lo, b.hi, placesOf(a));
  return placesMeet(placesOf(a), placesOf(b));
}

function placesMeet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((place, index) => meet(place, b[index]!));
}

function prefixMeets(prefix: string, other: NumberPattern): boolean {
  switch (other.kind) {
    case 'range': {
      const low = prefix.padEnd(other.lo.length, '0');
      const high = prefix.padEnd(other.lo.length, '9');
      return prefix.length <= other.lo.length && low <= other.hi && other.lo <= high;
    }
    case 'pattern': {
      const places = placesOf(other);
      return (
        prefix.length <= places.length &&
        prefix.split('').every((symbol, index) => places[index]!.includes(symbol))
      );
    }
    case 'prefix':
      return other.prefix.startsWith(prefix) || prefix.startsWith(other.prefix);
    case 'exact':
      return other.number.startsWith(prefix);
  }
}

/** Whether a pattern has a number between two of its own length: the least number at or above `lo` is at most `hi`. */
function rangeMeets(lo: string, hi: string, places: readonly string[]): boolean {
  if (places.length !== lo.length) return false;
  const sorted = places.map((place) => place.split('').sort());
  const least = leastFrom(sorted, lo, 0);
  return least !== undefined && least <= hi;
}

function leastFrom(places: readonly (readonly string[])[], lo: string, from: number): string | undefined {
  if (from === places.length) return '';
  const own = lo[from]!;
  const symbols = places[from]!;
  if (symbols.includes(own)) {
    const rest = leastFrom(places, lo, from + 1);
    if (rest !== undefined) return own + rest;
  }
  const above = symbols.find((symbol) => symbol > own);
  if (above === undefined) return undefined;
  return (
    above +
    places
      .slice(from + 1)
      .map((place) => place[0] ?? '')
      .join('')
  );
}
