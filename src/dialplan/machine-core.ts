import { addressOf, stepsAt } from './machine-address.js';
import type { ListAddress } from './machine-address.js';
import { runGoto, runHours, runMatch, runSet, runSplit } from './machine-decide.js';
import { endByRunningOut, endByStep, endNormally, knownOutcome } from './machine-end.js';
import { forwardOrFail, runExtension } from './machine-extension.js';
import { failStep } from './machine-failure.js';
import {
  resumeCollect,
  resumeConference,
  resumeMenu,
  resumeRecord,
  runCollect,
  runConference,
  runMenu,
  runPlay,
  runQueue,
  runRecord,
  runSurvey,
  runVoicemail,
  runWait,
} from './machine-media.js';
import { ringOutcome, runRing, runTrunk } from './machine-ring.js';
import { DONE, MAX_DEPTH, MAX_STEPS, failed, nextStep, pushList, stateOf, traceStep } from './machine-run.js';
import type { Pending, Progress, Run } from './machine-run.js';
import { resumeWebhook, runWebhook } from './machine-webhook.js';
import type { ActionResult, MachineStep } from './machine.js';
import type { Step, Steps } from './plan.js';

/** Carries a call on from where its frames stand to the next action. */
export function advance(run: Run): MachineStep {
  for (;;) {
    const frame = run.frames.at(-1);
    if (frame === undefined) return endByRunningOut(run, 'the route ran out');
    const step = stepsAt(run.plan, frame.at)[frame.index];
    if (step === undefined) {
      leave(run);
      continue;
    }
    if (run.frames.length > MAX_DEPTH) return endByRunningOut(run, 'extensions lead to one another too deep');
    if (run.stepsLeft <= 0) {
      return endByRunningOut(run, `${MAX_STEPS} steps ran without input or a connection`);
    }
    run.stepsLeft--;
    run.unhandled = undefined;
    const ended = settle(run, step, execute(run, step));
    if (ended !== undefined) return ended;
  }
}

/** Takes in how a step went; a value when the machine has to wait for the world, or the call has ended. */
export function settle(run: Run, step: Step, progress: Progress): MachineStep | undefined {
  switch (progress.kind) {
    case 'done':
      nextStep(run);
      return undefined;
    case 'nested':
      pushList(run, progress.at, progress.ofExtension);
      return undefined;
    case 'goto':
      run.frames.length = 0;
      pushList(run, progress.at);
      return undefined;
    case 'failed':
      failStep(run, step, progress.outcome);
      return undefined;
    case 'act':
      return { action: progress.action, state: stateOf(run, progress.pending), trace: run.trace };
    case 'connected':
      return afterConnection(run, step);
    case 'over':
      return endByStep(run, step);
  }
}

/** How an action went, for the step that asked for it. */
export function resumeStep(run: Run, step: Step, pending: Pending, result: ActionResult): Progress {
  if (result.kind === 'over') return { kind: 'over' };
  if (result.kind === 'failed') {
    if (result.answered !== undefined) run.answered = result.answered;
    for (const leg of result.perLeg ?? []) {
      run.trace.push({ kind: 'attempt', target: leg.label, result: leg.outcome });
    }
  }
  switch (step.verb) {
    case 'extension':
    case 'ring':
    case 'trunk': {
      if (result.kind !== 'failed') return { kind: 'connected' };
      const before = pending.kind === 'connect' ? pending.failed : [];
      const outcome = knownOutcome(ringOutcome(step, result, before));
      const chain = pending.kind === 'connect' ? pending.chain : undefined;
      if (step.verb !== 'extension' || chain === undefined) return failed(outcome);
      return forwardOrFail(run, step, chain, outcome);
    }
    case 'queue':
      if (result.kind !== 'failed') return { kind: 'connected' };
      if (result.outcome === 'timeout') run.answered = true;
      return failed(knownOutcome(result.outcome));
    case 'menu':
      return resumeMenu(run, step, pending.kind === 'attempt' ? pending.attempt : 1, result);
    case 'collect':
      return resumeCollect(run, step, pending.kind === 'attempt' ? pending.attempt : 1, result);
    case 'voicemail':
      return result.kind === 'failed' ? failed(knownOutcome(result.outcome)) : { kind: 'over' };
    case 'webhook':
      return result.kind === 'failed' ? failed(knownOutcome(result.outcome)) : resumeWebhook(run, result);
    case 'record':
      return result.kind === 'failed' && step.what === 'message'
        ? failed(knownOutcome(result.outcome))
        : resumeRecord(run, result);
    case 'survey':
      return result.kind === 'failed' ? failed(knownOutcome(result.outcome)) : DONE;
    case 'conference':
      return resumeConference(run, result);
    // A prompt that cannot be played is skipped (an alarm is raised where it is played).
    case 'play':
    case 'say':
    case 'wait':
    case 'hours':
    case 'match':
    case 'split':
    case 'set':
    case 'goto':
    case 'reject':
    case 'busy':
    case 'hangup':
      return DONE;
  }
}

