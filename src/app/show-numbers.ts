import { showPattern, type NumberPattern } from '../numbers/index.js';
import type { Plan } from '../dialplan/index.js';
import type { Router } from '../routing/index.js';

/** Rules that are explained for the banner, at most: it is read by a person. */
const MAX_SHOWN = 12;

export interface ShownNumbers {
  readonly numbers: readonly { readonly number: string; readonly name?: string; readonly decision: string }[];
  /** Rules beyond those. */
  readonly more: number;
}

/** How many numbers of a block are tried for one that can be called. */
const MAX_TRIED = 10;

/** A number of each rule as a caller would dial it, with what becomes of the call now. */
export function showNumbers(plan: Plan, router: Pick<Router, 'explainCall'>): ShownNumbers {
  const numbers = plan.rules.slice(0, MAX_SHOWN).map((rule) => {
    const tried = numbersOf(rule.patterns[0]!).map((number) => ({
      number,
      ...router.explainCall({ number }),
    }));
    const { number, decision } = tried.find(({ status }) => status === undefined) ?? tried[0]!;
    return { number, decision, ...(rule.name !== undefined && { name: rule.name }) };
  });
  return { numbers, more: plan.rules.length - numbers.length };
}

/** Some numbers that fit a pattern; at least one. */
function numbersOf(pattern: NumberPattern): string[] {
  switch (pattern.kind) {
    case 'exact':
      return [pattern.number];
    case 'range': {
      const { lo, hi } = pattern;
      const plus = lo.startsWith('+') ? '+' : '';
      const digits = lo.length - plus.length;
      const block = Array.from(
        { length: MAX_TRIED },
        (_, step) => BigInt(lo.replace('+', '')) + BigInt(step),
      );
      return block
        .map((number) => plus + String(number).padStart(digits, '0'))
        .filter((number) => number <= hi);
    }
    case 'prefix':
      return [pattern.prefix.padEnd(TYPICAL_LENGTH, '0')];
    case 'pattern': {
      const plus = showPattern(pattern).startsWith('+') ? '+' : '';
      return [plus + pattern.places.map((digits) => digits[0]).join('')];
    }
  }
}

/** Of an E.164 number with `+`, in North America. */
const TYPICAL_LENGTH = 12;
