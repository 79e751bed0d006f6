import type { Node } from '../../base/document.js';
import {
  constant,
  didYouMean,
  entryOf,
  list,
  oneWordOf,
  reference,
  text,
  unexpected,
  type Reader,
  type Shape,
} from '../../base/shape/index.js';
import type { StepPicture, Verb } from '../plan.js';
import { contextOf, type NameKind } from './names.js';
import { VERBS } from './steps.js';
import { OUTCOMES } from './words.js';

/** A leg of a test: an extension, device or trunk by its name, or an outside number. */
export const legName: Shape<string> = {
  expected: 'an extension, a device, a trunk or an outside number',
  read(node, reader) {
    const scalar = constant(node, this.expected, reader);
    if (scalar === null || scalar.text.startsWith('+')) return scalar?.text ?? null;
    const { declared, tenant } = contextOf(reader);
    for (const kind of ['extension', 'device', 'trunk'] as const) {
      const found = declared.find(kind, scalar.text, tenant);
      if (found !== undefined) return found;
    }
    return reference('extension').read(scalar, reader);
  },
  schema: () => ({ type: 'string' }),
};

const NAMED_BY: Readonly<Partial<Record<Verb, NameKind>>> = {
  extension: 'extension',
  queue: 'queue',
  menu: 'menu',
  voicemail: 'mailbox',
  hours: 'hours',
  survey: 'survey',
  conference: 'conference',
  goto: 'route',
  trunk: 'trunk',
};

function pictureValue(verb: Verb, node: Node, reader: Reader): string | readonly string[] | null {
  const kind = NAMED_BY[verb];
  const one = kind !== undefined ? reference(kind) : verb === 'ring' ? legName : text();
  if (node.kind === 'list') return list(one, { min: 1 }).read(node, reader);
  return one.read(node, reader);
}

/** A step as a test writes it: `{ queue: sales }`, with `is: OUTCOME` where wanted. */
export const picture: Shape<StepPicture> = {
  expected: 'a step as the plan names it, such as { queue: sales }',
  read(node, reader) {
    if (node.kind === 'text' && (node.text === 'busy' || node.text === 'hangup')) {
      return { place: node.place, verb: node.text, value: 'true' };
    }
    if (node.kind !== 'map') return unexpected(node, this.expected, reader);
    const verbs = node.entries.filter(({ key }) => VERBS.has(key.text));
    const [first, second] = verbs;
    if (first === undefined || second !== undefined) {
      const key = second?.key ?? node.entries[0]?.key ?? node;
      const hint = key.kind === 'text' ? didYouMean(key.text, VERBS.keys()) : undefined;
      return reader.error(key.place, 'no-verb', `expected ${this.expected}`, hint);
    }
    const other = node.entries.find(({ key }) => key !== first.key && key.text !== 'is');
    if (other !== undefined) {
      return reader.error(
        other.key.place,
        'unknown-key',
        `"${other.key.text}" does not belong to the picture of a step`,
        'only is: does',
      );
    }
    const verb = first.key.text as Verb;
    const value = pictureValue(verb, first.value, reader);
    const is = entryOf(node, 'is');
    const ended = is === undefined ? undefined : oneWordOf(...OUTCOMES, 'connected', 'done').read(is, reader);
    if (value === null || ended === null) return null;
    return { place: node.place, verb, value, ...(ended !== undefined && { is: ended }) };
  },
  schema: (parts) => parts.refer('picture', pictureSchema),
};

function pictureSchema(): Record<string, unknown> {
  const value = {
    anyOf: [
      { type: ['string', 'number', 'boolean'] },
      { type: 'array', items: { type: ['string', 'number'] } },
    ],
  };
  return {
    description: 'A step as the plan names it.',
    anyOf: [
      { enum: ['busy', 'hangup'] },
      ...[...VERBS.keys()].map((verb) => ({
        type: 'object',
        properties: { [verb]: value, is: { enum: [...OUTCOMES, 'connected', 'done'] } },
        required: [verb],
        additionalProperties: false,
      })),
    ],
  };
}
