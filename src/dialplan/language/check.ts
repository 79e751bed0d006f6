import type { Diagnostic } from '../../base/diagnostic.js';
import type { Plan } from '../plan.js';
import { checkPaths } from './check-paths.js';
import { checkDefinitions, checkLists, checkPrompts } from './check-rest.js';
import { checkDialling, checkRules } from './check-rules.js';
import { checkVariables } from './check-variables.js';

export interface CheckOptions {
  /** Whether a prompt file is there, in any language; absent: not checked. */
  readonly promptExists?: (file: string) => boolean;
  readonly listPlaces: ReadonlyMap<string, Diagnostic['place']>;
}

/** All that can be said of a plan as a whole: errors that only the whole shows, and the warnings. */
export function* checkPlan(
  plan: Plan,
  options: CheckOptions,
  report: (diagnostic: Diagnostic) => void,
): Generator<undefined, void> {
  yield* checkVariables(plan, report);
  yield;
  yield* checkPaths(plan, report);
  yield;
  yield* checkRules(plan, report);
  checkDialling(plan, report);
  checkLists(plan, options.listPlaces, report);
  checkDefinitions(plan, report);
  if (options.promptExists !== undefined) checkPrompts(plan, options.promptExists, report);
}
