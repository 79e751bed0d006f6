import type { CallFacts, TraceEntry } from '../model/index.js';
import { knownOutcome } from './machine-end.js';
import { begin, resume } from './machine-begin.js';
import { combineOutcomes } from './machine-ring.js';
import type { Action, ActionResult, CallerIdentity, Leg, LegGroup, MachineWorld } from './machine.js';
import type { ConferenceDefinition, Outcome, Plan, PlanTest, Prompt } from './plan.js';
import { partsOfPrompt } from './show-prompt.js';

/** What is given of an imagined call: what the caller keys, and how the world answers. */
export interface ImaginedScript {
  /** Each entry answers the next prompt; `wait` lets it time out; `hang-up` leaves. */
  readonly press: readonly string[];
  readonly given: PlanTest['given'];
}

/** One step as it ran. */
export interface StepRun {
  readonly verb: string;
  /** Its value, resolved: `299` for `dnis: 3`. */
  readonly value: string;
  /** How it ended, where it did not just go on. */
  is?: string;
}

/** A leg that left for a trunk. */
export interface SentLeg {
  readonly trunk: string;
  readonly number: string;
  readonly callerId: string;
}

/** What became of an imagined call. */
export interface ImaginedCallResult {
  readonly steps: readonly StepRun[];
  /** How it ended: the machine's end, or where it stopped for want of input, at a person, or as the caller left. */
  readonly stopped:
    | { readonly kind: 'end'; readonly action: Extract<Action, { kind: 'end' }> }
    | { readonly kind: 'connected'; readonly to: string }
    | { readonly kind: 'needs-input' }
    | { readonly kind: 'caller-left' };
  readonly sent: readonly SentLeg[];
  readonly heard: readonly string[];
  readonly trace: readonly TraceEntry[];
}

export const NOTHING_GIVEN: PlanTest['given'] = { legs: {}, queues: {}, trunks: {}, webhooks: {}, hours: {} };

/** Actions after which an imagined call is given up: input may make a plan go round for ever. */
const MAX_ACTIONS = 2000;

/** As the dialogue at the door of a room has them. */
const PIN_ATTEMPTS = 3;
const PIN_TIMEOUT_MS = 10_000;
const LEAVE_CONFERENCE = '*#';

/**
 * Runs a call against the machine without a network, in virtual time: tests and explain are this. What is not given
 * answers. The call stops at the first step that needs more input than there is, or a person when no input is left.
 */
export function imagineCall(
  plan: Plan,
  facts: CallFacts,
  script: ImaginedScript,
  world: MachineWorld,
): ImaginedCallResult {
  const call = new ImaginedCall(plan, facts, script, world);
  return call.run();
}

type Answer = ActionResult | { readonly kind: 'stop'; readonly stopped: ImaginedCallResult['stopped'] };

class ImaginedCall {
  private readonly press: string[];
  private readonly attempts = new Map<string, number>();
  private readonly sent: SentLeg[] = [];
  private readonly heard: string[] = [];
  private readonly trace: TraceEntry[] = [];
  private elapsedMs = 0;

  constructor(
    private readonly plan: Plan,
    private readonly facts: CallFacts,
    private readonly script: ImaginedScript,
    private readonly world: MachineWorld,
  ) {
    this.press = [...script.press];
  }

  run(): ImaginedCallResult {
    let now = begin(this.plan, this.facts, this.worldNow());
    this.trace.push(...now.trace);
    for (let count = 0; count < MAX_ACTIONS; count++) {
      if (now.action.kind === 'end') return this.result({ kind: 'end', action: now.action });
      const answer = this.answer(now.action);
      if (answer.kind === 'stop') return this.result(answer.stopped);
      now = resume(this.plan, this.facts, now.state, answer, this.worldNow());
      this.trace.push(...now.trace);
    }
    return this.result({ kind: 'needs-input' });
  }

  private result(stopped: ImaginedCallResult['stopped']): ImaginedCallResult {
    const steps = stepsOf(this.trace);
    const last = steps.at(-1);
    if (last !== undefined && stopped.kind === 'connected') last.is = 'connected';
    return { steps, stopped, sent: this.sent, heard: this.heard, trace: this.trace };
  }

  private worldNow(): MachineWorld {
    const { world, elapsedMs, script } = this;
    const { given } = script;
    return {
      get now() {
        return world.now + elapsedMs;
      },
      hoursOverride: (name) =>
        Object.hasOwn(given.hours, name) ? given.hours[name] : world.hoursOverride(name),
      random: (purpose, weights) =>
        weights !== undefined && given.split !== undefined
          ? drawFor(given.split, weights)
          : world.random(purpose, weights),
      turn: (list, size) => world.turn?.(list, size) ?? 0,
    };
  }

