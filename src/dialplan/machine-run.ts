import { showPlace } from '../base/diagnostic.js';
import type { CallFacts, TraceEntry } from '../model/index.js';
import { addressOf, stepsAt } from './machine-address.js';
import type { Branch, ListAddress } from './machine-address.js';
import type { Action, MachineState, MachineWorld } from './machine.js';
import type { Outcome, Plan, Step, Steps } from './plan.js';

/** Steps without input or a connection that end a call. */
export const MAX_STEPS = 200;
/** Lists within lists: only extensions whose routes lead to one another could go deeper. */
export const MAX_DEPTH = 200;

/** One list under way, innermost last; `index` is the step that runs (or opened the list above). */
export interface Frame {
  readonly at: ListAddress;
  readonly index: number;
  /** The list is an extension's own route: what fails in it at last is the failure of the step that opened it. */
  readonly ofExtension?: true;
}

/** How far an extension's forwards have been followed. */
export interface ForwardChain {
  /** Where it rings now. */
  readonly at?: string;
  /** Extensions already asked: none is asked twice. */
  readonly visited: readonly string[];
}

/** What the action that was handed out belongs to. */
export type Pending =
  | { readonly kind: 'connect'; readonly failed: readonly Outcome[]; readonly chain?: ForwardChain }
  | { readonly kind: 'attempt'; readonly attempt: number }
  | { readonly kind: 'plain' }
  | { readonly kind: 'end'; readonly action: Action };

/** The machine's own part of the state: plain data. */
export interface Internal {
  readonly frames: readonly Frame[];
  readonly pending: Pending;
  readonly lastOutcome?: Outcome;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly callerId?: string;
  /** What `${did}` stands for: the DID, or the number an internal call is placed to. */
  readonly number: string;
  /** Digits of the DID beyond the rule's fixed part (`dnis: rest`). */
  readonly rest: string;
  readonly tenant?: string;
  /** Variables never shown in a trace. */
  readonly secrets: readonly string[];
}

/** One run of the machine, from an input to the next action: the only mutable thing here, never kept. */
export interface Run {
  readonly plan: Plan;
  readonly facts: CallFacts;
  readonly world: MachineWorld;
  readonly trace: TraceEntry[];
  readonly frames: Frame[];
  answered: boolean;
  variables: Readonly<Record<string, string>>;
  stepsLeft: number;
  lastOutcome: Outcome | undefined;
  /** A failure that went on to the next step, until that step runs. */
  unhandled: Outcome | undefined;
  headers: readonly (readonly [name: string, value: string])[];
  callerId: string | undefined;
  number: string;
  rest: string;
  tenant: string | undefined;
  secrets: readonly string[];
}

/** What running a step came to. */
export type Progress =
  | { readonly kind: 'done' }
  | { readonly kind: 'nested'; readonly at: ListAddress; readonly ofExtension?: true }
  | { readonly kind: 'failed'; readonly outcome: Outcome }
  | { readonly kind: 'act'; readonly action: Action; readonly pending: Pending }
  | { readonly kind: 'goto'; readonly at: ListAddress }
  | { readonly kind: 'connected' }
  | { readonly kind: 'over' };

export const DONE: Progress = { kind: 'done' };
export const PLAIN: Pending = { kind: 'plain' };

export function failed(outcome: Outcome): Progress {
  return { kind: 'failed', outcome };
}

export function newRun(plan: Plan, facts: CallFacts, world: MachineWorld): Run {
  return {
    plan,
    facts,
    world,
    trace: [],
    frames: [],
    answered: false,
    variables: {},
    stepsLeft: MAX_STEPS,
    lastOutcome: undefined,
    unhandled: undefined,
    headers: [],
    callerId: undefined,
    number: '',
    rest: '',
    tenant: facts.tenant,
    secrets: [],
  };
}

