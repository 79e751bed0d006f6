import type { Diagnostic, Place } from '../../base/diagnostic.js';
import type { TextNode } from '../../base/document.js';
import { didYouMean, Reader, type NameResolver } from '../../base/shape/index.js';
import { parsePattern } from '../../numbers/index.js';
import type { Matcher, NumberRule, Step, Steps } from '../plan.js';
import { fieldPlace, requireColumn, type CsvTable } from './csv.js';
import type { ImportReading } from './section-numbers.js';
import { readNumberText } from './texts.js';

export interface Table {
  readonly file: string;
  readonly text: string;
  readonly table: CsvTable;
}

const MAX_REPORTS = 50;
const SPREADSHEET = /^\+?\d(?:[.,]\d+)?E\+?\d+$/i;

/** Reports of one file: after the first so many nothing more of it is read. */
class Reports {
  private count = 0;

  constructor(
    private readonly file: string,
    private readonly out: (diagnostic: Diagnostic) => void,
  ) {}

  get full(): boolean {
    return this.count >= MAX_REPORTS;
  }

  add(diagnostic: Diagnostic): void {
    this.count++;
    this.out(diagnostic);
    if (this.count !== MAX_REPORTS) return;
    const message = `the file has more than ${MAX_REPORTS} errors; the rest of it was not read`;
    this.out({
      severity: 'error',
      code: 'too-many-errors',
      message,
      place: { ...diagnostic.place, file: this.file },
    });
  }
}

/** The rules of an imported file: `did,name,route`, with further columns as variables of the row. */
export function* rulesOfCsv(
  source: Table,
  reading: ImportReading,
  names: NameResolver,
  report: (diagnostic: Diagnostic) => void,
): Generator<undefined, readonly NumberRule[]> {
  const { table, file } = source;
  const rules: NumberRule[] = [];
  const didAt = requireColumn(table, 'did', file, report);
  const routeAt = table.columns.indexOf('route');
  if (routeAt < 0 && reading.route === undefined) requireColumn(table, 'route', file, report);
  if (didAt === undefined || (routeAt < 0 && reading.route === undefined)) return rules;
  const nameAt = table.columns.indexOf('name');
  const further = table.columns
    .map((column, index) => ({ column, index }))
    .filter(({ column, index }) => column !== '' && index !== didAt && index !== routeAt && index !== nameAt);
  const reports = new Reports(file, report);
  const routes = new Map<string, Steps | null>();
  for (let index = 0; index < table.rows.length && !reports.full; index++) {
    if (index % 10_000 === 9999) yield;
    const row = table.rows[index]!;
    const line = table.lines[index]!;
    const place: Place = { file, line, column: 1 };
    const did = row[didAt] ?? '';
    const routeText = routeAt < 0 ? '' : (row[routeAt] ?? '');
    const pattern = readDid(did, () => fieldPlace(file, source.text, line, did), reports);
    const route =
      routeText === '' && reading.route !== undefined
        ? reading.route
        : readRoute(routeText, place, source.text, names, routes, reports);
    if (pattern === undefined || route === null) continue;
    const name = nameAt < 0 ? '' : (row[nameAt] ?? '');
    rules.push({
      place,
      ...(name !== '' && { name }),
      patterns: [pattern],
      ...reading.common,
      route,
      ...(further.length > 0 && {
        row: Object.fromEntries(further.map(({ column, index: at }) => [column, row[at] ?? ''])),
      }),
      ...(reading.tenant !== undefined && { tenant: reading.tenant }),
    });
  }
  return rules;
}

function readDid(
  did: string,
  placeOf: () => Place,
  reports: Reports,
): NumberRule['patterns'][number] | undefined {
  if (SPREADSHEET.test(did)) {
    reports.add({
      severity: 'error',
      code: 'spreadsheet-number',
      message: `"${did}" is a number that a spreadsheet has rounded: its last digits are lost`,
      place: placeOf(),
      hint: 'format the column as text and export it again',
    });
    return undefined;
  }
  const pattern = did === '' ? { error: 'it is empty' } : parsePattern(did);
  if (!('error' in pattern)) return pattern;
  reports.add({
    severity: 'error',
    code: 'bad-pattern',
    message: `"${did}" is no number or pattern: ${pattern.error}`,
    place: placeOf(),
  });
  return undefined;
}

