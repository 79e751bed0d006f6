import {
  type Alias,
  Composer,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  type CST,
  type Document,
} from 'yaml';
import type { Diagnostic, Place } from './diagnostic.js';
import { commentHint, swallowedComment, syntaxHint } from './document-hints.js';
import { substitute, type TextPart } from './document-text.js';

/** One scalar. All scalars are text; the field that reads it gives it its type. */
export interface TextNode {
  readonly kind: 'text';
  readonly place: Place;
  /** The text with the environment put in and `$$` made `$`; a call's variables stand in it as `${name}`. */
  readonly text: string;
  /** Only where the text holds call variables: constants and variables in turn. */
  readonly parts?: readonly TextPart[];
  /** It was quoted (or a block scalar), so an empty text is meant. */
  readonly quoted: boolean;
  /** Some of it came from the environment (or from the default given there). */
  readonly fromEnvironment: boolean;
  /** Why it may not be what its writer meant; shown when it is refused. */
  readonly hint?: string;
  /** What is wrong with it has been reported: shapes refuse it without a word. */
  readonly refused?: true;
}

export interface MapEntry {
  readonly key: TextNode;
  readonly value: Node;
}

export interface MapNode {
  readonly kind: 'map';
  readonly place: Place;
  /** In the order written; keys are unique. */
  readonly entries: readonly MapEntry[];
}

export interface ListNode {
  readonly kind: 'list';
  readonly place: Place;
  readonly items: readonly Node[];
}

/** A piece of an admin's file with the place it stands at. */
export type Node = TextNode | MapNode | ListNode;

export interface DocumentSource {
  /** Name of the file as diagnostics show it. */
  readonly file: string;
  readonly text: string;
  /** Looks up an environment variable; undefined when it is not set. */
  readonly env: (name: string) => string | undefined;
}

export interface DocumentReading {
  /** Absent when the file is empty or is not YAML at all. */
  readonly root?: Node;
  readonly diagnostics: readonly Diagnostic[];
}

/** Longest file read, in UTF-16 units. Larger sets of numbers belong into CSV files. */
export const MAX_DOCUMENT_LENGTH = 32 * 1024 * 1024;
/** Deepest nesting of maps and lists. */
export const MAX_DOCUMENT_DEPTH = 64;

const MAX_SYNTAX_ERRORS = 20;

/**
 * Reads one YAML file safely: every scalar is text (failsafe schema); anchors, aliases, tags, merge keys, duplicate
 * keys and several documents are refused; size and depth are bounded. `${NAME}` in capitals is taken from `env`.
 * Never throws: whatever is wrong is among the diagnostics, each with its place.
 */
export function readDocument(source: DocumentSource): DocumentReading {
  const text = source.text.startsWith('\uFEFF') ? source.text.slice(1) : source.text;
  if (text.length > MAX_DOCUMENT_LENGTH) {
    const megabytes = Math.round(MAX_DOCUMENT_LENGTH / 1024 / 1024);
    return refuse(source.file, 'file-too-large', `the file is larger than ${megabytes} MB`);
  }
  const lineCounter = new LineCounter();
  let document: Document.Parsed | undefined;
  const extra: number[] = [];
  try {
    const tokens = parseTokens(text, lineCounter);
    if (tokens === undefined) return refuse(source.file, 'too-deep', tooDeep);
    const composer = new Composer({
      schema: 'failsafe',
      merge: false,
      uniqueKeys: false,
      logLevel: 'silent',
      lineCounter,
    });
    for (const composed of composer.compose(tokens, true, text.length)) {
      if (document === undefined) document = composed;
      else extra.push(composed.range[0]);
    }
  } catch (error) {
    // The yaml package recurses; what slips past the depth check above must not end the process.
    const why = error instanceof RangeError ? tooDeep : `the file cannot be read as YAML: ${String(error)}`;
    return refuse(source.file, 'syntax', why);
  }
  if (document === undefined) return { diagnostics: [] };
  const reader = new NodeReader(source, text, lineCounter);
  for (const offset of extra) {
    reader.report('several-documents', offset, 'a file holds one document; remove the second "---"');
  }
  if (document.errors.length > 0) {
    const lines = new Set<number>();
    for (const error of document.errors) {
      const place = reader.placeAt(error.pos[0]);
      if (lines.has(place.line) || lines.size >= MAX_SYNTAX_ERRORS) continue;
      lines.add(place.line);
      reader.report(
        'syntax',
        error.pos[0],
        firstLine(error.message),
        syntaxHint(error.code, text, error.pos[0]),
      );
    }
    return { diagnostics: reader.diagnostics };
  }
  const root = document.contents === null ? undefined : reader.read(document.contents, 0);
  return { ...(root !== undefined && !isEmptyText(root) && { root }), diagnostics: reader.diagnostics };
}

