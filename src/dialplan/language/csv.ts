import { CsvError, parse } from 'csv-parse/sync';
import type { Diagnostic, Place } from '../../base/diagnostic.js';
import { didYouMean } from '../../base/shape/index.js';

/** A CSV file as plain data, fit to be sent between threads. */
export interface CsvTable {
  /** Trimmed, lower case. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The line each row begins on, counted from 1. */
  readonly lines: readonly number[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Most rows of one file. */
export const MAX_CSV_ROWS = 2_000_000;
const MAX_FIELD = 4096;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const QUOTE = 34;

/**
 * Reads a CSV file with a line of column names: a byte order mark, `;` or a tab instead of the comma, quotes and CR LF
 * are understood, as spreadsheets write them. Never throws.
 */
export function parseCsv(file: string, source: string): CsvTable {
  const text = source.startsWith('\uFEFF') ? source.slice(1) : source;
  const diagnostics: Diagnostic[] = [];
  const report = (place: Place, code: string, message: string, hint?: string): void => {
    if (diagnostics.length < 100) {
      diagnostics.push({ severity: 'error', code, message, place, ...(hint !== undefined && { hint }) });
    }
  };
  let rows: string[][];
  try {
    rows = parse(text, {
      delimiter: delimiterOf(text),
      record_delimiter: ['\r\n', '\n', '\r'],
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: 65_536,
      to: MAX_CSV_ROWS + 1,
    });
  } catch (error) {
    const line = error instanceof CsvError && typeof error['lines'] === 'number' ? error['lines'] : 1;
    const why = error instanceof Error ? error.message : String(error);
    report(
      { file, line, column: 1 },
      'bad-csv',
      `the file cannot be read as CSV: ${why}`,
      'a quote inside a quoted field is written twice',
    );
    return { columns: [], rows: [], lines: [], diagnostics };
  }
  const lines = recordLines(text);
  const header = rows.shift();
  const body = rows;
  if (header === undefined) {
    report(
      { file, line: 1, column: 1 },
      'bad-csv',
      'the file is empty: a line with the names of its columns is expected',
    );
    return { columns: [], rows: [], lines: [], diagnostics };
  }
  const columns = header.map((name) => name.toLowerCase());
  const headerLine = lines[0] ?? 1;
  columns.forEach((name, index) => {
    const place = { file, line: headerLine, column: 1 };
    if (columns.indexOf(name) !== index)
      report(place, 'duplicate-key', `the column "${name}" is there twice`);
  });
  body.forEach((row, index) => {
    const line = lines[index + 1] ?? 1;
    if (row.length > columns.length) {
      const message = `the row has ${row.length} fields, and there are ${columns.length} columns`;
      report({ file, line, column: 1 }, 'bad-csv', message, 'quote a field that holds the separator');
    }
    if (row.some((field) => field.length > MAX_FIELD)) {
      report({ file, line, column: 1 }, 'too-long', `a field is longer than ${MAX_FIELD} characters`);
    }
  });
  return { columns, rows: body, lines: lines.slice(1), diagnostics };
}

/** The line each record begins on. A quote opens or closes wherever it stands, as one inside a bare field is an error. */
function recordLines(text: string): number[] {
  const lines: number[] = [];
  let line = 1;
  let quoted = false;
  let begun = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === NEWLINE || (code === RETURN && text.charCodeAt(index + 1) !== NEWLINE)) {
      line++;
      if (!quoted) begun = false;
    } else if (code > SPACE) {
      if (!begun) lines.push(line);
      begun = true;
      if (code === QUOTE) quoted = !quoted;
    }
  }
  return lines;
}

function delimiterOf(text: string): string {
  const end = text.indexOf('\n');
  const header = text.slice(0, end < 0 ? Math.min(text.length, 4096) : Math.min(end, 4096));
  if (header.includes(',')) return ',';
  if (header.includes(';')) return ';';
  return header.includes('\t') ? '\t' : ',';
}

/** The index of a column, or undefined after having reported that it is missing. */
export function requireColumn(
  table: CsvTable,
  name: string,
  file: string,
  report: (diagnostic: Diagnostic) => void,
): number | undefined {
  const index = table.columns.indexOf(name);
  if (index >= 0) return index;
  const hint = didYouMean(name, table.columns) ?? `columns here: ${table.columns.join(', ')}`;
  report({
    severity: 'error',
    code: 'missing-column',
    message: `the file has no column "${name}"`,
    place: { file, line: 1, column: 1 },
    hint,
  });
  return undefined;
}

/** Where a field stands: its column in the line, found in the text only when something is wrong with it. */
export function fieldPlace(file: string, source: string, line: number, field: string): Place {
  let start = source.startsWith('\uFEFF') ? 1 : 0;
  for (let count = 1; count < line; count++) {
    const end = source.indexOf('\n', start);
    if (end < 0) break;
    start = end + 1;
  }
  const end = source.indexOf('\n', start);
  const text = source.slice(start, end < 0 ? source.length : end);
  const at = field === '' ? -1 : text.indexOf(field);
  return { file, line, column: at < 0 ? 1 : at + 1 };
}
