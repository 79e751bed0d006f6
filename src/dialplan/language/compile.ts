import { createHash } from 'node:crypto';
import type { Diagnostic } from '../../base/diagnostic.js';
import type { Node } from '../../base/document.js';
import { Reader } from '../../base/shape/index.js';
import type { DeviceDefinition } from '../../model/index.js';
import { createDidIndex } from '../../numbers/index.js';
import type { ExtensionDefinition, Matcher, NumberRule, Plan, PlanTest } from '../plan.js';
import { indexOfList } from '../list-index.js';
import { checkPlan } from './check.js';
import { checkTies } from './check-ties.js';
import type { CsvTable } from './csv.js';
import { matchersOfCsv, rulesOfCsv, type Table } from './csv-rules.js';
import { readFile, readHead, type FileReading } from './file.js';
import { DeclaredNames, FileContext } from './names.js';
import type { ExtensionReading } from './section-people.js';
import { readTestOfRow } from './section-tests.js';

/** A YAML file, parsed. */
export interface ParsedDocument {
  /** Relative to the dialplan's folder. */
  readonly path: string;
  readonly text: string;
  readonly root?: Node;
  readonly diagnostics: readonly Diagnostic[];
}

/** A CSV file, parsed. */
export interface ParsedTable {
  readonly path: string;
  /** The file's name in diagnostics. */
  readonly shown: string;
  readonly text: string;
  readonly table: CsvTable;
}

export interface CompileInput {
  readonly documents: readonly ParsedDocument[];
  readonly tables: readonly ParsedTable[];
  /** Trunks of the settings; absent: any name is taken for one. */
  readonly trunkNames?: Iterable<string>;
  /** Whether a prompt file is there; absent: not checked. */
  readonly promptExists?: (file: string) => boolean;
}

export interface Compiled {
  /** Absent after an error. */
  readonly plan?: Plan;
  readonly diagnostics: Diagnostic[];
}

interface OneFile {
  readonly document: ParsedDocument;
  readonly context: FileContext;
  readonly reading: FileReading;
}

/**
 * Makes a plan out of parsed files: all of it or, after any error, none. A generator, so that a plan with a million
 * DIDs can be made in slices between which the event loop runs.
 */
export function* compile(input: CompileInput): Generator<undefined, Compiled> {
  const diagnostics: Diagnostic[] = input.documents.flatMap(({ diagnostics: own }) => own);
  const report = (diagnostic: Diagnostic): void => void diagnostics.push(diagnostic);
  const files = yield* readAll(input, diagnostics);
  const tables = new Map<string, Table>(
    input.tables.map(({ path, shown, text, table }) => [path, { file: shown, text, table }]),
  );
  for (const { table } of input.tables) diagnostics.push(...table.diagnostics);
  const tableOf = (file: OneFile, name: string): Table | undefined =>
    tables.get(besides(file.document.path, name));
  const rules: NumberRule[] = [];
  const tests: PlanTest[] = [];
  const lists = new Map<string, readonly Matcher[]>();
  for (const file of files) {
    for (const entry of file.reading.numbers ?? []) {
      if (entry.kind === 'rule') {
        rules.push(entry.rule);
        continue;
      }
      const table = tableOf(file, entry.file);
      // A file that is not there was reported when it was to be read.
      if (table === undefined || table.table.columns.length === 0) continue;
      for (const rule of yield* rulesOfCsv(table, entry, file.context, report)) rules.push(rule);
    }
    for (const { name, reading } of file.reading.lists ?? []) {
      const table = reading.kind === 'import' ? tableOf(file, reading.file) : undefined;
      if (reading.kind === 'patterns') lists.set(name, reading.of);
      else if (table !== undefined) lists.set(name, matchersOfCsv(table, report));
    }
    for (const test of readTests(file, tableOf, diagnostics)) tests.push(test);
  }
  yield* checkTies(rules, report);
  const people = assemblePeople(files, diagnostics);
  if (diagnostics.some(({ severity }) => severity === 'error')) return { diagnostics };
  const index = createDidIndex<NumberRule>();
  let count = 0;
  for (const rule of rules) {
    for (const pattern of rule.patterns) index.add(pattern, rule);
    if (++count % 20_000 === 0) yield;
  }
  index.freeze();
  yield;
  for (const list of lists.values()) {
    if (indexOfList(list) !== undefined) yield;
  }
  const sources = [...input.documents, ...input.tables].map(({ path, text }) => ({ path, text }));
  const plan: Plan = {
    files: sources,
    hash: hashOf(sources),
    numbers: index,
    rules,
    ...people,
    lists,
    calendars: byName(files.flatMap(({ reading }) => reading.calendars ?? [])),
    hours: byName(files.flatMap(({ reading }) => reading.hours ?? [])),
    menus: byName(files.flatMap(({ reading }) => reading.menus ?? [])),
    queues: byName(files.flatMap(({ reading }) => reading.queues ?? [])),
    mailboxes: byName(files.flatMap(({ reading }) => reading.mailboxes ?? [])),
    sites: byName(files.flatMap(({ reading }) => reading.sites ?? [])),
    outbound: files.flatMap(({ reading }) => reading.outbound ?? []),
    routes: new Map(
      files.flatMap(({ reading }) => reading.routes ?? []).map(({ name, route }) => [name, route]),
    ),
    rotas: byName(files.flatMap(({ reading }) => reading.rotas ?? [])),
    surveys: byName(files.flatMap(({ reading }) => reading.surveys ?? [])),
    conferences: byName(files.flatMap(({ reading }) => reading.conferences ?? [])),
    tests,
  };
  const listPlaces = new Map(
    files.flatMap(({ reading }) => reading.lists ?? []).map(({ name, place }) => [name, place]),
  );
  const { promptExists } = input;
  yield* checkPlan(plan, { listPlaces, ...(promptExists !== undefined && { promptExists }) }, report);
  return diagnostics.some(({ severity }) => severity === 'error') ? { diagnostics } : { plan, diagnostics };
}

