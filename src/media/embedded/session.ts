import type { Clock } from '../../base/clock.js';
import { AppError } from '../../base/errors.js';
import type {
  Clip,
  CollectSpec,
  Collecting,
  DescribeSpec,
  MediaSession,
  OpenSpec,
  PlayEnd,
  PlayOptions,
  Playing,
  RecordEnd,
  RecordSpec,
  Recording,
  Sdp,
  SessionEvents,
  SessionStats,
} from '../engine.js';
import {
  createLocalSession,
  describeAnswer,
  describeOffer,
  readAnswer,
  type AgreedMedia,
  type SdpLocal,
} from '../sdp/index.js';
import { createCollector, type Collector } from './collect.js';
import type { ToWorker, WireClip, WireStats } from './messages.js';
import type { Operations } from './operations.js';

/** What a session needs of the engine. */
export interface SessionDeps {
  readonly clock: Clock;
  readonly operations: Operations;
  readonly worker: number;
  readonly post: (message: ToWorker) => void;
  readonly takePort: () => number | undefined;
  readonly releasePort: (port: number) => void;
  readonly load: (clips: readonly Clip[]) => Promise<LoadedClips>;
  readonly closed: (session: EmbeddedSession) => void;
}

export interface LoadedClips {
  readonly clips: readonly WireClip[];
  readonly skipped: readonly Clip[];
}

const AHEAD_DIGITS = 32;
const AHEAD_MS = 10_000;
/** The same digit by two ways within this is one key. */
const TWO_WAYS_MS = 500;
const STATS_MS = 500;
/** Beyond what an operation takes by itself. */
const GRACE_MS = 5000;
const DEFAULT_TONE_MS = 100;
const DEFAULT_GAP_MS = 80;
const MAX_DIGITS_SENT = 64;
const BEEP: Clip = { kind: 'tone', tone: 'beep', ms: 300 };
const NO_STATS: SessionStats = {
  packetsReceived: 0,
  packetsSent: 0,
  packetsLost: 0,
  jitterMs: 0,
  refused: 0,
};

interface RecordingPart {
  /** Whether the key ends it. */
  key(digit: string): boolean;
  closed(): void;
}

/** The main thread's side of a session: what was agreed, its operations, its digits. The packets are the worker's. */
export class EmbeddedSession implements MediaSession {
  readonly id: string;
  readonly number: number;
  readonly worker: number;
  readonly #deps: SessionDeps;
  readonly #on: SessionEvents;
  readonly #local: SdpLocal;
  /** The first is bound and carries the audio. */
  readonly #audioPort: number;
  readonly #ports = new Map<number, number>();
  #closed = false;
  #offered: Sdp | undefined;
  #remote: Sdp | undefined;
  #media: readonly AgreedMedia[] = [];
  #playing: Playing | undefined;
  /** Ends what plays as failed. */
  #failPlay: (() => void) | undefined;
  #collector: Collector | undefined;
  #ahead: { readonly digit: string; readonly at: number }[] = [];
  #lastDigit = { digit: '', by: '', at: -Infinity };
  readonly #recordings = new Map<Recording, RecordingPart>();
  /** Settle what waits for no worker. */
  readonly #closers = new Set<() => void>();
  #stats = NO_STATS;

