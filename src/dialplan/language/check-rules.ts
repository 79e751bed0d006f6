import type { Diagnostic } from '../../base/diagnostic.js';
import { comparePatterns, matchesPattern, showPattern, type NumberPattern } from '../../numbers/index.js';
import type { NumberRule, OutboundRule, Plan } from '../plan.js';
import { matchersOverlap } from './check-ties.js';
import { patternsOverlap } from './overlap.js';

type Range = Extract<NumberPattern, { kind: 'range' }>;
type Prefix = Extract<NumberPattern, { kind: 'prefix' }>;

const MAX_REPORTS = 50;

/** Rules that never get a call, as others take every number they have; DIDs that are not in E.164. */
export function* checkRules(
  plan: Plan,
  report: (diagnostic: Diagnostic) => void,
): Generator<undefined, void> {
  const taken = new TakenNumbers(plan.rules);
  let count = 0;
  let bare = 0;
  for (const rule of plan.rules) {
    if (++count % 20_000 === 0) yield;
    const shadows = rule.patterns.map((pattern) => taken.shadowOf(plan, rule, pattern));
    if (shadows.every((shadow) => shadow !== undefined)) {
      const by = shadows.find((shadow) => typeof shadow === 'object');
      report({
        severity: 'warning',
        code: 'unreachable-rule',
        message: `no call reaches this rule: ${by === undefined ? 'narrower rules take' : 'another rule takes'} every number it has`,
        place: rule.place,
        ...(by !== undefined && { related: [{ place: by.place, message: 'this rule goes first' }] }),
      });
    }
    const [first] = rule.patterns;
    if (first !== undefined && lacksPlus(first) && ++bare <= MAX_REPORTS) {
      const shown = showPattern(first);
      const hint = `write "+${shown}" if it is an international number`;
      const message = `"${shown}" is not in E.164: only trunks that pass short numbers on can reach it`;
      report({ severity: 'warning', code: 'did-without-plus', message, place: rule.place, hint });
    }
  }
}

function lacksPlus(pattern: NumberPattern): boolean {
  const shown = showPattern(pattern);
  return !shown.startsWith('+') && shown.replace(/\.\..*$/, '').length >= 7;
}

/** Whether a rule takes every call to its numbers: it asks for nothing else. */
function isUnconditional(rule: NumberRule): boolean {
  return rule.from === undefined && rule.until === undefined && rule.since === undefined;
}

/** What unconditional rules take, for questions about the wider ones. */
class TakenNumbers {
  private readonly spans = new Map<number, { lo: string; hi: string; pattern: NumberPattern }[]>();
  private readonly prefixes = new Set<string>();
  private readonly hasWide: boolean;

  constructor(rules: readonly NumberRule[]) {
    this.hasWide = rules.some(({ patterns }) =>
      patterns.some(({ kind }) => kind === 'range' || kind === 'prefix'),
    );
    if (!this.hasWide) return;
    for (const rule of rules) {
      if (!isUnconditional(rule)) continue;
      for (const pattern of rule.patterns) {
        if (pattern.kind === 'exact') this.addSpan(pattern.number, pattern.number, pattern);
        else if (pattern.kind === 'range') this.addSpan(pattern.lo, pattern.hi, pattern);
        else if (pattern.kind === 'prefix') this.prefixes.add(pattern.prefix);
      }
    }
    for (const spans of this.spans.values()) spans.sort((a, b) => (a.lo < b.lo ? -1 : a.lo > b.lo ? 1 : 0));
  }

  /** The rule, or `narrower` for several, that takes all numbers of a rule's pattern before it. */
  shadowOf(plan: Plan, rule: NumberRule, pattern: NumberPattern): NumberRule | 'narrower' | undefined {
    const own = pattern.kind === 'exact' ? plan.numbers.lookup(pattern.number) : [];
    for (const { pattern: other, value } of own) {
      if (value === rule || !isUnconditional(value) || rule.since !== undefined || rule.from !== undefined)
        continue;
      if (comparePatterns(other, pattern) === 0 && (value.priority ?? 0) > (rule.priority ?? 0)) return value;
    }
    if (pattern.kind === 'range' && this.coversRange(pattern)) return 'narrower';
    if (pattern.kind === 'prefix' && this.coversPrefix(pattern)) return 'narrower';
    if (pattern.kind === 'pattern' && this.coversPattern(pattern)) return 'narrower';
    return undefined;
  }

  private addSpan(lo: string, hi: string, pattern: NumberPattern): void {
    const spans = this.spans.get(lo.length);
    if (spans === undefined) this.spans.set(lo.length, [{ lo, hi, pattern }]);
    else spans.push({ lo, hi, pattern });
  }

