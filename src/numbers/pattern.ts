/**
 * What a rule's number may be. Texts hold a leading `+` where the admin wrote one: `+12025550100` and `12025550100` are different
 * numbers, the first E.164, the second just digits.
 */
export type NumberPattern =
  | { readonly kind: 'exact'; readonly number: string }
  /** Both ends belong to it; they are of equal length. */
  | { readonly kind: 'range'; readonly lo: string; readonly hi: string }
  | { readonly kind: 'prefix'; readonly prefix: string }
  /** Of fixed length: digits, `x` for any digit, `[2-9]` for some. `places` holds the digits each place admits; `literals` counts plain ones. */
  | {
      readonly kind: 'pattern';
      readonly text: string;
      readonly places: readonly string[];
      readonly literals: number;
    };

/** Longest number that is understood; E.164 has 15 digits, routing prefixes come before them. */
export const MAX_NUMBER_LENGTH = 32;

const ANY_DIGIT = '0123456789';
const RANK = { exact: 0, range: 1, prefix: 2, pattern: 3 } as const;

/** Reads a number, `lo..hi`, `prefix*` or pattern; spaces, dashes and brackets for reading are dropped. */
export function parsePattern(text: string): NumberPattern | { readonly error: string } {
  if (text.length > 4 * MAX_NUMBER_LENGTH) return { error: 'it is too long' };
  const compact = text.replace(/[\s()]|-(?![^[]*\])/g, '');
  if (compact === '') return { error: 'it is empty' };
  if (compact.includes('..')) return parseRange(compact);
  if (compact.endsWith('*') && compact.length > 1 && /^\+?\d*\*$/.test(compact)) {
    return { kind: 'prefix', prefix: compact.slice(0, -1) };
  }
  if (/^\+?[\d*#]+$/.test(compact)) {
    return compact.length > MAX_NUMBER_LENGTH
      ? { error: `a number has at most ${MAX_NUMBER_LENGTH} digits` }
      : { kind: 'exact', number: compact };
  }
  return parsePlaces(compact);
}

function parseRange(text: string): NumberPattern | { readonly error: string } {
  const match = /^(\+?\d+)\.\.(\+?\d+)$/.exec(text);
  if (match === null) return { error: 'a range is written lo..hi with a number at both ends' };
  const lo = match[1]!;
  const hi = match[2]!;
  if (lo.length !== hi.length || lo.startsWith('+') !== hi.startsWith('+')) {
    return {
      error: `both ends of a range need the same number of digits; ${lo} has ${digitsOf(lo)}, ${hi} has ${digitsOf(hi)}`,
    };
  }
  if (lo > hi) return { error: `the range ends before it begins: ${lo} is above ${hi}` };
  if (lo.length > MAX_NUMBER_LENGTH) return { error: `a number has at most ${MAX_NUMBER_LENGTH} digits` };
  return lo === hi ? { kind: 'exact', number: lo } : { kind: 'range', lo, hi };
}

function digitsOf(text: string): number {
  return text.replace('+', '').length;
}

function parsePlaces(text: string): NumberPattern | { readonly error: string } {
  const places: string[] = [];
  let literals = 0;
  let index = text.startsWith('+') ? 1 : 0;
  while (index < text.length) {
    const char = text[index]!;
    if (char >= '0' && char <= '9') {
      places.push(char);
      literals += 1;
    } else if (char === 'x' || char === 'X') {
      places.push(ANY_DIGIT);
    } else if (char === '[') {
      const close = text.indexOf(']', index);
      if (close === -1) return { error: 'a [ is never closed' };
      const digits = digitsOfClass(text.slice(index + 1, close));
      if (digits === undefined)
        return { error: `${text.slice(index, close + 1)} is no set of digits such as [2-9] or [135]` };
      places.push(digits);
      index = close;
    } else {
      return {
        error: `"${char}" may not stand in a number; digits, +, x for any digit, [2-9] and a * at the end may`,
      };
    }
    index += 1;
  }
  if (places.length === 0) return { error: 'it has no digits' };
  if (places.length > MAX_NUMBER_LENGTH) return { error: `a number has at most ${MAX_NUMBER_LENGTH} digits` };
  return { kind: 'pattern', text, places, literals };
}

function digitsOfClass(text: string): string | undefined {
  if (!/^(?:\d(?:-\d)?)+$/.test(text)) return undefined;
  let digits = '';
  for (const [, from, to = from] of text.matchAll(/(\d)(?:-(\d))?/g)) {
    if (Number(from) > Number(to)) return undefined;
    for (let digit = Number(from); digit <= Number(to); digit++) digits += String(digit);
  }
  return digits;
}

/** Whether a number (`+…` or plain digits) is one of the pattern. */
export function matchesPattern(pattern: NumberPattern, number: string): boolean {
  switch (pattern.kind) {
    case 'exact':
      return pattern.number === number;
    case 'range':
      // Texts of equal length compare as the numbers do.
      return (
        number.length === pattern.lo.length &&
        number >= pattern.lo &&
        number <= pattern.hi &&
        /^\+?\d+$/.test(number)
      );
    case 'prefix':
      return number.startsWith(pattern.prefix);
    case 'pattern': {
      const from = pattern.text.startsWith('+') ? 1 : 0;
      if (number.length !== pattern.places.length + from || number.startsWith('+') !== (from === 1))
        return false;
      return pattern.places.every((digits, place) => digits.includes(number[place + from]!));
    }
  }
}

/**
 * Below 0 when `a` is the more specific: exact before range before prefix before pattern; then the narrower range, the longer prefix,
 * the pattern with more literals, then with fewer numbers.
 */
export function comparePatterns(a: NumberPattern, b: NumberPattern): number {
  if (a.kind !== b.kind) return RANK[a.kind] - RANK[b.kind];
  if (a.kind === 'range' && b.kind === 'range') return widthOf(a) - widthOf(b);
  if (a.kind === 'prefix' && b.kind === 'prefix') return b.prefix.length - a.prefix.length;
  if (a.kind === 'pattern' && b.kind === 'pattern')
    return b.literals - a.literals || choicesOf(a) - choicesOf(b);
  return 0;
}

function widthOf(range: Extract<NumberPattern, { kind: 'range' }>): number {
  return Number(range.hi.replace('+', '')) - Number(range.lo.replace('+', ''));
}

function choicesOf(pattern: Extract<NumberPattern, { kind: 'pattern' }>): number {
  return pattern.places.reduce((product, digits) => product * digits.length, 1);
}

/** A pattern as an admin writes it. */
export function showPattern(pattern: NumberPattern): string {
  switch (pattern.kind) {
    case 'exact':
      return pattern.number;
    case 'range':
      return `${pattern.lo}..${pattern.hi}`;
    case 'prefix':
      return `${pattern.prefix}*`;
    case 'pattern':
      return pattern.text;
  }
}
