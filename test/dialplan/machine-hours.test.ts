import t from 'tap';
import { easterSunday } from '../../src/dialplan/easter.js';
import { hoursVerdict } from '../../src/dialplan/hours-verdict.js';
import type { CalendarDate, CalendarDefinition, HoursDefinition } from '../../src/dialplan/plan.js';
import { personOnDuty } from '../../src/dialplan/rota-turn.js';
import { instantOf, isTimeZone, localTime, showLocalTime } from '../../src/dialplan/zone-time.js';
import { buildPlan, place, weekdays } from './build-plan.js';

const NEW_YORK = 'America/New_York';
const federal: CalendarDefinition = {
  name: 'us-federal',
  days: [
    { date: { kind: 'yearly', month: 12, day: 25 }, label: 'Christmas' },
    { date: { kind: 'dated', year: 2026, month: 11, day: 26 }, label: 'Thanksgiving' },
    { date: { kind: 'easter', offsetDays: 1 }, label: 'Easter Monday' },
  ],
};
const office = weekdays(NEW_YORK, 510, 1080, {
  special: new Map([
    ['12-24', [{ from: 510, to: 720 }]],
    ['2026-12-25', []],
  ]),
  holidays: ['us-federal'],
});
const plan = buildPlan({ hours: [office], plan: { calendars: new Map([['us-federal', federal]]) } });

/** The verdict at a wall-clock time of the hours' own zone. */
function at(wall: string, hours: HoursDefinition = office, override?: 'open' | 'closed' | 'holiday') {
  return hoursVerdict(plan, hours, instantOf(hours.timezone, Date.parse(`${wall}Z`)), override);
}

t.test('open hours begin on the minute and end before it', (t) => {
  t.equal(at('2026-11-24T08:29').verdict, 'closed');
  t.equal(at('2026-11-24T08:30').verdict, 'open');
  t.equal(at('2026-11-24T17:59').verdict, 'open');
  t.equal(at('2026-11-24T18:00').verdict, 'closed');
  t.equal(at('2026-11-28T10:00').verdict, 'closed', 'a Saturday');
  t.match(at('2026-11-24T10:00'), {
    local: '2026-11-24 10:00 Tue America/New_York',
    why: '08:30-18:00 of Tuesday',
  });
  t.match(at('2026-11-28T10:00').why, 'Saturday is closed all day');
  t.end();
});

t.test('a special day comes before a holiday, a holiday before the weekday', (t) => {
  t.equal(at('2026-12-24T11:00').verdict, 'open');
  t.match(at('2026-12-24T13:00'), { verdict: 'closed', why: 'the special day 2026-12-24 is 08:30-12:00' });
  t.equal(at('2026-12-25T10:00').verdict, 'closed', 'its own hours, though a holiday too');
  t.match(at('2025-12-25T10:00'), { verdict: 'holiday', why: 'Christmas (calendar us-federal)' });
  t.equal(at('2026-11-26T10:00').verdict, 'holiday');
  t.equal(at('2027-11-26T10:00').verdict, 'open', 'a dated day is that year only');
  t.equal(at('2026-04-06T10:00').verdict, 'holiday', 'Easter Monday');
  t.match(at('2025-12-25T10:00', office, 'open'), { verdict: 'open', why: 'set by hand' });
  t.end();
});

t.test('a span past midnight belongs to the day it began on', (t) => {
  const night = weekdays('Europe/Berlin', 22 * 60, 30 * 60, { holidays: ['us-federal'] });
  t.equal(at('2026-11-24T21:59', night).verdict, 'closed');
  t.equal(at('2026-11-24T23:00', night).verdict, 'open');
  t.match(at('2026-11-25T05:59', night), { verdict: 'open', why: '22:00-06:00 of Tuesday the day before' });
  t.equal(at('2026-11-25T06:00', night).verdict, 'closed');
  t.equal(at('2026-11-28T05:00', night).verdict, 'open', 'Saturday morning is Friday night');
  t.equal(at('2026-11-29T23:00', night).verdict, 'closed', 'Sunday has none');
  t.equal(at('2025-12-25T05:00', night).verdict, 'open', 'the night into a holiday');
  t.equal(at('2025-12-26T05:00', night).verdict, 'closed', 'no night began on the holiday');
  t.end();
});

