import { showPlace } from '../base/diagnostic.js';
import { findExtension } from './find-extension.js';
import { addressOf } from './machine-address.js';
import { advance, resumeStep, settle } from './machine-core.js';
import { OUTCOME_ENDINGS, endByRunningOut, endCall } from './machine-end.js';
import { diallerOf, noteEmergency } from './machine-reach.js';
import { currentStep, inline, newRun, note, pushList, runOf } from './machine-run.js';
import type { Internal, Run } from './machine-run.js';
import { constant } from './machine-variables.js';
import type { Begin, MachineStep, Resume } from './machine.js';
import { matchRule, nearestNumber, traceOfMatch } from './match-rule.js';
import { placeNumber } from './place-number.js';
import type { Placement } from './place-number.js';
import type { CallerId, NumberRule, Step } from './plan.js';
import { restOfNumber } from './number-rules.js';

/** An emergency call rings as long as the far side lets it. */
const EMERGENCY_RING_MS = 180_000;
const OUTBOUND_RING_MS = 60_000;

/** Begins a call: finds its rule (or, from inside, what was dialled) and runs to the first action. */
export const begin: Begin = (plan, facts, world) => {
  const run = newRun(plan, facts, world);
  return facts.direction === 'internal' ? beginInside(run) : beginOutside(run);
};

/** Carries a call on with what became of its action. A call that has ended stays ended. */
export const resume: Resume = (plan, facts, state, result, world) => {
  const internal = state.internal as Internal;
  if (internal.pending.kind === 'end') return { action: internal.pending.action, state, trace: [] };
  const run = runOf(plan, facts, state, internal, world);
  const current = currentStep(run);
  if (current === undefined) return endByRunningOut(run, 'the route ran out');
  const progress = resumeStep(run, current.step, internal.pending, result);
  return settle(run, current.step, progress) ?? advance(run);
};

function beginOutside(run: Run): MachineStep {
  const { plan, facts } = run;
  run.number = facts.dialed;
  const match = matchRule(plan, facts.dialed, facts);
  if (match === undefined) {
    const near = nearestNumber(plan, facts.dialed);
    run.trace.push({ kind: 'no-rule', number: facts.dialed, ...(near === undefined ? {} : { near }) });
    return endCall(run, { ...OUTCOME_ENDINGS.unknown, why: `no rule of the dialplan has ${facts.dialed}` });
  }
  run.trace.push(traceOfMatch(match));
  enterRule(run, match.rule);
  return advance(run);
}

function enterRule(run: Run, rule: NumberRule): void {
  run.tenant = rule.tenant ?? run.tenant;
  run.rest = restOfNumber(rule, run.number);
  if (rule.row !== undefined) {
    run.variables = Object.fromEntries(
      Object.entries(rule.row).map(([column, value]) => [`row.${column}`, value]),
    );
  }
  pushList(run, addressOf({ kind: 'rule', place: showPlace(rule.place) }, rule.route));
}

/** What someone inside dialled: an emergency number, an extension, then `dial:`, then `to:`. */
function beginInside(run: Run): MachineStep {
  const { plan, facts } = run;
  run.number = facts.dialed;
  const placement = placeNumber(plan, facts.dialed, diallerOf(run), run.trace);
  switch (placement.kind) {
    case 'emergency':
      noteEmergency(run, placement);
      run.number = placement.number;
      pushList(run, inline([emergencyStep(run, placement)], 'emergency'));
      break;
    case 'extension':
      note(run, `${facts.dialed} is extension ${placement.found.name}`);
      pushList(run, inline([extensionStep(placement)], 'dialled'));
      break;
    case 'trunks':
      run.number = placement.number;
      pushList(run, inline([outboundStep(run, placement)], 'outbound'));
      break;
    case 'route':
      run.number = placement.number;
      pushList(
        run,
        addressOf({ kind: 'outbound', place: showPlace(placement.rule.place) }, placement.rule.route ?? []),
      );
      break;
    case 'unknown':
      return endCall(run, {
        ...OUTCOME_ENDINGS.unknown,
        why: `${facts.dialed} is no emergency number, no extension, and no outbound rule fits it`,
      });
  }
  return advance(run);
}

function emergencyStep(run: Run, placement: Extract<Placement, { kind: 'emergency' }>): Step {
  const callerId = placement.site.emergency?.callerId ?? ownNumber(run);
  return {
    ...trunkStep(placement.number, placement.trunks, EMERGENCY_RING_MS),
    place: placement.site.place,
    callerId: callerId === undefined ? { kind: 'keep' } : { kind: 'number', number: constant(callerId) },
  };
}

function outboundStep(run: Run, placement: Extract<Placement, { kind: 'trunks' | 'route' }>): Step {
  const { rule } = placement;
  const own = ownNumber(run);
  const shown: CallerId = own === undefined ? { kind: 'keep' } : { kind: 'number', number: constant(own) };
  return {
    ...trunkStep(placement.number, rule.via, OUTBOUND_RING_MS),
    place: rule.place,
    ...(rule.name === undefined ? {} : { name: rule.name }),
    callerId: rule.callerId.kind === 'keep' ? shown : rule.callerId,
  };
}

function extensionStep(placement: Extract<Placement, { kind: 'extension' }>): Step {
  return {
    place: placement.found.definition.place,
    verb: 'extension',
    extension: { kind: 'name', name: placement.found.name },
    callerId: { kind: 'keep' },
    forwards: true,
    ifOutcome: {},
  };
}

function trunkStep(
  number: string,
  trunks: readonly string[],
  forMs: number,
): Omit<Extract<Step, { verb: 'trunk' }>, 'place'> {
  return {
    verb: 'trunk',
    trunks,
    number: constant(number),
    callerId: { kind: 'keep' },
    headers: [],
    forMs,
    fax: false,
    ifOutcome: {},
  };
}

/** The calling extension's `caller-id:`. */
function ownNumber(run: Run): string | undefined {
  const { extension } = run.facts;
  return extension === undefined
    ? undefined
    : findExtension(run.plan, extension, run.tenant)?.definition.callerId;
}