  constructor(
    deps: SessionDeps,
    spec: OpenSpec,
    on: SessionEvents,
    ids: { readonly id: string; readonly number: number; readonly origin: string; readonly port: number },
  ) {
    this.#deps = deps;
    this.#on = on;
    this.id = ids.id;
    this.number = ids.number;
    this.worker = deps.worker;
    this.#audioPort = ids.port;
    this.#local = {
      session: createLocalSession(ids.origin),
      address: spec.advertise ?? spec.address,
      port: (line) => {
        const port = this.#portOf(line);
        return port === undefined ? undefined : { rtp: port };
      },
    };
  }

  get closed(): boolean {
    return this.#closed;
  }

  get remote(): Sdp | undefined {
    return this.#remote;
  }

  get held(): boolean {
    return this.#audio?.held === true;
  }

  get #audio(): AgreedMedia | undefined {
    return (
      this.#media.find((line) => line.live && line.kind === 'audio') ?? this.#media.find((line) => line.live)
    );
  }

  // Descriptions.

  offer(spec: DescribeSpec = {}): Sdp {
    const described = describeOffer(this.#local, spec);
    if (described.kind === 'not-acceptable') throw notAcceptable(described.reason);
    this.#offered = described.sdp;
    return described.sdp;
  }

  answered(answer: Sdp): void {
    if (this.#offered === undefined) throw notAcceptable('an answer came without an offer');
    const read = readAnswer(this.#offered, answer);
    if (read.kind === 'not-acceptable') throw notAcceptable(read.reason);
    this.#remote = answer;
    this.#apply(read.media);
  }

  answer(offer: Sdp, spec: DescribeSpec = {}): Sdp {
    const described = describeAnswer(this.#local, offer, spec);
    if (described.kind === 'not-acceptable') throw notAcceptable(described.reason);
    this.#remote = offer;
    this.#apply(described.media);
    return described.sdp;
  }

  #portOf(line: number): number | undefined {
    const known = this.#ports.get(line);
    if (known !== undefined) return known;
    const audioTaken = [...this.#ports.values()].includes(this.#audioPort);
    const port = audioTaken ? this.#deps.takePort() : this.#audioPort;
    if (port !== undefined) this.#ports.set(line, port);
    return port;
  }

  /** All is agreed, and no line is left that anything could be played on: a prompt would never end. */
  get #isMute(): boolean {
    return this.#remote !== undefined && !this.#media.some((line) => line.live);
  }

  #apply(media: readonly AgreedMedia[]): void {
    this.#media = media;
    if (this.#isMute) this.#failPlay?.();
    this.#send({
      kind: 'streams',
      session: this.number,
      streams: media.map((line, index) => ({ port: this.#ports.get(index) ?? 0, media: line })),
    });
    media.forEach((line, index) => {
      const port = this.#ports.get(index);
      if (line.live || port === undefined || port === this.#audioPort) return;
      this.#ports.delete(index);
      this.#deps.releasePort(port);
    });
  }

  #send(message: ToWorker): void {
    if (!this.#closed) this.#deps.post(message);
  }

  // Playing.

  play(clips: readonly Clip[], options: PlayOptions = {}): Playing {
    this.#playing?.stop();
    const { operations, clock, worker } = this.#deps;
    const begun = clock.monotonic();
    let state: 'loading' | 'playing' | 'over' = 'loading';
    let op = -1;
    let skipped: readonly Clip[] = [];
    let settle: (end: PlayEnd) => void = () => undefined;
    const ended = new Promise<PlayEnd>((resolve) => {
      settle = resolve;
    });
    const end = (kind: PlayEnd['kind'], playedMs: number): void => {
      if (state === 'over') return;
      state = 'over';
      this.#closers.delete(closer);
      if (this.#playing === playing) {
        this.#playing = undefined;
        this.#failPlay = undefined;
      }
      settle({ kind, playedMs, ...(skipped.length > 0 && { skipped }) });
    };
    const closer = (): void => {
      const playedMs = state === 'playing' ? Math.round(clock.monotonic() - begun) : 0;
      end('closed', playedMs);
    };
    const playing: Playing = {
      ended,
      stop: () => {
        if (state === 'loading') end('stopped', 0);
        else if (state === 'playing') this.#send({ kind: 'stop', session: this.number, op });
      },
    };
    if (this.#closed || this.#isMute) {
      end(this.#closed ? 'closed' : 'failed', 0);
      return playing;
    }
    this.#playing = playing;
    this.#failPlay = () => {
      if (state === 'playing') playing.stop();
      end('failed', 0);
    };
    this.#closers.add(closer);
    const start = (loaded: LoadedClips): void => {
      if (state !== 'loading') return;
      skipped = loaded.skipped;
      if (loaded.clips.length === 0) return end(skipped.length > 0 ? 'failed' : 'done', 0);
      state = 'playing';
      op = operations.begin(worker, (how) => {
        if (how.kind === 'played') end(how.end, how.playedMs);
        else closer();
      });
      const { times = 1, fromMs = 0 } = options;
      this.#send({ kind: 'play', session: this.number, op, clips: loaded.clips, times, fromMs });
    };
    void this.#deps.load(clips).then(start);
    return playing;
  }

  // Digits.

  collect(spec: CollectSpec): Collecting {
    this.#collector?.stop();
    const now = this.#deps.clock.monotonic();
    const ahead = spec.typeAhead ? this.#ahead.filter(({ at }) => now - at <= AHEAD_MS) : [];
    this.#ahead = [];
    let used = 0;
    const counted = function* (): Generator<string> {
      for (const { digit } of ahead) {
        used++;
        yield digit;
      }
    };
    const collector = createCollector(spec, {
      clock: this.#deps.clock,
      play: (prompt) => this.play(prompt),
      ahead: counted(),
      ended: (one) => {
        if (this.#collector === one) this.#collector = undefined;
      },
    });
    // What this input left over is for the next.
    this.#ahead.push(...ahead.slice(used));
    if (!collector.over) this.#collector = collector;
    if (this.#closed) collector.close();
    return collector;
  }

  infoDigit(digit: string): void {
    const known = digit.toUpperCase();
    if (/^[0-9*#A-D]$/.test(known)) this.pressed(known, 'info');
  }

  /** Digits come here from everywhere. */
  pressed(digit: string, by: 'rfc4733' | 'info' | 'in-band'): void {
    if (this.#closed) return;
    const at = this.#deps.clock.monotonic();
    const last = this.#lastDigit;
    if (last.digit === digit && last.by !== by && at - last.at < TWO_WAYS_MS) return;
    this.#lastDigit = { digit, by, at };
    let taken = false;
    for (const one of [...this.#recordings.values()]) taken = one.key(digit) || taken;
    if (!taken && this.#collector !== undefined) {
      this.#collector.digit(digit);
      taken = true;
    }
    if (!taken) {
      this.#ahead.push({ digit, at });
      if (this.#ahead.length > AHEAD_DIGITS) this.#ahead.shift();
    }
    this.#on.digit?.(digit, by);
  }

  sendDigits(
    digits: string,
    options: { readonly toneMs?: number; readonly gapMs?: number } = {},
  ): Promise<void> {
    const toneMs = Math.min(1000, Math.max(40, options.toneMs ?? DEFAULT_TONE_MS));
    const gapMs = Math.min(1000, Math.max(40, options.gapMs ?? DEFAULT_GAP_MS));
    const known = digits
      .toUpperCase()
      .replace(/[^0-9*#A-D]/g, '')
      .slice(0, MAX_DIGITS_SENT);
    if (this.#closed || known === '') return Promise.resolve();
    return new Promise((resolve) => {
      const { operations, clock, worker } = this.#deps;
      const done = (): void => {
        this.#closers.delete(done);
        deadline.clear();
        resolve();
      };
      this.#closers.add(done);
      const op = operations.begin(worker, done);
      const deadline = clock.after(known.length * (toneMs + gapMs + 60) + GRACE_MS, () =>
        operations.end(op, { kind: 'gone' }),
      );
      this.#send({ kind: 'digits', session: this.number, op, digits: known, toneMs, gapMs });
    });
  }

  // Recording.

  record(spec: RecordSpec): Recording {
    const { operations, clock, worker } = this.#deps;
    let over = false;
    let settle: (end: RecordEnd) => void = () => undefined;
    const ended = new Promise<RecordEnd>((resolve) => {
      settle = resolve;
    });
    let started = false;
    const op = operations.begin(worker, (how) => {
      over = true;
      deadline.clear();
      this.#recordings.delete(recording);
      if (how.kind === 'recorded') return settle(how.end);
      settle({ kind: 'failed', by: 'closed', durationMs: 0 });
    });
    const deadline = clock.after(spec.maxMs + 60_000 + GRACE_MS, () => operations.end(op, { kind: 'gone' }));
    const tell = (what: 'pause' | 'resume' | 'stop', key?: string): void => {
      if (over) return;
      // During the beep nothing is recorded yet.
      if (!started && what === 'stop') return operations.end(op, { kind: 'recorded', end: unheard(key) });
      if (!started) return;
      this.#send({ kind: 'recording', session: this.number, op, what, ...(key !== undefined && { key }) });
    };
    const recording: Recording = {
      ended,
      pause: () => tell('pause'),
      resume: () => tell('resume'),
      stop: () => tell('stop'),
    };
    if (this.#closed) {
      operations.end(op, { kind: 'gone' });
      return recording;
    }
    this.#recordings.set(recording, {
      key: (digit) => {
        if (spec.terminators?.includes(digit) !== true) return false;
        tell('stop', digit);
        return true;
      },
      // The worker finishes those it knows.
      closed: () => {
        if (!started) operations.end(op, { kind: 'gone' });
      },
    });
    const start = (): void => {
      if (!over) this.#send({ kind: 'record', session: this.number, op, spec });
      started = true;
    };
    if (spec.beep === true) void this.play([BEEP]).ended.then(start);
    else start();
    return recording;
  }

  // Its end.

  stats(): Promise<SessionStats> {
    if (this.#closed) return Promise.resolve(this.#stats);
    return new Promise((resolve) => {
      const { operations, clock, worker } = this.#deps;
      const answered = (): void => {
        this.#closers.delete(answered);
        deadline.clear();
        resolve(this.#stats);
      };
      this.#closers.add(answered);
      const op = operations.begin(worker, (how) => {
        if (how.kind === 'stats') this.#stats = sessionStats(how.stats);
        answered();
      });
      const deadline = clock.after(STATS_MS, () => operations.end(op, { kind: 'gone' }));
      this.#send({ kind: 'stats', session: this.number, op });
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#send({ kind: 'close', session: this.number });
    this.#end();
  }

  timedOut(): void {
    if (!this.#closed) this.#on.timeout?.();
  }

  /** The worker died with it. */
  lose(): void {
    if (this.#closed) return;
    this.#end();
    this.#on.lost?.();
  }

  #end(): void {
    this.#closed = true;
    this.#collector?.close();
    for (const unstarted of [...this.#recordings.values()]) unstarted.closed();
    for (const closer of [...this.#closers]) closer();
    this.#ahead = [];
    this.#deps.releasePort(this.#audioPort);
    for (const port of this.#ports.values()) {
      if (port !== this.#audioPort) this.#deps.releasePort(port);
    }
    this.#ports.clear();
    this.#deps.closed(this);
  }
}

/** Of a recording that was stopped before it began. */
function unheard(key: string | undefined): RecordEnd {
  return key === undefined
    ? { kind: 'failed', by: 'stopped', durationMs: 0 }
    : { kind: 'failed', by: 'key', durationMs: 0, key };
}

function notAcceptable(reason: string): AppError {
  return new AppError('MEDIA_NOT_ACCEPTABLE', reason);
}

function sessionStats(wire: WireStats): SessionStats {
  const { rttMs, mos, codec, ...rest } = wire;
  return {
    ...rest,
    ...(rttMs !== undefined && { rttMs }),
    ...(mos !== undefined && { mos }),
    ...(codec !== undefined && { codec }),
  };
}
