import { findExtension } from './find-extension.js';
import { addressOf } from './machine-address.js';
import type { Branch, ListAddress } from './machine-address.js';
import { extensionNamed } from './machine-extension.js';
import { nestedIn, nextStep, pushList } from './machine-run.js';
import type { Run } from './machine-run.js';
import type { Outcome, Step, Steps } from './plan.js';

interface Handler {
  readonly at: ListAddress;
  /** What the trace calls it. */
  readonly label: string;
}

/** A step has failed: `if-OUTCOME`, else `otherwise`, else the named thing's own, else the next step. */
export function failStep(run: Run, step: Step, outcome: Outcome): void {
  run.lastOutcome = outcome;
  const handler = handlerIn(run, step, outcome) ?? handlerOfNamed(run, step, outcome);
  run.trace.push({ kind: 'outcome', verb: step.verb, outcome, next: handler?.label ?? 'the next step' });
  if (handler === undefined) {
    run.unhandled = outcome;
    nextStep(run);
    return;
  }
  run.unhandled = undefined;
  pushList(run, handler.at);
}

function handlerIn(run: Run, step: Step, outcome: Outcome): Handler | undefined {
  // The `otherwise` of a match is its other branch, not a handler.
  if (step.verb === 'match') return undefined;
  const chosen = branchFor(step, outcome);
  if (chosen === undefined) return undefined;
  return { at: nestedIn(run, chosen.branch, chosen.steps), label: chosen.branch };
}

function handlerOfNamed(run: Run, step: Step, outcome: Outcome): Handler | undefined {
  switch (step.verb) {
    case 'extension': {
      const found = findExtension(run.plan, extensionNamed(run, step), run.tenant);
      const steps = found?.definition.otherwise;
      if (found === undefined || steps === undefined) return undefined;
      const at = addressOf({ kind: 'extension', name: found.key, part: 'otherwise' }, steps);
      return { at, label: `the otherwise of extension ${found.name}` };
    }
    case 'menu': {
      const menu = run.plan.menus.get(step.menu);
      const chosen = menu === undefined ? undefined : branchFor(menu, outcome);
      if (chosen === undefined) return undefined;
      const at = addressOf({ kind: 'menu', menu: step.menu, branch: chosen.branch }, chosen.steps);
      return { at, label: `the ${chosen.branch} of menu ${step.menu}` };
    }
    case 'queue': {
      const queue = run.plan.queues.get(step.queue);
      const chosen = queue === undefined ? undefined : branchFor(queue, outcome);
      if (chosen === undefined) return undefined;
      const at = addressOf({ kind: 'queue', queue: step.queue, branch: chosen.branch }, chosen.steps);
      return { at, label: `the ${chosen.branch} of queue ${step.queue}` };
    }
    default:
      return undefined;
  }
}

interface CanFail {
  readonly otherwise?: Steps;
  readonly ifOutcome: Readonly<Partial<Record<Outcome, Steps>>>;
}

function branchFor(
  owner: CanFail,
  outcome: Outcome,
): { readonly branch: Branch; readonly steps: Steps } | undefined {
  const specific = owner.ifOutcome[outcome];
  if (specific !== undefined) return { branch: `if-${outcome}`, steps: specific };
  return owner.otherwise === undefined ? undefined : { branch: 'otherwise', steps: owner.otherwise };
}