/** `queue:sales`, `extension:201`, `goto:fax`, `menu:`, `voicemail:`, `trunk:`, `reject:603`, or `busy`, `hangup`. */
const ROUTES: Readonly<
  Record<string, { readonly kind: string; readonly make: (name: string, place: Place) => Step }>
> = {
  queue: {
    kind: 'queue',
    make: (queue, place) => ({ place, verb: 'queue', queue, priority: 0, skills: {}, ifOutcome: {} }),
  },
  extension: {
    kind: 'extension',
    make: (name, place) => ({
      place,
      verb: 'extension',
      extension: { kind: 'name', name },
      callerId: { kind: 'keep' },
      forwards: true,
      ifOutcome: {},
    }),
  },
  goto: { kind: 'route', make: (route, place) => ({ place, verb: 'goto', route, ifOutcome: {} }) },
  menu: { kind: 'menu', make: (menu, place) => ({ place, verb: 'menu', menu, ifOutcome: {} }) },
  voicemail: {
    kind: 'mailbox',
    make: (mailbox, place) => ({ place, verb: 'voicemail', mailbox, maxMs: 180_000, ifOutcome: {} }),
  },
  trunk: {
    kind: 'trunk',
    make: (trunk, place) => ({
      place,
      verb: 'trunk',
      trunks: [trunk],
      number: { source: '${did}', parts: [{ variable: 'did' }] },
      callerId: { kind: 'keep' },
      headers: [],
      forMs: 60_000,
      fax: false,
      ifOutcome: {},
    }),
  },
};

/** Rows with the same route share its steps: a million of them would not fit otherwise. */
function readRoute(
  written: string,
  row: Place,
  source: string,
  names: NameResolver,
  known: Map<string, Steps | null>,
  reports: Reports,
): Steps | null {
  const before = known.get(written);
  if (before !== undefined && before !== null) return before;
  const place = (): Place => fieldPlace(row.file, source, row.line, written);
  const colon = written.indexOf(':');
  const verb = colon < 0 ? written : written.slice(0, colon).trim();
  const name = colon < 0 ? '' : written.slice(colon + 1).trim();
  let steps: Steps | null = null;
  if (written === 'busy' || written === 'hangup') steps = [{ place: row, verb: written, ifOutcome: {} }];
  else if (verb === 'reject' && /^[4-6]\d\d$/.test(name)) {
    steps = [{ place: row, verb: 'reject', status: Number(name), ifOutcome: {} }];
  } else if (Object.hasOwn(ROUTES, verb) && name !== '') {
    const { kind, make } = ROUTES[verb]!;
    const reader = new Reader(names);
    const node: TextNode = { kind: 'text', place: place(), text: name, quoted: true, fromEnvironment: false };
    const resolved = names.resolve(kind, node, reader);
    for (const diagnostic of reader.diagnostics) reports.add(diagnostic);
    if (resolved !== null) steps = [make(resolved, row)];
  } else {
    const hint = didYouMean(verb, [...Object.keys(ROUTES), 'reject', 'busy', 'hangup']);
    reports.add({
      severity: 'error',
      code: 'bad-route',
      message: `expected a route such as queue:sales, extension:201, goto:fax, menu:, voicemail:, trunk:, found "${written}"`,
      place: place(),
      ...(hint !== undefined && { hint }),
    });
  }
  known.set(written, steps);
  return steps;
}

/** The numbers of an imported list: the column `number`, or the first. */
export function matchersOfCsv(source: Table, report: (diagnostic: Diagnostic) => void): readonly Matcher[] {
  const { table, file } = source;
  const named = table.columns.indexOf('number');
  const at = Math.max(0, named);
  const reports = new Reports(file, report);
  const matchers: Matcher[] = [];
  const take = (written: string, line: number): void => {
    if (written === '') return;
    if (written === 'anonymous') {
      matchers.push({ kind: 'anonymous' });
      return;
    }
    const pattern = readDid(written, () => fieldPlace(file, source.text, line, written), reports);
    if (pattern !== undefined) matchers.push({ kind: 'number', pattern });
  };
  // A list without a line of column names begins with a number at once.
  const [first] = table.columns;
  if (named < 0 && first !== undefined && readNumberText(first.replace('*', '')) !== undefined)
    take(first, 1);
  for (let index = 0; index < table.rows.length && !reports.full; index++) {
    take(table.rows[index]?.[at] ?? '', table.lines[index] ?? 1);
  }
  return matchers;
}
