/** A moment on the wall clock of a time zone. */
export interface LocalTime {
  readonly year: number;
  /** 1–12. */
  readonly month: number;
  readonly day: number;
  /** Monday is 0. */
  readonly weekday: number;
  /** Minute of the day, 0–1439. */
  readonly minute: number;
  /** Milliseconds of the wall clock, as if it were UTC: for differences between wall-clock times. */
  readonly wallMs: number;
}

/** Offsets change at quarter hours of UTC only, so one look at Intl serves fifteen minutes of calls. */
const BUCKET_MS = 15 * 60_000;
const DAY_MS = 86_400_000;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const formats = new Map<string, Intl.DateTimeFormat | undefined>();
const offsets = new Map<string, { bucket: number; offsetMs: number }>();

/** Whether Intl knows the zone. */
export function isTimeZone(name: string): boolean {
  return formatOf(name) !== undefined;
}

/** The wall clock of `zone` at `at` (milliseconds since the epoch); an unknown zone is read as UTC. */
export function localTime(zone: string, at: number): LocalTime {
  return timeOfWall(at + offsetMs(zone, at));
}

/** The parts of a wall-clock time. */
export function timeOfWall(wallMs: number): LocalTime {
  const date = new Date(wallMs);
  const day = Math.floor(wallMs / DAY_MS);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    // 1 January 1970 was a Thursday.
    weekday: (((day + 3) % 7) + 7) % 7,
    minute: Math.floor((wallMs - day * DAY_MS) / 60_000),
    wallMs,
  };
}

/** What the zone adds to UTC at this moment, in milliseconds. */
function offsetMs(zone: string, at: number): number {
  const bucket = Math.floor(at / BUCKET_MS);
  const known = offsets.get(zone);
  if (known?.bucket === bucket) return known.offsetMs;
  const offset = readOffset(zone, bucket * BUCKET_MS);
  offsets.set(zone, { bucket, offsetMs: offset });
  return offset;
}

/** The moment a wall-clock time of a zone stands for: the first of two, and the time after a gap for one that never was. */
export function instantOf(zone: string, wallMs: number): number {
  const before = wallMs - readOffset(zone, wallMs - DAY_MS);
  if (before + readOffset(zone, before) === wallMs) return before;
  const after = wallMs - readOffset(zone, wallMs + DAY_MS);
  if (after + readOffset(zone, after) === wallMs) return after;
  return before;
}

/** `2026-12-25 10:00 Fri` */
export function showLocalTime(time: LocalTime): string {
  return `${dateKey(time)} ${clock(time.minute)} ${WEEKDAYS[time.weekday] ?? ''}`;
}

/** `YYYY-MM-DD` */
export function dateKey(time: LocalTime): string {
  return `${String(time.year).padStart(4, '0')}-${dayKey(time)}`;
}

/** `MM-DD` */
export function dayKey(time: LocalTime): string {
  return `${String(time.month).padStart(2, '0')}-${String(time.day).padStart(2, '0')}`;
}

/** `18:00` for a minute of the day; past midnight it goes on (`30:00`). */
export function clock(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

function readOffset(zone: string, at: number): number {
  const format = formatOf(zone);
  if (format === undefined) return 0;
  const parts: Record<string, number> = {};
  for (const part of format.formatToParts(at)) parts[part.type] = Number(part.value);
  const wall = Date.UTC(
    parts['year'] ?? 1970,
    (parts['month'] ?? 1) - 1,
    parts['day'] ?? 1,
    parts['hour'] ?? 0,
    parts['minute'] ?? 0,
    parts['second'] ?? 0,
  );
  return wall - Math.floor(at / 1000) * 1000;
}

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  if (!formats.has(zone)) {
    let format: Intl.DateTimeFormat | undefined;
    try {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone: zone,
        hourCycle: 'h23',
        year: 'numeric',
        month: '2-digit',
        day: '2-digit',
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
      });
    } catch {
      // Not a zone: the loader says so; a call reads it as UTC.
    }
    formats.set(zone, format);
  }
  return formats.get(zone);
}
