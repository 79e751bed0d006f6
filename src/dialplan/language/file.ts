import type { Place } from '../../base/diagnostic.js';
import type { MapNode, Node } from '../../base/document.js';
import {
  didYouMean,
  fieldSchema,
  mapped,
  schemaDocument,
  text,
  type Field,
  type JsonSchema,
  type ReadBy,
  type Reader,
  type Shape,
} from '../../base/shape/index.js';
import { timezone } from './dates.js';
import { NAME_PATTERN } from './names.js';
import { conferencesSection } from './section-conferences.js';
import { numbersSection } from './section-numbers.js';
import { menusSection, queuesSection, surveysSection } from './section-media.js';
import { listsSection, outboundSection, routesSection, sitesSection } from './section-outside.js';
import { devicesSection, extensionsSection, mailboxesSection } from './section-people.js';
import { testsSection } from './section-tests.js';
import { calendarsSection, hoursSection, rotasSection } from './section-time.js';

const tenant: Shape<string> = mapped(text({ maxLength: 64 }), (name, node, reader) =>
  NAME_PATTERN.test(name)
    ? name
    : reader.refuse(node, 'bad-name', `"${name}" cannot be a tenant: letters, digits, "_", "." and "-" can`),
);

/** The top-level keys, in the order the reference has them. */
const SECTIONS = {
  tenant: { shape: tenant, doc: 'The names in this file are local to this tenant; its DIDs are global.' },
  timezone: { shape: timezone, doc: 'The time zone of times in this file that name none.' },
  numbers: { shape: numbersSection, doc: 'Where calls to each DID go.' },
  extensions: { shape: extensionsSection, doc: 'Extensions, and blocks lo..hi of them, by number.' },
  devices: { shape: devicesSection, doc: 'Devices that register, by user name.' },
  mailboxes: { shape: mailboxesSection, doc: 'Mailboxes by name.' },
  menus: { shape: menusSection, doc: 'Menus by name.' },
  queues: { shape: queuesSection, doc: 'Queues by name.' },
  hours: { shape: hoursSection, doc: 'Business hours by name.' },
  calendars: { shape: calendarsSection, doc: 'Holidays by name of the calendar.' },
  routes: { shape: routesSection, doc: 'Steps by name, for goto:.' },
  lists: { shape: listsSection, doc: 'Lists of numbers by name.' },
  sites: { shape: sitesSection, doc: 'Places: how numbers are dialled there, and emergency calls.' },
  outbound: { shape: outboundSection, doc: 'Calls from inside to the world.' },
  rotas: { shape: rotasSection, doc: 'Who is on duty, by name.' },
  surveys: { shape: surveysSection, doc: 'Questions to callers, by name.' },
  conferences: { shape: conferencesSection, doc: 'Rooms where callers talk to one another, by name.' },
  tests: { shape: testsSection, doc: 'Calls imagined, and what must come of them.' },
} as const satisfies Readonly<Record<string, Field>>;

type SectionName = keyof typeof SECTIONS;

/** What a file holds; a section that has errors is absent. */
export type FileReading = { readonly [K in SectionName]?: ReadBy<(typeof SECTIONS)[K]['shape']> };

/** `tenant:` and `timezone:`, which all else in the file depends on. */
export function readHead(
  root: Node,
  reader: Reader,
): { readonly tenant?: string; readonly timezone?: string } {
  if (root.kind !== 'map') return {};
  const head: { tenant?: string; timezone?: string } = {};
  for (const { key, value } of root.entries) {
    if (key.text !== 'tenant' && key.text !== 'timezone') continue;
    const read = SECTIONS[key.text].shape.read(value, reader);
    if (read !== null) head[key.text] = read;
  }
  return head;
}

/** Reads every section of a file but its head; long sections in slices. */
export function* readFile(root: Node, reader: Reader): Generator<undefined, FileReading> {
  if (root.kind !== 'map') {
    reader.refuse(root, 'unexpected', `expected a map with ${Object.keys(SECTIONS).join(', ')}`);
    return {};
  }
  const reading: Record<string, unknown> = {};
  for (const { key, value } of root.entries) {
    if (key.text === 'tenant' || key.text === 'timezone') continue;
    if (!isSection(key.text)) {
      const hint =
        didYouMean(key.text, Object.keys(SECTIONS)) ?? `known here: ${Object.keys(SECTIONS).join(', ')}`;
      reader.error(key.place, 'unknown-key', `unknown key "${key.text}"`, hint);
      continue;
    }
    const read = yield* readSliced(SECTIONS[key.text].shape, value, reader);
    if (read !== null) reading[key.text] = read;
  }
  return reading;
}

const SLICE = 500;

/** All sections read as lists of what they hold, so that the slices of one come together again. */
function* readSliced(shape: Shape<unknown>, node: Node, reader: Reader): Generator<undefined, unknown> {
  const whole = node.kind === 'list' ? node.items : node.kind === 'map' ? node.entries : [];
  if (whole.length <= SLICE) return shape.read(node, reader);
  const all: unknown[] = [];
  let failed = false;
  for (let from = 0; from < whole.length; from += SLICE) {
    const slice: Node =
      node.kind === 'list'
        ? { ...node, items: node.items.slice(from, from + SLICE) }
        : {
            kind: 'map',
            place: node.place,
            entries: node.kind === 'map' ? node.entries.slice(from, from + SLICE) : [],
          };
    const read = shape.read(slice, reader);
    if (read === null) failed = true;
    else for (const one of read as readonly unknown[]) all.push(one);
    yield;
  }
  return failed ? null : all;
}

function isSection(key: string): key is SectionName {
  return Object.hasOwn(SECTIONS, key);
}

/** The files that a document imports, with where they are named; before anything is checked. */
export function importsOf(
  root: Node | undefined,
): readonly { readonly file: string; readonly place: Place }[] {
  const found: { file: string; place: Place }[] = [];
  const take = (node: Node | undefined, key: string): void => {
    const value = node?.kind === 'map' ? valueOf(node, key) : undefined;
    if (value?.kind === 'text' && value.text !== '') found.push({ file: value.text, place: value.place });
  };
  if (root?.kind !== 'map') return found;
  const numbers = valueOf(root, 'numbers');
  if (numbers?.kind === 'list') for (const item of numbers.items) take(item, 'import');
  const lists = valueOf(root, 'lists');
  if (lists?.kind === 'map') for (const { value } of lists.entries) take(value, 'import');
  const tests = valueOf(root, 'tests');
  if (tests?.kind === 'list') for (const item of tests.items) take(item, 'for-each');
  return found;
}

function valueOf(map: MapNode, key: string): Node | undefined {
  return map.entries.find((entry) => entry.key.text === key)?.value;
}

/** The JSON Schema of a dialplan file (draft 2020-12), for editors. */
export function dialplanSchema(): JsonSchema {
  const file: Shape<unknown> = {
    expected: 'a dialplan',
    read: () => null,
    schema: (parts) => ({
      type: 'object',
      description: 'A file of a Trunkline dialplan. All *.yaml files of the folder are one dialplan.',
      properties: Object.fromEntries(
        Object.entries(SECTIONS).map(([name, field]: [string, Field]) => [name, fieldSchema(field, parts)]),
      ),
      additionalProperties: false,
    }),
  };
  return schemaDocument(file, 'Trunkline dialplan', 'https://trunkline.invalid/schemas/dialplan.schema.json');
}
