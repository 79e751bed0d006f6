export { createDialplanService } from './dialplan-service.js';
export type { DialplanService, DialplanServiceDeps, PlanInForce, ReloadOutcome } from './dialplan-service.js';
export { createTurns, createWorld } from './draw.js';
export { findExtension } from './find-extension.js';
export type { HoursOverride, HoursOverrides } from './hours-overrides.js';
export { imagineCall, NOTHING_GIVEN } from './imagined-call.js';
export type { ImaginedCallResult, ImaginedScript } from './imagined-call.js';
export { dialplanSchema } from './language/file.js';
export { loadDialplan, loadDialplanFiles } from './load-dialplan.js';
export type { LoadInput, LoadOptions, LoadResult } from './load-dialplan.js';
export { loadTested } from './load-tested.js';
export type { TestedLoad } from './load-tested.js';
export { begin, resume } from './machine-begin.js';
export type {
  Action,
  ActionResult,
  CallerIdentity,
  Leg,
  LegGroup,
  MachineState,
  MachineStep,
  MachineWorld,
} from './machine.js';
export { fits } from './machine-matcher.js';
export { shownVariables } from './machine-run.js';
export { emergencyOf } from './place-number.js';
export { promptsOfPlan } from './plan-prompts.js';
export type { Outcome, Plan, Prompt, Step, Steps } from './plan.js';
export { legsToExtension, redirectedLegs } from './redirected-legs.js';
export type { Redirected } from './redirected-legs.js';
export { runPlanTests } from './run-tests.js';
export type { PlanTestResult } from './run-tests.js';
export { systemLegs } from './system-legs.js';
export { formatTrace } from './trace-format.js';