  private answer(action: Exclude<Action, { kind: 'end' }>): Answer {
    switch (action.kind) {
      case 'connect':
        return this.connect(action);
      case 'queue':
        return this.queue(action);
      case 'menu':
        this.hear(action.prompt);
        return this.input(action.menu.timeoutMs, (digits) => ({ kind: 'done', digits }));
      case 'collect': {
        this.hear(action.prompt);
        const timeoutMs = action.step.verb === 'collect' ? action.step.timeoutMs : 0;
        return this.input(timeoutMs, (digits) => ({ kind: 'done', digits }));
      }
      case 'survey': {
        const survey = this.plan.surveys.get(action.survey);
        if (survey !== undefined) this.hear([survey.ask]);
        return this.input(0, (digits) =>
          digits === '' ? { kind: 'failed', outcome: 'no-input' } : { kind: 'done', digits },
        );
      }
      case 'conference':
        return this.conference(action.conference);
      case 'record':
        this.hear(action.prompt);
        if (action.step.verb === 'record' && action.step.what !== 'message') return { kind: 'done' };
        return this.input(0, (digits) =>
          digits === '' ? { kind: 'failed', outcome: 'no-input' } : { kind: 'done', reply: 'message.wav' },
        );
      case 'voicemail':
        if (action.greeting !== undefined) this.hear([action.greeting]);
        return this.input(0, () => ({ kind: 'over' }));
      case 'play':
        this.hear([action.prompt]);
        return { kind: 'done' };
      case 'wait':
        this.elapsedMs += action.ms;
        return { kind: 'done' };
      case 'webhook':
        return this.webhook(action);
    }
  }

  /** The next thing the caller keys; nothing left: the call stops here. */
  private input(timeoutMs: number, answer: (digits: string) => ActionResult): Answer {
    const entry = this.press.shift();
    if (entry === undefined) return { kind: 'stop', stopped: { kind: 'needs-input' } };
    if (entry === 'hang-up') return { kind: 'stop', stopped: { kind: 'caller-left' } };
    if (entry !== 'wait') return answer(entry);
    this.elapsedMs += timeoutMs;
    return answer('');
  }

  private hear(prompts: readonly Prompt[]): void {
    for (const prompt of prompts) this.heard.push(...partsOfPrompt(prompt));
  }

  private connected(to: string): Answer {
    this.trace.push({ kind: 'attempt', target: to, result: 'connected' });
    if (this.press.length > 0) return { kind: 'connected-ended' };
    return { kind: 'stop', stopped: { kind: 'connected', to } };
  }

  private connect(action: Extract<Action, { kind: 'connect' }>): Answer {
    const perLeg: { label: string; outcome: Outcome }[] = [];
    for (const group of action.groups) {
      const answered = this.ringGroup(group, action.identity, perLeg);
      if (answered !== undefined) return this.connected(answered);
      if (action.stopOnDecline && perLeg.some((leg) => leg.outcome === 'declined')) break;
    }
    const outcomes = perLeg.map((leg) => leg.outcome);
    const [only] = outcomes;
    const outcome = outcomes.length === 1 && only !== undefined ? only : combineOutcomes(outcomes);
    return { kind: 'failed', outcome, perLeg };
  }

  /** The label of the leg that answers: the one that rings first. */
  private ringGroup(
    group: LegGroup,
    identity: CallerIdentity,
    perLeg: { label: string; outcome: Outcome }[],
  ): string | undefined {
    const legs = group.legs
      .filter((leg) => leg.delayMs < group.forMs)
      .toSorted((a, b) => a.delayMs - b.delayMs);
    // The devices of one extension are one attempt to its tests.
    const seen = new Map<string, Outcome | undefined>();
    let rangOut = false;
    for (const leg of legs) {
      const known = seen.has(leg.label);
      const outcome = known ? seen.get(leg.label) : this.ringLeg(leg, leg.identity ?? identity);
      seen.set(leg.label, outcome);
      if (outcome === undefined) {
        this.elapsedMs += leg.delayMs;
        return leg.label;
      }
      rangOut ||= outcome === 'no-answer';
      if (!known) perLeg.push({ label: leg.label, outcome });
    }
    if (rangOut) this.elapsedMs += group.forMs;
    return undefined;
  }

  /** How the leg fails; undefined: it answers. */
  private ringLeg(leg: Leg, identity: CallerIdentity): Outcome | undefined {
    if (leg.to.kind === 'device') return this.givenFor([leg.label, leg.to.device]);
    const { trunks, number } = leg.to;
    let outcome: Outcome | undefined = 'unreachable';
    for (const trunk of trunks) {
      const given = Object.hasOwn(this.script.given.trunks, trunk)
        ? this.script.given.trunks[trunk]
        : undefined;
      if (given === 'down') {
        this.trace.push({ kind: 'note', text: `trunk ${trunk} is down` });
        continue;
      }
      if (leg.to.extension === undefined) this.send({ trunk, number, callerId: this.shown(identity) });
      outcome = given === undefined ? this.givenFor([leg.label, number, trunk]) : failureOf(given);
      // The next trunk is asked when this one could not take the call.
      if (outcome !== 'unreachable' && outcome !== 'limited') return outcome;
    }
    return outcome;
  }

