import type { Node } from '../../base/document.js';
import {
  constant,
  duration,
  fields,
  list,
  mapped,
  reference,
  text,
  unexpected,
  type Reader,
  type Shape,
} from '../../base/shape/index.js';
import type { CalendarDefinition, HoursDefinition, OpenSpan, RotaDefinition } from '../plan.js';
import {
  CALENDAR_DATE_EXPECTED,
  daysOf,
  instant,
  openSpan,
  parseCalendarDate,
  parseWeekdays,
  timezone,
} from './dates.js';
import { contextOf } from './names.js';
import { section } from './section.js';
import { target } from './targets.js';

type CalendarDay = CalendarDefinition['days'][number];

function readCalendarDay(node: Node, label: string | undefined, reader: Reader): CalendarDay | null {
  const scalar = constant(node, CALENDAR_DATE_EXPECTED, reader);
  if (scalar === null) return null;
  const date = parseCalendarDate(scalar.text);
  return date === undefined
    ? unexpected(node, CALENDAR_DATE_EXPECTED, reader)
    : { date, label: label ?? scalar.text };
}

const calendar: Shape<readonly CalendarDay[]> = {
  expected: 'a map of dates to names such as { "12-25": Christmas }, or a list of dates',
  read(node, reader) {
    if (node.kind === 'text') return unexpected(node, this.expected, reader);
    const days =
      node.kind === 'list'
        ? node.items.map((item) => readCalendarDay(item, undefined, reader))
        : node.entries.map(({ key, value }) => {
            const label = value.kind === 'text' && value.text === '' ? undefined : text().read(value, reader);
            const day = readCalendarDay(key, label ?? undefined, reader);
            return label === null ? null : day;
          });
    return days.includes(null) ? null : (days as CalendarDay[]);
  },
  schema: () => ({
    anyOf: [
      { type: 'object', additionalProperties: { type: ['string', 'null'] } },
      { type: 'array', items: { type: 'string' } },
    ],
  }),
};

export const calendarsSection = section('calendars', calendar, (days, { name }): CalendarDefinition => ({
  name,
  days,
}));

/** One span, several, or `closed`. */
const spans: Shape<readonly OpenSpan[]> = {
  expected: 'hours such as "08:30-18:00", a list of these, or closed',
  read(node, reader) {
    if (node.kind === 'text' && node.text === 'closed') return [];
    return list(openSpan, { single: true }).read(node, reader);
  },
  schema: () => ({ anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }),
};

const week: Shape<HoursDefinition['week']> = {
  expected: 'a map of days to hours such as { mon-fri: "08:30-18:00" }',
  read(node, reader) {
    if (node.kind !== 'map') return unexpected(node, this.expected, reader);
    const days: (readonly OpenSpan[] | undefined)[] = Array.from({ length: 7 }, () => undefined);
    let failed = false;
    for (const { key, value } of node.entries) {
      const named = parseWeekdays(key.text);
      const hours = spans.read(value, reader);
      if (named === undefined) {
        reader.refuse(key, 'bad-day', `"${key.text}" is no day: mon, mon-fri, "sat,sun" or daily are`);
        failed = true;
        continue;
      }
      if (hours === null) {
        failed = true;
        continue;
      }
      for (const day of named) {
        if (days[day] !== undefined) {
          reader.refuse(key, 'day-twice', `"${key.text}" names a day that another line has already`);
          failed = true;
          break;
        }
        days[day] = hours;
      }
    }
    return failed ? null : days.map((hours) => hours ?? []);
  },
  schema: () => ({
    type: 'object',
    description:
      'Days (mon, mon-fri, "sat,sun", daily) to hours; the end is exclusive, 22:00-06:00 belongs to its first day.',
    additionalProperties: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
  }),
};

