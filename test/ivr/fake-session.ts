import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { Timer } from '../../src/base/clock.js';
import type {
  Clip,
  Collecting,
  CollectEnd,
  CollectSpec,
  MediaSession,
  PlayEnd,
  Playing,
  PromptRequest,
  RecordEnd,
  Recording,
  RecordSpec,
} from '../../src/media/index.js';
import type { PromptResolver } from '../../src/ivr/index.js';
import type { FakeClock } from '../helpers/fake-clock.js';

const TYPE_AHEAD_MS = 10_000;
const TYPE_AHEAD_DIGITS = 32;
const BEEP_MS = 200;

/** A clip that began to play. */
export interface Heard {
  readonly clip: Clip;
  /** Name of the sound, the tone, or `silence`. */
  readonly name: string;
  /** By the clock, from the session's begin. */
  readonly atMs: number;
}

/** A media session in simulated time, and the person at its other end. */
export interface FakeSession extends MediaSession {
  readonly heard: readonly Heard[];
  /** Names of what was heard, in turn. */
  readonly names: readonly string[];
  /** Whether anything runs on it. */
  readonly busy: boolean;
  /** The peer presses keys now, all at once. */
  press(digits: string): void;
  /** The peer talks from now on for so long. */
  speak(ms: number): void;
  /** Told as each clip begins. */
  onClip: (heard: Heard) => void;
  /** Specs of all collects. */
  readonly collects: readonly CollectSpec[];
}

export interface FakeSessionOptions {
  readonly clock: FakeClock;
  /** Length of a file. Default 1 s. */
  readonly fileMs?: (path: string) => number;
  /** The disk takes no recordings. */
  readonly diskFull?: boolean;
}

