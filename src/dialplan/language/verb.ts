import type { Place } from '../../base/diagnostic.js';
import type { Node } from '../../base/document.js';
import { named, type Field, type Fields, type Reader, type Shape } from '../../base/shape/index.js';
import type { Outcome, Step, Steps, Template, Verb } from '../plan.js';

type FieldMap = Readonly<Record<string, Field>>;

/** What every step has, and what those that connect have besides. */
export interface CommonParts {
  readonly place: Place;
  readonly name?: string;
  readonly otherwise?: Steps;
  readonly ifOutcome: Readonly<Partial<Record<Outcome, Steps>>>;
}

export interface ConnectingParts extends CommonParts {
  readonly after?: Steps;
  readonly callerName?: Template;
}

/** One verb of the language: what stands behind it, its fields, how it may fail, and the step it makes. */
export interface VerbDefinition {
  readonly verb: Verb;
  /** For the reference and editors: `extension: NAME | { dnis: … }`. */
  readonly doc: string;
  readonly value: Shape<unknown>;
  readonly fields: ReadonlyMap<string, Field>;
  readonly outcomes: readonly Outcome[];
  /** Takes `after:` and `caller-name:`. */
  readonly connects: boolean;
  make(
    value: unknown,
    fields: Readonly<Record<string, unknown>>,
    common: ConnectingParts,
    node: Node,
    reader: Reader,
  ): Step | null;
}

interface VerbInput<T, F extends FieldMap> {
  readonly verb: Verb;
  readonly doc: string;
  readonly value: Shape<T>;
  readonly fields?: F;
  readonly outcomes?: readonly Outcome[];
  readonly connects?: boolean;
  readonly make: (
    value: T,
    fields: Fields<F>,
    common: ConnectingParts,
    node: Node,
    reader: Reader,
  ) => Step | null;
}

/** A verb with the types of its value and fields checked against what it makes. */
export function defineVerb<T, const F extends FieldMap = FieldMap>(input: VerbInput<T, F>): VerbDefinition {
  return {
    verb: input.verb,
    doc: input.doc,
    value: input.value,
    fields: new Map<string, Field>(Object.entries(input.fields ?? {})),
    outcomes: input.outcomes ?? [],
    connects: input.connects ?? false,
    // The fields were read by the very shapes whose types `make` expects.
    make: (value, fields, common, node, reader) =>
      input.make(value as T, fields as Fields<F>, common, node, reader),
  };
}

let stepsShape: Shape<Steps> | undefined;

/** Set once by `steps.ts`: verbs hold STEPS, and STEPS hold verbs. */
export function setStepsShape(shape: Shape<Steps>): void {
  stepsShape = shape;
}

/** STEPS: a step, a list, or bare `busy` or `hangup`. */
export const steps: Shape<Steps> = named(
  'steps',
  'a step such as { extension: "201" }, or a list of steps',
  () => {
    if (stepsShape === undefined) throw new Error('steps.ts has not been loaded');
    return stepsShape;
  },
);
