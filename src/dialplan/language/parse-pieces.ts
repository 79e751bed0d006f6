import type { ListNode, MapEntry, Node } from '../../base/document.js';
import type { ParsedDocument, ParsedTable } from './compile.js';
import type { SourceFile } from './parse-files.js';

/** What the parsing thread is given. */
export interface ParseTask {
  readonly documents: readonly SourceFile[];
  readonly tables: readonly SourceFile[];
  /** The variables of the environment that the files name. */
  readonly env: Readonly<Record<string, string>>;
  readonly prefix: string;
}

/**
 * What it sends back. To take a message in costs the main thread time that calls wait for, so that long lists come in
 * pieces behind the document they belong to. Texts stay where they are.
 */
export type Piece =
  | { readonly kind: 'end' }
  | { readonly kind: 'document'; readonly index: number; readonly document: ParsedDocument }
  | {
      readonly kind: 'items';
      readonly index: number;
      readonly entry: number;
      readonly items: readonly Node[];
    }
  | {
      readonly kind: 'entries';
      readonly index: number;
      readonly entry: number;
      readonly entries: readonly MapEntry[];
    }
  | { readonly kind: 'table'; readonly index: number; readonly table: ParsedTable }
  | {
      readonly kind: 'rows';
      readonly index: number;
      readonly rows: readonly (readonly string[])[];
      readonly lines: readonly number[];
    };

const PIECE = 1000;
const ROWS = 10_000;

/** Cuts a document or table into pieces. */
export function* piecesOf(whole: Extract<Piece, { kind: 'document' | 'table' }>): Iterable<Piece> {
  const { index } = whole;
  if (whole.kind === 'table') {
    const { table } = whole.table;
    yield { ...whole, table: { ...whole.table, table: { ...table, rows: [], lines: [] } } };
    for (let from = 0; from < table.rows.length; from += ROWS) {
      yield {
        kind: 'rows',
        index,
        rows: table.rows.slice(from, from + ROWS),
        lines: table.lines.slice(from, from + ROWS),
      };
    }
    return;
  }
  const { root } = whole.document;
  if (root?.kind !== 'map') {
    yield whole;
    return;
  }
  const long = (node: Node): boolean =>
    (node.kind === 'list' && node.items.length > PIECE) ||
    (node.kind === 'map' && node.entries.length > PIECE);
  const hollow = root.entries.map(({ key, value }): MapEntry =>
    long(value) ? { key, value: hollowed(value) } : { key, value },
  );
  yield { ...whole, document: { ...whole.document, root: { ...root, entries: hollow } } };
  for (const [entry, { value }] of root.entries.entries()) {
    if (!long(value)) continue;
    if (value.kind === 'list') {
      for (let from = 0; from < value.items.length; from += PIECE) {
        yield { kind: 'items', index, entry, items: value.items.slice(from, from + PIECE) };
      }
    } else if (value.kind === 'map') {
      for (let from = 0; from < value.entries.length; from += PIECE) {
        yield { kind: 'entries', index, entry, entries: value.entries.slice(from, from + PIECE) };
      }
    }
  }
}

function hollowed(node: Node): Node {
  if (node.kind === 'list') return { ...node, items: [] };
  return node.kind === 'map' ? { ...node, entries: [] } : node;
}

/** Puts pieces together again. */
export class PieceCollector {
  readonly documents: ParsedDocument[] = [];
  readonly tables: ParsedTable[] = [];

  constructor(private readonly task: ParseTask) {}

  take(piece: Piece): void {
    switch (piece.kind) {
      case 'end':
        return;
      case 'document':
        this.documents[piece.index] = {
          ...piece.document,
          text: this.task.documents[piece.index]?.text ?? '',
        };
        return;
      case 'table':
        this.tables[piece.index] = { ...piece.table, text: this.task.tables[piece.index]?.text ?? '' };
        return;
      case 'items': {
        const list = this.valueAt(piece.index, piece.entry);
        if (list?.kind === 'list') append(list.items as ListNode['items'][number][], piece.items);
        return;
      }
      case 'entries': {
        const map = this.valueAt(piece.index, piece.entry);
        if (map?.kind === 'map') append(map.entries as MapEntry[], piece.entries);
        return;
      }
      case 'rows': {
        const table = this.tables[piece.index]?.table;
        if (table === undefined) return;
        append(table.rows as (readonly string[])[], piece.rows);
        append(table.lines as number[], piece.lines);
      }
    }
  }

  private valueAt(index: number, entry: number): Node | undefined {
    const root = this.documents[index]?.root;
    return root?.kind === 'map' ? root.entries[entry]?.value : undefined;
  }
}

function append<T>(to: T[], more: readonly T[]): void {
  for (const one of more) to.push(one);
}