/** Every file's sections, read once all names are known. */
function* readAll(input: CompileInput, diagnostics: Diagnostic[]): Generator<undefined, OneFile[]> {
  const declared = new DeclaredNames(input.trunkNames);
  const heads = input.documents.flatMap((document) => {
    if (document.root === undefined) return [];
    const reader = new Reader();
    const head = readHead(document.root, reader);
    declared.declare(document.root, head.tenant, reader);
    for (const diagnostic of reader.diagnostics) diagnostics.push(diagnostic);
    return [
      { document, root: document.root, context: new FileContext(declared, head.tenant, head.timezone) },
    ];
  });
  const files: OneFile[] = [];
  for (const { document, root, context } of heads) {
    const reader = new Reader(context);
    const reading = yield* readFile(root, reader);
    for (const diagnostic of reader.diagnostics) diagnostics.push(diagnostic);
    files.push({ document, context, reading });
  }
  return files;
}

function readTests(
  file: OneFile,
  tableOf: (file: OneFile, name: string) => Table | undefined,
  diagnostics: Diagnostic[],
): PlanTest[] {
  const tests: PlanTest[] = [];
  for (const entry of file.reading.tests ?? []) {
    if (entry.kind === 'test') {
      tests.push(entry.test);
      continue;
    }
    const table = tableOf(file, entry.file);
    if (table === undefined) continue;
    const { columns, rows, lines } = table.table;
    for (const [index, row] of rows.entries()) {
      const reader = new Reader(file.context);
      const values = Object.fromEntries(columns.map((column, at) => [column, row[at] ?? '']));
      const test = readTestOfRow(entry.node, values, `${table.file}:${lines[index] ?? 1}`, reader);
      if (test !== null) tests.push(test);
      for (const diagnostic of reader.diagnostics) diagnostics.push(diagnostic);
      // What is wrong with one row is mostly wrong with all of them.
      if (reader.diagnostics.length > 0) break;
    }
  }
  return tests;
}

type People = Pick<Plan, 'extensions' | 'extensionBlocks' | 'devices'>;

