import { showPlace } from '../base/diagnostic.js';
import type { NumberRule, Outcome, Plan, Step, Steps } from './plan.js';

/** A list nested in a step: `then`, `open`, `if-busy`, `after`, … or the branch of a split, counted from 0. */
export type Branch =
  'then' | 'open' | 'closed' | 'holiday' | 'otherwise' | 'after' | `if-${Outcome}` | `split-${number}`;

/**
 * Where a list of steps stands, as plain data: a call's state names its lists by these, so that it survives JSON and
 * stays small, however large the plan is.
 */
export type ListAddress =
  | { readonly kind: 'rule'; readonly place: string }
  | { readonly kind: 'route'; readonly name: string }
  | { readonly kind: 'extension'; readonly name: string; readonly part: 'route' | 'otherwise' }
  | { readonly kind: 'menu-key'; readonly menu: string; readonly key: string }
  | { readonly kind: 'menu'; readonly menu: string; readonly branch: Branch }
  | { readonly kind: 'queue'; readonly queue: string; readonly branch: Branch }
  | { readonly kind: 'outbound'; readonly place: string }
  /** Steps that stand nowhere in the plan: the machine made them for what was dialled, or a webhook replied with them. */
  | {
      readonly kind: 'inline';
      readonly steps: Steps;
      readonly purpose: 'dialled' | 'outbound' | 'emergency' | 'reply';
    }
  | { readonly kind: 'branch'; readonly of: ListAddress; readonly step: number; readonly branch: Branch };

const NO_STEPS: Steps = [];
const resolved = new WeakMap<ListAddress, Steps>();

/** An address whose list is already at hand: the next look-up of it costs nothing. */
export function addressOf<A extends ListAddress>(address: A, steps: Steps): A {
  resolved.set(address, steps);
  return address;
}

/** The list an address stands for; empty when the plan has no such place (a state of another plan). */
export function stepsAt(plan: Plan, address: ListAddress): Steps {
  const known = resolved.get(address);
  if (known !== undefined) return known;
  const steps = walk(plan, address) ?? NO_STEPS;
  resolved.set(address, steps);
  return steps;
}

function walk(plan: Plan, address: ListAddress): Steps | undefined {
  switch (address.kind) {
    case 'rule':
      return ruleByPlace(plan, address.place)?.route;
    case 'route':
      return plan.routes.get(address.name);
    case 'extension': {
      const definition =
        plan.extensions.get(address.name) ??
        plan.extensionBlocks.find((block) => showPlace(block.place) === address.name);
      if (address.part === 'otherwise') return definition?.otherwise;
      return definition?.where.kind === 'route' ? definition.where.route : undefined;
    }
    case 'menu-key': {
      const keys = plan.menus.get(address.menu)?.keys;
      return keys !== undefined && Object.hasOwn(keys, address.key) ? keys[address.key] : undefined;
    }
    case 'menu': {
      const menu = plan.menus.get(address.menu);
      return menu === undefined ? undefined : failureBranch(menu, address.branch);
    }
    case 'queue': {
      const queue = plan.queues.get(address.queue);
      return queue === undefined ? undefined : failureBranch(queue, address.branch);
    }
    case 'outbound':
      return plan.outbound.find((rule) => showPlace(rule.place) === address.place)?.route;
    case 'inline':
      return address.steps;
    case 'branch': {
      const opener = stepsAt(plan, address.of)[address.step];
      return opener === undefined ? undefined : branchOf(opener, address.branch);
    }
  }
}

function branchOf(step: Step, branch: Branch): Steps | undefined {
  switch (branch) {
    case 'then':
      return step.verb === 'match' ? step.then : undefined;
    case 'open':
      return step.verb === 'hours' ? step.open : undefined;
    case 'closed':
      return step.verb === 'hours' ? step.closed : undefined;
    case 'holiday':
      return step.verb === 'hours' ? step.holiday : undefined;
    case 'after':
      return 'after' in step ? step.after : undefined;
    default:
      if (branch.startsWith('split-')) {
        return step.verb === 'split' ? step.branches[Number(branch.slice(6))]?.route : undefined;
      }
      return failureBranch(step, branch);
  }
}

interface CanFail {
  readonly otherwise?: Steps;
  readonly ifOutcome: Readonly<Partial<Record<Outcome, Steps>>>;
}

function failureBranch(owner: CanFail, branch: Branch): Steps | undefined {
  return branch === 'otherwise' ? owner.otherwise : owner.ifOutcome[branch.slice(3) as Outcome];
}

const rulesByPlace = new WeakMap<Plan, Map<string, NumberRule>>();

/** Only a state that came back from JSON asks this: a running call has its list at hand. */
function ruleByPlace(plan: Plan, place: string): NumberRule | undefined {
  let rules = rulesByPlace.get(plan);
  if (rules === undefined) {
    rules = new Map(plan.rules.map((rule) => [showPlace(rule.place), rule]));
    rulesByPlace.set(plan, rules);
  }
  return rules.get(place);
}
