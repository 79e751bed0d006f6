import type { Place } from '../../base/diagnostic.js';
import { fields, integer, list, mapped, text, type Shape } from '../../base/shape/index.js';
import type { Matcher, NumberRule, Steps } from '../plan.js';
import { instant } from './dates.js';
import { contextOf } from './names.js';
import { numberPattern, pattern } from './patterns.js';
import { importedFile, listSection } from './section-outside.js';
import { steps } from './steps.js';

/** What the rows of an imported file have in common. */
export interface ImportReading {
  readonly kind: 'import';
  readonly place: Place;
  readonly file: string;
  readonly tenant?: string;
  readonly common: Pick<NumberRule, 'from' | 'since' | 'until' | 'priority'>;
  /** The route of rows that name none. */
  readonly route?: Steps;
}

export type NumberReading = { readonly kind: 'rule'; readonly rule: NumberRule } | ImportReading;

const from: Shape<Matcher> = pattern('number', { trunk: true });

const numberEntry = mapped(
  fields(
    {
      did: {
        shape: list(numberPattern, { single: true, min: 1 }),
        doc: 'The number, range, prefix or pattern, or a list of these.',
      },
      name: { shape: text({ maxLength: 128 }), doc: 'A name for traces and records.' },
      from: { shape: from, doc: 'Only calls from these callers; such a rule goes before one without.' },
      since: {
        shape: instant({ dateOnly: 'start', expected: 'a date such as 2026-12-01, or a time with its zone' }),
        doc: 'In force from then on (port-in date).',
      },
      until: {
        shape: instant({ dateOnly: 'end', expected: 'a date such as 2026-12-31, or a time with its zone' }),
        doc: 'In force until then; a date without a time is included.',
      },
      priority: {
        shape: integer({ min: -1000, max: 1000 }),
        doc: 'Breaks what is left of a tie: higher goes first. Default 0.',
      },
      route: { shape: steps, doc: 'What happens with the call.' },
      import: {
        shape: importedFile,
        doc: 'A CSV file with columns did, name, route; further columns are variables ${row.COLUMN}.',
      },
    },
    { doc: 'Where calls to a number go.' },
  ),
  (read, node, reader): NumberReading | null => {
    const { tenant } = contextOf(reader);
    if ((read.did === undefined) === (read.import === undefined)) {
      return reader.refuse(node, 'missing-key', 'an entry of numbers has either did: or import:');
    }
    if (read.since !== undefined && read.until !== undefined && read.until <= read.since) {
      return reader.refuse(node, 'never-in-force', 'until: lies before since:');
    }
    const common = {
      ...(read.from !== undefined && { from: read.from }),
      ...(read.since !== undefined && { since: read.since }),
      ...(read.until !== undefined && { until: read.until }),
      ...(read.priority !== undefined && { priority: read.priority }),
    };
    const owner = tenant === undefined ? {} : { tenant };
    if (read.import !== undefined) {
      if (read.name !== undefined)
        return reader.refuse(
          node,
          'unknown-key',
          'rows have names of their own: "name" does not go with import:',
        );
      return {
        kind: 'import',
        place: node.place,
        file: read.import,
        common,
        ...owner,
        ...(read.route !== undefined && { route: read.route }),
      };
    }
    if (read.route === undefined) {
      return reader.error(
        node.place,
        'missing-key',
        '"route" is missing: a step or a list of steps is expected',
      );
    }
    return {
      kind: 'rule',
      rule: {
        place: node.place,
        ...(read.name !== undefined && { name: read.name }),
        patterns: read.did ?? [],
        ...common,
        route: read.route,
        ...owner,
      },
    };
  },
);

export const numbersSection = listSection(numberEntry);