/** Extensions with the devices that ring for them, whichever file these stand in. */
function assemblePeople(files: readonly OneFile[], diagnostics: Diagnostic[]): People {
  const readings = files.flatMap(({ reading }) => reading.extensions ?? []);
  const devices = new Map<string, DeviceDefinition>();
  for (const device of files.flatMap(({ reading }) => reading.devices ?? []))
    devices.set(device.name, device);
  for (const { ownDevice } of readings) if (ownDevice !== undefined) devices.set(ownDevice.name, ownDevice);
  const ringing = new Map<string, string[]>();
  for (const device of devices.values()) {
    ringing.set(device.extension, [...(ringing.get(device.extension) ?? []), device.name]);
  }
  const extensions = new Map<string, ExtensionDefinition>();
  const blocks: ExtensionDefinition[] = [];
  const complete = files.every(
    ({ document, reading }) => document.root === undefined || hasAll(document.root, reading),
  );
  for (const reading of readings) {
    const definition = withPlace(reading, ringing);
    if (definition === undefined) {
      // While sections are missing, a device that rings for it may stand in one of them.
      if (complete) diagnostics.push(nowhere(reading));
    } else if (typeof definition.name === 'string') extensions.set(definition.name, definition);
    else blocks.push(definition);
  }
  blocks.sort((a, b) => Number(widthOf(a) - widthOf(b)));
  for (let index = 1; index < blocks.length; index++) {
    for (
      let before = index - 1;
      before >= 0 && widthOf(blocks[before]!) === widthOf(blocks[index]!);
      before--
    ) {
      if (blocksMeet(blocks[before]!, blocks[index]!))
        diagnostics.push(blockTie(blocks[before]!, blocks[index]!));
    }
  }
  return { extensions, extensionBlocks: blocks, devices };
}

function hasAll(root: Node, reading: FileReading): boolean {
  if (root.kind !== 'map') return false;
  const has = (key: 'extensions' | 'devices'): boolean =>
    reading[key] !== undefined || !root.entries.some((entry) => entry.key.text === key);
  return has('extensions') && has('devices');
}

function withPlace(
  reading: ExtensionReading,
  ringing: ReadonlyMap<string, readonly string[]>,
): ExtensionDefinition | undefined {
  const { definition, where } = reading;
  if (where.trunk !== undefined) return { ...definition, where: { kind: 'trunk', trunk: where.trunk } };
  if (where.route !== undefined) return { ...definition, where: { kind: 'route', route: where.route } };
  const own = typeof definition.name === 'string' ? (ringing.get(definition.name) ?? []) : [];
  const devices = [...new Set([...where.devices, ...own])];
  return devices.length === 0 ? undefined : { ...definition, where: { kind: 'devices', devices } };
}

function nowhere({ definition }: ExtensionReading): Diagnostic {
  return {
    severity: 'error',
    code: 'nowhere',
    message: 'it is not said where the extension is: password, devices, trunk or route is expected',
    place: definition.place,
  };
}

function widthOf({ name }: ExtensionDefinition): bigint {
  return typeof name === 'string' ? 0n : BigInt(name.hi) - BigInt(name.lo);
}

function blocksMeet(a: ExtensionDefinition, b: ExtensionDefinition): boolean {
  if (typeof a.name === 'string' || typeof b.name === 'string' || a.tenant !== b.tenant) return false;
  return a.name.lo.length === b.name.lo.length && a.name.lo <= b.name.hi && b.name.lo <= a.name.hi;
}

function blockTie(a: ExtensionDefinition, b: ExtensionDefinition): Diagnostic {
  return {
    severity: 'error',
    code: 'tie',
    message: 'two blocks of extensions of the same width meet: neither is narrower',
    place: b.place,
    related: [{ place: a.place, message: 'the other block is here' }],
  };
}

function byName<T extends { readonly name: string }>(definitions: readonly T[]): ReadonlyMap<string, T> {
  return new Map(definitions.map((definition) => [definition.name, definition]));
}

/** The path of a file named in another one, from the dialplan's folder. */
export function besides(path: string, name: string): string {
  const folder = path.lastIndexOf('/');
  return folder < 0 ? name : `${path.slice(0, folder + 1)}${name}`;
}

/** SHA-256 over paths and texts, in the order of the paths. */
export function hashOf(files: readonly { readonly path: string; readonly text: string }[]): string {
  const hash = createHash('sha256');
  for (const { path, text } of [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))) {
    hash.update(`${path}\0${text.length}\0`).update(text);
  }
  return hash.digest('hex');
}
