import {
  boolean,
  duration,
  integer,
  mapped,
  oneWordOf,
  parsed,
  reference,
  text,
  type Fields,
  type Shape,
} from '../../base/shape/index.js';
import { pattern } from './patterns.js';
import { prompt, sayText } from './prompts.js';
import { defineVerb, type VerbDefinition } from './verb.js';
import { READ_ONLY_FACTS, VARIABLE_PATTERN } from './words.js';

/** The name of a variable that a step may write. */
export const variableName: Shape<string> = mapped(
  text({ expected: 'the name of a variable: lower-case letters, digits and -' }),
  (name, node, reader) => {
    if (READ_ONLY_FACTS.includes(name) || name.startsWith('row.')) {
      return reader.refuse(node, 'read-only', `"${name}" is a fact of the call and cannot be set`);
    }
    if (VARIABLE_PATTERN.test(name)) return name;
    return reader.refuse(
      node,
      'bad-name',
      `"${name}" is no name of a variable: lower-case letters, digits and - are`,
    );
  },
);

const endKey = text({
  pattern: /^[0-9*#]?$/,
  expected: 'one key (0-9, * or #), or "" for none',
  digits: true,
  empty: true,
});

/** `4` or `1..32`: how many digits. */
export const digitCount = parsed(
  'how many digits (1 to 32): 4, or 1..32',
  (written) => {
    const match = /^(\d{1,2})(?:\.\.(\d{1,2}))?$/.exec(written);
    if (match === null) return undefined;
    const min = Number(match[1]);
    const max = Number(match[2] ?? match[1]);
    return min < 1 || max > 32 || min > max ? undefined : { min, max };
  },
  { type: ['string', 'number'], pattern: '^[0-9]{1,2}([.][.][0-9]{1,2})?$' },
);

const played = {
  early: { shape: boolean(), doc: 'Played before the call is answered (183).', default: 'false' },
  times: { shape: integer({ min: 1, max: 100 }), doc: 'How often.', default: '1' },
} as const;

const recordFields = {
  to: {
    shape: reference('mailbox'),
    doc: 'message: the mailbox that keeps it. Default: only the call’s record does.',
  },
  prompt: { shape: prompt, doc: 'message: what is heard before the tone.' },
  max: { shape: duration({ minMs: 1000, maxMs: 3_600_000 }), doc: 'message: longest recording. Default 2m.' },
  silence: { shape: duration({ minMs: 500 }), doc: 'message: so long a silence ends it. Default 5s.' },
  end: { shape: endKey, doc: 'message: the key that ends it. Default "#".' },
  notice: { shape: prompt, doc: 'start: what both sides hear first.' },
} as const;

type RecordFields = Fields<typeof recordFields>;

export const mediaVerbs: readonly VerbDefinition[] = [
  defineVerb({
    verb: 'menu',
    doc: 'Plays a menu and goes where the caller presses.',
    value: reference('menu'),
    outcomes: ['no-input', 'invalid'],
    make: (menu, _, common) => ({ ...common, verb: 'menu', menu }),
  }),
  defineVerb({
    verb: 'voicemail',
    doc: 'Takes a message into a mailbox and ends the call.',
    value: reference('mailbox'),
    outcomes: ['full'],
    fields: {
      greeting: { shape: prompt, doc: 'Played before the tone. Default: the mailbox’s greeting.' },
      max: { shape: duration({ minMs: 1000, maxMs: 3_600_000 }), doc: 'Longest message.', default: '3m' },
    },
    make: (mailbox, read, common) => ({
      ...common,
      verb: 'voicemail',
      mailbox,
      ...(read.greeting !== undefined && { greeting: read.greeting }),
      maxMs: read.max,
    }),
  }),
  defineVerb({
    verb: 'play',
    doc: 'Plays a prompt. What cannot be played is skipped with an alarm.',
    value: prompt,
    fields: played,
    make: (value, read, common) => ({
      ...common,
      verb: 'play',
      prompt: value,
      early: read.early,
      times: read.times,
    }),
  }),
  defineVerb({
    verb: 'say',
    doc: 'Speaks a text, or the one of the call’s language.',
    value: sayText,
    fields: played,
    make: (value, read, common) => ({
      ...common,
      verb: 'say',
      prompt: { kind: 'say', text: value },
      early: read.early,
      times: read.times,
    }),
  }),
  defineVerb({
    verb: 'collect',
    doc: 'Takes digits from the caller into a variable.',
    value: variableName,
    outcomes: ['no-input', 'invalid'],
    fields: {
      prompt: { shape: prompt, doc: 'What the caller hears first.' },
      digits: { shape: digitCount, doc: 'How many: a number or lo..hi.', default: '1..32' },
      end: { shape: endKey, doc: 'The key that ends the entry; "" for none.', default: '#' },
      timeout: {
        shape: duration({ minMs: 500, maxMs: 120_000 }),
        doc: 'How long the first digit may take.',
        default: '5s',
      },
      'digit-timeout': {
        shape: duration({ minMs: 500, maxMs: 60_000 }),
        doc: 'And each further one.',
        default: '3s',
      },
      attempts: {
        shape: integer({ min: 1, max: 10 }),
        doc: 'How often the caller may try, the first included.',
        default: '3',
      },
      accept: { shape: pattern(), doc: 'What counts as valid. Default: anything of that length.' },
      secret: { shape: boolean(), doc: 'Never logged or recorded.', default: 'false' },
    },
    make: (variable, read, common) => ({
      ...common,
      verb: 'collect',
      variable,
      ...(read.prompt !== undefined && { prompt: read.prompt }),
      minDigits: read.digits.min,
      maxDigits: read.digits.max,
      end: read.end,
      timeoutMs: read.timeout,
      digitTimeoutMs: read['digit-timeout'],
      attempts: read.attempts,
      ...(read.accept !== undefined && { accept: read.accept }),
      secret: read.secret,
    }),
  }),
  defineVerb({
    verb: 'record',
    doc: 'Records a message, or starts, pauses or stops recording the call.',
    value: oneWordOf('message', 'start', 'pause', 'stop'),
    outcomes: ['no-input', 'full'],
    fields: recordFields,
    make: (what, read, common, node, reader) => {
      const misplaced = misplacedRecordField(what, read);
      if (misplaced !== undefined) {
        return reader.refuse(node, 'unknown-key', `"${misplaced}" is no field of record: ${what}`);
      }
      if (
        what !== 'message' &&
        (common.otherwise !== undefined || Object.keys(common.ifOutcome).length > 0)
      ) {
        return reader.refuse(
          node,
          'unknown-key',
          `record: ${what} cannot fail; only record: message takes otherwise: and if-…:`,
        );
      }
      return {
        ...common,
        verb: 'record',
        what,
        ...(read.to !== undefined && { to: read.to }),
        ...(read.prompt !== undefined && { prompt: read.prompt }),
        ...(read.notice !== undefined && { notice: read.notice }),
        maxMs: read.max ?? 120_000,
        silenceMs: read.silence ?? 5000,
        end: read.end ?? '#',
      };
    },
  }),
  defineVerb({
    verb: 'survey',
    doc: 'Asks the question of a survey and keeps the answer.',
    value: reference('survey'),
    outcomes: ['no-input'],
    make: (survey, _, common) => ({ ...common, verb: 'survey', survey }),
  }),
  defineVerb({
    verb: 'conference',
    doc: 'Lets the caller into a conference room.',
    value: reference('conference'),
    outcomes: ['full', 'invalid', 'no-input'],
    make: (conference, _, common) => ({ ...common, verb: 'conference', conference }),
  }),
];

function misplacedRecordField(
  what: 'message' | 'start' | 'pause' | 'stop',
  read: RecordFields,
): string | undefined {
  const allowed =
    what === 'message' ? ['to', 'prompt', 'max', 'silence', 'end'] : what === 'start' ? ['notice'] : [];
  return Object.keys(read).find((key) => !allowed.includes(key));
}
