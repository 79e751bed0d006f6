import type { MapNode, Node, TextNode } from '../../base/document.js';
import type { Place } from '../../base/diagnostic.js';
import {
  byKind,
  entries,
  entryOf,
  fields,
  integer,
  list,
  mapped,
  oneWordOf,
  record,
  reference,
  text,
  unexpected,
  type Field,
  type Reader,
  type SchemaParts,
  type Shape,
} from '../../base/shape/index.js';
import type { Outcome, PlanTest } from '../plan.js';
import { instant } from './dates.js';
import { legName, picture } from './pictures.js';
import { importedFile, listSection } from './section-outside.js';
import { VERBS } from './steps.js';
import { plainNumber } from './texts.js';
import { OUTCOMES } from './words.js';

type Given = PlanTest['given'];
type Expect = PlanTest['expect'];

const at = instant({ dateOnly: 'start' });
const caller: Shape<string> = {
  expected: 'a number, or anonymous',
  read: (node, reader) =>
    node.kind === 'text' && node.text === 'anonymous' ? 'anonymous' : plainNumber.read(node, reader),
  schema: () => ({ type: ['string', 'number'] }),
};

const call = mapped(
  fields({
    to: { shape: plainNumber, doc: 'From outside: the number called.' },
    from: { shape: caller, doc: 'From outside: the caller’s number, or anonymous.' },
    trunk: { shape: reference('trunk'), doc: 'From outside: the trunk it comes in on.' },
    extension: { shape: reference('extension'), doc: 'From inside: the extension that calls.' },
    device: { shape: reference('device'), doc: 'From inside: the device that calls.' },
    dial: {
      shape: text({ pattern: /^[+0-9*#][0-9*#]{0,39}$/, expected: 'what is dialled', digits: true }),
      doc: 'From inside: what is dialled.',
    },
    at: {
      shape: at,
      doc: 'When: "2026-12-25 10:00 America/New_York"; without a zone, the file’s timezone: holds.',
    },
  }),
  (read, node, reader): PlanTest['call'] | null => {
    const when = read.at === undefined ? {} : { at: read.at };
    if (read.to !== undefined) {
      if (read.extension !== undefined || read.device !== undefined || read.dial !== undefined) {
        return reader.refuse(
          node,
          'two-places',
          'a call comes from outside (to, from, trunk) or from inside (extension or device, dial)',
        );
      }
      return {
        kind: 'outside',
        to: read.to,
        ...(read.from !== undefined && { from: read.from }),
        ...(read.trunk !== undefined && { trunk: read.trunk }),
        ...when,
      };
    }
    if (read.dial === undefined || (read.extension === undefined) === (read.device === undefined)) {
      return reader.refuse(
        node,
        'missing-key',
        'a call has to: (from outside), or extension: or device: with dial: (from inside)',
      );
    }
    if (read.from !== undefined || read.trunk !== undefined) {
      return reader.refuse(node, 'two-places', 'from: and trunk: are for calls from outside');
    }
    return {
      kind: 'inside',
      ...(read.extension !== undefined && { extension: read.extension }),
      ...(read.device !== undefined && { device: read.device }),
      dial: read.dial,
      ...when,
    };
  },
);

const press = list(
  text({ pattern: /^([0-9*#]{1,32}|wait|hang-up)$/, expected: 'keys, wait or hang-up', digits: true }),
  { single: true },
);

const result = oneWordOf(...(OUTCOMES as readonly string[]), 'connected');
const outcome: Shape<Outcome> = oneWordOf(...OUTCOMES);

const queueGiven = byKind<Given['queues'][string]>({
  text: mapped(outcome, (read) => ({ outcome: read })),
  map: mapped(
    fields({
      agents: { shape: integer({ max: 100_000 }), doc: 'So many agents are free.' },
      outcome: { shape: outcome, doc: 'How the wait ends.' },
    }),
    (read) => read,
  ),
});

/** Anything, as plain data: a webhook's reply. */
const plainData: Shape<unknown> = {
  expected: 'a reply: steps, or how the webhook fails (timeout, refused, invalid)',
  read: (node) => plainOf(node),
  schema: () => ({}),
};

function plainOf(node: Node): unknown {
  if (node.kind === 'text') return node.text;
  if (node.kind === 'list') return node.items.map(plainOf);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key.text, plainOf(value)]));
}

function asRecord<T>(shape: Shape<ReadonlyMap<string, T>>): Shape<Readonly<Record<string, T>>> {
  return mapped(shape, (read) => Object.fromEntries(read));
}

const given = mapped(
  fields({
    legs: {
      shape: asRecord(record(legName, list(result, { single: true, min: 1 }))),
      doc: 'How legs end; a list for successive attempts. Legs that are not named answer.',
      default: {},
    },
    queues: {
      shape: asRecord(record(reference('queue'), queueGiven)),
      doc: 'Queues: { agents: 0 }, or how the wait ends.',
      default: {},
    },
    trunks: {
      shape: asRecord(record(reference('trunk'), oneWordOf('up', 'down'))),
      doc: 'Trunks that are down.',
      default: {},
    },
    webhooks: {
      shape: mapped(entries(text({ expected: 'a URL' }), plainData), (read) =>
        Object.fromEntries(read.map(({ key, value }) => [key, value])),
      ),
      doc: 'Replies of webhooks by URL, or how they fail.',
      default: {},
    },
    hours: {
      shape: asRecord(
        record(reference('hours', 'the name of hours'), oneWordOf('open', 'closed', 'holiday')),
      ),
      doc: 'Hours as if ops had set them.',
      default: {},
    },
    conferences: {
      shape: asRecord(record(reference('conference'), oneWordOf('full'))),
      doc: 'Conference rooms that are full.',
    },
    split: { shape: integer({ min: 1, max: 100 }), doc: 'Which branch of splits is drawn, counted from 1.' },
  }),
  ({ split, conferences, ...read }): Given => ({
    ...read,
    ...(conferences !== undefined && { conferences }),
    ...(split !== undefined && { split }),
  }),
);

const expectLong = mapped(
  fields({
    end: { shape: picture, doc: 'The last step of the call.' },
    path: {
      shape: list(picture, { single: true, min: 1 }),
      doc: 'Steps that run in this order, others between them.',
    },
    never: { shape: list(picture, { single: true, min: 1 }), doc: 'Steps that do not run.' },
    status: { shape: integer({ min: 100, max: 699 }), doc: 'The SIP status the caller gets.' },
    sent: {
      shape: fields({
        trunk: { shape: reference('trunk'), doc: 'The trunk the call leaves on.' },
        number: { shape: text({ digits: true }), doc: 'The number asked for.' },
        'caller-id': { shape: text({ digits: true }), doc: 'The number shown.' },
      }),
      doc: 'The last call that left over a trunk.',
    },
    heard: {
      shape: list(text(), { single: true, min: 1 }),
      doc: 'Prompts that the caller heard, in this order, others between them.',
    },
  }),
  ({ sent, ...read }): Expect => ({
    ...read,
    ...(sent !== undefined && {
      sent: {
        ...(sent.trunk !== undefined && { trunk: sent.trunk }),
        ...(sent.number !== undefined && { number: sent.number }),
        ...(sent['caller-id'] !== undefined && { callerId: sent['caller-id'] }),
      },
    }),
  }),
);

const expect: Shape<Expect> = {
  expected: 'a step such as { queue: sales }, or end, path, never, status, sent, heard',
  read(node, reader) {
    const short =
      node.kind === 'text' || (node.kind === 'map' && node.entries.some(({ key }) => VERBS.has(key.text)));
    if (short) {
      const end = picture.read(node, reader);
      return end === null ? null : { end };
    }
    if (node.kind === 'map' && node.entries.length === 0) return unexpected(node, this.expected, reader);
    return expectLong.read(node, reader);
  },
  schema: (parts: SchemaParts) => ({ anyOf: [picture.schema(parts), expectLong.schema(parts)] }),
};

const testFields = {
  name: { shape: text({ maxLength: 200 }), doc: 'What it shows, as a sentence.', required: true },
  call: { shape: call, doc: 'Who calls whom, and when.', required: true },
  press: {
    shape: press,
    doc: 'Each entry answers the next prompt: keys, wait (let it time out) or hang-up.',
    default: [],
  },
  given: { shape: given, doc: 'What the world is like.', default: {} },
  expect: {
    shape: expect,
    doc: 'What must come of it: one step, or end, path, never, status, sent, heard.',
    required: true,
  },
  'for-each': {
    shape: importedFile,
    doc: 'A CSV file: the test runs for each row, which it may use as ${row.COLUMN}.',
  },
} as const satisfies Readonly<Record<string, Field>>;

const oneTest = mapped(fields(testFields), (read, { place }): PlanTest => ({
  place,
  name: read.name,
  call: read.call,
  press: read.press,
  given: read.given,
  expect: read.expect,
}));

/** A test, or one whose rows are known only when its file is. */
export type TestReading =
  | { readonly kind: 'test'; readonly test: PlanTest }
  | { readonly kind: 'for-each'; readonly file: string; readonly place: Place; readonly node: MapNode };

const testEntry: Shape<TestReading> = {
  expected: 'a test with name, call and expect',
  read(node, reader) {
    const each = node.kind === 'map' ? entryOf(node, 'for-each') : undefined;
    if (each !== undefined && node.kind === 'map') {
      const file = importedFile.read(each, reader);
      return file === null ? null : { kind: 'for-each', file, place: each.place, node };
    }
    const test = oneTest.read(node, reader);
    return test === null ? null : { kind: 'test', test };
  },
  schema: (parts) => oneTest.schema(parts),
};

export const testsSection = listSection(testEntry);

/** The test of one row: `${row.COLUMN}` is put in everywhere before the test is read. */
export function readTestOfRow(
  node: MapNode,
  row: Readonly<Record<string, string>>,
  label: string,
  reader: Reader,
): PlanTest | null {
  const filled = fill(node, row, reader);
  const test = filled === null ? null : oneTest.read(filled, reader);
  return test === null ? null : { ...test, name: `${test.name} (${label})` };
}

function fill(node: Node, row: Readonly<Record<string, string>>, reader: Reader): Node | null {
  if (node.kind === 'list') {
    const items = node.items.map((item) => fill(item, row, reader));
    return items.includes(null) ? null : { ...node, items: items as Node[] };
  }
  if (node.kind === 'map') {
    const filled = node.entries
      .filter(({ key }) => key.text !== 'for-each')
      .map(({ key, value }) => ({ key, value: fill(value, row, reader) }));
    return filled.some(({ value }) => value === null)
      ? null
      : { ...node, entries: filled as MapNode['entries'] };
  }
  return fillText(node, row, reader);
}

function fillText(node: TextNode, row: Readonly<Record<string, string>>, reader: Reader): TextNode | null {
  if (node.parts === undefined) return node;
  let filled = '';
  for (const part of node.parts) {
    if (typeof part === 'string') {
      filled += part;
      continue;
    }
    const column = part.variable.startsWith('row.') ? part.variable.slice(4) : undefined;
    const value = column !== undefined && Object.hasOwn(row, column) ? row[column] : undefined;
    if (value === undefined) {
      const hint = `columns: ${Object.keys(row).join(', ')}`;
      return reader.refuse(node, 'unknown-column', `"\${${part.variable}}" is no column of the file`, hint);
    }
    filled += value;
  }
  return {
    kind: 'text',
    place: node.place,
    text: filled,
    quoted: node.quoted,
    fromEnvironment: node.fromEnvironment,
  };
}