const tooDeep = `maps and lists are nested deeper than ${MAX_DOCUMENT_DEPTH} levels`;

function refuse(file: string, code: string, message: string): DocumentReading {
  return { diagnostics: [{ severity: 'error', code, message, place: { file, line: 1, column: 1 } }] };
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}

function isEmptyText(node: Node): boolean {
  return node.kind === 'text' && node.text === '' && !node.quoted;
}

/** The parser's tokens; undefined when they are nested too deep, found out before the composer recurses into them. */
function parseTokens(text: string, lineCounter: LineCounter): CST.Token[] | undefined {
  const parser = new Parser(lineCounter.addNewLine);
  const tokens: CST.Token[] = [];
  lineCounter.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    // The stack holds the document, each open collection and at most one scalar.
    if (parser.stack.length > MAX_DOCUMENT_DEPTH + 2) return undefined;
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

/** Turns the yaml package's nodes into ours, refusing what the language does not have. */
class NodeReader {
  readonly diagnostics: Diagnostic[] = [];

  constructor(
    private readonly source: DocumentSource,
    private readonly text: string,
    private readonly lineCounter: LineCounter,
  ) {}

  placeAt(offset: number): Place {
    const { line, col } = this.lineCounter.linePos(offset);
    return { file: this.source.file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  report(code: string, offset: number, message: string, hint?: string): void {
    this.diagnostics.push({
      severity: 'error',
      code,
      message,
      place: this.placeAt(offset),
      ...(hint !== undefined && { hint }),
    });
  }

  read(node: unknown, offsetIfNone: number): Node {
    const offset = startOf(node) ?? offsetIfNone;
    if (isAlias(node)) {
      this.refuseAlias(node, offset);
      return { ...this.emptyText(offset), refused: true };
    }
    this.refuseProperties(node, offset);
    if (isMap(node)) return this.readMap(node, offset);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.read(item, offset));
      return { kind: 'list', place: this.placeAt(offset), items };
    }
    if (isScalar(node)) return this.readScalar(node, offset);
    return this.emptyText(offset);
  }

  private readMap(map: { items: unknown[]; flow?: boolean }, offset: number): MapNode {
    const entries: MapEntry[] = [];
    const seen = new Map<string, Place>();
    for (const item of map.items) {
      if (!isPair(item)) continue;
      const keyOffset = startOf(item.key) ?? offset;
      if (item.key !== null && !isScalar(item.key)) {
        if (isAlias(item.key)) this.refuseAlias(item.key, keyOffset);
        else this.report('bad-key', keyOffset, 'a key is text, not a map or a list');
        continue;
      }
      if (item.key !== null) this.refuseProperties(item.key, keyOffset);
      const key = this.readKey(item.key, keyOffset);
      const earlier = seen.get(key.text);
      if (key.text === '<<' && !key.quoted) {
        this.report('merge-key', keyOffset, 'merge keys ("<<") are not part of the language');
        continue;
      }
      if (earlier !== undefined) {
        this.diagnostics.push({
          severity: 'error',
          code: 'duplicate-key',
          message: `"${key.text}" is given twice`,
          place: key.place,
          related: [{ place: earlier, message: `"${key.text}" is given here first` }],
        });
        continue;
      }
      seen.set(key.text, key.place);
      if (item.value === null && map.flow === true) {
        const hint = 'quote a text that holds a comma, as in { say: "Hi, press 1" }';
        this.report('no-value', keyOffset, `"${key.text}" has no value`, hint);
        continue;
      }
      entries.push({ key, value: this.read(item.value, keyOffset) });
    }
    return { kind: 'map', place: this.placeAt(offset), entries };
  }

  private readKey(scalar: unknown, offset: number): TextNode {
    const source = isScalar(scalar) ? scalar : undefined;
    const text = typeof source?.value === 'string' ? source.value : '';
    return {
      kind: 'text',
      place: this.placeAt(offset),
      text,
      quoted: isQuoted(source?.type),
      fromEnvironment: false,
    };
  }

  private readScalar(scalar: { value: unknown; type?: unknown; range?: unknown }, offset: number): TextNode {
    const raw = typeof scalar.value === 'string' ? scalar.value : '';
    const quoted = isQuoted(scalar.type);
    const place = this.placeAt(offset);
    const result = substitute(raw, this.source.env);
    for (const problem of result.problems) {
      this.report(problem.code, offset, problem.message, problem.hint);
    }
    const end = endOf(scalar);
    if (!quoted && raw !== '' && swallowedComment(this.text, end) !== undefined) {
      const message = `the value ends before "${swallowedComment(this.text, end) ?? ''}", which YAML reads as a comment`;
      const hint = 'quote the whole value, or put a space after "#" if it is a comment';
      this.diagnostics.push({ severity: 'warning', code: 'comment', message, place, hint });
    }
    const hint = !quoted && raw === '' ? commentHint(this.text, offset) : undefined;
    return {
      kind: 'text',
      place,
      text: result.text,
      ...(result.parts !== undefined && { parts: result.parts }),
      quoted,
      fromEnvironment: result.fromEnvironment,
      ...(hint !== undefined && { hint }),
      ...(result.problems.length > 0 && { refused: true }),
    };
  }

  private emptyText(offset: number): TextNode {
    return { kind: 'text', place: this.placeAt(offset), text: '', quoted: false, fromEnvironment: false };
  }

  private refuseAlias(alias: Alias, offset: number): void {
    const hint = `quote it if you mean the text: "*${alias.source}"`;
    this.report(
      'alias',
      offset,
      'aliases are not part of the language: a plain text cannot begin with "*"',
      hint,
    );
  }

  private refuseProperties(node: unknown, offset: number): void {
    if (node === null) return;
    const { anchor, tag } = node as { anchor?: string; tag?: string };
    if (anchor !== undefined && anchor !== '') {
      const hint = `quote it if you mean the text: "&${anchor}"`;
      const at = Math.max(0, this.text.lastIndexOf(`&${anchor}`, offset));
      this.report(
        'anchor',
        at,
        'anchors are not part of the language: a plain text cannot begin with "&"',
        hint,
      );
    }
    if (tag !== undefined) {
      const at = Math.max(0, this.text.lastIndexOf('!', offset - 1));
      this.report(
        'tag',
        at,
        'tags are not part of the language: a plain text cannot begin with "!"',
        'quote it',
      );
    }
  }
}

function isQuoted(type: unknown): boolean {
  return typeof type === 'string' && type !== 'PLAIN';
}

function startOf(node: unknown): number | undefined {
  const range = (node as { range?: readonly number[] | null } | null)?.range;
  return range?.[0];
}

function endOf(node: unknown): number {
  const range = (node as { range?: readonly number[] | null } | null)?.range;
  return range?.[1] ?? 0;
}
