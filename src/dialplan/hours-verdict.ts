import { easterSunday } from './easter.js';
import type { CalendarDate, HoursDefinition, OpenSpan, Plan } from './plan.js';
import { clock, dateKey, dayKey, localTime, showLocalTime, timeOfWall } from './zone-time.js';
import type { LocalTime } from './zone-time.js';

/** Whether a place is open, and why, in words for the trace. */
export interface HoursVerdict {
  readonly verdict: 'open' | 'closed' | 'holiday';
  /** `2026-12-25 10:00 Fri America/New_York` */
  readonly local: string;
  readonly why: string;
}

const DAY_MS = 86_400_000;
const DAY_MINUTES = 1440;

/**
 * The verdict of `hours:` at a moment. A day's own hours come before a holiday, a holiday before the weekday; a span past
 * midnight belongs to the day it began on. All is the wall clock's, so that daylight saving moves nothing.
 */
export function hoursVerdict(
  plan: Plan,
  hours: HoursDefinition,
  at: number,
  override?: HoursVerdict['verdict'],
): HoursVerdict {
  const now = localTime(hours.timezone, at);
  const local = `${showLocalTime(now)} ${hours.timezone}`;
  if (override !== undefined) return { verdict: override, local, why: 'set by hand' };
  const yesterday = dayOf(plan, hours, timeOfWall(now.wallMs - DAY_MS));
  const late = spanAt(yesterday.spans, now.minute + DAY_MINUTES);
  if (late !== undefined) {
    return { verdict: 'open', local, why: `${showSpan(late)} of ${yesterday.why} the day before` };
  }
  const today = dayOf(plan, hours, now);
  if (today.holiday !== undefined) return { verdict: 'holiday', local, why: today.why };
  const span = spanAt(today.spans, now.minute);
  if (span !== undefined) return { verdict: 'open', local, why: `${showSpan(span)} of ${today.why}` };
  const opening = today.spans.map(showSpan).join(', ');
  return { verdict: 'closed', local, why: `${today.why} is ${opening === '' ? 'closed all day' : opening}` };
}

interface Day {
  readonly spans: readonly OpenSpan[];
  readonly holiday?: string;
  readonly why: string;
}

const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

function dayOf(plan: Plan, hours: HoursDefinition, time: LocalTime): Day {
  const date = dateKey(time);
  const special = hours.special.get(date) ?? hours.special.get(dayKey(time));
  if (special !== undefined) return { spans: special, why: `the special day ${date}` };
  for (const name of hours.holidays) {
    const label = holidayLabel(plan, name, time);
    if (label !== undefined) return { spans: [], holiday: label, why: `${label} (calendar ${name})` };
  }
  return { spans: hours.week[time.weekday] ?? [], why: WEEKDAYS[time.weekday] ?? 'the weekday' };
}

function spanAt(spans: readonly OpenSpan[], minute: number): OpenSpan | undefined {
  return spans.find((span) => minute >= span.from && minute < span.to);
}

function showSpan(span: OpenSpan): string {
  return `${clock(span.from)}-${clock(span.to > DAY_MINUTES ? span.to - DAY_MINUTES : span.to)}`;
}

function holidayLabel(plan: Plan, calendar: string, time: LocalTime): string | undefined {
  return plan.calendars.get(calendar)?.days.find((day) => isOn(day.date, time))?.label;
}

/** Whether a calendar's entry covers the day. */
function isOn(date: CalendarDate, time: LocalTime): boolean {
  const monthDay = time.month * 100 + time.day;
  switch (date.kind) {
    case 'yearly':
      return time.month === date.month && time.day === date.day;
    case 'dated':
      return time.year === date.year && time.month === date.month && time.day === date.day;
    case 'yearly-span': {
      const from = date.from[0] * 100 + date.from[1];
      const to = date.to[0] * 100 + date.to[1];
      // "12-24..01-02" runs over the turn of the year.
      return from <= to ? monthDay >= from && monthDay <= to : monthDay >= from || monthDay <= to;
    }
    case 'dated-span': {
      const day = dateKey(time);
      return day >= date.from && day <= date.to;
    }
    case 'easter': {
      const day = timeOfWall(easterSunday(time.year) + date.offsetDays * DAY_MS);
      return day.year === time.year && day.month === time.month && day.day === time.day;
    }
  }
}
