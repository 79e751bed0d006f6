import { showPlace } from '../base/diagnostic.js';
import { comparePatterns, matchesPattern, showPattern } from '../numbers/index.js';
import type { NumberPattern } from '../numbers/index.js';
import type { TraceEntry } from '../model/index.js';
import { findExtension } from './find-extension.js';
import type { FoundExtension } from './find-extension.js';
import { fits } from './machine-matcher.js';
import { normalizeAt } from './number-rules.js';
import type { Matcher, OutboundRule, Plan, SiteDefinition } from './plan.js';

/** Who dials, for `from:` and the site's rules. */
export interface Dialler {
  readonly extension?: string;
  readonly site?: string;
  readonly trunk?: string;
  readonly caller?: string;
  readonly tenant?: string;
}

/** What a dialled number came to. */
export type Placement =
  | {
      readonly kind: 'emergency';
      readonly site: SiteDefinition;
      readonly number: string;
      readonly trunks: readonly string[];
    }
  | { readonly kind: 'extension'; readonly found: FoundExtension }
  | { readonly kind: 'trunks'; readonly rule: OutboundRule; readonly number: string }
  | { readonly kind: 'route'; readonly rule: OutboundRule; readonly number: string }
  | { readonly kind: 'unknown'; readonly number: string };

/**
 * Where a number dialled by a person, or named by a target, goes: first an emergency number (before and after the
 * outside-line digit), then an extension, then `dial:` rules, then `to:` rules. Decisions go to `trace`.
 */
export function placeNumber(plan: Plan, dialled: string, dialler: Dialler, trace: TraceEntry[]): Placement {
  const emergency = emergencyOf(plan, dialled, dialler.site, dialler.tenant);
  if (emergency !== undefined) {
    trace.push({
      kind: 'rule',
      rule: `emergency number ${emergency.number}`,
      place: showPlace(emergency.site.place),
      why: `${dialled} is an emergency call of site ${emergency.site.name}`,
      rivals: [],
    });
    return emergency;
  }
  const found = findExtension(plan, dialled, dialler.tenant);
  if (found !== undefined) return { kind: 'extension', found };
  const ordered = outboundOf(plan);
  const rivals: { rule: string; place: string; why: string }[] = [];
  const site = siteOf(plan, dialler.site, dialler.tenant);
  let choice = dialled.startsWith('+') ? undefined : choose(plan, ordered.dial, dialled, dialler, rivals);
  let number = choice === undefined ? undefined : rewrite(dialled, choice.rule, site);
  if (choice === undefined) {
    const e164 = toE164(dialled, site, dialler);
    choice = e164 === undefined ? undefined : choose(plan, ordered.to, e164, dialler, rivals);
    number = choice === undefined || e164 === undefined ? undefined : rewrite(e164, choice.rule, site);
  }
  if (choice === undefined || number === undefined) {
    trace.push({ kind: 'no-rule', number: dialled });
    for (const rival of rivals)
      trace.push({ kind: 'note', text: `outbound rule ${rival.rule} (${rival.place}): ${rival.why}` });
    return { kind: 'unknown', number: dialled };
  }
  const { rule, why } = choice;
  trace.push({ kind: 'rule', rule: nameOf(rule), place: showPlace(rule.place), why, rivals });
  return { kind: rule.route === undefined ? 'trunks' : 'route', rule, number };
}

/** Whether digits are an emergency call: asked by the border too, since such a call passes every limit. */
export function emergencyOf(
  plan: Plan,
  dialled: string,
  siteName: string | undefined,
  tenant?: string,
): Extract<Placement, { kind: 'emergency' }> | undefined {
  const named = siteName === undefined ? undefined : plan.sites.get(siteName);
  // A device without a site still gets help: the numbers of every site it may stand at are emergency numbers then.
  for (const site of named === undefined ? sitesOf(plan, tenant) : [named]) {
    const { emergency, outsideLine } = site;
    if (emergency === undefined) continue;
    const stripped =
      outsideLine !== undefined && dialled.startsWith(outsideLine)
        ? dialled.slice(outsideLine.length)
        : undefined;
    const number = emergency.numbers.find((one) => one === dialled || one === stripped);
    if (number !== undefined) return { kind: 'emergency', site, number, trunks: emergency.via };
  }
  return undefined;
}

/** The caller's site, or the only one there is. */
function siteOf(
  plan: Plan,
  name: string | undefined,
  tenant: string | undefined,
): SiteDefinition | undefined {
  if (name !== undefined) return plan.sites.get(name);
  const [first, second] = sitesOf(plan, tenant);
  return second === undefined ? first : undefined;
}

