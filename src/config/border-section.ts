import {
  duration,
  fields,
  integer,
  list,
  oneWordOf,
  parsed,
  rate,
  text,
  type ReadBy,
} from '../base/shape/index.js';
import { located, network } from './values.js';

const numberPattern = text({
  pattern: /^(?:anonymous|[+0-9x[\]*.-]{1,64})$/,
  expected: 'a number, a prefix such as "+1900*", a range lo..hi, a pattern, or anonymous',
  digits: true,
});

const prefix = text({
  pattern: /^\+?\d{1,15}\*?$/,
  expected: 'the first digits of numbers such as "+881"',
  digits: true,
});

const factor = parsed(
  'a factor from 1 to 100',
  (written) => {
    const value = /^\d{1,3}(?:\.\d{1,3})?$/.test(written) ? Number(written) : 0;
    return value >= 1 && value <= 100 ? value : undefined;
  },
  { type: ['string', 'number'] },
);

/** `border:` */
export const borderSection = fields({
  allow: {
    shape: list(network(), { max: 1_000_000, single: true }),
    doc: 'Addresses that are never denied, rated or banned.',
    default: [],
  },
  deny: {
    shape: list(located(network()), { max: 1_000_000, single: true }),
    doc: 'Addresses whose packets are dropped unread.',
    default: [],
  },
  'block-callers': {
    shape: list(numberPattern, { max: 100_000, single: true }),
    doc: 'Callers that are refused: numbers, prefixes `+1900*`, ranges, patterns, `anonymous`.',
    default: [],
  },
  'block-user-agents': {
    shape: list(text({ maxLength: 200 }), { max: 10_000, single: true }),
    doc: 'Texts in the header User-Agent that give a scanner away; capitals do not matter.',
    default: [],
  },
  rate: {
    shape: fields({
      unknown: {
        shape: fields({
          'per-source': { shape: rate(), doc: 'New requests of one address.', default: '5/s' },
          burst: {
            shape: integer({ min: 1, max: 1_000_000 }),
            doc: 'How many may come at once.',
            default: '20',
          },
          total: { shape: rate(), doc: 'New requests of all unknown addresses together.', default: '200/s' },
        }),
        doc: 'Addresses that belong to no trunk. Trunks are held by their own limits.',
        default: {},
      },
    }),
    doc: 'How much is read from whom.',
    default: {},
  },
  ban: {
    shape: fields({
      after: { shape: integer({ min: 1, max: 100_000 }), doc: 'Failures that lead to a ban.', default: '10' },
      within: {
        shape: duration({ minMs: 1000, maxMs: 86_400_000 }),
        doc: 'The time they are counted in.',
        default: '60s',
      },
      for: {
        shape: duration({ minMs: 1000, maxMs: 604_800_000 }),
        doc: 'How long the first ban lasts.',
        default: '1h',
      },
      escalate: {
        shape: factor,
        doc: 'Each further ban lasts so many times the one before, up to 7 days.',
        default: '2',
      },
      never: {
        shape: list(network(), { max: 100_000, single: true }),
        doc: 'Addresses that are never banned.',
        default: [],
      },
    }),
    doc: 'When an address is shut out.',
    default: {},
  },
  fraud: {
    shape: fields({
      'deny-prefixes': {
        shape: list(prefix, { max: 10_000, single: true }),
        doc: 'Numbers that are never called, by their first digits.',
        default: [],
      },
      'max-calls-per-hour': {
        shape: integer({ min: 1, max: 10_000_000 }),
        doc: 'Calls to trunks one caller may make in an hour.',
      },
    }),
    doc: 'Guards against calls that cost money.',
    default: {},
  },
  mode: {
    shape: oneWordOf('enforce', 'observe'),
    doc: '`observe` only counts and logs what would be refused.',
    default: 'enforce',
  },
});

export type BorderSection = ReadBy<typeof borderSection>;

/** `limits:` */
export const limitsSection = fields({
  calls: { shape: integer({ min: 1, max: 1_000_000 }), doc: 'Calls at the same time over all trunks.' },
  'per-second': { shape: integer({ min: 1, max: 100_000 }), doc: 'New calls a second over all trunks.' },
});

export type LimitsSection = ReadBy<typeof limitsSection>;
