import { formatDuration } from '../base/duration.js';
import { findExtension } from './find-extension.js';
import { addressOf } from './machine-address.js';
import { knownOutcome } from './machine-end.js';
import { fits } from './machine-matcher.js';
import { DONE, MAX_STEPS, PLAIN, failed, inline, note, traceStep } from './machine-run.js';
import type { Progress, Run } from './machine-run.js';
import { headerText, promptOf, setVariable, textOf, valueOf } from './machine-variables.js';
import type { ActionResult } from './machine.js';
import type { MenuDefinition, Outcome, Prompt, Step } from './plan.js';
import { showPrompt } from './show-prompt.js';

type StepOf<V extends Step['verb']> = Extract<Step, { verb: V }>;

export function runQueue(run: Run, step: StepOf<'queue'>): Progress {
  traceStep(run, step, step.queue);
  const definition = run.plan.queues.get(step.queue);
  if (definition === undefined) {
    note(run, `there is no queue ${step.queue}`);
    return failed('empty');
  }
  const maxWaitMs = step.maxWaitMs ?? definition.maxWaitMs;
  const priority = step.priority === 0 ? Number.parseInt(valueOf(run, 'priority'), 10) || 0 : step.priority;
  return {
    kind: 'act',
    action: {
      kind: 'queue',
      step,
      queue: step.queue,
      priority,
      skills: step.skills,
      ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
      ...(step.callerName === undefined ? {} : { callerName: headerText(textOf(run, step.callerName)) }),
    },
    pending: PLAIN,
  };
}

export function runMenu(run: Run, step: StepOf<'menu'>): Progress {
  traceStep(run, step, step.menu);
  const menu = run.plan.menus.get(step.menu);
  if (menu === undefined) {
    note(run, `there is no menu ${step.menu}`);
    return failed('invalid');
  }
  return offer(run, step, menu, 1, undefined);
}

/** What was keyed in a menu: one of its keys, an extension, or another attempt. */
export function resumeMenu(run: Run, step: StepOf<'menu'>, attempt: number, result: ActionResult): Progress {
  const menu = run.plan.menus.get(step.menu);
  if (menu === undefined) return failed('invalid');
  const digits = digitsOf(result);
  if (digits !== '') {
    run.stepsLeft = MAX_STEPS;
    const steps = Object.hasOwn(menu.keys, digits) ? menu.keys[digits] : undefined;
    if (steps !== undefined) {
      note(run, `menu ${menu.name}: the caller pressed ${digits}`);
      return { kind: 'nested', at: addressOf({ kind: 'menu-key', menu: step.menu, key: digits }, steps) };
    }
    const found = menu.dialExtension ? findExtension(run.plan, digits, run.tenant) : undefined;
    if (found !== undefined) {
      note(run, `menu ${menu.name}: the caller dialled extension ${found.name}`);
      const dialled: Step = {
        place: step.place,
        verb: 'extension',
        extension: { kind: 'name', name: found.name },
        callerId: { kind: 'keep' },
        forwards: true,
        ifOutcome: {},
      };
      return { kind: 'nested', at: inline([dialled], 'dialled') };
    }
  }
  const outcome: Outcome = digits === '' && !isInvalid(result) ? 'no-input' : 'invalid';
  const pressed = digits === '' ? 'nothing' : digits;
  note(
    run,
    `menu ${menu.name}, attempt ${attempt} of ${menu.attempts}: the caller pressed ${pressed} (${outcome})`,
  );
  return attempt < menu.attempts ? offer(run, step, menu, attempt + 1, outcome) : failed(outcome);
}

function offer(
  run: Run,
  step: Step,
  menu: MenuDefinition,
  attempt: number,
  after: Outcome | undefined,
): Progress {
  run.answered = true;
  const sorry = after === 'no-input' ? menu.noInput : after === 'invalid' ? menu.invalid : undefined;
  const prompt = [sorry, menu.prompt].filter((one) => one !== undefined).map((one) => promptOf(run, one));
  return {
    kind: 'act',
    action: { kind: 'menu', step, menu, attempt, prompt },
    pending: { kind: 'attempt', attempt },
  };
}

export function runPlay(run: Run, step: StepOf<'play' | 'say'>): Progress {
  const prompt = promptOf(run, step.prompt);
  traceStep(
    run,
    step,
    showPrompt(hidden(run, step.prompt) ? step.prompt : prompt),
    step.early ? 'early' : undefined,
  );
  if (!step.early) run.answered = true;
  return {
    kind: 'act',
    action: { kind: 'play', step, prompt, early: step.early, times: step.times },
    pending: PLAIN,
  };
}

export function runCollect(run: Run, step: StepOf<'collect'>): Progress {
  traceStep(run, step, step.variable);
  return ask(run, step, 1);
}