/** A tenant's own sites; without any, the shared ones. */
function sitesOf(plan: Plan, tenant: string | undefined): readonly SiteDefinition[] {
  const sites = [...plan.sites.values()];
  const own = tenant === undefined ? [] : sites.filter(({ name }) => name.startsWith(`${tenant}/`));
  return own.length > 0 ? own : sites.filter(({ name }) => !name.includes('/'));
}

/** The number in E.164 as someone at the site dials it: the outside line's digit first, then the country's rules. */
function toE164(dialled: string, site: SiteDefinition | undefined, dialler: Dialler): string | undefined {
  if (dialled.startsWith('+')) return dialled;
  const line = site?.outsideLine;
  if (line === undefined) return normalizeAt(dialled, site);
  const outside = dialled.startsWith(line) ? normalizeAt(dialled.slice(line.length), site) : undefined;
  // A phone behind an outside line must dial its digit; a PBX has taken it off already.
  return outside ?? (dialler.trunk === undefined ? undefined : normalizeAt(dialled, site));
}

interface Choice {
  readonly rule: OutboundRule;
  readonly why: string;
}

function choose(
  plan: Plan,
  rules: readonly OrderedRule[],
  number: string,
  dialler: Dialler,
  rivals: { rule: string; place: string; why: string }[],
): Choice | undefined {
  let chosen: Choice | undefined;
  for (const { rule, pattern, key } of rules) {
    if (rule.tenant !== undefined && rule.tenant !== dialler.tenant) continue;
    if (!matchesPattern(pattern, number)) continue;
    const text = `${key}: ${showPattern(pattern)}`;
    if (rule.from !== undefined && !isFrom(plan, rule.from, dialler)) {
      rivals.push({
        rule: nameOf(rule),
        place: showPlace(rule.place),
        why: `${text} fits, but its from: does not`,
      });
    } else if (chosen === undefined) {
      chosen = { rule, why: `${text} fits ${number}${rule.from === undefined ? '' : ' and its from: fits'}` };
    } else {
      rivals.push({
        rule: nameOf(rule),
        place: showPlace(rule.place),
        why: `${text} fits, but less exactly`,
      });
    }
  }
  return chosen;
}

function isFrom(plan: Plan, from: Matcher, dialler: Dialler): boolean {
  const site = dialler.site === undefined ? {} : { site: dialler.site };
  return [dialler.extension, dialler.trunk, dialler.site, dialler.caller].some((value) =>
    fits(plan, from, { value: value ?? '', anonymous: false, ...site }),
  );
}

/** `strip` and `prefix`, then E.164 again where the result is one in the site's country. */
function rewrite(number: string, rule: OutboundRule, site: SiteDefinition | undefined): string {
  if (rule.strip === 0 && rule.prefix === '' && number.startsWith('+')) return number;
  const digits = number.startsWith('+') ? number.slice(1) : number;
  const sent = rule.prefix + digits.slice(rule.strip);
  // A prefix is written for the carrier: what it makes is sent as it is.
  return rule.prefix === '' ? (normalizeAt(sent, site) ?? sent) : sent;
}

interface OrderedRule {
  readonly rule: OutboundRule;
  readonly pattern: NumberPattern;
  readonly key: 'dial' | 'to';
}

interface OrderedOutbound {
  readonly dial: readonly OrderedRule[];
  readonly to: readonly OrderedRule[];
}

const orderedOutbound = new WeakMap<Plan, OrderedOutbound>();

/** The rules by precedence, worked out once a plan. */
function outboundOf(plan: Plan): OrderedOutbound {
  const known = orderedOutbound.get(plan);
  if (known !== undefined) return known;
  const order = (rules: OrderedRule[]): OrderedRule[] =>
    rules.sort(
      (a, b) =>
        comparePatterns(a.pattern, b.pattern) ||
        Number(a.rule.from === undefined) - Number(b.rule.from === undefined),
    );
  const made: OrderedOutbound = {
    dial: order(
      plan.outbound.flatMap((rule) =>
        rule.dial === undefined ? [] : [{ rule, pattern: rule.dial, key: 'dial' as const }],
      ),
    ),
    to: order(
      plan.outbound.flatMap((rule) =>
        rule.to === undefined ? [] : [{ rule, pattern: rule.to, key: 'to' as const }],
      ),
    ),
  };
  orderedOutbound.set(plan, made);
  return made;
}

function nameOf(rule: OutboundRule): string {
  const pattern = rule.dial ?? rule.to;
  return rule.name ?? (pattern === undefined ? 'outbound' : showPattern(pattern));
}
