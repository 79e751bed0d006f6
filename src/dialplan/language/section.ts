import type { Place } from '../../base/diagnostic.js';
import { unexpected, type Reader, type Shape, type SchemaParts } from '../../base/shape/index.js';
import type { Node, TextNode } from '../../base/document.js';
import { contextOf, fullName, NAME_PATTERN } from './names.js';

/** Where and under which name a definition stands. */
export interface Heading {
  /** With the tenant before it. */
  readonly name: string;
  /** As written. */
  readonly bare: string;
  readonly place: Place;
  readonly tenant?: string;
  readonly reader: Reader;
  readonly node: Node;
}

/** A top-level map of an admin's own names to definitions. */
export function section<T, D>(
  what: string,
  shape: Shape<T>,
  build: (read: T, heading: Heading) => D | null,
  checkName: (key: TextNode, reader: Reader) => boolean = checkPlainName,
): Shape<readonly D[]> {
  const expected = `a map of names to ${what}`;
  return {
    expected,
    read(node, reader) {
      if (node.kind === 'text' && node.text === '' && !node.quoted) return [];
      if (node.kind !== 'map') return unexpected(node, expected, reader);
      const { tenant } = contextOf(reader);
      const definitions: D[] = [];
      let failed = false;
      for (const { key, value } of node.entries) {
        const named = checkName(key, reader);
        const read = shape.read(value, reader);
        if (!named || read === null) {
          failed = true;
          continue;
        }
        const definition = build(read, {
          name: fullName(tenant, key.text),
          bare: key.text,
          place: key.place,
          ...(tenant !== undefined && { tenant }),
          reader,
          node: value,
        });
        if (definition === null) failed = true;
        else definitions.push(definition);
      }
      return failed ? null : definitions;
    },
    schema: (parts: SchemaParts) => ({ type: 'object', additionalProperties: shape.schema(parts) }),
  };
}

/** Letters, digits and `_ . -`. */
export function checkPlainName(key: TextNode, reader: Reader): boolean {
  if (NAME_PATTERN.test(key.text)) return true;
  reader.refuse(
    key,
    'bad-name',
    `"${key.text}" cannot be a name: letters, digits, "_", "." and "-" can (at most 64)`,
  );
  return false;
}
