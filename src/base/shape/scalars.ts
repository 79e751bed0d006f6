import { parseDurationMs } from '../duration.js';
import type { Node, TextNode } from '../document.js';
import { didYouMean, unexpected, type JsonSchema, type Reader, type Shape } from './shape.js';

export interface TextOptions {
  /** The whole text must match. Keep it linear: no nested repetition. */
  readonly pattern?: RegExp;
  readonly expected?: string;
  /** Digits are meant, so an editor should not mind a number; nor does it where there is no pattern. */
  readonly digits?: boolean;
  /** Default 4096. */
  readonly maxLength?: number;
  /** An empty text is a value too. Default false. */
  readonly empty?: boolean;
}

/** Text without variables of a call. */
export function text(options: TextOptions = {}): Shape<string> {
  const expected = options.expected ?? 'text';
  const maxLength = options.maxLength ?? 4096;
  return {
    expected,
    read(node, reader) {
      const scalar = constant(node, expected, reader, options.empty ?? false);
      if (scalar === null) return null;
      if (scalar.text.length > maxLength) {
        return reader.refuse(node, 'too-long', `a text of at most ${maxLength} characters is expected here`);
      }
      if (options.pattern !== undefined && !options.pattern.test(scalar.text))
        return unexpected(node, expected, reader);
      return scalar.text;
    },
    schema: () => ({
      type: options.digits === true || options.pattern === undefined ? ['string', 'number'] : 'string',
      // An editor cannot know what is put in from the environment, nor does a schema know flags.
      ...(options.pattern?.flags === '' && { pattern: orEnvironment(options.pattern.source) }),
    }),
  };
}

/** A schema's pattern, or a text that the environment completes. */
function orEnvironment(pattern: string): string {
  return `${pattern}|\\$\\{[A-Z_]`;
}

/** A scalar without variables; refuses others. Shapes of fields build on it. */
export function constant(node: Node, expected: string, reader: Reader, empty = false): TextNode | null {
  if (node.kind !== 'text') return unexpected(node, expected, reader);
  if (node.parts !== undefined) {
    const variable = node.parts.find((part) => typeof part !== 'string')?.variable ?? '';
    const message = `a call's variable ("\${${variable}}") cannot stand here`;
    return reader.refuse(
      node,
      'variable-here',
      message,
      'variables may stand in text, number, header and URL fields',
    );
  }
  if (node.text === '' && !(empty && node.quoted)) return unexpected(node, expected, reader);
  return node;
}

/** A shape over text, turned into a value; `parse` returns undefined for what is not one. */
export function parsed<T>(
  expected: string,
  parse: (text: string) => T | undefined,
  schema: JsonSchema = { type: 'string' },
): Shape<T> {
  return {
    expected,
    read(node, reader) {
      const scalar = constant(node, expected, reader);
      if (scalar === null) return null;
      const value = parse(scalar.text);
      return value === undefined ? unexpected(node, expected, reader) : value;
    },
    schema: () => schema,
  };
}

/** `true` or `false`. */
export function boolean(): Shape<boolean> {
  return {
    expected: 'true or false',
    read(node, reader) {
      const scalar = constant(node, 'true or false', reader);
      if (scalar === null) return null;
      if (scalar.text === 'true') return true;
      if (scalar.text === 'false') return false;
      const meant = /^(yes|on|y)$/i.test(scalar.text)
        ? 'true'
        : /^(no|off|n)$/i.test(scalar.text)
          ? 'false'
          : undefined;
      return unexpected(node, 'true or false', reader, meant === undefined ? undefined : `write ${meant}`);
    },
    schema: () => ({ type: 'boolean' }),
  };
}

export interface IntegerOptions {
  readonly min?: number;
  readonly max?: number;
}

/** A whole number in decimal digits. */
export function integer(options: IntegerOptions = {}): Shape<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  return parsed(
    `a whole number ${range}`,
    (written) => {
      if (!/^-?\d{1,15}$/.test(written)) return undefined;
      const value = Number(written);
      return value < min || value > max ? undefined : value;
    },
    {
      anyOf: [
        { type: 'integer', minimum: min, maximum: max },
        { type: 'string', pattern: orEnvironment('^-?[0-9]{1,15}$') },
      ],
    },
  );
}

/** `20s`, `5m`, `1h`, `400d`, `250ms`: milliseconds. */
export function duration(options: { readonly minMs?: number; readonly maxMs?: number } = {}): Shape<number> {
  return parsed(
    'a duration such as 250ms, 20s, 5m, 1h or 7d',
    (written) => {
      const ms = parseDurationMs(written);
      if (ms === undefined || ms < (options.minMs ?? 0) || ms > (options.maxMs ?? Infinity)) return undefined;
      return ms;
    },
    { type: 'string', pattern: orEnvironment('^[0-9]{1,9}(ms|s|m|h|d)$') },
  );
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** `10MB`, `512kB`, `1GiB`: bytes. */
export function size(): Shape<number> {
  return parsed(
    'a size such as 512kB, 10MB or 1GiB',
    (written) => {
      const match = /^(\d{1,9})(B|kB|KB|MB|GB|KiB|MiB|GiB)$/.exec(written);
      return match === null ? undefined : Number(match[1]) * SIZE_UNITS[match[2]!]!;
    },
    { type: 'string', pattern: orEnvironment('^[0-9]{1,9}(B|kB|KB|MB|GB|KiB|MiB|GiB)$') },
  );
}

const RATE_UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** `20/s`, `100/m`, `1000/h`: events a second (a fraction for `/m` and `/h`). */
export function rate(): Shape<number> {
  return parsed(
    'a rate such as 20/s or 100/m',
    (written) => {
      const match = /^(\d{1,9})\/(s|m|h)$/.exec(written);
      return match === null ? undefined : Number(match[1]) / RATE_UNITS[match[2]!]!;
    },
    { type: 'string', pattern: orEnvironment('^[0-9]{1,9}/(s|m|h)$') },
  );
}

/** One of the words given. */
export function oneWordOf<const W extends string>(...words: readonly W[]): Shape<W> {
  const expected = words.length === 1 ? `"${words[0] ?? ''}"` : `one of ${words.join(', ')}`;
  return {
    expected,
    read(node, reader) {
      const scalar = constant(node, expected, reader);
      if (scalar === null) return null;
      const word = words.find((candidate) => candidate === scalar.text);
      return word ?? unexpected(node, expected, reader, didYouMean(scalar.text, words));
    },
    schema: () => ({ enum: words }),
  };
}

/** A name that stands for something defined elsewhere; read as its full name. */
export function reference(kind: string, expected = `the name of a ${kind}`): Shape<string> {
  return {
    expected,
    read(node, reader) {
      const scalar = constant(node, expected, reader);
      if (scalar === null) return null;
      return reader.names === undefined ? scalar.text : reader.names.resolve(kind, scalar, reader);
    },
    schema: () => ({ type: ['string', 'number'] }),
  };
}