export function createFakeSession(options: FakeSessionOptions): FakeSession {
  const { clock } = options;
  const began = clock.monotonic();
  const heard: Heard[] = [];
  const collects: CollectSpec[] = [];
  let ahead: { readonly digit: string; readonly at: number }[] = [];
  let voiceEndsAt = Number.NEGATIVE_INFINITY;
  let closed = false;
  let playing: { end(kind: PlayEnd['kind']): void } | undefined;
  let collecting: { digit(digit: string): void; end(kind: CollectEnd['kind']): void } | undefined;
  let recording: { key(digit: string): boolean; end(by: RecordEnd['by']): void; spoke(): void } | undefined;

  function msOf(clip: Clip): number {
    return clip.kind === 'file' ? (options.fileMs?.(clip.path) ?? 1000) : clip.ms;
  }

  function nameOf(clip: Clip): string {
    if (clip.kind === 'file') return clip.path.slice(clip.path.lastIndexOf('/') + 1);
    return clip.kind === 'tone' ? clip.tone : 'silence';
  }

  function hear(clip: Clip): void {
    const one = { clip, name: nameOf(clip), atMs: clock.monotonic() - began };
    heard.push(one);
    session.onClip(one);
  }

  function startPlaying(clips: readonly Clip[], times: number, onEnd: (end: PlayEnd) => void): Playing {
    playing?.end('stopped');
    const startedAt = clock.monotonic();
    let timer: Timer | undefined;
    let over = false;
    let resolve: (end: PlayEnd) => void = () => undefined;
    const ended = new Promise<PlayEnd>((settle) => (resolve = settle));
    const own = {
      end(kind: PlayEnd['kind']): void {
        if (over) return;
        over = true;
        timer?.clear();
        if (playing === own) playing = undefined;
        const end = { kind, playedMs: clock.monotonic() - startedAt };
        resolve(end);
        onEnd(end);
      },
    };
    playing = own;
    const step = (index: number): void => {
      if (over) return;
      const round = Math.floor(index / Math.max(1, clips.length));
      const clip = clips[index % Math.max(1, clips.length)];
      if (clip === undefined || (times > 0 && round >= times)) {
        own.end('done');
        return;
      }
      timer = clock.after(msOf(clip), () => step(index + 1));
      hear(clip);
    };
    if (closed) own.end('closed');
    else step(0);
    return { ended, stop: () => own.end('stopped') };
  }

  function startCollecting(spec: CollectSpec): Collecting {
    collecting?.end('stopped');
    collects.push(spec);
    let digits = '';
    let over = false;
    /** A function, since it changes while a digit is taken. */
    const isOver = (): boolean => over;
    let prompting = false;
    let timer: Timer | undefined;
    let total: Timer | undefined;
    let resolve: (end: CollectEnd) => void = () => undefined;
    const ended = new Promise<CollectEnd>((settle) => (resolve = settle));
    const finish = (kind: CollectEnd['kind'], terminator?: string): void => {
      if (over) return;
      over = true;
      timer?.clear();
      total?.clear();
      if (collecting === own) collecting = undefined;
      if (prompting) playing?.end('stopped');
      resolve({ kind, digits, ...(terminator !== undefined && { terminator }) });
    };
    const wait = (ms: number): void => {
      timer?.clear();
      timer = clock.after(ms, () => finish('timeout'));
    };
    const countTotal = (): void => {
      if (spec.totalMs !== undefined) total ??= clock.after(spec.totalMs, () => finish('timeout'));
    };
    const own = {
      end: (kind: CollectEnd['kind']) => finish(kind),
      digit(digit: string): void {
        if (prompting) {
          if (!spec.bargeIn) return;
          prompting = false;
          playing?.end('stopped');
        }
        countTotal();
        if (spec.terminators.includes(digit)) {
          finish('digits', digit);
          return;
        }
        digits += digit;
        if (digits.length >= spec.maxDigits || spec.complete?.(digits) === true) finish('digits');
        else wait(spec.interDigitMs);
      },
    };
    collecting = own;
    if (closed) finish('closed');
    const old = clock.monotonic() - TYPE_AHEAD_MS;
    const typed = spec.typeAhead ? ahead.filter((one) => one.at >= old).map((one) => one.digit) : [];
    ahead = [];
    while (!isOver() && typed.length > 0) own.digit(typed.shift()!);
    ahead = typed.map((digit) => ({ digit, at: clock.monotonic() }));
    if (!isOver() && digits === '') {
      const listen = (): void => {
        prompting = false;
        countTotal();
        wait(spec.firstDigitMs);
      };
      if (spec.prompt !== undefined && spec.prompt.length > 0) {
        prompting = true;
        startPlaying(spec.prompt, 1, () => {
          if (!over && prompting) listen();
        });
      } else listen();
    }
    return { ended, stop: () => finish('stopped') };
  }

  function startRecording(spec: RecordSpec): Recording {
    recording?.end('stopped');
    let over = false;
    let startedAt = clock.monotonic();
    let pausedAt: number | undefined;
    let pausedMs = 0;
    let live = false;
    let timers: Timer[] = [];
    let resolve: (end: RecordEnd) => void = () => undefined;
    const ended = new Promise<RecordEnd>((settle) => (resolve = settle));
    const finish = (by: RecordEnd['by'], key?: string): void => {
      if (over) return;
      over = true;
      for (const timer of timers) timer.clear();
      if (recording === own) recording = undefined;
      const now = clock.monotonic();
      const lastedMs = live ? now - startedAt - pausedMs - (pausedAt === undefined ? 0 : now - pausedAt) : 0;
      const durationMs =
        by === 'silence' ? Math.max(0, Math.min(lastedMs, voiceEndsAt - startedAt)) : lastedMs;
      const written = options.diskFull !== true && writeWav(spec.path, durationMs);
      resolve({
        kind: written ? 'recorded' : 'failed',
        by: written ? by : 'disk',
        durationMs: written ? durationMs : 0,
        ...(key !== undefined && { key }),
      });
    };
    const watchSilence = (): void => {
      const { silenceMs = 0 } = spec;
      if (silenceMs === 0 || over) return;
      const silentFor = clock.monotonic() - Math.max(startedAt, voiceEndsAt);
      if (silentFor >= silenceMs) finish('silence');
      else timers[1] = clock.after(silenceMs - silentFor, watchSilence);
    };
    const start = (): void => {
      live = true;
      startedAt = clock.monotonic();
      timers = [clock.after(spec.maxMs, () => finish('max'))];
      watchSilence();
    };
    const own = {
      key(digit: string): boolean {
        if (!live || spec.terminators?.includes(digit) !== true) return false;
        finish('key', digit);
        return true;
      },
      end: (by: RecordEnd['by']) => finish(by),
      spoke: () => {
        timers[1]?.clear();
        if (live) watchSilence();
      },
    };
    recording = own;
    if (closed) finish('closed');
    else if (spec.beep === true) {
      timers = [clock.after(BEEP_MS, start)];
      hear({ kind: 'tone', tone: 'beep', ms: BEEP_MS });
    } else start();
    return {
      ended,
      pause: () => void (pausedAt ??= clock.monotonic()),
      resume: () => {
        if (pausedAt !== undefined) pausedMs += clock.monotonic() - pausedAt;
        pausedAt = undefined;
      },
      stop: () => finish('stopped'),
    };
  }

  const session: FakeSession = {
    id: 'fake',
    get closed() {
      return closed;
    },
    heard,
    get names() {
      return heard.map((one) => one.name);
    },
    get busy() {
      return playing !== undefined || collecting !== undefined || recording !== undefined;
    },
    collects,
    onClip: () => undefined,
    press(digits) {
      for (const digit of digits) {
        if (closed) return;
        if (recording?.key(digit) === true) continue;
        if (collecting !== undefined) collecting.digit(digit);
        else if (ahead.length < TYPE_AHEAD_DIGITS) ahead.push({ digit, at: clock.monotonic() });
      }
    },
    speak(ms) {
      voiceEndsAt = clock.monotonic() + ms;
      recording?.spoke();
    },
    offer: () => '',
    answered: () => undefined,
    answer: () => '',
    remote: undefined,
    held: false,
    play: (clips, { times } = {}) => startPlaying(clips, times ?? 1, () => undefined),
    collect: startCollecting,
    record: startRecording,
    sendDigits: () => Promise.resolve(),
    infoDigit: (digit) => session.press(digit),
    stats: () =>
      Promise.resolve({ packetsReceived: 0, packetsSent: 0, packetsLost: 0, jitterMs: 0, refused: 0 }),
    close() {
      closed = true;
      collecting?.end('closed');
      playing?.end('closed');
      recording?.end('closed');
    },
  };
  return session;
}

