import type { MapNode, Node, TextNode } from '../document.js';
import type { Place } from '../diagnostic.js';
import {
  didYouMean,
  unexpected,
  type JsonSchema,
  type Reader,
  type SchemaParts,
  type Shape,
} from './shape.js';

/** A default as an admin would write it. */
export type Written = string | readonly Written[] | { readonly [key: string]: Written };

export interface Field<T = unknown> {
  readonly shape: Shape<T>;
  /** One sentence for editors and the reference. */
  readonly doc: string;
  readonly required?: boolean;
  /** As an admin would write it; read by the same shape. */
  readonly default?: Written;
}

type FieldMap = Readonly<Record<string, Field>>;
type Present<F> = F extends { readonly required: true } | { readonly default: Written } ? true : false;
type Of<F> = F extends { readonly shape: Shape<infer T> } ? T : never;

/** What `fields` reads: required and defaulted keys are there, others may be. */
export type Fields<F extends FieldMap> = {
  readonly [K in keyof F as Present<F[K]> extends true ? K : never]: Of<F[K]>;
} & {
  readonly [K in keyof F as Present<F[K]> extends true ? never : K]?: Of<F[K]>;
};

export interface FieldsOptions {
  readonly expected?: string;
  /** What unknown keys mean to the reader, e.g. that a verb is misspelt. Default: an error with the nearest key. */
  readonly unknown?: (key: TextNode, reader: Reader) => void;
  readonly doc?: string;
}

/** A map with known keys. All that is wrong in it is reported; the value is there only when nothing is. */
export function fields<const F extends FieldMap>(known: F, options: FieldsOptions = {}): Shape<Fields<F>> {
  const table = new Map<string, Field>(Object.entries(known));
  const expected = options.expected ?? `a map with ${listKeys([...table.keys()])}`;
  return {
    expected,
    read(node, reader) {
      const map = node.kind === 'map' ? node : nothingWritten(node, table);
      if (map === undefined) return unexpected(node, expected, reader);
      const read = readFields(map, table, reader, options.unknown);
      return read === null ? null : (read as Fields<F>);
    },
    schema: (parts) => fieldsSchema(table, parts, options.doc),
  };
}

/** `name:` with nothing behind it is an empty map where no key is required. */
function nothingWritten(node: Node, known: ReadonlyMap<string, Field>): MapNode | undefined {
  if (
    node.kind !== 'text' ||
    node.text !== '' ||
    node.quoted ||
    node.refused === true ||
    node.hint !== undefined
  )
    return undefined;
  for (const field of known.values()) if (field.required === true) return undefined;
  return { kind: 'map', place: node.place, entries: [] };
}

/** Reads the known keys of a map; null after an error. */
export function readFields(
  map: MapNode,
  known: ReadonlyMap<string, Field>,
  reader: Reader,
  unknown: (key: TextNode, reader: Reader) => void = (key) => {
    const hint = didYouMean(key.text, known.keys()) ?? `known here: ${listKeys([...known.keys()])}`;
    reader.error(key.place, 'unknown-key', `unknown key "${key.text}"`, hint);
  },
): Record<string, unknown> | null {
  const values: Record<string, unknown> = {};
  const seen = new Set<string>();
  let failed = false;
  for (const { key, value } of map.entries) {
    const field = known.get(key.text);
    if (field === undefined) {
      unknown(key, reader);
      failed = true;
      continue;
    }
    seen.add(key.text);
    const result = field.shape.read(value, reader);
    if (result === null) failed = true;
    else values[key.text] = result;
  }
  for (const [name, field] of known) {
    if (seen.has(name)) continue;
    if (field.default !== undefined) {
      const result = field.shape.read(writtenNode(field.default, map.place), reader);
      if (result === null) failed = true;
      else values[name] = result;
    } else if (field.required === true) {
      reader.error(map.place, 'missing-key', `"${name}" is missing: ${field.shape.expected} is expected`);
      failed = true;
    }
  }
  return failed ? null : values;
}

