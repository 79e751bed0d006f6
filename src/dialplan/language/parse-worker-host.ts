import { Worker } from 'node:worker_threads';
import type { ParsedDocument, ParsedTable } from './compile.js';
import { parseDocuments, parseTables, type ParseOptions, type SourceFile } from './parse-files.js';
import { PieceCollector, type ParseTask, type Piece } from './parse-pieces.js';

interface Parsed {
  readonly documents: readonly ParsedDocument[];
  readonly tables: readonly ParsedTable[];
}

/** Parses files in a worker thread; in place where the sources run without having been built. */
export async function parseOffThread(
  documents: readonly SourceFile[],
  tables: readonly SourceFile[],
  options: ParseOptions,
): Promise<Parsed> {
  if (import.meta.url.endsWith('.ts')) {
    return { documents: parseDocuments(documents, options), tables: parseTables(tables, options) };
  }
  const task: ParseTask = {
    documents,
    tables,
    env: environmentNamed(documents, options.env),
    prefix: options.prefix,
  };
  const collector = new PieceCollector(task);
  await new Promise<void>((resolve, reject) => {
    const worker = new Worker(new URL('./parse-worker.js', import.meta.url), { workerData: task });
    worker.on('message', (piece: Piece) => {
      if (piece.kind === 'end') return;
      collector.take(piece);
      // One piece a turn of the event loop: all that is sent at once would be taken in one turn.
      setImmediate(() => worker.postMessage('next'));
    });
    worker.postMessage('next');
    worker.once('error', reject);
    worker.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the parsing thread ended with ${code}`));
    });
  });
  return collector;
}

/** A thread cannot be handed a function: the variables that files name are looked up beforehand. */
function environmentNamed(files: readonly SourceFile[], env: ParseOptions['env']): Record<string, string> {
  const named: Record<string, string> = {};
  for (const { text } of files) {
    for (const [, name] of text.matchAll(/\$\{([A-Z_][A-Z0-9_]*)/g)) {
      const value = name === undefined ? undefined : env(name);
      if (name !== undefined && value !== undefined) named[name] = value;
    }
  }
  return named;
}
