import type { Plan } from './plan.js';

const byTenant = new WeakMap<Plan, Map<string, readonly string[]>>();

/**
 * Our own DID that looks nearest to the called party: the one that shares the longest run of first digits. Only numbers
 * written out (exact, or the ends of a range) are sure to be ours; a tenant shows its own and the shared ones.
 */
export function nearestDid(plan: Plan, called: string, tenant: string | undefined): string | undefined {
  const dids = didsOf(plan, tenant);
  // In a sorted list the longest common prefix is beside the place where the number itself would stand.
  let low = 0;
  let high = dids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (dids[middle]! < called) low = middle + 1;
    else high = middle;
  }
  const before = dids[low - 1];
  const after = dids[low];
  if (before === undefined || after === undefined) return after ?? before;
  return shared(before, called) > shared(after, called) ? before : after;
}

function didsOf(plan: Plan, tenant: string | undefined): readonly string[] {
  let tenants = byTenant.get(plan);
  if (tenants === undefined) {
    tenants = new Map();
    byTenant.set(plan, tenants);
  }
  const key = tenant ?? '';
  let dids = tenants.get(key);
  if (dids === undefined) {
    dids = collect(plan, tenant);
    tenants.set(key, dids);
  }
  return dids;
}

function collect(plan: Plan, tenant: string | undefined): readonly string[] {
  const dids = new Set<string>();
  for (const rule of plan.rules) {
    if (rule.tenant !== undefined && rule.tenant !== tenant) continue;
    for (const pattern of rule.patterns) {
      if (pattern.kind === 'exact') dids.add(pattern.number);
      if (pattern.kind === 'range') {
        dids.add(pattern.lo);
        dids.add(pattern.hi);
      }
    }
  }
  return [...dids].filter((did) => did.startsWith('+')).sort();
}

function shared(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let count = 0;
  while (count < length && a.charCodeAt(count) === b.charCodeAt(count)) count++;
  return count;
}

/** Sorts the plan's DIDs before a call needs them, where its outbound rules show the nearest: a million take a while. */
export function warmLocalPresence(plan: Plan): void {
  if (plan.outbound.some((rule) => rule.callerId.kind === 'local-presence')) didsOf(plan, undefined);
}
