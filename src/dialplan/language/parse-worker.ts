import { parentPort, workerData } from 'node:worker_threads';
import { parseDocuments, parseTables, type SourceFile } from './parse-files.js';
import { piecesOf, type ParseTask, type Piece } from './parse-pieces.js';

// Runs in a thread of its own: parses what it was given, and sends a piece home whenever it is asked for one.
if (parentPort !== null) {
  const port = parentPort;
  const pieces = parse(workerData as ParseTask);
  port.on('message', () => {
    const next = pieces.next();
    port.postMessage(next.done === true ? ({ kind: 'end' } satisfies Piece) : next.value);
    if (next.done === true) port.close();
  });
}

function* parse(task: ParseTask): Generator<Piece, undefined> {
  const options = {
    env: (name: string): string | undefined => (Object.hasOwn(task.env, name) ? task.env[name] : undefined),
    prefix: task.prefix,
  };
  const textless = (file: SourceFile): SourceFile => ({ path: file.path, text: '' });
  for (const [index, document] of parseDocuments(task.documents, options).entries()) {
    yield* piecesOf({ kind: 'document', index, document: { ...document, ...textless(document) } });
  }
  for (const [index, table] of parseTables(task.tables, options).entries()) {
    yield* piecesOf({ kind: 'table', index, table: { ...table, ...textless(table) } });
  }
  return undefined;
}