/** Digits that were collected: kept when there are enough and `accept` fits, else asked for again. */
export function resumeCollect(
  run: Run,
  step: StepOf<'collect'>,
  attempt: number,
  result: ActionResult,
): Progress {
  const digits = digitsOf(result);
  if (digits !== '') run.stepsLeft = MAX_STEPS;
  const enough = digits.length >= step.minDigits && digits.length <= step.maxDigits;
  const accepted =
    step.accept === undefined || fits(run.plan, step.accept, { value: digits, anonymous: false });
  if (digits !== '' && enough && accepted) {
    if (step.secret && !run.secrets.includes(step.variable)) run.secrets = [...run.secrets, step.variable];
    setVariable(run, step.variable, digits);
    note(run, `${step.variable} = ${step.secret ? '(secret)' : digits}`);
    return DONE;
  }
  const outcome: Outcome = digits === '' && !isInvalid(result) ? 'no-input' : 'invalid';
  const entered = digits === '' ? 'nothing' : step.secret ? '(secret)' : digits;
  note(run, `attempt ${attempt} of ${step.attempts}: the caller entered ${entered} (${outcome})`);
  return attempt < step.attempts ? ask(run, step, attempt + 1) : failed(outcome);
}

function ask(run: Run, step: StepOf<'collect'>, attempt: number): Progress {
  run.answered = true;
  return {
    kind: 'act',
    action: { kind: 'collect', step, attempt, prompt: promptsOf(run, [step.prompt]) },
    pending: { kind: 'attempt', attempt },
  };
}

export function runRecord(run: Run, step: StepOf<'record'>): Progress {
  traceStep(run, step, step.what, step.to === undefined ? undefined : `to ${step.to}`);
  if (step.what === 'message' || step.notice !== undefined) run.answered = true;
  const prompt = promptsOf(run, [step.what === 'message' ? step.prompt : step.notice]);
  return { kind: 'act', action: { kind: 'record', step, prompt }, pending: PLAIN };
}

/** Where a message went is kept as the variable `recording`, for a webhook to find it. */
export function resumeRecord(run: Run, result: ActionResult): Progress {
  if (result.kind === 'done' && typeof result.reply === 'string') setVariable(run, 'recording', result.reply);
  return DONE;
}

export function runVoicemail(run: Run, step: StepOf<'voicemail'>): Progress {
  traceStep(run, step, step.mailbox);
  run.answered = true;
  const greeting = step.greeting ?? run.plan.mailboxes.get(step.mailbox)?.greeting;
  return {
    kind: 'act',
    action: {
      kind: 'voicemail',
      step,
      mailbox: step.mailbox,
      ...(greeting === undefined ? {} : { greeting: promptOf(run, greeting) }),
    },
    pending: PLAIN,
  };
}

export function runSurvey(run: Run, step: StepOf<'survey'>): Progress {
  traceStep(run, step, step.survey);
  run.answered = true;
  return { kind: 'act', action: { kind: 'survey', step, survey: step.survey }, pending: PLAIN };
}

/** A room that is full is left before the call is answered. */
export function runConference(run: Run, step: StepOf<'conference'>): Progress {
  traceStep(run, step, step.conference);
  const conference = run.plan.conferences.get(step.conference);
  if (conference === undefined) {
    note(run, `there is no conference ${step.conference}`);
    return failed('full');
  }
  return { kind: 'act', action: { kind: 'conference', step, conference }, pending: PLAIN };
}

/** Who leaves the room by its key goes on; who was not let in was asked for the PIN, and so answered, unless it was full. */
export function resumeConference(run: Run, result: ActionResult): Progress {
  if (result.kind !== 'failed') {
    run.answered = true;
    run.stepsLeft = MAX_STEPS;
    return DONE;
  }
  if (result.outcome !== 'full') run.answered = true;
  return failed(knownOutcome(result.outcome));
}

export function runWait(run: Run, step: StepOf<'wait'>): Progress {
  traceStep(run, step, formatDuration(step.ms));
  return { kind: 'act', action: { kind: 'wait', step, ms: step.ms }, pending: PLAIN };
}

function promptsOf(run: Run, prompts: readonly (Prompt | undefined)[]): Prompt[] {
  return prompts.filter((one) => one !== undefined).map((one) => promptOf(run, one));
}

function digitsOf(result: ActionResult): string {
  return result.kind === 'done' ? (result.digits ?? '').slice(0, 64) : '';
}

function isInvalid(result: ActionResult): boolean {
  return result.kind === 'failed' && result.outcome === 'invalid';
}

/** Whether a prompt would speak a secret: the trace shows its source then. */
function hidden(run: Run, prompt: Prompt): boolean {
  if (run.secrets.length === 0) return false;
  switch (prompt.kind) {
    case 'file':
      return false;
    case 'say':
      return run.secrets.some((name) => JSON.stringify(prompt.text).includes(`"variable":"${name}"`));
    case 'sequence':
      return prompt.of.some((part) => hidden(run, part));
  }
}
