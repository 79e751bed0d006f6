import type { Diagnostic } from '../../base/diagnostic.js';
import { readDocument } from '../../base/document.js';
import { didYouMean } from '../../base/shape/index.js';
import { besides, type ParsedDocument, type ParsedTable } from './compile.js';
import { parseCsv } from './csv.js';
import { importsOf } from './file.js';

export interface SourceFile {
  /** Relative to the dialplan's folder, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** How files are parsed. */
export interface ParseOptions {
  readonly env: (name: string) => string | undefined;
  /** Put before each path in places, as `dialplans/`. */
  readonly prefix: string;
}

export function isDocument(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

/** YAML documents, parsed and not yet checked. */
export function parseDocuments(
  files: readonly SourceFile[],
  { env, prefix }: ParseOptions,
): ParsedDocument[] {
  return files.map(({ path, text }) => ({ path, text, ...readDocument({ file: prefix + path, text, env }) }));
}

/** CSV files, parsed and not yet checked. */
export function parseTables(
  files: readonly SourceFile[],
  { prefix }: Pick<ParseOptions, 'prefix'>,
): ParsedTable[] {
  return files.map(({ path, text }) => ({
    path,
    shown: prefix + path,
    text,
    table: parseCsv(prefix + path, text),
  }));
}

/** The paths of the files that documents import, each once. */
export function importedPaths(documents: readonly ParsedDocument[]): string[] {
  const paths = new Set<string>();
  for (const { path, root } of documents)
    for (const { file } of importsOf(root)) paths.add(besides(path, file));
  return [...paths];
}

/** Imports whose files are not among `present`. */
export function missingImports(
  documents: readonly ParsedDocument[],
  present: ReadonlySet<string>,
  candidates: readonly string[],
): Diagnostic[] {
  return documents.flatMap(({ path, root }) =>
    importsOf(root).flatMap(({ file, place }): Diagnostic[] => {
      // A path that leads out of the folder is refused where the file is read.
      if (present.has(besides(path, file)) || file.startsWith('/') || file.split('/').includes('..'))
        return [];
      const hint = didYouMean(file, candidates);
      const message = `there is no file "${file}" beside this one`;
      return [
        { severity: 'error', code: 'missing-import', message, place, ...(hint !== undefined && { hint }) },
      ];
    }),
  );
}
