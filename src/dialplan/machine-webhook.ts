import { DONE, PLAIN, failed, inline, note, traceStep } from './machine-run.js';
import type { Progress, Run } from './machine-run.js';
import { urlOf } from './machine-variables.js';
import type { ActionResult } from './machine.js';
import type { Step } from './plan.js';
import { readSteps } from './read-steps.js';

type WebhookStep = Extract<Step, { verb: 'webhook' }>;

export function runWebhook(run: Run, step: WebhookStep): Progress {
  traceStep(run, step, step.url.source);
  return {
    kind: 'act',
    action: {
      kind: 'webhook',
      step,
      url: urlOf(run, step.url),
      timeoutMs: step.timeoutMs,
      ...(step.secret === undefined ? {} : { secret: step.secret }),
      body: bodyOf(run),
    },
    pending: PLAIN,
  };
}

/** The reply's steps run as a nested list; none of a reply that is not a list of steps runs. */
export function resumeWebhook(run: Run, result: ActionResult): Progress {
  if (result.kind !== 'done') return DONE;
  const read = readSteps(result.reply ?? {}, run.plan, run.tenant);
  if (read.kind === 'invalid') {
    note(run, `the reply is not a list of steps: ${read.why}`);
    return failed('invalid');
  }
  if (read.steps.length === 0) return DONE;
  return { kind: 'nested', at: inline(read.steps, 'reply') };
}

/** What a webhook is told: the facts of the call and its variables. */
function bodyOf(run: Run): Record<string, unknown> {
  const { facts } = run;
  return {
    call: facts.callId,
    direction: facts.direction,
    did: run.number,
    dialed: facts.dialed,
    caller: facts.caller ?? null,
    'caller-name': facts.callerName ?? null,
    anonymous: facts.anonymous,
    trunk: facts.trunk ?? null,
    extension: facts.extension ?? null,
    site: facts.site ?? null,
    tenant: run.tenant ?? null,
    attestation: facts.attestation ?? null,
    'last-outcome': run.lastOutcome ?? null,
    answered: run.answered,
    variables: run.variables,
  };
}
