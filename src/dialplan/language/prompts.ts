import type { Place } from '../../base/diagnostic.js';
import type { Node } from '../../base/document.js';
import { constant, describe, named, unexpected, type Reader, type Shape } from '../../base/shape/index.js';
import type { Prompt, Template } from '../plan.js';
import { template } from './texts.js';

const AUDIO_FILE =
  /^[^\\:*?"<>|\s/][^\\:*?"<>|]*\.(wav|mp3|ogg|opus|flac|gsm|au|raw|sln|ulaw|alaw|pcmu|pcma|g722)$/i;
const LANGUAGE = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$/;
const EXPECTED = 'a prompt: a file such as welcome.wav, { say: TEXT }, or a list of these';

const places = new WeakMap<Prompt, Place>();

/** Where a prompt was written: the check for missing files points there. */
export function placeOfPrompt(prompt: Prompt): Place | undefined {
  return places.get(prompt);
}

const spoken = template({ expected: 'the text to say', maxLength: 2000 });

/** TEXT, or texts by language: `{ en: …, de: … }`. */
export const sayText: Shape<Template | Readonly<Record<string, Template>>> = {
  expected: 'a text, or a map of language to text such as { en: Hello, de: Hallo }',
  read(node, reader) {
    if (node.kind === 'text') return spoken.read(node, reader);
    if (node.kind === 'list') return unexpected(node, this.expected, reader);
    if (node.entries.length === 0)
      return reader.refuse(node, 'too-few', 'at least one language is expected here');
    const texts: Record<string, Template> = {};
    let failed = false;
    for (const { key, value } of node.entries) {
      const read = spoken.read(value, reader);
      if (!LANGUAGE.test(key.text)) {
        const hint = 'quote a text that holds a comma or a colon';
        reader.error(key.place, 'bad-language', `"${key.text}" is no language such as en or de-CH`, hint);
        failed = true;
      } else if (read === null) failed = true;
      else texts[key.text] = read;
    }
    return failed ? null : texts;
  },
  schema: (parts) => ({
    anyOf: [
      spoken.schema(parts),
      { type: 'object', additionalProperties: spoken.schema(parts), minProperties: 1 },
    ],
  }),
};

/** The name of an audio file, relative to the prompts' folder. */
export const audioFile: Shape<string> = {
  expected: 'the name of an audio file such as welcome.wav',
  read(node, reader) {
    const scalar = constant(node, this.expected, reader);
    if (scalar === null) return null;
    if (scalar.text.split(/[\\/]/).includes('..') || /^[\\/~]/.test(scalar.text)) {
      return reader.refuse(
        node,
        'bad-path',
        'prompt files are looked up under media.prompts: a name, not a path out of it',
      );
    }
    if (AUDIO_FILE.test(scalar.text)) return scalar.text;
    return unexpected(
      node,
      this.expected,
      reader,
      `to have it spoken, write { say: ${JSON.stringify(scalar.text)} }`,
    );
  },
  schema: () => ({ type: 'string' }),
};

/** PROMPT: `file.wav`, `{ file: }`, `{ say: }`, or a list. */
export const prompt: Shape<Prompt> = named('prompt', EXPECTED, () => ({
  expected: EXPECTED,
  read: readPrompt,
  schema: (parts) => ({
    description: 'A file such as welcome.wav, { say: TEXT }, or a list of these.',
    anyOf: [
      { type: 'string' },
      {
        type: 'object',
        properties: { file: { type: 'string' } },
        required: ['file'],
        additionalProperties: false,
      },
      {
        type: 'object',
        properties: { say: sayText.schema(parts) },
        required: ['say'],
        additionalProperties: false,
      },
      { type: 'array', items: prompt.schema(parts), minItems: 1 },
    ],
  }),
}));

function readPrompt(node: Node, reader: Reader): Prompt | null {
  const read = promptIn(node, reader);
  if (read !== null) places.set(read, node.place);
  return read;
}

function promptIn(node: Node, reader: Reader): Prompt | null {
  if (node.kind === 'list') {
    if (node.items.length === 0) return unexpected(node, EXPECTED, reader);
    const of = node.items.map((item) => readPrompt(item, reader));
    return of.includes(null) ? null : { kind: 'sequence', of: of as Prompt[] };
  }
  if (node.kind === 'text') {
    const file = audioFile.read(node, reader);
    return file === null ? null : { kind: 'file', file };
  }
  const [entry] = node.entries;
  if (
    entry === undefined ||
    node.entries.length > 1 ||
    (entry.key.text !== 'file' && entry.key.text !== 'say')
  ) {
    const key = node.entries.find((other) => other.key.text !== 'file' && other.key.text !== 'say')?.key;
    return reader.error(
      (key ?? node).place,
      'unexpected',
      `expected ${EXPECTED}, found ${describe(key ?? node)}`,
    );
  }
  if (entry.key.text === 'file') {
    const file = audioFile.read(entry.value, reader);
    return file === null ? null : { kind: 'file', file };
  }
  const text = sayText.read(entry.value, reader);
  return text === null ? null : { kind: 'say', text };
}
