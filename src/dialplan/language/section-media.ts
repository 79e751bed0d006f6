import {
  boolean,
  byKind,
  constant,
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
import type { MenuDefinition, QueueAgent, QueueDefinition, SurveyDefinition } from '../plan.js';
import { pattern } from './patterns.js';
import { audioFile, prompt } from './prompts.js';
import { section } from './section.js';
import { steps } from './steps.js';
import { skillsShape } from './verbs-connect.js';
import { digitCount } from './verbs-media.js';

const menuKey = text({ pattern: /^[0-9*#]{1,8}$/, expected: 'a key: digits, * or #', digits: true });

export const menusSection = section(
  'menus',
  fields({
    prompt: { shape: prompt, doc: 'What the caller hears.', required: true },
    keys: { shape: entries(menuKey, steps, { min: 1 }), doc: 'Steps by what is pressed.', required: true },
    timeout: {
      shape: duration({ minMs: 500, maxMs: 120_000 }),
      doc: 'How long the first key may take.',
      default: '5s',
    },
    attempts: {
      shape: integer({ min: 1, max: 10 }),
      doc: 'How often the menu is played, the first time included.',
      default: '3',
    },
    'digit-timeout': {
      shape: duration({ minMs: 500, maxMs: 60_000 }),
      doc: 'How long a further key may take.',
      default: '2s',
    },
    'barge-in': { shape: boolean(), doc: 'Keys count while the prompt plays.', default: 'true' },
    'dial-extension': {
      shape: boolean(),
      doc: 'An extension’s number may be dialled too.',
      default: 'false',
    },
    'no-input': { shape: prompt, doc: 'Played when nothing was pressed, before the next attempt.' },
    invalid: { shape: prompt, doc: 'Played after a wrong key, before the next attempt.' },
    otherwise: { shape: steps, doc: 'Steps when the last attempt failed and the calling step says nothing.' },
    'if-no-input': { shape: steps, doc: 'Steps when at last nothing was pressed.' },
    'if-invalid': { shape: steps, doc: 'Steps when at last a wrong key was pressed.' },
  }),
  (read, { name, place }): MenuDefinition => ({
    place,
    name,
    prompt: read.prompt,
    keys: Object.fromEntries(read.keys.map(({ key, value }) => [key, value])),
    timeoutMs: read.timeout,
    attempts: read.attempts,
    digitTimeoutMs: read['digit-timeout'],
    bargeIn: read['barge-in'],
    dialExtension: read['dial-extension'],
    ...(read['no-input'] !== undefined && { noInput: read['no-input'] }),
    ...(read.invalid !== undefined && { invalid: read.invalid }),
    ...(read.otherwise !== undefined && { otherwise: read.otherwise }),
    ifOutcome: {
      ...(read['if-no-input'] !== undefined && { 'no-input': read['if-no-input'] }),
      ...(read['if-invalid'] !== undefined && { invalid: read['if-invalid'] }),
    },
  }),
);

const agent: Shape<QueueAgent> = byKind<QueueAgent>(
  {
    text: mapped(reference('extension'), (extension) => ({ extension, tier: 1, penalty: 0, skills: {} })),
    map: fields({
      extension: { shape: reference('extension'), doc: 'The agent’s extension.', required: true },
      tier: { shape: integer({ min: 1, max: 100 }), doc: 'Lower tiers are asked first.', default: '1' },
      penalty: {
        shape: integer({ min: 0, max: 1000 }),
        doc: 'Within a tier, lower goes first.',
        default: '0',
      },
      skills: { shape: skillsShape, doc: 'What the agent can do, 0 to 10.', default: {} },
    }),
  },
  'an extension, or { extension: "201", tier: 2 }',
);

const announce = fields({
  position: { shape: boolean(), doc: 'Tells the place in the queue.', default: 'false' },
  wait: { shape: boolean(), doc: 'Tells the expected wait.', default: 'false' },
  every: { shape: duration({ minMs: 5000 }), doc: 'How often.', default: '60s' },
});

const callback = fields({
  after: { shape: duration(), doc: 'Offered after so long a wait.', default: '60s' },
  key: {
    shape: text({ pattern: /^[0-9*#]$/, expected: 'one key', digits: true }),
    doc: 'The key that asks for it.',
    default: '1',
  },
});

export const queuesSection = section(
  'queues',
  fields({
    strategy: {
      shape: oneWordOf(
        'ring-all',
        'round-robin',
        'longest-idle',
        'fewest-calls',
        'random',
        'top-down',
        'skills',
      ),
      doc: 'Which free agent is rung.',
      default: 'longest-idle',
    },
    agents: { shape: list(agent, { single: true }), doc: 'Who takes its calls.', default: [] },
    music: { shape: audioFile, doc: 'Played while waiting.' },
    announce: { shape: announce, doc: 'What the waiting are told.' },
    'ring-for': { shape: duration({ minMs: 1000 }), doc: 'How long an agent is rung.', default: '15s' },
    'wrap-up': { shape: duration(), doc: 'Rest after a call.', default: '0s' },
    'max-wait': { shape: duration({ minMs: 1000 }), doc: 'Longest wait. Default: none.' },
    'max-callers': {
      shape: integer({ min: 1, max: 100_000 }),
      doc: 'Most callers waiting; more find it full. Default: none.',
    },
    callback: { shape: callback, doc: 'Lets callers hang up and keep their place.' },
    'service-level': {
      shape: duration(),
      doc: 'Answered within this counts as good service.',
      default: '20s',
    },
    relax: {
      shape: list(
        fields({
          after: { shape: duration(), doc: 'After so long a wait,', required: true },
          skills: { shape: skillsShape, doc: 'these skills are enough.', required: true },
        }),
      ),
      doc: 'Lower demands the longer a caller waits.',
      default: [],
    },
    overflow: {
      shape: list(
        fields({
          after: { shape: duration(), doc: 'After so long a wait,', required: true },
          also: { shape: reference('queue'), doc: 'the agents of this queue are asked too.', required: true },
        }),
      ),
      doc: 'Further agents the longer a caller waits.',
      default: [],
    },
    otherwise: { shape: steps, doc: 'Steps when it fails and the calling step says nothing.' },
    'if-full': { shape: steps, doc: 'Steps when too many wait.' },
    'if-empty': { shape: steps, doc: 'Steps when no agent is logged in.' },
    'if-timeout': { shape: steps, doc: 'Steps after max-wait.' },
  }),
  (read, { name, place }): QueueDefinition => ({
    place,
    name,
    strategy: read.strategy,
    agents: read.agents,
    ...(read.music !== undefined && { music: read.music }),
    ...(read.announce !== undefined && {
      announce: { position: read.announce.position, wait: read.announce.wait, everyMs: read.announce.every },
    }),
    ringForMs: read['ring-for'],
    wrapUpMs: read['wrap-up'],
    ...(read['max-wait'] !== undefined && { maxWaitMs: read['max-wait'] }),
    ...(read['max-callers'] !== undefined && { maxCallers: read['max-callers'] }),
    ...(read.callback !== undefined && {
      callback: { afterMs: read.callback.after, key: read.callback.key },
    }),
    serviceLevelMs: read['service-level'],
    relax: read.relax.map(({ after, skills }) => ({ afterMs: after, skills })),
    overflow: read.overflow.map(({ after, also }) => ({ afterMs: after, also })),
    ...(read.otherwise !== undefined && { otherwise: read.otherwise }),
    ifOutcome: {
      ...(read['if-full'] !== undefined && { full: read['if-full'] }),
      ...(read['if-empty'] !== undefined && { empty: read['if-empty'] }),
      ...(read['if-timeout'] !== undefined && { timeout: read['if-timeout'] }),
    },
  }),
);

const surveyDigits: Shape<number> = {
  expected: 'how many digits (1 to 32)',
  read(node, reader) {
    const scalar = constant(node, this.expected, reader);
    if (scalar === null) return null;
    return mapped(digitCount, ({ max }) => max).read(scalar, reader);
  },
  schema: () => ({ anyOf: [{ type: 'integer', minimum: 1, maximum: 32 }, { type: 'string' }] }),
};

export const surveysSection = section(
  'surveys',
  fields({
    ask: { shape: prompt, doc: 'The question.', required: true },
    digits: { shape: surveyDigits, doc: 'How many digits the answer has.', default: '1' },
    accept: { shape: pattern(), doc: 'What counts as an answer. Default: anything of that length.' },
  }),
  (read, { name, place }): SurveyDefinition => ({
    name,
    place,
    ask: read.ask,
    digits: read.digits,
    ...(read.accept !== undefined && { accept: read.accept }),
  }),
);
