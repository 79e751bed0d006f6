import {
  boolean,
  byKind,
  duration,
  entries,
  fields,
  integer,
  list,
  mapped,
  oneWordOf,
  reference,
  text,
  type Shape,
} from '../../base/shape/index.js';
import type { Step } from '../plan.js';
import { audioFile } from './prompts.js';
import { target } from './targets.js';
import { callerId, numberTemplate, template } from './texts.js';
import { defineVerb, type VerbDefinition } from './verb.js';

type ExtensionValue = Extract<Step, { verb: 'extension' }>['extension'];

const dnisDigits: Shape<number | 'rest'> = {
  expected: 'how many of the last digits (1 to 15), or rest',
  read: (node, reader) =>
    node.kind === 'text' && node.text === 'rest' ? 'rest' : integer({ min: 1, max: 15 }).read(node, reader),
  schema: () => ({ anyOf: [{ const: 'rest' }, { type: ['integer', 'string'] }] }),
};

const extensionValue: Shape<ExtensionValue> = byKind<ExtensionValue>(
  {
    text: mapped(reference('extension'), (name) => ({ kind: 'name', name })),
    map: mapped(
      fields({
        dnis: {
          shape: dnisDigits,
          doc: 'The last N digits of the number called, or `rest`: what follows the fixed part of the rule’s pattern.',
          required: true,
        },
        prefix: {
          shape: text({ digits: true, pattern: /^[0-9*#]{1,15}$/, expected: 'digits' }),
          doc: 'Digits put before.',
        },
      }),
      (read) => ({ kind: 'dnis', digits: read.dnis, prefix: read.prefix ?? '' }),
    ),
  },
  'an extension, or { dnis: 3 }',
);

const headerName = text({
  pattern: /^[A-Za-z0-9.!%*_+`'~-]{1,64}$/,
  expected: 'a header name such as X-Account',
});

/** Headers a dialplan may not write: the call's own machinery depends on them. */
const OWN_HEADERS = new Set([
  'via',
  'from',
  'to',
  'call-id',
  'cseq',
  'contact',
  'max-forwards',
  'route',
  'record-route',
  'content-length',
  'content-type',
  'authorization',
  'proxy-authorization',
  'require',
  'supported',
  'rack',
  'rseq',
  'session-expires',
  'min-se',
]);

const freeHeaderName = mapped(headerName, (name, node, reader) =>
  OWN_HEADERS.has(name.toLowerCase())
    ? reader.refuse(node, 'own-header', `the header "${name}" is written by the server itself`)
    : name,
);

const rounds = {
  shape: integer({ min: 1, max: 20 }),
  doc: 'How often the targets are gone through.',
  default: '1',
} as const;
const ringTime = duration({ minMs: 1000, maxMs: 3_600_000 });

export const skillsShape = mapped(
  entries(
    text({ pattern: /^[a-z0-9][a-z0-9_-]{0,31}$/i, expected: 'the name of a skill' }),
    integer({ min: 0, max: 10 }),
  ),
  (read) => Object.fromEntries(read.map(({ key, value }) => [key, value])),
);

export const connectVerbs: readonly VerbDefinition[] = [
  defineVerb({
    verb: 'extension',
    doc: 'Calls an extension, its forwards included.',
    value: extensionValue,
    connects: true,
    outcomes: ['busy', 'no-answer', 'declined', 'unreachable', 'unknown', 'limited'],
    fields: {
      for: { shape: ringTime, doc: 'Rings at most so long. Default: the extension’s own `for`.' },
      'caller-id': { shape: callerId, doc: 'What the extension is shown.', default: 'keep' },
      forwards: { shape: boolean(), doc: 'Whether the extension’s forwards apply.', default: 'true' },
    },
    make: (extension, read, common) => ({
      ...common,
      verb: 'extension',
      extension,
      ...(read.for !== undefined && { forMs: read.for }),
      callerId: read['caller-id'],
      forwards: read.forwards,
    }),
  }),
  defineVerb({
    verb: 'ring',
    doc: 'Rings several targets, together or in turn. Their forwards and voicemail never apply.',
    value: list(target, { min: 1, max: 100, single: true }),
    connects: true,
    outcomes: ['busy', 'no-answer', 'declined', 'unreachable', 'limited'],
    fields: {
      how: {
        shape: oneWordOf('all', 'in-order', 'round-robin', 'random'),
        doc: 'All at once, or in which order.',
        default: 'all',
      },
      for: {
        shape: ringTime,
        doc: 'With `how: all` the time in all, else that of each target.',
        default: '20s',
      },
      rounds,
      decline: {
        shape: oneWordOf('skip', 'stop'),
        doc: 'Whether one who declines is skipped or ends the step.',
        default: 'skip',
      },
      'caller-id': { shape: callerId, doc: 'What the targets are shown.', default: 'keep' },
      music: {
        shape: ringbackOrFile(),
        doc: 'What the caller hears: `ringback`, or an audio file.',
        default: 'ringback',
      },
    },
    make: (targets, read, common) => ({
      ...common,
      verb: 'ring',
      targets,
      how: read.how,
      forMs: read.for,
      rounds: read.rounds,
      decline: read.decline,
      callerId: read['caller-id'],
      music: read.music,
    }),
  }),
  defineVerb({
    verb: 'trunk',
    doc: 'Calls out over a trunk, or the first of several that takes the call.',
    value: list(reference('trunk'), { min: 1, max: 20, single: true }),
    connects: true,
    outcomes: ['busy', 'no-answer', 'declined', 'unreachable', 'unknown', 'limited'],
    fields: {
      number: { shape: numberTemplate, doc: 'The number asked for.', default: '${did}' },
      'caller-id': { shape: callerId, doc: 'The number shown.', default: 'keep' },
      headers: {
        shape: entries(freeHeaderName, template({ empty: true, maxLength: 512 })),
        doc: 'Further SIP headers of the call.',
        default: {},
      },
      for: { shape: ringTime, doc: 'Rings at most so long.', default: '60s' },
      fax: { shape: boolean(), doc: 'The call is a fax: T.38 is let through.', default: 'false' },
    },
    make: (trunks, read, common) => ({
      ...common,
      verb: 'trunk',
      trunks,
      number: read.number,
      callerId: read['caller-id'],
      headers: read.headers.map(({ key, value }) => [key, value] as const),
      forMs: read.for,
      fax: read.fax,
    }),
  }),
  defineVerb({
    verb: 'queue',
    doc: 'Waits in a queue for an agent. Answers the call, unless the queue is full or empty on entry.',
    value: reference('queue'),
    connects: true,
    outcomes: ['full', 'empty', 'timeout'],
    fields: {
      priority: { shape: integer({ min: 0, max: 1000 }), doc: 'Higher is served first.', default: '0' },
      skills: { shape: skillsShape, doc: 'Least skills the agent must have, 0 to 10.', default: {} },
      'max-wait': { shape: duration({ minMs: 1000 }), doc: 'Longest wait. Default: the queue’s.' },
    },
    make: (queue, read, common) => ({
      ...common,
      verb: 'queue',
      queue,
      priority: read.priority,
      skills: read.skills,
      ...(read['max-wait'] !== undefined && { maxWaitMs: read['max-wait'] }),
    }),
  }),
];

function ringbackOrFile(): Shape<string> {
  return {
    expected: 'ringback, or the name of an audio file',
    read: (node, reader) =>
      node.kind === 'text' && node.text === 'ringback' ? 'ringback' : audioFile.read(node, reader),
    schema: () => ({ type: 'string' }),
  };
}
