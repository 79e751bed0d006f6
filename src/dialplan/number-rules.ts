import { DEFAULT_RECEIVE_FORMS } from '../model/index.js';
import type { NumberRules } from '../model/index.js';
import { normalizeNumber } from '../numbers/index.js';
import type { NumberRule, SiteDefinition } from './plan.js';

/** Country of a site that names none: numbers without `+` are not read then. */
const NO_COUNTRY = '';

/** Digits dialled at a site as E.164; undefined when they are no number of its country's plan. */
export function normalizeAt(digits: string, site: SiteDefinition | undefined): string | undefined {
  const rules: NumberRules = {
    country: site?.country ?? NO_COUNTRY,
    ...(site?.areaCode === undefined ? {} : { areaCode: site.areaCode }),
    receive: site?.areaCode === undefined ? DEFAULT_RECEIVE_FORMS : [...DEFAULT_RECEIVE_FORMS, 'local'],
    send: '+e164',
  };
  return normalizeNumber(digits, rules);
}

/**
 * What `dnis: rest` stands for: the digits beyond the rule's fixed part. That is what follows a prefix, the digits in
 * which the ends of a range differ, or a pattern's from its first wildcard on.
 */
export function restOfNumber(rule: NumberRule, number: string): string {
  for (const pattern of rule.patterns) {
    switch (pattern.kind) {
      case 'exact':
        if (pattern.number === number) return '';
        break;
      case 'prefix':
        if (number.startsWith(pattern.prefix)) return number.slice(pattern.prefix.length);
        break;
      case 'range':
        if (number.length === pattern.lo.length && number >= pattern.lo && number <= pattern.hi) {
          return number.slice(sharedLength(pattern.lo, pattern.hi));
        }
        break;
      case 'pattern': {
        const fixed = /^\+?\d*/.exec(pattern.text)?.[0] ?? '';
        if (number.startsWith(fixed)) return number.slice(fixed.length);
        break;
      }
    }
  }
  return '';
}

function sharedLength(a: string, b: string): number {
  let count = 0;
  while (count < a.length && a[count] === b[count]) count++;
  return count;
}
