import type { Node } from '../../base/document.js';
import { constant, unexpected, type Reader, type SchemaParts, type Shape } from '../../base/shape/index.js';
import { parsePattern, type NumberPattern } from '../../numbers/index.js';
import type { Matcher } from '../plan.js';

const PATTERN_EXPECTED =
  'a number, a range lo..hi, a prefix such as +1202*, or a pattern such as +1202555xxxx';

/** A pattern of numbers: exact, `lo..hi`, `prefix*`, or of fixed length with `x` and `[2-9]`. */
export const numberPattern: Shape<NumberPattern> = {
  expected: PATTERN_EXPECTED,
  read(node, reader) {
    const scalar = constant(node, PATTERN_EXPECTED, reader);
    if (scalar === null) return null;
    const pattern = parsePattern(scalar.text);
    if (!('error' in pattern)) return pattern;
    return reader.refuse(
      node,
      'bad-pattern',
      `"${scalar.text}" is no pattern: ${pattern.error}`,
      hintFor(scalar.text),
    );
  },
  schema: () => ({ type: ['string', 'number'] }),
};

function hintFor(written: string): string | undefined {
  if (/^\d[.,]?\d*E\+?\d+$/i.test(written))
    return 'a spreadsheet turned the number into 4.93E+11; write it as text';
  if (/^[^.]+\.[^.]+$|^[^.]+\.{3,}/.test(written)) return 'a range is written lo..hi, with two dots';
  return undefined;
}

/** What the fact that is compared holds: a number, a word out of a set, or anything. */
export type Compared = 'number' | 'free';

/**
 * A PATTERN: a pattern of numbers, `anonymous`, `{ list: NAME }`, `{ site: NAME }`, or a list of these.
 * Where the fact may hold anything (`free`), a text that is no pattern of numbers is compared whole.
 */
export function pattern(
  compared: Compared = 'number',
  extra: { readonly trunk?: boolean } = {},
): Shape<Matcher> {
  const forms =
    extra.trunk === true
      ? '{ list: NAME }, { site: NAME }, { trunk: NAME }'
      : '{ list: NAME }, { site: NAME }';
  const expected = `${compared === 'number' ? PATTERN_EXPECTED : 'a text or a pattern of numbers'}, anonymous, ${forms}, or a list of these`;
  const one = (node: Node, reader: Reader): Matcher | null => {
    if (node.kind === 'map') return readNamed(node, reader, expected, extra.trunk === true);
    const scalar = constant(node, expected, reader);
    if (scalar === null) return null;
    if (scalar.text === 'anonymous') return { kind: 'anonymous' };
    if (compared === 'free') {
      const parsed = parsePattern(scalar.text);
      if (!('error' in parsed)) return { kind: 'number', pattern: parsed };
      if (!scalar.text.endsWith('*')) return { kind: 'text', text: scalar.text };
      return reader.refuse(node, 'bad-pattern', `"${scalar.text}" is no pattern: only numbers have prefixes`);
    }
    const read = numberPattern.read(node, reader);
    return read === null ? null : { kind: 'number', pattern: read };
  };
  return {
    expected,
    read(node, reader) {
      if (node.kind !== 'list') return one(node, reader);
      if (node.items.length === 0)
        return reader.refuse(node, 'too-few', 'at least one pattern is expected here');
      const of = node.items.map((item) => one(item, reader));
      return of.includes(null) ? null : { kind: 'any', of: of as Matcher[] };
    },
    schema: (parts) => {
      const single = parts.refer(extra.trunk === true ? 'pattern-or-trunk' : 'pattern', () =>
        patternSchema(extra.trunk === true),
      );
      return { anyOf: [single, { type: 'array', items: single, minItems: 1 }] };
    },
  };
}

function patternSchema(trunk: boolean): Record<string, unknown> {
  const name = { type: ['string', 'number'] };
  const forms = ['list', 'site', ...(trunk ? ['trunk'] : [])];
  return {
    description:
      'A number, a range lo..hi, a prefix such as +1202*, a pattern such as +1202555xxxx, anonymous, a list or a site.',
    anyOf: [
      name,
      ...forms.map((form) => ({
        type: 'object',
        properties: { [form]: name },
        required: [form],
        additionalProperties: false,
      })),
    ],
  };
}

function readNamed(
  node: Node & { kind: 'map' },
  reader: Reader,
  expected: string,
  trunk: boolean,
): Matcher | null {
  const [entry] = node.entries;
  const key = entry?.key.text;
  if (
    entry === undefined ||
    node.entries.length !== 1 ||
    (key !== 'list' && key !== 'site' && !(trunk && key === 'trunk'))
  ) {
    const wrong = node.entries.find(({ key: other }) => other.text !== 'list' && other.text !== 'site');
    return unexpected(wrong?.key ?? node, expected, reader);
  }
  const scalar = constant(entry.value, `the name of a ${key}`, reader);
  if (scalar === null) return null;
  const name = reader.names === undefined ? scalar.text : reader.names.resolve(key, scalar, reader);
  if (name === null) return null;
  return key === 'trunk' ? { kind: 'text', text: name } : { kind: key, name };
}

/** A name of something that a fact holds (`trunk`, `site`, `device`): known ones only, one or a list. */
export function nameMatcher(kind: string): Shape<Matcher> {
  const expected = `the name of a ${kind}, or a list of these`;
  const one = (node: Node, reader: Reader): Matcher | null => {
    const scalar = constant(node, expected, reader);
    if (scalar === null) return null;
    const name = reader.names === undefined ? scalar.text : reader.names.resolve(kind, scalar, reader);
    return name === null ? null : { kind: 'text', text: name };
  };
  return someOf(expected, one, () => ({ type: ['string', 'number'] }));
}

/** One of a set of words, or a list of these, as a matcher. */
export function wordMatcher(words: readonly string[]): Shape<Matcher> {
  const expected = `one of ${words.join(', ')}, or a list of these`;
  const one = (node: Node, reader: Reader): Matcher | null => {
    const scalar = constant(node, expected, reader);
    if (scalar === null) return null;
    return words.includes(scalar.text)
      ? { kind: 'text', text: scalar.text }
      : unexpected(node, expected, reader);
  };
  return someOf(expected, one, () => ({ enum: words }));
}

/** Any text, or a list of texts, as a matcher. */
export function textMatcher(): Shape<Matcher> {
  const expected = 'a text, or a list of these';
  const one = (node: Node, reader: Reader): Matcher | null => {
    const scalar = constant(node, expected, reader);
    return scalar === null ? null : { kind: 'text', text: scalar.text };
  };
  return someOf(expected, one, () => ({ type: ['string', 'number'] }));
}

function someOf(
  expected: string,
  one: (node: Node, reader: Reader) => Matcher | null,
  schema: (parts: SchemaParts) => Record<string, unknown>,
): Shape<Matcher> {
  return {
    expected,
    read(node, reader) {
      if (node.kind !== 'list') return one(node, reader);
      if (node.items.length === 0)
        return reader.refuse(node, 'too-few', `expected ${expected}, found an empty list`);
      const of = node.items.map((item) => one(item, reader));
      return of.includes(null) ? null : { kind: 'any', of: of as Matcher[] };
    },
    schema: (parts) => ({ anyOf: [schema(parts), { type: 'array', items: schema(parts), minItems: 1 }] }),
  };
}