function execute(run: Run, step: Step): Progress {
  switch (step.verb) {
    case 'extension':
      return runExtension(run, step);
    case 'ring':
      return runRing(run, step);
    case 'trunk':
      return runTrunk(run, step);
    case 'queue':
      return runQueue(run, step);
    case 'menu':
      return runMenu(run, step);
    case 'voicemail':
      return runVoicemail(run, step);
    case 'play':
    case 'say':
      return runPlay(run, step);
    case 'collect':
      return runCollect(run, step);
    case 'record':
      return runRecord(run, step);
    case 'hours':
      return runHours(run, step);
    case 'match':
      return runMatch(run, step);
    case 'split':
      return runSplit(run, step);
    case 'set':
      return runSet(run, step);
    case 'webhook':
      return runWebhook(run, step);
    case 'survey':
      return runSurvey(run, step);
    case 'conference':
      return runConference(run, step);
    case 'wait':
      return runWait(run, step);
    case 'goto':
      return runGoto(run, step);
    case 'reject':
      traceStep(run, step, String(step.status), step.reason);
      return { kind: 'over' };
    case 'busy':
    case 'hangup':
      traceStep(run, step, 'true');
      return { kind: 'over' };
  }
}

/** A list ran out: the step that opened it is done, or failed where an extension's own route came to nothing. */
function leave(run: Run): void {
  const frame = run.frames.pop();
  const opener = run.frames.at(-1);
  if (opener === undefined) return;
  const outcome = run.unhandled;
  const step = stepsAt(run.plan, opener.at)[opener.index];
  if (frame?.ofExtension === true && outcome !== undefined && step !== undefined)
    failStep(run, step, outcome);
  else nextStep(run);
}

/** The far end hung up: `after:` runs, the step's own or that of the extension whose route it is; then the call ends. */
function afterConnection(run: Run, step: Step): MachineStep | undefined {
  run.answered = true;
  run.stepsLeft = MAX_STEPS;
  run.lastOutcome = undefined;
  const after = findAfter(run, step);
  run.trace.push({
    kind: 'outcome',
    verb: step.verb,
    outcome: 'connected',
    next: after === undefined ? 'the call ends' : 'after',
  });
  if (after === undefined) return endNormally(run, 'the far end hung up');
  run.frames.length = 0;
  pushList(run, after);
  return undefined;
}

function findAfter(run: Run, step: Step): ListAddress | undefined {
  for (let depth = run.frames.length - 1; depth >= 0; depth--) {
    const frame = run.frames[depth]!;
    const opener = depth === run.frames.length - 1 ? step : stepsAt(run.plan, frame.at)[frame.index];
    const isOpener = depth === run.frames.length - 1 || run.frames[depth + 1]?.ofExtension === true;
    const after = isOpener ? afterOf(opener) : undefined;
    if (after !== undefined) {
      return addressOf({ kind: 'branch', of: frame.at, step: frame.index, branch: 'after' }, after);
    }
  }
  return undefined;
}

function afterOf(step: Step | undefined): Steps | undefined {
  return step !== undefined && 'after' in step ? step.after : undefined;
}
