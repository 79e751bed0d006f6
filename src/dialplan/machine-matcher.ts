import { matchesPattern, showPattern } from '../numbers/index.js';
import { indexOfList } from './list-index.js';
import type { Matcher, Plan } from './plan.js';

/** What a pattern is held against. */
export interface Subject {
  /** The fact's value; empty when it is not set. */
  readonly value: string;
  /** The caller withheld the number (only asked where the value is a caller). */
  readonly anonymous: boolean;
  readonly site?: string;
}

/** Lists may name lists; a circle among them ends here. */
const MAX_LIST_DEPTH = 8;

/** Whether a PATTERN fits; lists and sites are the plan's. */
export function fits(plan: Plan, matcher: Matcher, subject: Subject, depth = 0): boolean {
  switch (matcher.kind) {
    case 'number':
      return subject.value !== '' && matchesPattern(matcher.pattern, subject.value);
    case 'anonymous':
      return subject.anonymous;
    case 'text':
      return subject.value === matcher.text;
    case 'site':
      return subject.site === matcher.name;
    case 'any':
      return matcher.of.some((one) => fits(plan, one, subject, depth));
    case 'list':
      return depth < MAX_LIST_DEPTH && fitsList(plan, plan.lists.get(matcher.name) ?? [], subject, depth + 1);
  }
}

function fitsList(plan: Plan, list: readonly Matcher[], subject: Subject, depth: number): boolean {
  const indexed = indexOfList(list);
  if (indexed === undefined) return list.some((one) => fits(plan, one, subject, depth));
  if (subject.value !== '' && indexed.numbers.lookup(subject.value).length > 0) return true;
  return indexed.rest.some((one) => fits(plan, one, subject, depth));
}

/** A PATTERN as an admin writes it. */
export function showMatcher(matcher: Matcher): string {
  switch (matcher.kind) {
    case 'number':
      return showPattern(matcher.pattern);
    case 'anonymous':
      return 'anonymous';
    case 'text':
      return `"${matcher.text}"`;
    case 'site':
      return `site ${matcher.name}`;
    case 'list':
      return `list ${matcher.name}`;
    case 'any':
      return matcher.of.map(showMatcher).join(', ');
  }
}