export function fieldsSchema(
  known: ReadonlyMap<string, Field>,
  parts: SchemaParts,
  doc?: string,
): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const [name, field] of known) properties[name] = fieldSchema(field, parts);
  const required = [...known].filter(([, field]) => field.required === true).map(([name]) => name);
  return {
    type: required.length > 0 ? 'object' : ['object', 'null'],
    ...(doc !== undefined && { description: doc }),
    properties,
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

/** The schema of one field, with its description and default. */
export function fieldSchema(field: Field, parts: SchemaParts): JsonSchema {
  const schema = field.shape.schema(parts);
  return {
    ...schema,
    description: field.doc,
    ...(field.default !== undefined && { default: field.default }),
  };
}

function listKeys(keys: readonly string[]): string {
  return keys.length <= 12 ? keys.join(', ') : `${keys.slice(0, 12).join(', ')} …`;
}

/** A node as if an admin had written the value. */
export function writtenNode(value: Written, place: Place): Node {
  if (typeof value === 'string')
    return { kind: 'text', place, text: value, quoted: true, fromEnvironment: false, ...writtenParts(value) };
  if (Array.isArray(value)) {
    return {
      kind: 'list',
      place,
      items: (value as readonly Written[]).map((item) => writtenNode(item, place)),
    };
  }
  const entries = Object.entries(value).map(([key, inner]) => ({
    key: { kind: 'text' as const, place, text: key, quoted: true, fromEnvironment: false },
    value: writtenNode(inner, place),
  }));
  return { kind: 'map', place, entries };
}

function writtenParts(value: string): Pick<TextNode, 'parts'> {
  const whole = /^\$\{([a-z][a-z0-9.-]*)\}$/.exec(value);
  return whole === null ? {} : { parts: [{ variable: whole[1]! }] };
}

/** A list of at least `min` items (default 0); a single item without the list's dash counts as one where `single`. */
export function list<T>(
  item: Shape<T>,
  options: { readonly min?: number; readonly max?: number; readonly single?: boolean } = {},
): Shape<readonly T[]> {
  const { min = 0, max = 1_000_000, single = false } = options;
  const expected = single ? `${item.expected} or a list of these` : `a list of items, each ${item.expected}`;
  return {
    expected,
    read(node, reader) {
      if (node.kind !== 'list') {
        if (!single) return unexpected(node, expected, reader);
        const only = item.read(node, reader);
        return only === null ? null : [only];
      }
      if (node.items.length < min) {
        return reader.refuse(
          node,
          'too-few',
          `at least ${min} ${min === 1 ? 'item is' : 'items are'} expected here`,
        );
      }
      if (node.items.length > max)
        return reader.refuse(node, 'too-many', `at most ${max} items are expected here`);
      const values = node.items.map((entry) => item.read(entry, reader));
      return values.includes(null) ? null : (values as T[]);
    },
    schema(parts) {
      const inner = item.schema(parts);
      const array = { type: 'array', items: inner, ...(min > 0 && { minItems: min }) };
      return single ? { anyOf: [inner, array] } : array;
    },
  };
}

export interface Entry<K, T> {
  readonly key: K;
  readonly place: Place;
  readonly value: T;
}

/** A map whose keys are the admin's own: entries in the order written. */
export function entries<K, T>(
  key: Shape<K>,
  value: Shape<T>,
  options: { readonly min?: number; readonly keyDoc?: string } = {},
): Shape<readonly Entry<K, T>[]> {
  const expected = `a map of ${key.expected} to ${value.expected}`;
  return {
    expected,
    read(node, reader) {
      if (node.kind !== 'map') return unexpected(node, expected, reader);
      if (node.entries.length < (options.min ?? 0))
        return reader.refuse(node, 'too-few', `expected ${expected}, found an empty map`);
      const result: Entry<K, T>[] = [];
      let failed = false;
      for (const entry of node.entries) {
        const readKey = key.read(entry.key, reader);
        const readValue = value.read(entry.value, reader);
        if (readKey === null || readValue === null) failed = true;
        else result.push({ key: readKey, place: entry.key.place, value: readValue });
      }
      return failed ? null : result;
    },
    schema: (parts) => {
      const keySchema = key.schema(parts);
      const pattern = keySchema['pattern'];
      return {
        type: 'object',
        ...(options.keyDoc !== undefined && { description: options.keyDoc }),
        ...(pattern !== undefined && { propertyNames: { pattern } }),
        additionalProperties: value.schema(parts),
      };
    },
  };
}

/** As `entries`, as a map from key to value. */
export function record<T>(key: Shape<string>, value: Shape<T>): Shape<ReadonlyMap<string, T>> {
  return mapped(entries(key, value), (read) => new Map(read.map((entry) => [entry.key, entry.value])));
}

/** Another value out of what a shape reads; `turn` may refuse by reporting and returning null. */
export function mapped<T, U>(
  shape: Shape<T>,
  turn: (value: T, node: Node, reader: Reader) => U | null,
): Shape<U> {
  return {
    expected: shape.expected,
    read(node, reader) {
      const value = shape.read(node, reader);
      return value === null ? null : turn(value, node, reader);
    },
    schema: (parts) => shape.schema(parts),
  };
}

/** Short and long forms, told apart by what stands there: text, a list or a map. */
export function byKind<T>(
  forms: { readonly text?: Shape<T>; readonly list?: Shape<T>; readonly map?: Shape<T> },
  expected?: string,
): Shape<T> {
  const shapes = [forms.text, forms.list, forms.map].filter((shape) => shape !== undefined);
  const expects = expected ?? shapes.map((shape) => shape.expected).join(', or ');
  return {
    expected: expects,
    read(node, reader) {
      const shape = forms[node.kind];
      return shape === undefined ? unexpected(node, expects, reader) : shape.read(node, reader);
    },
    schema: (parts) => ({ anyOf: shapes.map((shape) => shape.schema(parts)) }),
  };
}

/** A part of the schema with a name of its own; lets shapes refer to themselves. */
export function named<T>(name: string, expected: string, make: () => Shape<T>): Shape<T> {
  let made: Shape<T> | undefined;
  const shape = (): Shape<T> => (made ??= make());
  return {
    expected,
    read: (node, reader) => shape().read(node, reader),
    schema: (parts) => parts.refer(name, () => shape().schema(parts)),
  };
}
