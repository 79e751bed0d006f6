import type { Node } from '../../base/document.js';
import {
  constant,
  didYouMean,
  duration,
  entries,
  fields,
  integer,
  list,
  mapped,
  oneWordOf,
  reference,
  text,
  unexpected,
  type Reader,
  type Shape,
} from '../../base/shape/index.js';
import type { Matcher } from '../plan.js';
import { nameMatcher, pattern, textMatcher, wordMatcher } from './patterns.js';
import { noteSecret } from './secrets.js';
import { template } from './texts.js';
import { defineVerb, steps, type VerbDefinition } from './verb.js';
import { variableName } from './verbs-media.js';
import { OUTCOMES, READ_ONLY_FACTS, RESERVED_VARIABLES, VARIABLE_PATTERN } from './words.js';

const HEADER_FACT = /^header\.[A-Za-z0-9.!%*_+`'~-]{1,64}$/;
const ROW_FACT = /^row\.[A-Za-z0-9_-]{1,64}$/;

const numberFact = pattern('number');
const freeFact = pattern('free');
const factShapes: ReadonlyMap<string, Shape<Matcher>> = new Map([
  ['did', numberFact],
  ['dialed', numberFact],
  ['caller', numberFact],
  ['diverted-from', numberFact],
  ['trunk', nameMatcher('trunk')],
  ['site', nameMatcher('site')],
  ['device', nameMatcher('device')],
  ['tenant', textMatcher()],
  ['attestation', wordMatcher(['A', 'B', 'C'])],
  ['last-outcome', wordMatcher(OUTCOMES)],
  ['language', textMatcher()],
]);

/** FACT: what a `match` may ask of: a fact, `header.NAME`, `row.COLUMN`, or a variable. */
function factShape(name: string): Shape<Matcher> | undefined {
  const own = factShapes.get(name);
  if (own !== undefined) return own;
  if (HEADER_FACT.test(name) || ROW_FACT.test(name) || VARIABLE_PATTERN.test(name)) return freeFact;
  return undefined;
}

const matchValue: Shape<readonly (readonly [string, Matcher])[]> = {
  expected: 'a map of facts to patterns such as { caller: "+1202*" }',
  read(node, reader) {
    if (node.kind !== 'map') return unexpected(node, this.expected, reader);
    if (node.entries.length === 0)
      return reader.refuse(node, 'too-few', `expected ${this.expected}, found an empty map`);
    const facts: [string, Matcher][] = [];
    let failed = false;
    for (const { key, value } of node.entries) {
      const shape = factShape(key.text);
      if (shape === undefined) {
        const hint = didYouMean(key.text, [...READ_ONLY_FACTS, ...RESERVED_VARIABLES]);
        reader.error(
          key.place,
          'unknown-fact',
          `"${key.text}" is neither a fact of the call nor a variable’s name`,
          hint,
        );
        failed = true;
        continue;
      }
      const matcher = shape.read(value, reader);
      if (matcher === null) failed = true;
      else facts.push([key.text, matcher]);
    }
    return failed ? null : facts;
  },
  schema: (parts) => ({
    type: 'object',
    minProperties: 1,
    properties: Object.fromEntries([...factShapes].map(([name, shape]) => [name, shape.schema(parts)])),
    additionalProperties: freeFact.schema(parts),
  }),
};

/** What `set` may write: a variable, `header.X-NAME` of later legs, or their `caller-id`. */
const settable: Shape<string> = {
  expected: 'a variable, header.X-NAME or caller-id',
  read(node, reader) {
    if (node.kind === 'text' && node.text.startsWith('header.')) {
      if (/^header\.[Xx]-[A-Za-z0-9.!%*_+`'~-]{1,62}$/.test(node.text)) return node.text;
      return reader.refuse(
        node,
        'bad-name',
        `"${node.text}": only headers that begin with X- can be set, as header.X-NAME`,
      );
    }
    return variableName.read(node, reader);
  },
  schema: () => ({ type: 'string' }),
};

const url = template({
  expected: 'a URL that begins with https:// or http://',
  maxLength: 2000,
  check: (written) => (/^https?:\/\/[^\s/]+/.test(written) ? undefined : 'it has no https:// or http://'),
});

const secret = mapped(text({ maxLength: 256 }), (written, node, reader) => {
  noteSecret(reader, node, 'secret');
  return written;
});

const theWordTrue: Shape<true> = {
  expected: 'true',
  read(node: Node, reader: Reader) {
    const scalar = constant(node, 'true', reader);
    if (scalar === null) return null;
    return scalar.text === 'true' ? true : unexpected(node, 'true', reader);
  },
  schema: () => ({ const: true }),
};

