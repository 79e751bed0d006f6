import {
  byKind,
  fields,
  integer,
  list,
  mapped,
  reference,
  text,
  type Shape,
} from '../../base/shape/index.js';
import { findCountry, knownCountries } from '../../numbers/index.js';
import type { Matcher, OutboundRule, SiteDefinition, Steps } from '../plan.js';
import { contextOf } from './names.js';
import { numberPattern, pattern } from './patterns.js';
import { section } from './section.js';
import { steps } from './steps.js';
import { callerId, plainNumber } from './texts.js';

const dialDigits = text({ pattern: /^[0-9*#]{1,8}$/, expected: 'digits as dialled', digits: true });

const emergency = fields({
  numbers: {
    shape: list(
      text({ pattern: /^[0-9*#]{2,15}$/, expected: 'an emergency number such as "911"', digits: true }),
      { single: true, min: 1 },
    ),
    doc: 'The numbers, as dialled.',
    required: true,
  },
  via: {
    shape: list(reference('trunk'), { single: true, min: 1 }),
    doc: 'Trunks, in order.',
    required: true,
  },
  'caller-id': { shape: plainNumber, doc: 'The number the emergency centre is shown: it gives the address.' },
  notify: {
    shape: list(reference('extension'), { single: true }),
    doc: 'Extensions that are told.',
    default: [],
  },
});

const country = mapped(
  text({ pattern: /^[A-Z]{2}$/, expected: 'a country by its two capital letters, such as US' }),
  (name, node, reader) =>
    findCountry(name) === undefined
      ? reader.refuse(
          node,
          'unknown-country',
          `the numbers of "${name}" are not known here`,
          `known: ${knownCountries().join(', ')}`,
        )
      : name,
);

export const sitesSection = section(
  'sites',
  fields({
    country: {
      shape: country,
      doc: 'How national numbers dialled here are read. Default: that of the settings.',
    },
    'area-code': {
      shape: text({ pattern: /^\d{1,8}$/, expected: 'an area code in digits', digits: true }),
      doc: 'How local numbers dialled here are read.',
    },
    'outside-line': { shape: dialDigits, doc: 'The digit dialled for an outside line.' },
    emergency: {
      shape: emergency,
      doc: 'Emergency numbers match first, with and without the outside-line digit, and pass every limit.',
    },
  }),
  (read, { name, place }): SiteDefinition => ({
    place,
    name,
    ...(read.country !== undefined && { country: read.country }),
    ...(read['area-code'] !== undefined && { areaCode: read['area-code'] }),
    ...(read['outside-line'] !== undefined && { outsideLine: read['outside-line'] }),
    ...(read.emergency !== undefined && {
      emergency: {
        numbers: read.emergency.numbers,
        via: read.emergency.via,
        ...(read.emergency['caller-id'] !== undefined && { callerId: read.emergency['caller-id'] }),
        notify: read.emergency.notify,
      },
    }),
  }),
);

/** Who dials: PATTERN, or `{ extension: NAME }`, `{ trunk: NAME }`. */
const dialler: Shape<Matcher> = pattern('number', { trunk: true });

const outboundRule = mapped(
  fields({
    name: { shape: text({ maxLength: 128 }), doc: 'A name for traces.' },
    dial: { shape: list(numberPattern, { single: true, min: 1 }), doc: 'What is dialled, digit by digit.' },
    to: {
      shape: list(numberPattern, { single: true, min: 1 }),
      doc: 'The number in E.164, after the site’s rules.',
    },
    from: {
      shape: dialler,
      doc: 'Who dials: an extension or pattern of them, { site: }, { trunk: }, { list: }.',
    },
    strip: {
      shape: integer({ min: 0, max: 20 }),
      doc: 'So many leading digits are taken off.',
      default: '0',
    },
    prefix: {
      shape: text({ pattern: /^\+?[0-9*#]{1,15}$/, expected: 'digits, or + and digits', digits: true }),
      doc: 'Put before what is left.',
    },
    via: { shape: list(reference('trunk'), { single: true, min: 1 }), doc: 'Trunks, in order.' },
    'caller-id': { shape: callerId, doc: 'The number shown.', default: 'keep' },
    route: { shape: steps, doc: 'Steps instead of trunks.' },
  }),
  (read, node, reader): readonly OutboundRule[] | null => {
    if ((read.dial === undefined) === (read.to === undefined)) {
      return reader.refuse(node, 'missing-key', 'an outbound rule has either dial: or to:');
    }
    if ((read.via === undefined) === (read.route === undefined)) {
      return reader.refuse(node, 'missing-key', 'an outbound rule has either via: or route:');
    }
    const { tenant } = contextOf(reader);
    const common = {
      place: node.place,
      ...(read.name !== undefined && { name: read.name }),
      ...(read.from !== undefined && { from: read.from }),
      strip: read.strip,
      prefix: read.prefix ?? '',
      via: read.via ?? [],
      callerId: read['caller-id'],
      ...(read.route !== undefined && { route: read.route }),
      ...(tenant !== undefined && { tenant }),
    };
    return [
      ...(read.dial ?? []).map((dial) => ({ ...common, dial })),
      ...(read.to ?? []).map((to) => ({ ...common, to })),
    ];
  },
);

/** A section that is a list; a key without anything behind it is an empty one. */
export function listSection<T>(item: Shape<T>): Shape<readonly T[]> {
  const inner = list(item);
  return {
    expected: inner.expected,
    read(node, reader) {
      if (node.kind === 'text' && node.text === '' && !node.quoted) return [];
      return inner.read(node, reader);
    },
    schema: (parts) => inner.schema(parts),
  };
}

export const outboundSection: Shape<readonly OutboundRule[]> = mapped(listSection(outboundRule), (rules) =>
  rules.flat(),
);

export const routesSection = section(
  'routes',
  steps,
  (route, { name, place }) => ({ name, place, route }) satisfies NamedRoute,
);

export interface NamedRoute {
  readonly name: string;
  readonly place: { readonly file: string; readonly line: number; readonly column: number };
  readonly route: Steps;
}

const csvFile = text({
  pattern: /^[^\\:*?"<>|]{1,255}\.(csv|tsv|txt)$/i,
  expected: 'the name of a CSV file',
});

/** The name of a CSV file beside the file that imports it; never outside the dialplan's folder. */
export const importedFile: Shape<string> = mapped(csvFile, (name, node, reader) =>
  name.startsWith('/') || name.split('/').includes('..')
    ? reader.refuse(node, 'bad-path', 'an imported file stands in the dialplan’s folder')
    : name,
);

/** A list as read: patterns, or the file they stand in. */
export type ListReading =
  | { readonly kind: 'patterns'; readonly of: readonly Matcher[] }
  | { readonly kind: 'import'; readonly file: string };

const listShape: Shape<ListReading> = byKind<ListReading>(
  {
    text: mapped(pattern(), (one): ListReading => ({ kind: 'patterns', of: [one] })),
    list: mapped(list(pattern()), (of): ListReading => ({ kind: 'patterns', of })),
    map: mapped(
      fields({
        import: {
          shape: importedFile,
          doc: 'A CSV file: its column `number`, or its first one.',
          required: true,
        },
      }),
      (read): ListReading => ({ kind: 'import', file: read.import }),
    ),
  },
  'a list of numbers and patterns, or { import: vip.csv }',
);

export const listsSection = section('lists', listShape, (reading, { name, place }) => ({
  name,
  place,
  reading,
}));
