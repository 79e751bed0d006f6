import type { Diagnostic } from '../../base/diagnostic.js';
import { comparePatterns, showPattern, type NumberPattern } from '../../numbers/index.js';
import type { Matcher, NumberRule } from '../plan.js';
import { patternsOverlap } from './overlap.js';

interface Ranked {
  readonly pattern: NumberPattern;
  readonly rule: NumberRule;
}

/** Patterns of the same rank are compared in pairs; past so many pairs of one rank the rest are not. */
const MAX_PAIRS = 2_000_000;
const MAX_REPORTS = 100;

/** Rules that nothing keeps apart: for some call both would be first. Each pair is reported once. */
export function* checkTies(
  rules: readonly NumberRule[],
  report: (diagnostic: Diagnostic) => void,
): Generator<undefined, void> {
  const exact = new Map<string, NumberRule | NumberRule[]>();
  const wide: Ranked[] = [];
  const reported = new Set<string>();
  const tie = (a: Ranked, b: Ranked): void => {
    const key = `${placeKey(a.rule)} ${placeKey(b.rule)}`;
    if (reported.size >= MAX_REPORTS || reported.has(key)) return;
    reported.add(key);
    report(tieOf(a, b));
  };
  let count = 0;
  for (const rule of rules) {
    if (++count % 20_000 === 0) yield;
    for (const pattern of rule.patterns) {
      if (pattern.kind !== 'exact') {
        wide.push({ pattern, rule });
        continue;
      }
      const others = exact.get(pattern.number);
      if (others === undefined) {
        exact.set(pattern.number, rule);
        continue;
      }
      const known = Array.isArray(others) ? others : [others];
      for (const other of known) if (areTied(other, rule)) tie({ pattern, rule: other }, { pattern, rule });
      exact.set(pattern.number, [...known, rule]);
    }
  }
  yield* checkWide(wide, tie);
}

function* checkWide(wide: Ranked[], tie: (a: Ranked, b: Ranked) => void): Generator<undefined, void> {
  wide.sort((a, b) => comparePatterns(a.pattern, b.pattern) || compareStarts(a.pattern, b.pattern));
  let pairs = 0;
  for (let index = 0; index < wide.length; index++) {
    if (index % 5000 === 4999) yield;
    const one = wide[index]!;
    for (let next = index + 1; next < wide.length; next++) {
      const other = wide[next]!;
      if (comparePatterns(one.pattern, other.pattern) !== 0 || isBeyond(other.pattern, one.pattern)) break;
      if (++pairs > MAX_PAIRS) return;
      if (patternsOverlap(one.pattern, other.pattern) && areTied(one.rule, other.rule)) tie(one, other);
    }
  }
}

function startOf(pattern: NumberPattern): string {
  switch (pattern.kind) {
    case 'exact':
      return pattern.number;
    case 'range':
      return pattern.lo;
    case 'prefix':
      return pattern.prefix;
    case 'pattern':
      return '';
  }
}

function compareStarts(a: NumberPattern, b: NumberPattern): number {
  const [one, other] = [startOf(a), startOf(b)];
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}

/** Whether `other`, and so all sorted behind it, begins past the end of `one`. */
function isBeyond(other: NumberPattern, one: NumberPattern): boolean {
  if (one.kind === 'range' && other.kind === 'range')
    return other.lo.length !== one.lo.length || other.lo > one.hi;
  if (one.kind === 'prefix' && other.kind === 'prefix') return other.prefix !== one.prefix;
  return false;
}

/** Whether nothing but the pattern would decide between two rules. */
function areTied(a: NumberRule, b: NumberRule): boolean {
  if (a === b) return false;
  if ((a.priority ?? 0) !== (b.priority ?? 0) || a.since !== b.since) return false;
  if ((a.from === undefined) !== (b.from === undefined)) return false;
  return a.from === undefined || b.from === undefined || matchersOverlap(a.from, b.from);
}

/** Whether one caller surely fits both: sites, lists and numbers may meet too, but only a call can tell. */
export function matchersOverlap(a: Matcher, b: Matcher): boolean {
  if (a.kind === 'any') return a.of.some((one) => matchersOverlap(one, b));
  if (b.kind === 'any') return b.of.some((one) => matchersOverlap(a, one));
  if (a.kind === 'anonymous') return b.kind === 'anonymous';
  if (a.kind === 'number') return b.kind === 'number' && patternsOverlap(a.pattern, b.pattern);
  if (a.kind === 'text') return b.kind === 'text' && a.text === b.text;
  return a.kind === b.kind && a.name === b.name;
}

function tieOf(a: Ranked, b: Ranked): Diagnostic {
  const shown = showPattern(b.pattern);
  const same = showPattern(a.pattern) === shown;
  return {
    severity: 'error',
    code: 'tie',
    message: same
      ? `two rules for "${shown}" tie`
      : `"${shown}" ties with "${showPattern(a.pattern)}": some numbers fit both, and neither is narrower`,
    place: b.rule.place,
    hint: 'remove one, or give them different from:, since: or priority:',
    related: [{ place: a.rule.place, message: 'the other rule is here' }],
  };
}

function placeKey({ place }: NumberRule): string {
  return `${place.file}:${place.line}:${place.column}`;
}
