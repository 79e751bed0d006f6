import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Diagnostic } from '../base/diagnostic.js';
import { AppError } from '../base/errors.js';
import { compile, type Compiled, type ParsedDocument, type ParsedTable } from './language/compile.js';
import {
  importedPaths,
  isDocument,
  missingImports,
  parseDocuments,
  parseTables,
  type SourceFile,
} from './language/parse-files.js';
import { parseOffThread } from './language/parse-worker-host.js';
import type { Plan } from './plan.js';

export interface LoadOptions {
  /** Looks up an environment variable for `${NAME}`. */
  readonly env: (name: string) => string | undefined;
  /** Names of the settings' trunks; absent: any name is taken for one. */
  readonly trunkNames?: Iterable<string>;
  /** Whether a prompt file is there, in any language; absent: not checked. */
  readonly promptExists?: (file: string) => boolean;
  /** Put before each path in places, as `dialplans/`. Default: nothing, so that places are relative to the folder. */
  readonly prefix?: string;
}

export interface LoadResult {
  /** Absent when there is any error. */
  readonly plan?: Plan;
  /** All findings: errors before warnings, each by file, line and column. */
  readonly diagnostics: readonly Diagnostic[];
  /** What was read; paths are relative to the folder. */
  readonly files: readonly SourceFile[];
  /** The text of a file by its name in places, for `formatDiagnostics`. */
  readonly sourceOf: (file: string) => string | undefined;
}

/** Files at hand (`*.yaml` and what they import), or a folder. */
export type LoadInput = LoadOptions &
  ({ readonly files: readonly SourceFile[] } | { readonly folder: string });

/** Above so many characters in all, files are parsed in a worker thread. */
const OFF_THREAD_LENGTH = 1_000_000;
const MAX_FILES = 10_000;

/**
 * Makes a plan out of a folder's `*.yaml` and the CSV files they import, or out of files at hand: all or nothing.
 * Large files are parsed in a worker thread and compiled in slices, so that calls go on meanwhile.
 * @throws AppError FILE_UNREADABLE when the folder or a file in it cannot be read.
 */
export async function loadDialplan(input: LoadInput): Promise<LoadResult> {
  const options = { env: input.env, prefix: input.prefix ?? '' };
  const folder = 'folder' in input ? input.folder : undefined;
  const listed =
    'files' in input ? input.files : await readNamed(input.folder, await listFolder(input.folder));
  const sources = listed.filter(({ path }) => isDocument(path));
  const documents = isLarge(sources)
    ? (await parseOffThread(sources, [], options)).documents
    : parseDocuments(sources, options);
  const wanted = importedPaths(documents);
  const tablesAt =
    folder === undefined
      ? listed.filter(({ path }) => wanted.includes(path))
      : await readPresent(folder, wanted);
  const tables = isLarge(tablesAt)
    ? (await parseOffThread([], tablesAt, options)).tables
    : parseTables(tablesAt, options);
  const slices = compile({ documents, tables, ...compileOptions(input) });
  let slice = slices.next();
  while (slice.done !== true) {
    // Between slices the event loop runs.
    await setImmediate();
    slice = slices.next();
  }
  return resultOf(slice.value, documents, tables, options.prefix, await namesBeside(folder, listed));
}

/** As `loadDialplan`, at once and without touching the disk; for tests, editors and small plans. */
export function loadDialplanFiles(files: readonly SourceFile[], input: LoadOptions): LoadResult {
  const options = { env: input.env, prefix: input.prefix ?? '' };
  const documents = parseDocuments(
    files.filter(({ path }) => isDocument(path)),
    options,
  );
  const wanted = new Set(importedPaths(documents));
  const tables = parseTables(
    files.filter(({ path }) => wanted.has(path)),
    options,
  );
  const slices = compile({ documents, tables, ...compileOptions(input) });
  let slice = slices.next();
  while (slice.done !== true) slice = slices.next();
  return resultOf(
    slice.value,
    documents,
    tables,
    options.prefix,
    files.map(({ path }) => path),
  );
}

function compileOptions({
  trunkNames,
  promptExists,
}: LoadOptions): Pick<LoadOptions, 'trunkNames' | 'promptExists'> {
  return {
    ...(trunkNames !== undefined && { trunkNames }),
    ...(promptExists !== undefined && { promptExists }),
  };
}

function isLarge(files: readonly SourceFile[]): boolean {
  return files.reduce((sum, { text }) => sum + text.length, 0) > OFF_THREAD_LENGTH;
}

function resultOf(
  { plan, diagnostics }: Compiled,
  documents: readonly ParsedDocument[],
  tables: readonly ParsedTable[],
  prefix: string,
  beside: readonly string[],
): LoadResult {
  const present = new Set(tables.map(({ path }) => path));
  const missing = missingImports(
    documents,
    present,
    beside.filter((path) => !isDocument(path)),
  );
  const files = [...documents, ...tables].map(({ path, text }) => ({ path, text }));
  const all = [...missing, ...diagnostics].sort(byPlace);
  const ok = plan !== undefined && missing.length === 0;
  return {
    ...(ok && { plan }),
    diagnostics: all,
    files,
    sourceOf: (file) => files.find(({ path }) => prefix + path === file)?.text,
  };
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  if (a.severity !== b.severity) return a.severity === 'error' ? -1 : 1;
  if (a.place.file !== b.place.file) return a.place.file < b.place.file ? -1 : 1;
  return a.place.line - b.place.line || a.place.column - b.place.column;
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => isDocument(name) && !name.startsWith('.'))
      .sort()
      .slice(0, MAX_FILES);
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', `the dialplan's folder ${folder} cannot be read`, { cause: error });
  }
}

async function namesBeside(
  folder: string | undefined,
  listed: readonly SourceFile[],
): Promise<readonly string[]> {
  if (folder === undefined) return listed.map(({ path }) => path);
  return readdir(folder).catch(() => []);
}

function readNamed(folder: string, names: readonly string[]): Promise<SourceFile[]> {
  return Promise.all(
    names.map(async (path) => {
      try {
        return { path, text: await readFile(join(folder, path), 'utf8') };
      } catch (error) {
        throw new AppError('FILE_UNREADABLE', `${join(folder, path)} cannot be read`, { cause: error });
      }
    }),
  );
}

/** Imported files that are there; the others are reported where they are named. */
async function readPresent(folder: string, paths: readonly string[]): Promise<SourceFile[]> {
  const inside = paths.filter((path) => !path.startsWith('/') && !path.split('/').includes('..'));
  const read = await Promise.all(
    inside.map(async (path): Promise<SourceFile | undefined> => {
      try {
        return { path, text: await readFile(join(folder, path), 'utf8') };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw new AppError('FILE_UNREADABLE', `${join(folder, path)} cannot be read`, { cause: error });
      }
    }),
  );
  return read.filter((file) => file !== undefined);
}
