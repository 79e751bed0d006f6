import type { Diagnostic, Place } from '../base/diagnostic.js';
import { readDocument, type MapNode, type Node } from '../base/document.js';
import {
  didYouMean,
  entries,
  Reader,
  SchemaParts,
  fieldsSchema,
  text,
  unexpected,
  writtenNode,
  type Field,
  type JsonSchema,
  type Shape,
} from '../base/shape/index.js';
import { borderSection, limitsSection, type BorderSection, type LimitsSection } from './border-section.js';
import { numbersSection, type NumbersSection } from './numbers-section.js';
import {
  apiSection,
  logSection,
  mediaSection,
  storeSection,
  type ApiSection,
  type LogSection,
  type MediaSection,
  type StoreSection,
} from './server-sections.js';
import { sipSection, type SipSection } from './sip-section.js';
import { trunkName, trunkSection, type TrunkSection } from './trunk-section.js';

/** A trunk as it was written. */
export interface WrittenTrunk {
  readonly name: string;
  readonly place: Place;
  readonly trunk: TrunkSection;
  /** Keys that stand in the file, so that defaults are not warned about. */
  readonly written: ReadonlySet<string>;
}

/** What could be read. A section with an error in it is undefined; the others are still checked against one another. */
export interface WrittenSettings {
  readonly sip: SipSection | undefined;
  readonly media: MediaSection | undefined;
  readonly numbers: NumbersSection | undefined;
  readonly dialplans: string | undefined;
  readonly trunks: readonly WrittenTrunk[];
  readonly border: BorderSection | undefined;
  readonly limits: LimitsSection | undefined;
  readonly api: ApiSection | undefined;
  readonly store: StoreSection | undefined;
  readonly log: LogSection | undefined;
}

const SECTIONS = {
  sip: { shape: sipSection, doc: 'The SIP side: where it listens, and how it behaves.', required: true },
  media: { shape: mediaSection, doc: 'Media: ports, prompts, speech.', default: {} },
  numbers: { shape: numbersSection, doc: 'How bare national and local numbers are read.', default: {} },
  dialplans: { shape: text(), doc: 'Folder of the dialplan.', default: '../dialplans' },
  trunks: {
    shape: entries(trunkName, trunkSection, { keyDoc: 'Trunks by name.' }),
    doc: 'The carriers and PBXs that are connected, by name.',
    default: {},
  },
  border: { shape: borderSection, doc: 'Who is let in, and who is kept out.', default: {} },
  limits: { shape: limitsSection, doc: 'Limits over all trunks.', default: {} },
  api: { shape: apiSection, doc: 'The REST API.', default: {} },
  store: { shape: storeSection, doc: 'The database of call records.', default: {} },
  log: { shape: logSection, doc: 'What is logged.', default: {} },
} as const satisfies Record<string, Field>;

const TABLE: ReadonlyMap<string, Field> = new Map(Object.entries(SECTIONS));

/** The settings file as JSON Schema (draft 2020-12). */
export function settingsSchema(): JsonSchema {
  const parts = new SchemaParts();
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://trunkline.invalid/schema/settings.json',
    title: 'Settings of Trunkline',
    ...fieldsSchema(TABLE, parts),
    ...(parts.defs.size > 0 && { $defs: Object.fromEntries(parts.defs) }),
  };
}

export interface SettingsReading {
  /** Absent when there is nothing to check: no YAML, or no map. */
  readonly written?: WrittenSettings;
  readonly diagnostics: readonly Diagnostic[];
  readonly reader: Reader;
}

/** Reads the text of a settings file; all that is wrong is reported, section by section and trunk by trunk. */
export function readSettings(
  file: string,
  content: string,
  env: (name: string) => string | undefined,
): SettingsReading {
  const reader = new Reader();
  const { root, diagnostics } = readDocument({ file, text: content, env });
  if (root === undefined) {
    if (diagnostics.length === 0) {
      reader.error({ file, line: 1, column: 1 }, 'no-value', 'the settings file is empty');
    }
    return { diagnostics, reader };
  }
  if (root.kind !== 'map') {
    unexpected(root, `a map with ${[...TABLE.keys()].join(', ')}`, reader);
    return { diagnostics, reader };
  }
  return { written: readSections(root, reader), diagnostics, reader };
}

function readSections(root: MapNode, reader: Reader): WrittenSettings {
  const nodes = new Map<string, Node>();
  for (const { key, value } of root.entries) {
    if (TABLE.has(key.text)) nodes.set(key.text, value);
    else {
      const hint = didYouMean(key.text, TABLE.keys()) ?? `known here: ${[...TABLE.keys()].join(', ')}`;
      reader.error(key.place, 'unknown-key', `unknown key "${key.text}"`, hint);
    }
  }
  const read = <T>(name: keyof typeof SECTIONS, shape: Shape<T>): T | undefined => {
    const field: Field = SECTIONS[name];
    const node =
      nodes.get(name) ?? (field.default === undefined ? undefined : writtenNode(field.default, root.place));
    if (node === undefined) {
      reader.error(root.place, 'missing-key', `"${name}" is missing: ${shape.expected} is expected`);
      return undefined;
    }
    return shape.read(node, reader) ?? undefined;
  };
  return {
    sip: read('sip', sipSection),
    media: read('media', mediaSection),
    numbers: read('numbers', numbersSection),
    dialplans: read('dialplans', SECTIONS.dialplans.shape),
    trunks: readTrunks(nodes.get('trunks'), reader),
    border: read('border', borderSection),
    limits: read('limits', limitsSection),
    api: read('api', apiSection),
    store: read('store', storeSection),
    log: read('log', logSection),
  };
}

/** One after the other, so that an error in one trunk hides nothing of the others. */
function readTrunks(node: Node | undefined, reader: Reader): readonly WrittenTrunk[] {
  if (node === undefined) return [];
  if (node.kind !== 'map') {
    unexpected(node, 'a map of trunks by name', reader);
    return [];
  }
  const trunks: WrittenTrunk[] = [];
  for (const { key, value } of node.entries) {
    const name = trunkName.read(key, reader);
    const trunk = trunkSection.read(value, reader);
    if (name === null || trunk === null || value.kind !== 'map') continue;
    trunks.push({
      name,
      place: key.place,
      trunk,
      written: new Set(value.entries.map((entry) => entry.key.text)),
    });
  }
  return trunks;
}
