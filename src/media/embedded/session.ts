import type { Clock } from '../../base/clock.js';
import { AppError } from '../../base/errors.js';
import type {
  Clip,
  CollectSpec,
  Collecting,
  DescribeSpec,
  MediaSession,
  OpenSpec,
  PlayOptions,
  Playing,
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
import { Keys } from './keys.js';
import type { ToWorker, WireStats } from './messages.js';
import type { Operations } from './operations.js';
import { notPlayed, startPlaying, type LoadClips, type RunningPlay } from './start-playing.js';
import { notRecorded, startRecording, type RunningRecording } from './start-recording.js';

/** What a session needs of the engine. */
export interface SessionDeps {
  readonly clock: Clock;
  readonly operations: Operations;
  readonly worker: number;
  readonly post: (message: ToWorker) => void;
  readonly takePort: () => number | undefined;
  readonly releasePort: (port: number) => void;
  readonly load: LoadClips;
  readonly closed: (session: EmbeddedSession) => void;
}

const STATS_MS = 500;
/** Beyond what sending digits takes by itself. */
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
  #playing: RunningPlay | undefined;
  #collector: Collector | undefined;
  readonly #keys = new Keys();
  readonly #recordings = new Set<RunningRecording>();
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
    if (this.#isMute) this.#playing?.end('failed');
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
    if (this.#closed) return notPlayed('closed');
    if (this.#isMute) return notPlayed('failed');
    const { operations, clock, load } = this.#deps;
    const { times = 1, fromMs = 0 } = options;
    const session = this.number;
    const playing = startPlaying(clips, {
      clock,
      operations,
      load,
      worker: () => this.worker,
      begin: (op, loaded) => this.#send({ kind: 'play', session, op, clips: loaded, times, fromMs }),
      stop: (op) => this.#send({ kind: 'stop', session, op }),
      over: () => {
        this.#closers.delete(closer);
        if (this.#playing === playing) this.#playing = undefined;
      },
    });
    const closer = (): void => playing.end('closed');
    this.#closers.add(closer);
    this.#playing = playing;
    return playing;
  }

  // Digits.

  collect(spec: CollectSpec): Collecting {
    this.#collector?.stop();
    const { clock } = this.#deps;
    if (!spec.typeAhead) this.#keys.forget();
    const collector = createCollector(spec, {
      clock,
      play: (prompt) => this.play(prompt),
      ahead: this.#keys.take(clock.monotonic()),
      ended: (one) => {
        if (this.#collector === one) this.#collector = undefined;
      },
    });
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
    if (!this.#keys.counts(digit, by, at)) return;
    let taken = false;
    for (const recording of [...this.#recordings]) taken = recording.key(digit) || taken;
    if (!taken && this.#collector !== undefined) {
      this.#collector.digit(digit);
      taken = true;
    }
    if (!taken) this.#keys.keep(digit, at);
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
    if (this.#closed) return notRecorded();
    const { operations, clock, worker } = this.#deps;
    const session = this.number;
    const recording = startRecording(spec, {
      clock,
      operations,
      worker,
      beep: () => this.play([BEEP]).ended,
      begin: (op) => this.#send({ kind: 'record', session, op, spec }),
      tell: (op, what, key) =>
        this.#send({ kind: 'recording', session, op, what, ...(key !== undefined && { key }) }),
      over: () => this.#recordings.delete(recording),
    });
    this.#recordings.add(recording);
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
    for (const recording of [...this.#recordings]) recording.close();
    for (const closer of [...this.#closers]) closer();
    this.#deps.releasePort(this.#audioPort);
    for (const port of this.#ports.values()) {
      if (port !== this.#audioPort) this.#deps.releasePort(port);
    }
    this.#ports.clear();
    this.#deps.closed(this);
  }
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
