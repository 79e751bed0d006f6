import { parentPort, workerData } from 'node:worker_threads';
import { parseDocuments, parseTables, type SourceFile } from './parse-files.js';
import { piecesOf, type ParseTask } from './parse-pieces.js';

// Runs in a thread of its own: parses what it was given and sends it home in pieces.
if (parentPort !== null) {
  const task = workerData as ParseTask;
  const options = {
    env: (name: string): string | undefined => (Object.hasOwn(task.env, name) ? task.env[name] : undefined),
    prefix: task.prefix,
  };
  const textless = (file: SourceFile): SourceFile => ({ path: file.path, text: '' });
  parseDocuments(task.documents, options).forEach((document, index) => {
    for (const piece of piecesOf({
      kind: 'document',
      index,
      document: { ...document, ...textless(document) },
    })) {
      parentPort?.postMessage(piece);
    }
  });
  parseTables(task.tables, options).forEach((table, index) => {
    for (const piece of piecesOf({ kind: 'table', index, table: { ...table, ...textless(table) } })) {
      parentPort?.postMessage(piece);
    }
  });
}
