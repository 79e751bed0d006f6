import { showPlace } from '../base/diagnostic.js';
import { identityFor } from './machine-identity.js';
import type { IdentityWish } from './machine-identity.js';
import { nameOfTarget } from './machine-extension.js';
import { legsOfExtension, reachTarget } from './machine-reach.js';
import { currentStep, failed, note, traceStep } from './machine-run.js';
import type { Progress, Run } from './machine-run.js';
import { headersOf, numberOf } from './machine-variables.js';
import type { ActionResult, Leg, LegGroup } from './machine.js';
import type { Outcome, Step, Target } from './plan.js';

type RingStep = Extract<Step, { verb: 'ring' }>;
type TrunkStep = Extract<Step, { verb: 'trunk' }>;

/** Groups one step may try: rounds times members, whatever the file says. */
const MAX_GROUPS = 200;
/** What a mixed failure counts as: the first of these that occurred. */
const MIXED_ORDER: readonly Outcome[] = ['no-answer', 'declined', 'busy', 'limited', 'unreachable'];

/** `ring:` tries its members; their own forwards and voicemail never apply. */
export function runRing(run: Run, step: RingStep): Progress {
  const targets = inOrder(run, step);
  traceStep(run, step, step.targets.map(nameOfTarget).join(', '), step.how === 'all' ? undefined : step.how);
  const wish: IdentityWish = { callerId: step.callerId, callerName: step.callerName };
  const failures: Outcome[] = [];
  const members: { readonly target: Target; readonly legs: readonly Leg[] }[] = [];
  for (const target of targets) {
    const legs = legsOf(run, target, wish);
    if (legs.length === 0) failures.push('unreachable');
    else members.push({ target, legs });
  }
  if (members.length === 0) return failed('unreachable');
  const round = groupsOf(step, members);
  const groups: LegGroup[] = [];
  for (let count = 0; count < step.rounds && groups.length < MAX_GROUPS; count++) groups.push(...round);
  return {
    kind: 'act',
    action: {
      kind: 'connect',
      step,
      groups: groups.slice(0, MAX_GROUPS),
      stopOnDecline: step.decline === 'stop',
      identity: identityFor(run, wish),
      fax: false,
      music: step.music,
    },
    pending: { kind: 'connect', failed: failures },
  };
}

/** `trunk:` asks carriers or PBXs in order for a number. */
export function runTrunk(run: Run, step: TrunkStep): Progress {
  traceStep(run, step, step.trunks.join(', '));
  const number = numberOf(run, step.number);
  if (number === undefined) {
    note(run, `"${step.number.source}" holds no number to call`);
    return failed('unknown');
  }
  const frame = currentStep(run)?.frame.at;
  const emergency = frame?.kind === 'inline' && frame.purpose === 'emergency';
  const identity = identityFor(run, {
    callerId: step.callerId,
    callerName: step.callerName,
    headers: headersOf(run, step.headers),
    called: number,
    ...(emergency && step.callerId.kind === 'number' ? { forced: step.callerId.number.source } : {}),
  });
  const leg: Leg = {
    to: { kind: 'trunks', trunks: step.trunks, number },
    label: step.trunks.length === 1 ? (step.trunks[0] ?? number) : number,
    confirm: false,
    delayMs: 0,
    emergency,
    ...(emergency ? emergencySiteOf(run, step) : {}),
  };
  return {
    kind: 'act',
    action: {
      kind: 'connect',
      step,
      groups: [{ legs: [leg], forMs: step.forMs }],
      stopOnDecline: false,
      identity,
      fax: step.fax,
      music: 'ringback',
    },
    pending: { kind: 'connect', failed: [] },
  };
}

/** What a `ring` came to: the legs' outcomes and those of members that could not be tried at all. */
export function ringOutcome(
  step: Step,
  result: Extract<ActionResult, { kind: 'failed' }>,
  before: readonly Outcome[],
): Outcome {
  if (step.verb !== 'ring') return result.outcome;
  const legs = result.perLeg?.map((leg) => leg.outcome) ?? [];
  const tried = legs.length === 0 ? [result.outcome] : legs;
  if (step.decline === 'stop' && tried.includes('declined')) return 'declined';
  return combineOutcomes([...tried, ...before]);
}

/** The outcome of several legs together: what all came to, else the first in the language's order. */
export function combineOutcomes(outcomes: readonly Outcome[]): Outcome {
  const [first] = outcomes;
  if (first !== undefined && MIXED_ORDER.includes(first) && outcomes.every((one) => one === first))
    return first;
  return MIXED_ORDER.find((one) => outcomes.includes(one)) ?? 'unreachable';
}

function legsOf(run: Run, target: Target, wish: IdentityWish): readonly Leg[] {
  const reach = reachTarget(run, target, wish, undefined);
  switch (reach.kind) {
    case 'legs':
      return reach.legs;
    case 'extension':
      return legsOfExtension(run, reach.found, target);
    case 'steps':
      note(run, `${nameOfTarget(target)} has a route of its own: it cannot be rung as a member`);
      return [];
    case 'failed':
      note(run, reach.why);
      return [];
  }
}

function groupsOf(
  step: RingStep,
  members: readonly { readonly target: Target; readonly legs: readonly Leg[] }[],
): LegGroup[] {
  if (step.how === 'all') {
    // `for` is the time in all, so rounds share it.
    const forMs = Math.max(1, Math.floor(step.forMs / Math.max(1, step.rounds)));
    return [{ legs: members.flatMap((member) => member.legs), forMs }];
  }
  return members.map(({ target, legs }) => ({ legs, forMs: target.forMs ?? step.forMs }));
}

function inOrder(run: Run, step: RingStep): readonly Target[] {
  const { targets } = step;
  const list = `ring ${showPlace(step.place)}`;
  switch (step.how) {
    case 'all':
    case 'in-order':
      return targets;
    case 'round-robin': {
      const { world } = run;
      const size = targets.length;
      if (size === 0) return targets;
      const drawn = world.turn?.(list, size) ?? world.random(list) * size;
      const start = ((Math.floor(drawn) % size) + size) % size || 0;
      note(run, `round-robin: ${nameOf(targets[start])} is first`);
      return [...targets.slice(start), ...targets.slice(0, start)];
    }
    case 'random': {
      const shuffled = [...targets];
      for (let last = shuffled.length - 1; last > 0; last--) {
        const drawn = Math.min(last, Math.floor(run.world.random(`${list} ${last}`) * (last + 1)));
        [shuffled[last], shuffled[drawn]] = [shuffled[drawn]!, shuffled[last]!];
      }
      note(run, `random: ${shuffled.map(nameOfTarget).join(', ')}`);
      return shuffled;
    }
  }
}

function nameOf(target: Target | undefined): string {
  return target === undefined ? '' : nameOfTarget(target);
}

/** An emergency step stands where its site does. */
function emergencySiteOf(run: Run, step: Step): { emergencySite?: string } {
  const place = showPlace(step.place);
  for (const site of run.plan.sites.values())
    if (showPlace(site.place) === place) return { emergencySite: site.name };
  return {};
}