/** 8 kHz, 16 bit, mono; false where it cannot be written. */
export function writeWav(path: string, ms: number): boolean {
  const data = Math.round(ms) * 16;
  const file = Buffer.alloc(44 + data);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(36 + data, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt32LE(16_000, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(data, 40);
  try {
    writeFileSync(`${path}.part`, file);
    renameSync(`${path}.part`, path);
    return true;
  } catch {
    rmSync(`${path}.part`, { force: true });
    return false;
  }
}

/** Prompts whose clips bear their names; a text is one clip named for it. */
export const fakePrompts: PromptResolver = {
  resolve: (prompt) => Promise.resolve(clipsOf(prompt)),
};

function clipsOf(prompt: PromptRequest): Clip[] {
  switch (prompt.kind) {
    case 'file':
      return [{ kind: 'file', path: `/prompts/${prompt.file}` }];
    case 'say':
      return [{ kind: 'file', path: `/say/${typeof prompt.text === 'string' ? prompt.text : 'text'}` }];
    case 'system':
      return [{ kind: 'file', path: `/system/${prompt.name}` }];
    case 'sequence':
      return prompt.of.flatMap(clipsOf);
  }
}

/** What the person does as a sound begins; in turn, each once. `hang-up` leaves. */
export type Reaction = readonly [
  hearing: string,
  does: string | ((session: FakeSession) => void),
  afterMs?: number,
];

/** Lets a person react to what is heard. Reactions that never came about are left in the returned list. */
export function react(session: FakeSession, clock: FakeClock, reactions: readonly Reaction[]): Reaction[] {
  const left = [...reactions];
  session.onClip = ({ name }) => {
    const next = left[0];
    if (next?.[0] !== name) return;
    left.shift();
    const [, does, afterMs = 100] = next;
    clock.after(afterMs, () => {
      if (typeof does === 'function') does(session);
      else if (does === 'hang-up') session.close();
      else session.press(does);
    });
  };
  return left;
}

/** Lets time go by until a dialogue has ended; time stands still while something real (a file) is waited for. */
export async function ending<End>(
  dialogue: Promise<End>,
  session: FakeSession,
  clock: FakeClock,
): Promise<End> {
  let over = false;
  const watched = dialogue.finally(() => (over = true));
  watched.catch(() => undefined);
  const ended = (): boolean => over;
  for (let idle = 0, steps = 0; steps < 1_000_000; steps++) {
    await turn();
    if (ended()) return watched;
    idle = session.busy ? 0 : idle + 1;
    if (session.busy || idle > 200) clock.advance(10);
  }
  throw new Error('the dialogue never ended');
}
