import { stateOf } from './machine-run.js';
import type { Run } from './machine-run.js';
import type { Action, MachineStep } from './machine.js';
import type { Outcome, Step } from './plan.js';

type EndAction = Extract<Action, { kind: 'end' }>;

/** The SIP status and Q.850 cause a call gets when its route runs out after this failure. */
export const OUTCOME_ENDINGS: Readonly<Record<Outcome, { readonly status: number; readonly q850: number }>> =
  {
    busy: { status: 486, q850: 17 },
    'no-answer': { status: 480, q850: 19 },
    declined: { status: 603, q850: 21 },
    unreachable: { status: 480, q850: 20 },
    unknown: { status: 404, q850: 1 },
    limited: { status: 503, q850: 34 },
    full: { status: 480, q850: 34 },
    empty: { status: 480, q850: 20 },
    timeout: { status: 480, q850: 19 },
    refused: { status: 480, q850: 31 },
    invalid: { status: 480, q850: 31 },
    'no-input': { status: 480, q850: 31 },
  };

/** RFC 3398 §8.2.6.1 and Q.850, for the statuses a plan may reject with; others map by their class. */
const CAUSES: Readonly<Record<number, number>> = {
  400: 41,
  401: 21,
  402: 21,
  403: 21,
  404: 1,
  405: 63,
  406: 79,
  407: 21,
  408: 102,
  410: 22,
  413: 127,
  414: 127,
  415: 79,
  416: 127,
  420: 127,
  421: 127,
  423: 127,
  433: 21,
  480: 18,
  481: 41,
  482: 25,
  483: 25,
  484: 28,
  485: 1,
  486: 17,
  487: 127,
  488: 88,
  500: 41,
  501: 79,
  502: 38,
  503: 41,
  504: 102,
  505: 127,
  513: 127,
  580: 47,
  600: 17,
  603: 21,
  604: 1,
  606: 88,
  607: 21,
  608: 21,
};

/** The Q.850 cause for a SIP status of 400–699. */
function causeOf(status: number): number {
  return CAUSES[status] ?? (status >= 600 ? 21 : status >= 500 ? 41 : 31);
}

/** The call ends here; the machine has nothing more to say to it. */
export function endCall(run: Run, end: Omit<EndAction, 'kind'>): MachineStep {
  const action: EndAction = { kind: 'end', ...end };
  run.trace.push({ kind: 'note', text: `the call ends: ${end.why}` });
  run.frames.length = 0;
  return { action, state: stateOf(run, { kind: 'end', action }), trace: run.trace };
}

/** Answered: BYE. Unanswered: the status of the last failure, else 480. */
export function endByRunningOut(run: Run, why: string): MachineStep {
  if (run.answered) return endCall(run, { status: 200, q850: 16, why });
  const ending = run.lastOutcome === undefined ? { status: 480, q850: 18 } : OUTCOME_ENDINGS[run.lastOutcome];
  const reason = run.lastOutcome === undefined ? why : `${why}; the last failure was ${run.lastOutcome}`;
  return endCall(run, { ...ending, why: reason });
}

/** The step ended the call by itself (a message was left, the far end hung up). */
export function endNormally(run: Run, why: string): MachineStep {
  return endCall(run, { status: run.answered ? 200 : 480, q850: 16, why });
}

/** A step that is the end of the call: `reject`, `busy`, `hangup`, or one that has served the caller to the end. */
export function endByStep(run: Run, step: Step): MachineStep {
  switch (step.verb) {
    case 'reject':
      return endCall(run, {
        status: step.status,
        ...(step.reason === undefined ? {} : { reason: step.reason }),
        q850: causeOf(step.status),
        why: `rejected with ${step.status}`,
      });
    case 'busy':
      return endCall(run, { status: 486, q850: 17, ...(run.answered ? { tone: 'busy' } : {}), why: 'busy' });
    case 'hangup':
      return endCall(run, { status: 480, q850: 16, why: 'hung up' });
    default:
      return endNormally(run, `${step.verb} has ended the call`);
  }
}

/** An outcome as the language has it: what an engine made up counts as `unreachable`. */
export function knownOutcome(outcome: Outcome): Outcome {
  return Object.hasOwn(OUTCOME_ENDINGS, outcome) ? outcome : 'unreachable';
}