  private send(leg: SentLeg): void {
    this.sent.push(leg);
    this.trace.push({
      kind: 'note',
      text: `${leg.number} is asked of trunk ${leg.trunk}, shown as ${leg.callerId}`,
    });
  }

  /** What the test says of a leg by one of its names; a list is for attempts in turn, its last for all further ones. */
  private givenFor(names: readonly string[]): Outcome | undefined {
    const { legs } = this.script.given;
    const name = names.find((one) => Object.hasOwn(legs, one));
    const answers = name === undefined ? undefined : legs[name];
    if (name === undefined || answers === undefined || answers.length === 0) return undefined;
    const attempt = this.attempts.get(name) ?? 0;
    this.attempts.set(name, attempt + 1);
    return failureOf(answers[Math.min(attempt, answers.length - 1)] ?? '');
  }

  private shown(identity: CallerIdentity): string {
    if (identity.mode === 'number') return identity.number ?? '';
    return identity.mode === 'anonymous' ? 'anonymous' : (this.facts.caller ?? 'anonymous');
  }

  private queue(action: Extract<Action, { kind: 'queue' }>): Answer {
    const { queues, legs } = this.script.given;
    const given = Object.hasOwn(queues, action.queue) ? queues[action.queue] : undefined;
    const agents = this.plan.queues.get(action.queue)?.agents ?? [];
    const nobodyAnswers =
      agents.length > 0 &&
      agents.every(
        ({ extension }) =>
          Object.hasOwn(legs, extension) && legs[extension]?.every((one) => failureOf(one) !== undefined),
      );
    const outcome = given?.outcome ?? (given?.agents === 0 ? 'empty' : nobodyAnswers ? 'timeout' : undefined);
    if (outcome === undefined) return this.connected(action.queue);
    if (outcome === 'timeout') this.elapsedMs += action.maxWaitMs ?? 0;
    return { kind: 'failed', outcome };
  }

  /** PINs as they are pressed; whoever is in stays until `*#` or the end of what is pressed. */
  private conference({ name, pin, hostPin }: ConferenceDefinition): Answer {
    const { conferences } = this.script.given;
    if (conferences !== undefined && Object.hasOwn(conferences, name))
      return { kind: 'failed', outcome: 'full' };
    const pins = [pin, hostPin].filter((one) => one !== undefined);
    let entered: Answer | undefined = pins.length === 0 ? { kind: 'done' } : undefined;
    for (let attempt = 1; entered === undefined; attempt++) {
      const answer = this.input(PIN_TIMEOUT_MS, (digits) => ({ kind: 'done', digits }));
      if (answer.kind !== 'done') return answer;
      const digits = answer.digits ?? '';
      if (pins.includes(digits)) entered = answer;
      else if (attempt === PIN_ATTEMPTS)
        return { kind: 'failed', outcome: digits === '' ? 'no-input' : 'invalid', answered: true };
    }
    this.trace.push({ kind: 'attempt', target: name, result: 'connected' });
    for (let key = this.press.shift(); key !== undefined; key = this.press.shift()) {
      if (key === LEAVE_CONFERENCE) return { kind: 'done' };
      if (key === 'hang-up') return { kind: 'stop', stopped: { kind: 'caller-left' } };
    }
    return { kind: 'stop', stopped: { kind: 'connected', to: name } };
  }

  private webhook(action: Extract<Action, { kind: 'webhook' }>): Answer {
    const { webhooks } = this.script.given;
    const source = action.step.verb === 'webhook' ? action.step.url.source : action.url;
    const name = [action.url, source].find((one) => Object.hasOwn(webhooks, one));
    const reply = name === undefined ? {} : webhooks[name];
    if (reply === 'timeout') this.elapsedMs += action.timeoutMs;
    if (reply === 'timeout' || reply === 'refused' || reply === 'invalid')
      return { kind: 'failed', outcome: reply };
    return { kind: 'done', reply };
  }
}

/** The outcome a test's word stands for; undefined: it answers. */
function failureOf(word: string): Outcome | undefined {
  if (word === 'answer' || word === 'answered' || word === 'connected' || word === '') return undefined;
  return knownOutcome(word as Outcome);
}

/** A test names a branch by its number from 1, or gives the draw itself (below 1). */
function drawFor(split: number, weights: readonly number[]): number {
  if (split < 1) return split;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const before = weights.slice(0, split - 1).reduce((sum, weight) => sum + weight, 0);
  return total === 0 ? 0 : (before + (weights[split - 1] ?? 0) / 2) / total;
}

/** The steps a trace tells of, each with how it ended. */
function stepsOf(trace: readonly TraceEntry[]): StepRun[] {
  const steps: StepRun[] = [];
  for (const entry of trace) {
    if (entry.kind === 'step') steps.push({ verb: entry.verb, value: entry.name });
    if (entry.kind === 'outcome') {
      const run = steps.findLast((one) => one.verb === entry.verb && one.is === undefined);
      if (run !== undefined) run.is = entry.outcome;
    }
  }
  return steps;
}
