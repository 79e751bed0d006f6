import { parsed, text, unexpected, mapped, type Shape } from '../../base/shape/index.js';
import type { CalendarDate } from '../plan.js';
import { instantOf, isTimeZone } from '../zone-time.js';
import { contextOf } from './names.js';

const DAY_MS = 86_400_000;
const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether there is such a day; without a year the 29th of February counts. */
export function isDay(year: number | undefined, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1 || day > MONTH_DAYS[month - 1]!) return false;
  if (year === undefined || month !== 2 || day < 29) return true;
  return new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
}

interface Day {
  readonly year?: number;
  readonly month: number;
  readonly day: number;
}

/** `12-25` or `2026-12-25`. */
export function parseDay(written: string): Day | undefined {
  const match = /^(?:(\d{4})-)?(\d{2})-(\d{2})$/.exec(written);
  if (match === null) return undefined;
  const year = match[1] === undefined ? undefined : Number(match[1]);
  const month = Number(match[2]);
  const day = Number(match[3]);
  return isDay(year, month, day) ? { ...(year !== undefined && { year }), month, day } : undefined;
}

export const CALENDAR_DATE_EXPECTED = 'a date: "12-25", "2026-11-26", "12-24..12-26", or easter+1';

/** A date of a calendar; undefined for what is none. */
export function parseCalendarDate(written: string): CalendarDate | undefined {
  const easter = /^easter(?:([+-])(\d{1,3}))?$/.exec(written);
  if (easter !== null) {
    const days = Number(easter[2] ?? '0');
    return { kind: 'easter', offsetDays: easter[1] === '-' ? -days : days };
  }
  const [first, last, more] = written.split('..');
  if (first === undefined || more !== undefined) return undefined;
  const from = parseDay(first);
  if (from === undefined) return undefined;
  if (last === undefined) {
    return from.year === undefined
      ? { kind: 'yearly', month: from.month, day: from.day }
      : { kind: 'dated', year: from.year, month: from.month, day: from.day };
  }
  const to = parseDay(last);
  if (to === undefined || (from.year === undefined) !== (to.year === undefined)) return undefined;
  if (from.year !== undefined)
    return first <= last ? { kind: 'dated-span', from: first, to: last } : undefined;
  return { kind: 'yearly-span', from: [from.month, from.day], to: [to.month, to.day] };
}

/** Every `MM-DD` or `YYYY-MM-DD` of a day or a span of days; undefined for what is neither, or for more than a year. */
export function daysOf(written: string): readonly string[] | undefined {
  const date = parseCalendarDate(written);
  switch (date?.kind) {
    case 'yearly':
    case 'dated':
      return [written];
    case 'yearly-span':
    case 'dated-span': {
      const yearly = date.kind === 'yearly-span';
      const [first, last] = written.split('..') as [string, string];
      // A leap year, so that the 29th of February is among the days of a yearly span.
      const start = Date.parse(`${yearly ? '2024-' : ''}${first}T00:00Z`);
      let end = Date.parse(`${yearly ? '2024-' : ''}${last}T00:00Z`);
      if (end < start) end = Date.parse(`2025-${last}T00:00Z`);
      const count = Math.round((end - start) / DAY_MS) + 1;
      if (count > 366) return undefined;
      return Array.from({ length: count }, (_, index) =>
        new Date(start + index * DAY_MS).toISOString().slice(yearly ? 5 : 0, 10),
      );
    }
    default:
      return undefined;
  }
}

export const timezone: Shape<string> = mapped(
  text({ expected: 'a time zone such as America/New_York' }),
  (zone, node, reader) =>
    isTimeZone(zone) ? zone : unexpected(node, 'a time zone such as America/New_York', reader),
);

const INSTANT =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?)?(?:\s*(Z|[+-]\d{2}:\d{2})|\s+([A-Za-z][A-Za-z0-9_+/-]*))?$/;

export interface InstantOptions {
  /** What a date without a time means. */
  readonly dateOnly: 'start' | 'end';
  readonly expected?: string;
  /** A zone to take where none is written, before the file's. */
  readonly zone?: string;
}

/** `2026-12-25`, `2026-12-25 10:00`, with `Z`, `+01:00` or a zone's name behind; else the file's `timezone:` holds. */
export function instant(options: InstantOptions): Shape<number> {
  const expected = options.expected ?? 'a time such as "2026-12-25 10:00 America/New_York"';
  return mapped(text({ expected }), (written, node, reader) => {
    const match = INSTANT.exec(written);
    const day = match?.[1] === undefined ? undefined : parseDay(match[1]);
    const hour = Number(match?.[2] ?? '0');
    const minute = Number(match?.[3] ?? '0');
    const second = Number(match?.[4] ?? '0');
    if (match === null || day?.year === undefined || hour > 23 || minute > 59 || second > 59) {
      return unexpected(node, expected, reader);
    }
    let wall = Date.UTC(day.year, day.month - 1, day.day, hour, minute, second);
    if (match[2] === undefined && options.dateOnly === 'end') wall += DAY_MS;
    const offset = match[5];
    if (offset !== undefined) return wall - (offset === 'Z' ? 0 : offsetOf(offset));
    const zone = match[6] ?? options.zone ?? contextOf(reader).timezone;
    if (zone === undefined) {
      const hint =
        'write the zone behind it, as in "2026-12-25 10:00 America/New_York", or give the file a timezone:';
      return reader.refuse(node, 'no-timezone', `it is not said in which time zone "${written}" is`, hint);
    }
    if (!isTimeZone(zone))
      return reader.refuse(node, 'bad-timezone', `"${zone}" is no time zone`, 'as in America/New_York');
    return instantOf(zone, wall);
  });
}

function offsetOf(written: string): number {
  const [hours, minutes] = written.slice(1).split(':');
  const ms = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return written.startsWith('-') ? -ms : ms;
}

/** Minutes of the day from `08:30-18:00`; past midnight `to` goes beyond 1440. */
export const openSpan = parsed('hours such as "08:30-18:00" (the end is exclusive)', (written) => {
  const match = /^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/.exec(written);
  if (match === null) return undefined;
  const [fromHour, fromMinute, toHour, toMinute] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  if (fromHour > 23 || fromMinute > 59 || toHour > 24 || toMinute > 59 || (toHour === 24 && toMinute > 0))
    return undefined;
  const from = fromHour * 60 + fromMinute;
  const to = toHour * 60 + toMinute;
  if (from === to) return undefined;
  return { from, to: to > from ? to : to + 1440 };
});

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** The days (Monday is 0) of `mon`, `mon-fri`, `sat,sun`, `daily`; undefined for what names none. */
export function parseWeekdays(written: string): readonly number[] | undefined {
  if (written === 'daily') return [0, 1, 2, 3, 4, 5, 6];
  const days: number[] = [];
  for (const part of written.toLowerCase().split(',')) {
    const [first, last, more] = part.trim().split('-');
    const from = DAYS.indexOf(first ?? '');
    const to = last === undefined ? from : DAYS.indexOf(last);
    if (from < 0 || to < 0 || more !== undefined) return undefined;
    for (let day = from; ; day = (day + 1) % 7) {
      days.push(day);
      if (day === to) break;
    }
  }
  return days;
}