export function runOf(
  plan: Plan,
  facts: CallFacts,
  state: MachineState,
  internal: Internal,
  world: MachineWorld,
): Run {
  return {
    plan,
    facts,
    world,
    trace: [],
    frames: [...internal.frames],
    answered: state.answered,
    variables: state.variables,
    stepsLeft: state.stepsLeft,
    lastOutcome: internal.lastOutcome,
    unhandled: undefined,
    headers: internal.headers,
    callerId: internal.callerId,
    number: internal.number,
    rest: internal.rest,
    tenant: internal.tenant,
    secrets: internal.secrets,
  };
}

export function stateOf(run: Run, pending: Pending): MachineState {
  const internal: Internal = {
    frames: run.frames,
    pending,
    ...(run.lastOutcome === undefined ? {} : { lastOutcome: run.lastOutcome }),
    headers: run.headers,
    ...(run.callerId === undefined ? {} : { callerId: run.callerId }),
    number: run.number,
    rest: run.rest,
    ...(run.tenant === undefined ? {} : { tenant: run.tenant }),
    secrets: run.secrets,
  };
  return {
    answered: run.answered,
    variables: run.variables,
    stepsLeft: Math.max(0, run.stepsLeft),
    internal,
  };
}

/** What the plan has set on a call, secrets left out. */
export function shownVariables(state: MachineState): Readonly<Record<string, string>> {
  const { secrets } = state.internal as Internal;
  return Object.fromEntries(Object.entries(state.variables).filter(([name]) => !secrets.includes(name)));
}

/** The step that runs, with where it stands. */
export function currentStep(run: Run): { readonly step: Step; readonly frame: Frame } | undefined {
  const frame = run.frames.at(-1);
  const step = frame === undefined ? undefined : stepsAt(run.plan, frame.at)[frame.index];
  return frame === undefined || step === undefined ? undefined : { step, frame };
}

/** The address of a list that the running step holds as `branch`. */
export function nestedIn(run: Run, branch: Branch, steps: Steps): ListAddress {
  const frame = run.frames.at(-1);
  if (frame === undefined) return inline(steps, 'dialled');
  return addressOf({ kind: 'branch', of: frame.at, step: frame.index, branch }, steps);
}

/** Runs a list the running step holds; it goes on behind that step when the list runs out. */
export function nest(run: Run, branch: Branch, steps: Steps): Progress {
  return { kind: 'nested', at: nestedIn(run, branch, steps) };
}

/**
 * Begins a list, innermost. A list whose last step opens it has nothing left to do and makes way, so that a caller who
 * goes round a menu for ever does not pile up lists.
 */
export function pushList(run: Run, at: ListAddress, ofExtension?: true): void {
  if (ofExtension === undefined) {
    for (
      let top = run.frames.at(-1);
      top !== undefined && top.ofExtension === undefined;
      top = run.frames.at(-1)
    ) {
      if (top.index < stepsAt(run.plan, top.at).length - 1) break;
      run.frames.pop();
    }
  }
  run.frames.push(ofExtension === undefined ? { at, index: 0 } : { at, index: 0, ofExtension });
}

/** Goes on to the next step of the innermost list. */
export function nextStep(run: Run): void {
  const frame = run.frames.pop();
  if (frame !== undefined) run.frames.push({ ...frame, index: frame.index + 1 });
}

/** A list that stands nowhere in the plan. */
export function inline(
  steps: Steps,
  purpose: Extract<ListAddress, { kind: 'inline' }>['purpose'],
): ListAddress {
  return addressOf({ kind: 'inline', steps, purpose }, steps);
}

export function note(run: Run, text: string): void {
  run.trace.push({ kind: 'note', text });
}

/** A step's line in the trace; `value` is what it came to (`299` for `dnis: 3`). */
export function traceStep(run: Run, step: Step, value: string, detail?: string): void {
  const named = step.name === undefined ? undefined : `“${step.name}”`;
  const text = [named, detail].filter((part) => part !== undefined).join(', ');
  run.trace.push({
    kind: 'step',
    verb: step.verb,
    name: value,
    place: showPlace(step.place),
    ...(text === '' ? {} : { note: text }),
  });
}