const special: Shape<ReadonlyMap<string, readonly OpenSpan[]>> = {
  expected: 'a map of dates to hours such as { "12-24": "08:30-12:00" }',
  read(node, reader) {
    if (node.kind !== 'map') return unexpected(node, this.expected, reader);
    const days = new Map<string, readonly OpenSpan[]>();
    let failed = false;
    for (const { key, value } of node.entries) {
      const dates = daysOf(key.text);
      const hours = spans.read(value, reader);
      if (dates === undefined) {
        unexpected(key, 'a date: "12-24", "2026-12-24" or "12-24..12-26"', reader);
        failed = true;
      } else if (hours === null) failed = true;
      else {
        for (const date of dates) {
          if (days.has(date)) {
            reader.refuse(key, 'day-twice', `"${key.text}" names a day that another line has already`);
            failed = true;
            break;
          }
          days.set(date, hours);
        }
      }
    }
    return failed ? null : days;
  },
  schema: () => ({
    type: 'object',
    additionalProperties: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
  }),
};

export const hoursSection = section(
  'hours',
  fields({
    timezone: { shape: timezone, doc: 'Default: the file’s `timezone:`.' },
    open: { shape: week, doc: 'Weekly hours.', default: {} },
    special: {
      shape: special,
      doc: 'Dates with hours of their own, or closed; they go before holidays.',
      default: {},
    },
    holidays: {
      shape: list(reference('calendar'), { single: true }),
      doc: 'Calendars whose days are holidays.',
      default: [],
    },
  }),
  (read, { name, place, reader, node }): HoursDefinition | null => {
    const zone = read.timezone ?? contextOf(reader).timezone;
    if (zone === undefined) {
      return reader.refuse(
        node,
        'missing-key',
        '"timezone" is missing, here or at the head of the file: a time zone such as America/New_York is expected',
      );
    }
    return { place, name, timezone: zone, week: read.open, special: read.special, holidays: read.holidays };
  },
);

/** A person of a rota: an extension or an outside number. */
const person: Shape<string> = mapped(target, ({ who }, node, reader) => {
  if (who.kind === 'extension') return who.name;
  if (who.kind === 'number' && who.number.parts.length === 1 && typeof who.number.parts[0] === 'string')
    return who.number.parts[0];
  return reader.refuse(node, 'unexpected', 'a rota holds extensions and outside numbers');
});

const rotaFields = {
  timezone: { shape: timezone, doc: 'Default: the file’s `timezone:`.' },
  starts: {
    shape: rawText('a time such as "2026-01-05 09:00"'),
    doc: 'When the first turn starts.',
    required: true,
  },
  every: {
    shape: duration({ minMs: 60_000 }),
    doc: 'How long a turn lasts, on the wall clock.',
    required: true,
  },
  people: {
    shape: list(person, { min: 1, single: true }),
    doc: 'Extensions or numbers, in their order.',
    required: true,
  },
  swaps: {
    shape: list(
      fields({
        from: { shape: rawText('a time such as "2026-02-01"'), doc: 'Beginning.', required: true },
        to: {
          shape: rawText('a time such as "2026-02-02"'),
          doc: 'End; a date without a time is included.',
          required: true,
        },
        who: { shape: person, doc: 'Who takes over.', required: true },
      }),
    ),
    doc: 'Who takes over when.',
    default: [],
  },
} as const;

/** Kept as it is until the zone is known. */
function rawText(expected: string): Shape<Node> {
  return {
    expected,
    read: (node, reader) => (constant(node, expected, reader) === null ? null : node),
    schema: () => ({ type: 'string' }),
  };
}

export const rotasSection = section(
  'rotas',
  fields(rotaFields),
  (read, { name, place, reader, node }): RotaDefinition | null => {
    const zone = read.timezone ?? contextOf(reader).timezone;
    if (zone === undefined) {
      return reader.refuse(
        node,
        'missing-key',
        '"timezone" is missing, here or at the head of the file: a time zone such as America/New_York is expected',
      );
    }
    const starts = instant({ dateOnly: 'start', zone }).read(read.starts, reader);
    const swaps = read.swaps.map((swap) => {
      const from = instant({ dateOnly: 'start', zone }).read(swap.from, reader);
      const to = instant({ dateOnly: 'end', zone }).read(swap.to, reader);
      if (from === null || to === null) return null;
      if (to <= from) return reader.refuse(swap.to, 'unexpected', 'a swap ends after it begins');
      return { from, to, who: swap.who };
    });
    if (starts === null || swaps.includes(null)) return null;
    return {
      name,
      place,
      timezone: zone,
      starts,
      everyMs: read.every,
      people: read.people,
      swaps: swaps.filter((swap) => swap !== null),
    };
  },
);