export const decideVerbs: readonly VerbDefinition[] = [
  defineVerb({
    verb: 'hours',
    doc: 'Goes by business hours; a missing branch goes on with the next step.',
    value: reference('hours', 'the name of hours'),
    fields: {
      open: { shape: steps, doc: 'Steps while open.' },
      closed: { shape: steps, doc: 'Steps while closed.' },
      holiday: { shape: steps, doc: 'Steps on holidays. Default: those of closed.' },
    },
    make: (hours, read, common, node, reader) => {
      if (read.open === undefined && read.closed === undefined && read.holiday === undefined) {
        return reader.refuse(node, 'missing-key', 'hours needs at least one of open, closed, holiday');
      }
      return { ...common, verb: 'hours', hours, ...read };
    },
  }),
  defineVerb({
    verb: 'match',
    doc: 'Compares facts of the call; all must hold.',
    value: matchValue,
    fields: {
      then: { shape: steps, doc: 'Steps if all facts hold.', required: true },
      otherwise: { shape: steps, doc: 'Steps if one does not. Default: the next step.' },
    },
    make: (facts, read, common) => ({
      ...common,
      verb: 'match',
      facts,
      then: read.then,
      ...(read.otherwise !== undefined && { otherwise: read.otherwise }),
    }),
  }),
  defineVerb({
    verb: 'split',
    doc: 'Sends shares of the calls different ways.',
    value: list(
      fields({
        weight: {
          shape: integer({ min: 0, max: 1_000_000 }),
          doc: 'The share, against the sum of all weights.',
          required: true,
        },
        route: { shape: steps, doc: 'Steps of this share.', required: true },
      }),
      { min: 1, max: 100 },
    ),
    fields: {
      by: {
        shape: oneWordOf('call', 'caller'),
        doc: 'Drawn for each call, or the same for each call of a caller.',
        default: 'call',
      },
    },
    make: (branches, read, common, node, reader) => {
      if (branches.every((branch) => branch.weight === 0)) {
        return reader.refuse(node, 'unexpected', 'at least one branch needs a weight above 0');
      }
      return { ...common, verb: 'split', branches, by: read.by };
    },
  }),
  defineVerb({
    verb: 'set',
    doc: 'Sets variables, and headers or the caller id of later legs.',
    value: entries(settable, template({ empty: true, maxLength: 2000 }), { min: 1 }),
    make: (values, _, common) => ({
      ...common,
      verb: 'set',
      values: values.map(({ key, value }) => [key, value] as const),
    }),
  }),
  defineVerb({
    verb: 'webhook',
    doc: 'Asks a web service; the steps it replies with run as a nested list.',
    value: url,
    outcomes: ['timeout', 'refused', 'invalid'],
    fields: {
      timeout: {
        shape: duration({ minMs: 100, maxMs: 60_000 }),
        doc: 'How long the reply may take.',
        default: '3s',
      },
      secret: {
        shape: secret,
        doc: 'Key of the HMAC-SHA-256 signature of the request; take it from the environment.',
      },
    },
    make: (address, read, common) => ({
      ...common,
      verb: 'webhook',
      url: address,
      timeoutMs: read.timeout,
      ...(read.secret !== undefined && { secret: read.secret }),
    }),
  }),
  defineVerb({
    verb: 'wait',
    doc: 'Waits: ringing while unanswered, silence afterwards.',
    value: duration({ maxMs: 3_600_000 }),
    make: (ms, _, common) => ({ ...common, verb: 'wait', ms }),
  }),
  defineVerb({
    verb: 'goto',
    doc: 'Goes on with a named route and never returns.',
    value: reference('route'),
    make: (route, _, common) => ({ ...common, verb: 'goto', route }),
  }),
  defineVerb({
    verb: 'reject',
    doc: 'Ends the call with a SIP status; once answered, with a BYE of the matching cause.',
    value: integer({ min: 400, max: 699 }),
    fields: {
      reason: {
        shape: text({ maxLength: 128, pattern: /^[^\r\n\0]+$/, expected: 'a reason phrase' }),
        doc: 'The reason phrase.',
      },
    },
    make: (status, read, common) => ({
      ...common,
      verb: 'reject',
      status,
      ...(read.reason !== undefined && { reason: read.reason }),
    }),
  }),
  defineVerb({
    verb: 'busy',
    doc: 'Ends the call as busy (486); once answered, with ten seconds of busy tone.',
    value: theWordTrue,
    make: (_, __, common) => ({ ...common, verb: 'busy' }),
  }),
  defineVerb({
    verb: 'hangup',
    doc: 'Ends the call (480; once answered, BYE).',
    value: theWordTrue,
    make: (_, __, common) => ({ ...common, verb: 'hangup' }),
  }),
];
