import { showPlace } from '../base/diagnostic.js';
import type { CallFacts, TraceEntry } from '../model/index.js';
import { comparePatterns, showPattern, type NumberPattern } from '../numbers/index.js';
import { fits, showMatcher } from './machine-matcher.js';
import type { Matcher, NumberRule, Plan } from './plan.js';

/** What of a call a rule may ask for. */
export type RuleFacts = Pick<CallFacts, 'caller' | 'anonymous' | 'at' | 'site' | 'trunk'>;

export interface RuleMatch {
  readonly rule: NumberRule;
  /** The rule's pattern that fits the number. */
  readonly pattern: NumberPattern;
  readonly why: string;
  /** The other rules whose pattern fits the number, the nearest first, each with why it gave way. */
  readonly rivals: readonly { readonly rule: NumberRule; readonly why: string }[];
}

interface Candidate {
  readonly rule: NumberRule;
  readonly pattern: NumberPattern;
}

/**
 * The rule that a called number belongs to: exact before range before prefix before pattern, the narrower first; then
 * with a matching `from:` before without; then with a current `since:` before without, the later first; then by
 * `priority:`, the higher first. What would still tie is refused at load; undefined when no rule is in force.
 */
export function matchRule(plan: Plan, number: string, facts: RuleFacts): RuleMatch | undefined {
  const out: { rule: NumberRule; why: string }[] = [];
  let best: Candidate | undefined;
  const beaten: Candidate[] = [];
  for (const { pattern, value: rule } of plan.numbers.lookup(number)) {
    const why = whyNot(plan, rule, facts);
    if (why !== undefined) out.push({ rule, why: `${showPattern(pattern)} fits, but ${why}` });
    else if (best === undefined) best = { rule, pattern };
    else if (compare({ rule, pattern }, best) < 0) {
      beaten.push(best);
      best = { rule, pattern };
    } else beaten.push({ rule, pattern });
  }
  if (best === undefined) return undefined;
  const winner = best;
  const rivals = beaten
    .filter((one) => one.rule !== winner.rule)
    .sort(compare)
    .map((one) => ({ rule: one.rule, why: whyBeaten(one, winner) }));
  return {
    rule: winner.rule,
    pattern: winner.pattern,
    why: whyMatched(winner, number),
    rivals: [...rivals, ...out],
  };
}

/** The name of a rule for traces and records: its own, or its patterns. */
export function nameOfRule(rule: NumberRule): string {
  if (rule.name !== undefined) return rule.name;
  const [first] = rule.patterns;
  return first === undefined
    ? showPlace(rule.place)
    : `${showPattern(first)}${rule.patterns.length > 1 ? ', …' : ''}`;
}

export function traceOfMatch(match: RuleMatch): TraceEntry {
  return {
    kind: 'rule',
    rule: nameOfRule(match.rule),
    place: showPlace(match.rule.place),
    why: match.why,
    rivals: match.rivals.map(({ rule, why }) => ({
      rule: nameOfRule(rule),
      place: showPlace(rule.place),
      why,
    })),
  };
}

/** The near miss of a number that matches nothing, in words. */
export function nearestNumber(plan: Plan, number: string): string | undefined {
  return plan.numbers.nearest(number);
}

function whyNot(plan: Plan, rule: NumberRule, facts: RuleFacts): string | undefined {
  if (rule.since !== undefined && facts.at < rule.since)
    return `it is in force only since ${showTime(rule.since)}`;
  if (rule.until !== undefined && facts.at >= rule.until)
    return `it was in force until ${showTime(rule.until)}`;
  if (rule.from !== undefined && !isFrom(plan, rule.from, facts))
    return `the caller is not from ${showMatcher(rule.from)}`;
  return undefined;
}

function isFrom(plan: Plan, from: Matcher, facts: RuleFacts): boolean {
  const site = facts.site === undefined ? {} : { site: facts.site };
  return (
    fits(plan, from, { value: facts.caller ?? '', anonymous: facts.anonymous, ...site }) ||
    // `{ trunk: NAME }` is held as the trunk's name.
    (facts.trunk !== undefined && fits(plan, from, { value: facts.trunk, anonymous: false }))
  );
}

/** Below 0 when `a` goes first. */
function compare(a: Candidate, b: Candidate): number {
  return (
    comparePatterns(a.pattern, b.pattern) ||
    Number(a.rule.from === undefined) - Number(b.rule.from === undefined) ||
    (b.rule.since ?? -Infinity) - (a.rule.since ?? -Infinity) ||
    (b.rule.priority ?? 0) - (a.rule.priority ?? 0) ||
    0
  );
}

function whyMatched({ rule, pattern }: Candidate, number: string): string {
  const besides = [
    rule.from === undefined ? undefined : 'its from: fits',
    rule.since === undefined ? undefined : `it is in force since ${showTime(rule.since)}`,
  ].filter((part) => part !== undefined);
  return [`${pattern.kind} ${showPattern(pattern)} fits ${number}`, ...besides].join(', ');
}

function whyBeaten(loser: Candidate, winner: Candidate): string {
  const fitting = `${showPattern(loser.pattern)} fits`;
  if (comparePatterns(winner.pattern, loser.pattern) < 0) {
    const why =
      winner.pattern.kind === loser.pattern.kind
        ? 'less exactly'
        : `but ${winner.pattern.kind} goes before ${loser.pattern.kind}`;
    return `${fitting}, ${why}`;
  }
  if (winner.rule.from !== undefined && loser.rule.from === undefined)
    return `${fitting}, but a rule with a matching from: goes first`;
  if ((winner.rule.since ?? -Infinity) > (loser.rule.since ?? -Infinity))
    return `${fitting}, but a later since: goes first`;
  if ((winner.rule.priority ?? 0) > (loser.rule.priority ?? 0))
    return `${fitting}, but its priority is lower`;
  // Callers that fit both rules' from: by chance, which no check at load could tell.
  return `${fitting}, but the other rule stands first`;
}

function showTime(at: number): string {
  return new Date(at).toISOString().replace(/:00\.000Z$/, 'Z');
}