t.test('daylight saving moves nothing on the wall clock', (t) => {
  // 2026-03-08 02:00 → 03:00 and 2026-11-01 02:00 → 01:00 in New York.
  t.equal(showLocalTime(localTime(NEW_YORK, Date.UTC(2026, 2, 8, 6, 59))), '2026-03-08 01:59 Sun');
  t.equal(showLocalTime(localTime(NEW_YORK, Date.UTC(2026, 2, 8, 7, 0))), '2026-03-08 03:00 Sun');
  t.equal(showLocalTime(localTime(NEW_YORK, Date.UTC(2026, 10, 1, 5, 30))), '2026-11-01 01:30 Sun');
  t.equal(showLocalTime(localTime(NEW_YORK, Date.UTC(2026, 10, 1, 6, 30))), '2026-11-01 01:30 Sun');
  const early = weekdays(NEW_YORK, 60, 150, {
    week: Array.from({ length: 7 }, () => [{ from: 60, to: 150 }]),
  });
  const verdict = (...parts: [number, number, number, number, number]) =>
    hoursVerdict(plan, early, Date.UTC(...parts)).verdict;
  t.equal(verdict(2026, 10, 1, 5, 30), 'open');
  t.equal(verdict(2026, 10, 1, 6, 30), 'open', 'the hour comes twice');
  t.equal(verdict(2026, 2, 8, 7, 0), 'closed', '02:00-02:30 never came');
  // Lord Howe Island moves by half an hour, Kathmandu is at a quarter.
  t.equal(
    showLocalTime(localTime('Australia/Lord_Howe', Date.UTC(2026, 3, 4, 14, 59))),
    '2026-04-05 01:59 Sun',
  );
  t.equal(
    showLocalTime(localTime('Australia/Lord_Howe', Date.UTC(2026, 3, 4, 15, 0))),
    '2026-04-05 01:30 Sun',
  );
  t.equal(showLocalTime(localTime('Asia/Kathmandu', Date.UTC(2026, 0, 1))), '2026-01-01 05:45 Thu');
  t.equal(isTimeZone('America/New_Yrok'), false);
  t.equal(isTimeZone('Europe/Berlin'), true);
  for (const zone of [NEW_YORK, 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Pacific/Apia']) {
    for (let hour = 0; hour < 24 * 366; hour += 53) {
      const moment = Date.UTC(2026, 0, 1, hour);
      const wall = localTime(zone, moment).wallMs;
      if (localTime(zone, instantOf(zone, wall)).wallMs !== wall)
        t.fail(`${zone} ${moment} does not come back`);
    }
  }
  t.equal(
    instantOf(NEW_YORK, Date.UTC(2026, 2, 8, 2, 30)),
    Date.UTC(2026, 2, 8, 7, 30),
    'a time that never was',
  );
  t.equal(
    instantOf(NEW_YORK, Date.UTC(2026, 10, 1, 1, 30)),
    Date.UTC(2026, 10, 1, 5, 30),
    'the first of two',
  );
  t.end();
});

t.test('Easter and the other dates of calendars', (t) => {
  const easters = {
    1961: '04-02',
    2000: '04-23',
    2019: '04-21',
    2024: '03-31',
    2025: '04-20',
    2026: '04-05',
    2038: '04-25',
  };
  for (const [year, day] of Object.entries(easters)) {
    t.equal(new Date(easterSunday(Number(year))).toISOString().slice(0, 10), `${year}-${day}`);
  }
  const on = (date: CalendarDate, day: string) => {
    const calendar: CalendarDefinition = { name: 'one', days: [{ date, label: 'it' }] };
    const hours = weekdays('UTC', 0, 1440, { holidays: ['one'] });
    const dated = buildPlan({ plan: { calendars: new Map([['one', calendar]]) } });
    return hoursVerdict(dated, hours, Date.parse(`${day}T12:00Z`)).verdict === 'holiday';
  };
  const span: CalendarDate = { kind: 'yearly-span', from: [12, 24], to: [1, 2] };
  t.same(
    ['2026-12-23', '2026-12-24', '2026-12-31', '2027-01-02', '2027-01-03'].map((day) => on(span, day)),
    [false, true, true, true, false],
  );
  const summer: CalendarDate = { kind: 'dated-span', from: '2026-07-01', to: '2026-07-03' };
  t.same(
    ['2026-06-30', '2026-07-01', '2026-07-03', '2027-07-02'].map((day) => on(summer, day)),
    [false, true, true, false],
  );
  t.equal(on({ kind: 'easter', offsetDays: -2 }, '2026-04-03'), true, 'Good Friday');
  t.end();
});

t.test('a rota hands over at the same hour all year, and swaps count first', (t) => {
  const week = 7 * 86_400_000;
  const rota = {
    name: 'duty',
    place: place(),
    timezone: NEW_YORK,
    starts: instantOf(NEW_YORK, Date.parse('2026-01-05T09:00Z')),
    everyMs: week,
    people: ['201', '202', '+12125550000'],
    swaps: [{ from: Date.UTC(2026, 0, 6), to: Date.UTC(2026, 0, 7), who: '203' }],
  };
  const who = (wall: string) => personOnDuty(rota, instantOf(NEW_YORK, Date.parse(`${wall}Z`)))?.who;
  t.equal(who('2026-01-05T09:00'), '201');
  t.equal(who('2026-01-12T08:59'), '201');
  t.equal(who('2026-01-12T09:00'), '202');
  t.equal(who('2026-01-19T09:00'), '+12125550000');
  t.equal(who('2026-01-05T08:59'), '+12125550000', 'before the start the turns go backwards');
  t.equal(who('2026-01-06T12:00'), '203');
  const weeks = Math.round((Date.parse('2026-06-29T09:00Z') - Date.parse('2026-01-05T09:00Z')) / week);
  const expected = rota.people[weeks % 3];
  t.equal(who('2026-06-29T09:00'), expected, 'in summer at 09:00 as well');
  t.not(who('2026-06-29T08:59'), expected);
  t.end();
});
