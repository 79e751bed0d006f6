import type { MapNode, Node, TextNode } from '../../base/document.js';
import {
  didYouMean,
  fieldSchema,
  readFields,
  text,
  unexpected,
  type Field,
  type JsonSchema,
  type Reader,
  type SchemaParts,
  type Shape,
} from '../../base/shape/index.js';
import type { Outcome, Step, Steps } from '../plan.js';
import { template } from './texts.js';
import { setStepsShape, steps, type ConnectingParts, type VerbDefinition } from './verb.js';
import { connectVerbs } from './verbs-connect.js';
import { decideVerbs } from './verbs-decide.js';
import { mediaVerbs } from './verbs-media.js';
import { OUTCOMES } from './words.js';

/** Every verb of the language by its word. */
export const VERBS: ReadonlyMap<string, VerbDefinition> = new Map(
  [...connectVerbs, ...mediaVerbs, ...decideVerbs].map((definition) => [definition.verb, definition]),
);

const name: Field = { shape: text({ maxLength: 128 }), doc: 'A name for traces and statistics.' };
const otherwise: Field = { shape: steps, doc: 'Steps if it fails and no if-…: fits.' };
const after: Field = { shape: steps, doc: 'Steps when the far end hangs up.' };
const callerName: Field = {
  shape: template({ maxLength: 128 }),
  doc: 'The caller’s name as the far end is shown it.',
};

/** All fields of a verb, the common ones included. */
export function fieldsOf(verb: VerbDefinition): ReadonlyMap<string, Field> {
  const known = new Map<string, Field>(verb.fields);
  known.set('name', name);
  if (verb.outcomes.length > 0) known.set('otherwise', otherwise);
  for (const outcome of verb.outcomes)
    known.set(`if-${outcome}`, { shape: steps, doc: `Steps if it ends ${outcome}.` });
  if (verb.connects) {
    known.set('after', after);
    known.set('caller-name', callerName);
  }
  return known;
}

const stepFields: ReadonlyMap<string, ReadonlyMap<string, Field>> = new Map(
  [...VERBS].map(([word, verb]) => [
    word,
    new Map<string, Field>(fieldsOf(verb)).set(word, { shape: verb.value, doc: verb.doc }),
  ]),
);

const EXPECTED = 'a step such as { extension: "201" }';

function readStep(node: Node, reader: Reader): Step | null {
  if (node.kind === 'text') return readBareVerb(node, reader);
  if (node.kind === 'list') return unexpected(node, EXPECTED, reader);
  const verb = verbOf(node, reader);
  if (verb === undefined) return null;
  const known = stepFields.get(verb.verb)!;
  const read = readFields(node, known, reader, (key) => refuseKey(key, verb, known, reader));
  if (read === null) return null;
  const ifOutcome: Partial<Record<Outcome, Steps>> = {};
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(read)) {
    if (key.startsWith('if-')) ifOutcome[key.slice(3) as Outcome] = value as Steps;
    else if (verb.fields.has(key)) fields[key] = value;
  }
  const common: ConnectingParts = {
    place: node.place,
    ...pick<string>(read, 'name', 'name'),
    ...(!verb.fields.has('otherwise') && pick<Steps>(read, 'otherwise', 'otherwise')),
    ...pick<Steps>(read, 'after', 'after'),
    ...pick<ConnectingParts['callerName']>(read, 'caller-name', 'callerName'),
    ifOutcome,
  };
  return verb.make(read[verb.verb], fields, common, node, reader);
}

function pick<T>(read: Readonly<Record<string, unknown>>, key: string, as: string): Record<string, T> {
  return read[key] === undefined ? {} : { [as]: read[key] as T };
}

function readBareVerb(node: TextNode, reader: Reader): Step | null {
  if (node.text === 'busy' || node.text === 'hangup')
    return { verb: node.text, place: node.place, ifOutcome: {} };
  const hint = VERBS.has(node.text)
    ? `only busy and hangup can stand alone; write { ${node.text}: … }`
    : (didYouMean(node.text, ['busy', 'hangup']) ??
      `a step is a map with a verb: ${[...VERBS.keys()].join(', ')}`);
  return unexpected(node, `${EXPECTED}, busy or hangup`, reader, hint);
}

function verbOf(node: MapNode, reader: Reader): VerbDefinition | undefined {
  const found = node.entries.filter(({ key }) => VERBS.has(key.text));
  const [first, second] = found;
  if (first === undefined) {
    const [key] = node.entries;
    const near = node.entries
      .map((entry) => didYouMean(entry.key.text, VERBS.keys()))
      .find((hint) => hint !== undefined);
    const message =
      key === undefined ? 'a step needs a verb' : `a step needs a verb, and "${key.key.text}" is none`;
    reader.error(
      (key?.key ?? node).place,
      'no-verb',
      message,
      near ?? `verbs: ${[...VERBS.keys()].join(', ')}`,
    );
    return undefined;
  }
  if (second !== undefined) {
    const message = `a step has one verb, and "${first.key.text}" and "${second.key.text}" are two`;
    reader.error(second.key.place, 'two-verbs', message, 'make it a list of steps', [
      { place: first.key.place, message: 'the first verb is here' },
    ]);
    return undefined;
  }
  return VERBS.get(first.key.text);
}

function refuseKey(
  key: TextNode,
  verb: VerbDefinition,
  known: ReadonlyMap<string, Field>,
  reader: Reader,
): void {
  const word = key.text;
  const near = didYouMean(word, known.keys());
  if (word.startsWith('if-') || word === 'otherwise') {
    const own = verb.outcomes.length === 0 ? 'it cannot fail' : `it can end ${verb.outcomes.join(', ')}`;
    const outcome = word.slice(3) as Outcome;
    const message = `"${word}" does not fit ${verb.verb}: ${own}`;
    reader.error(
      key.place,
      'unknown-key',
      message,
      OUTCOMES.includes(outcome) || word === 'otherwise' ? undefined : near,
    );
    return;
  }
  reader.error(
    key.place,
    'unknown-key',
    `"${word}" is no field of ${verb.verb}`,
    near ?? `fields of ${verb.verb}: ${[...known.keys()].filter((field) => field !== verb.verb).join(', ')}`,
  );
}

function verbSchema(verb: VerbDefinition, parts: SchemaParts): JsonSchema {
  const properties: Record<string, JsonSchema> = {
    [verb.verb]: { ...verb.value.schema(parts), description: verb.doc },
  };
  for (const [key, field] of fieldsOf(verb)) properties[key] = fieldSchema(field, parts);
  const required = [
    verb.verb,
    ...[...verb.fields].filter(([, field]) => field.required === true).map(([key]) => key),
  ];
  return { type: 'object', description: verb.doc, properties, required, additionalProperties: false };
}

setStepsShape({
  expected: steps.expected,
  read(node, reader) {
    if (node.kind !== 'list') {
      const step = readStep(node, reader);
      return step === null ? null : [step];
    }
    const read = node.items.map((item) => readStep(item, reader));
    return read.includes(null) ? null : (read as Step[]);
  },
  schema(parts) {
    const step = parts.refer('step', () => ({
      anyOf: [{ enum: ['busy', 'hangup'] }, ...[...VERBS.values()].map((verb) => verbSchema(verb, parts))],
    }));
    return { anyOf: [step, { type: 'array', items: step }] };
  },
} satisfies Shape<Steps>);

export { steps } from './verb.js';
