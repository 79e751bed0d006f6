import type { Diagnostic, Place } from '../diagnostic.js';
import { nearestName } from '../diagnostic.js';
import type { MapNode, Node, TextNode } from '../document.js';

/** A JSON Schema (draft 2020-12) as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Says which names exist, and what a name written in this file means. */
export interface NameResolver {
  /** The full name, or null after having reported that there is none. */
  resolve(kind: string, node: TextNode, reader: Reader): string | null;
}

/** Collects what is wrong while shapes read; one for each file. */
export class Reader {
  readonly diagnostics: Diagnostic[] = [];

  constructor(readonly names?: NameResolver) {}

  /** Reports an error at a node (with the node's own hint, should there be none) and returns null. */
  refuse(node: Node, code: string, message: string, hint?: string): null {
    if (node.kind === 'text' && node.refused === true) return null;
    const own = node.kind === 'text' ? node.hint : undefined;
    return this.error(node.place, code, message, own ?? hint);
  }

  error(
    place: Place,
    code: string,
    message: string,
    hint?: string,
    related?: readonly { readonly place: Place; readonly message: string }[],
  ): null {
    this.add('error', place, code, message, hint, related);
    return null;
  }

  warning(
    place: Place,
    code: string,
    message: string,
    hint?: string,
    related?: readonly { readonly place: Place; readonly message: string }[],
  ): void {
    this.add('warning', place, code, message, hint, related);
  }

  private add(
    severity: Diagnostic['severity'],
    place: Place,
    code: string,
    message: string,
    hint: string | undefined,
    related: Diagnostic['related'],
  ): void {
    this.diagnostics.push({
      severity,
      code,
      message,
      place,
      ...(hint !== undefined && { hint }),
      ...(related !== undefined && { related }),
    });
  }
}

/** Gathers the named parts of a schema (`$defs`), so that shapes may refer to themselves. */
export class SchemaParts {
  readonly defs = new Map<string, JsonSchema>();

  refer(name: string, make: () => JsonSchema): JsonSchema {
    if (!this.defs.has(name)) {
      this.defs.set(name, {});
      this.defs.set(name, make());
    }
    return { $ref: `#/$defs/${name}` };
  }
}

/** How a piece of a file is read into a value, and what an editor is told about it. */
export interface Shape<T> {
  /** What is expected, for messages: `a duration such as 20s`. */
  readonly expected: string;
  /** The value, or null after having reported what is wrong. A value is never null or undefined. */
  read(node: Node, reader: Reader): T | null;
  schema(parts: SchemaParts): JsonSchema;
}

/** The type a shape reads. */
export type ReadBy<S> = S extends Shape<infer T> ? T : never;

/** `a map`, `a list`, `"text"`: what stands there, for messages. */
export function describe(node: Node): string {
  if (node.kind !== 'text') return node.kind === 'map' ? 'a map' : 'a list';
  if (node.text === '') return 'nothing';
  return node.text.length > 60 ? `"${node.text.slice(0, 57)}…"` : `"${node.text}"`;
}

/** Reports that a node is not what the shape expects. */
export function unexpected(node: Node, expected: string, reader: Reader, hint?: string): null {
  const code = node.kind === 'text' && node.text === '' ? 'no-value' : 'unexpected';
  return reader.refuse(node, code, `expected ${expected}, found ${describe(node)}`, hint);
}

/** `did you mean "timezone"?` or undefined. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const near = nearestName(name, candidates);
  return near === undefined ? undefined : `did you mean "${near}"?`;
}

/** The value of a key, undefined when the map lacks it. */
export function entryOf(map: MapNode, key: string): Node | undefined {
  return map.entries.find((entry) => entry.key.text === key)?.value;
}

/** The whole schema of a shape as a document of its own. */
export function schemaDocument(shape: Shape<unknown>, title: string, id: string): JsonSchema {
  const parts = new SchemaParts();
  const root = shape.schema(parts);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: id,
    title,
    ...root,
    ...(parts.defs.size > 0 && { $defs: Object.fromEntries(parts.defs) }),
  };
}