  private coversRange(range: Range): boolean {
    const spans = this.spans.get(range.lo.length) ?? [];
    let low = 0;
    let high = spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (spans[middle]!.lo < range.lo) low = middle + 1;
      else high = middle;
    }
    let next = toBigInt(range.lo);
    const end = toBigInt(range.hi);
    for (let index = low; index < spans.length && next <= end; index++) {
      const span = spans[index]!;
      if (toBigInt(span.lo) > next) return false;
      if (comparePatterns(span.pattern, range) >= 0) continue;
      const after = toBigInt(span.hi) + 1n;
      if (after > next) next = after;
    }
    return next > end;
  }

  private coversPrefix(prefix: Prefix): boolean {
    return '0123456789'.split('').every((digit) => this.prefixes.has(prefix.prefix + digit));
  }

  private coversPattern(pattern: Extract<NumberPattern, { kind: 'pattern' }>): boolean {
    const fixed = /^\+?\d*/.exec(pattern.text)?.[0] ?? '';
    for (let length = 1; length <= fixed.length; length++)
      if (this.prefixes.has(fixed.slice(0, length))) return true;
    return false;
  }
}

function toBigInt(number: string): bigint {
  return /^\+?\d+$/.test(number) ? BigInt(number.replace('+', '')) : -1n;
}

/** Ties between outbound rules, and what is dialled that can mean two things. */
export function checkDialling(plan: Plan, report: (diagnostic: Diagnostic) => void): void {
  checkOutboundTies(plan, report);
  const warn = (
    place: Diagnostic['place'],
    message: string,
    other: Diagnostic['place'],
    note: string,
  ): void =>
    report({
      severity: 'warning',
      code: 'dial-overlap',
      message,
      place,
      related: [{ place: other, message: note }],
    });
  for (const rule of plan.outbound) {
    if (rule.dial === undefined) continue;
    const shown = showPattern(rule.dial);
    const extension = [...plan.extensions.values(), ...plan.extensionBlocks].find(
      (one) =>
        sameTenant(one.tenant, rule.tenant) &&
        rule.dial !== undefined &&
        patternsOverlap(rule.dial, patternOfExtension(one.name)),
    );
    if (extension !== undefined) {
      warn(
        rule.place,
        `"${shown}" meets extensions, which go first`,
        extension.place,
        'the extension is here',
      );
    }
    for (const site of plan.sites.values()) {
      const number = site.emergency?.numbers.find(
        (one) => rule.dial !== undefined && matchesPattern(rule.dial, one),
      );
      if (number !== undefined) {
        warn(
          rule.place,
          `"${shown}" meets the emergency number ${number}, which goes first`,
          site.place,
          'the site is here',
        );
        break;
      }
    }
  }
  for (const site of plan.sites.values()) {
    const { emergency, outsideLine } = site;
    const dialled = (emergency?.numbers ?? []).flatMap((number) => [
      number,
      ...(outsideLine === undefined ? [] : [outsideLine + number]),
    ]);
    for (const extension of [...plan.extensions.values(), ...plan.extensionBlocks]) {
      const pattern = patternOfExtension(extension.name);
      const number = dialled.find((one) => matchesPattern(pattern, one));
      if (number !== undefined) {
        warn(
          extension.place,
          `dialling ${number} is an emergency call, never this extension`,
          site.place,
          'the site is here',
        );
      } else if (outsideLine !== undefined && startsWith(pattern, outsideLine)) {
        const message = `this extension begins with the outside-line digit ${outsideLine} of site "${site.name}"`;
        warn(extension.place, message, site.place, 'the site is here');
      }
    }
  }
}

function checkOutboundTies(plan: Plan, report: (diagnostic: Diagnostic) => void): void {
  const rules = plan.outbound.slice(0, 2000);
  rules.forEach((one, index) => {
    for (const other of rules.slice(index + 1)) {
      if (one.place === other.place || !sameTenant(one.tenant, other.tenant)) continue;
      const [a, b] = one.dial === undefined ? [one.to, other.to] : [one.dial, other.dial];
      if (a === undefined || b === undefined || comparePatterns(a, b) !== 0 || !patternsOverlap(a, b))
        continue;
      if (!sameCallers(one, other)) continue;
      report({
        severity: 'error',
        code: 'tie',
        message: `two outbound rules for "${showPattern(b)}" tie`,
        place: other.place,
        hint: 'remove one, or give them different from:',
        related: [{ place: one.place, message: 'the other rule is here' }],
      });
    }
  });
}

function sameCallers(one: OutboundRule, other: OutboundRule): boolean {
  if (one.from === undefined || other.from === undefined) return one.from === other.from;
  return matchersOverlap(one.from, other.from);
}

function sameTenant(a: string | undefined, b: string | undefined): boolean {
  return a === b;
}

function patternOfExtension(name: NonNullable<Plan['extensionBlocks'][number]>['name']): NumberPattern {
  if (typeof name !== 'string') return { kind: 'range', ...name };
  return { kind: 'exact', number: name.slice(name.lastIndexOf('/') + 1) };
}

function startsWith(pattern: NumberPattern, digits: string): boolean {
  if (pattern.kind === 'exact') return /^\d{2,}$/.test(pattern.number) && pattern.number.startsWith(digits);
  return patternsOverlap(pattern, { kind: 'prefix', prefix: digits });
}
