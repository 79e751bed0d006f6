import { isIPv4 } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import type { RecordEnd, RecordSpec } from '../engine.js';
import type { Post, StreamPlan, ToWorker, WireMember, WorkerOptions } from './messages.js';
import { pairMedia, type AgreedMedia } from '../sdp/index.js';
import { FarStream } from './far-stream.js';
import { createPacer } from './pacer.js';
import { Mixer } from './mixer.js';
import { Player } from './player.js';
import { Recorder } from './recorder.js';
import { Stream, type StreamDeps } from './stream.js';
import { bindPair } from './udp.js';

/** A media worker's inside: sessions with their streams, driven by messages. Runs in a thread, or in the main one under tests. */
export interface MediaCore {
  /** Never throws. */
  handle(message: ToWorker): void;
}

export interface CoreDeps {
  readonly options: WorkerOptions;
  readonly post: Post;
  readonly monotonic: () => number;
  readonly wall: () => number;
  readonly random: () => number;
  /** Blocks the thread for so many milliseconds; undefined: it may not be blocked. */
  readonly sleep: ((ms: number) => void) | undefined;
}

/** A session's part in the worker. */
export interface CoreSession {
  readonly id: number;
  readonly address: string;
  readonly family: 4 | 6;
  readonly rtpTimeoutMs: number;
  readonly signalledFrom: string | undefined;
  readonly cname: string;
  /** By RTP port. The first was bound when it opened and carries its audio. */
  readonly streams: Map<number, Stream>;
  readonly audio: Stream;
  partner: CoreSession | undefined;
  /** Of a bridge with another worker. */
  far: FarStream | undefined;
  /** Last agreed, in the order of m-lines. */
  lines: readonly StreamPlan[];
  timedOut: boolean;
  /** Seconds to the next RTCP report. */
  reportIn: number;
}

const NOT_RECORDED: RecordEnd = { kind: 'failed', by: 'closed', durationMs: 0 };
const SWEEP_MS = 1000;
const REPORT_S = 5;
/** m-lines of one session that get ports. */
const MAX_STREAMS = 8;

export function createMediaCore(deps: CoreDeps): MediaCore {
  const { post, options, monotonic } = deps;
  const pacer = createPacer({ monotonic, sleep: deps.sleep, slotMs: options.slotMs });
  const streamDeps: StreamDeps = { pacer, monotonic, wall: deps.wall, random: deps.random };
  const sessions = new Map<number, CoreSession>();
  const mixers = new Map<number, Mixer>();
  const recorders = new Map<number, { readonly session: CoreSession; readonly recorder: Recorder }>();
  let halting = false;
  let faultTold = false;
  const sweeper = setInterval(sweep, SWEEP_MS);
  sweeper.unref();

  function newStream(session: number, family: 4 | 6, signalledFrom: string | undefined): Stream {
    return new Stream(
      streamDeps,
      { family, learnMs: options.learnMs, signalledFrom },
      {
        digit: (digit, by) => post({ kind: 'digit', session, digit, by }),
        played: (op, end, playedMs) => post({ kind: 'played', op, end, playedMs }),
        sent: (op) => post({ kind: 'sent', op }),
      },
    );
  }

  /** One line a second at most: whoever found the fault can send it often. */
  function fault(error: unknown): void {
    if (faultTold) return;
    faultTold = true;
    const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
    post({ kind: 'log', level: 'error', fields: { cause }, event: 'fault in handling a media packet' });
  }

  async function bind(session: CoreSession, stream: Stream, port: number): Promise<void> {
    const on = { rtp: stream.onRtp, rtcp: stream.onRtcp, fault };
    stream.attach(await bindPair(session.family, session.address, port, on));
  }

  function open(message: Extract<ToWorker, { kind: 'open' }>): void {
    const { session: id, address, port, rtpTimeoutMs, signalledFrom } = message;
    const family = isIPv4(address) ? 4 : 6;
    const audio = newStream(id, family, signalledFrom);
    const session: CoreSession = {
      id,
      address,
      family,
      rtpTimeoutMs,
      signalledFrom,
      cname: Math.floor(deps.random() * 2 ** 48).toString(36),
      streams: new Map([[port, audio]]),
      audio,
      partner: undefined,
      far: undefined,
      lines: [],
      timedOut: false,
      reportIn: 1 + Math.floor(deps.random() * REPORT_S),
    };
    sessions.set(id, session);
    bind(session, audio, port).then(
      () => post({ kind: 'opened', session: id }),
      (error: unknown) => {
        sessions.delete(id);
        audio.close();
        post({ kind: 'refused', session: id, code: codeOf(error) });
      },
    );
  }

  function setStreams(session: CoreSession, plans: readonly StreamPlan[]): void {
    session.lines = plans;
    const kept = new Set<Stream>([session.audio]);
    for (const plan of plans) {
      let stream = session.streams.get(plan.port);
      if (stream === undefined) {
        if (!plan.media.live || plan.port === 0 || session.streams.size >= MAX_STREAMS) continue;
        stream = newStream(session.id, session.family, session.signalledFrom);
        session.streams.set(plan.port, stream);
        const bound = stream;
        bind(session, bound, plan.port).catch((error: unknown) => {
          bound.close();
          const fields = { port: plan.port, code: codeOf(error) };
          post({ kind: 'log', level: 'warn', fields, event: 'no port for a media line' });
        });
      }
      kept.add(stream);
      stream.setMedia(plan.media);
    }
    for (const [port, stream] of session.streams) {
      if (kept.has(stream)) continue;
      stream.close();
      session.streams.delete(port);
    }
    if (!plans.some((plan) => plan.port === firstPort(session))) session.audio.setMedia(undefined);
    if (session.partner !== undefined) pair(session, session.partner);
  }

  /** Lines of one kind meet in their order. */
  function pair(a: CoreSession, b: CoreSession): void {
    for (const session of [a, b]) for (const stream of session.streams.values()) stream.setPartner(undefined);
    for (const [one, other] of pairMedia(linesOf(a), linesOf(b))) {
      const ours = a.streams.get(a.lines[one]!.port);
      const theirs = b.streams.get(b.lines[other]!.port);
      if (ours === undefined || theirs === undefined) continue;
      ours.setPartner(theirs);
      theirs.setPartner(ours);
    }
    // Before anything is agreed the audio belongs together already: silence is not to be sent in between.
    if (a.audio.partner === undefined && b.audio.partner === undefined) {
      a.audio.setPartner(b.audio);
      b.audio.setPartner(a.audio);
    }
  }

  /** Audio alone (or the fax in its place) crosses from worker to worker. */
  function join(session: CoreSession, port: MessagePort): void {
    leaveMix(session.id);
    unbridge(session);
    const { audio } = session;
    const far = new FarStream(port, audio, () => {
      if (session.far !== far) return;
      session.far = undefined;
      audio.setPartner(undefined);
    });
    session.far = far;
    audio.setPartner(far);
  }

  function unbridge(session: CoreSession): void {
    const { partner, far } = session;
    if (far !== undefined) {
      session.far = undefined;
      far.close();
      session.audio.setPartner(undefined);
    }
    if (partner === undefined) return;
    session.partner = undefined;
    partner.partner = undefined;
    for (const one of [session, partner])
      for (const stream of one.streams.values()) stream.setPartner(undefined);
  }

  function bridge(a: CoreSession, b: CoreSession): void {
    if (a === b || a.partner === b) return;
    leaveMix(a.id);
    leaveMix(b.id);
    unbridge(a);
    unbridge(b);
    a.partner = b;
    b.partner = a;
    pair(a, b);
  }

  function leaveMix(session: number): void {
    for (const mixer of mixers.values()) if (mixer.has(session)) mixer.remove(session);
  }

  function setMember(mix: number, member: WireMember, session: CoreSession): void {
    let mixer = mixers.get(mix);
    if (mixer === undefined) {
      mixer = new Mixer(pacer, deps.random, {
        played: (op, end, playedMs) => post({ kind: 'played', op, end, playedMs }),
      });
      mixers.set(mix, mixer);
    }
    if (!mixer.has(session.id)) {
      unbridge(session);
      leaveMix(session.id);
    }
    mixer.set(member, session.audio);
  }

  function record(op: number, spec: RecordSpec, session: CoreSession): void {
    const recorder = new Recorder(spec, {
      pacer,
      random: deps.random,
      stream: session.audio,
      ended: (end) => {
        recorders.delete(op);
        post({ kind: 'recorded', op, end });
        halted();
      },
      failed: (cause) => {
        const fields = { path: spec.path, cause: String(cause) };
        post({ kind: 'log', level: 'error', fields, event: 'recording failed' });
      },
    });
    recorders.set(op, { session, recorder });
  }

  function close(session: CoreSession): void {
    for (const { session: of, recorder } of recorders.values()) if (of === session) recorder.stop('closed');
    leaveMix(session.id);
    unbridge(session);
    sessions.delete(session.id);
    for (const stream of session.streams.values()) stream.close();
  }

  function sweep(): void {
    const now = monotonic();
    faultTold = false;
    for (const session of sessions.values()) {
      const { audio, rtpTimeoutMs } = session;
      if (audio.expectsAudio && rtpTimeoutMs > 0 && now - audio.heardAt > rtpTimeoutMs) {
        if (!session.timedOut) post({ kind: 'timeout', session: session.id });
        session.timedOut = true;
      }
      if (--session.reportIn > 0) continue;
      session.reportIn = REPORT_S;
      for (const stream of session.streams.values()) stream.report(session.cname);
    }
    post({ kind: 'alive', lateMs: Math.round(pacer.takeLateMs() * 100) / 100 });
  }

  function halt(): void {
    clearInterval(sweeper);
    for (const session of [...sessions.values()]) close(session);
    for (const mixer of mixers.values()) mixer.close();
    mixers.clear();
    pacer.stop();
    halting = true;
    halted();
  }

  /** Recordings are finished first. */
  function halted(): void {
    if (halting && recorders.size === 0) post({ kind: 'halted' });
  }

  function handle(message: ToWorker): void {
    if (message.kind === 'open') return open(message);
    if (message.kind === 'halt') return halt();
    const id = sessionOf(message);
    const session = sessions.get(id);
    switch (message.kind) {
      case 'streams':
        return session && setStreams(session, message.streams);
      case 'close':
        return session && close(session);
      case 'bridge': {
        const other = sessions.get(message.b);
        return session && other && bridge(session, other);
      }
      case 'join':
        return session === undefined ? message.port.close() : join(session, message.port);
      case 'unbridge':
        return session && unbridge(session);
      case 'play': {
        const { op, clips, times, fromMs } = message;
        if (session === undefined) return post({ kind: 'played', op, end: 'closed', playedMs: 0 });
        return session.audio.play(new Player(op, clips, times, fromMs));
      }
      case 'stop':
        return session?.audio.stop(message.op);
      case 'digits':
        if (session === undefined) return post({ kind: 'sent', op: message.op });
        return session.audio.sendDigits(message);
      case 'stats':
        if (session !== undefined) post({ kind: 'stats', op: message.op, stats: session.audio.stats() });
        return;
      case 'record':
        if (session === undefined) return post({ kind: 'recorded', op: message.op, end: NOT_RECORDED });
        return record(message.op, message.spec, session);
      case 'recording': {
        const recorder = recorders.get(message.op)?.recorder;
        if (message.what !== 'stop') return recorder?.[message.what]();
        return recorder?.stop(message.key === undefined ? 'stopped' : 'key', message.key);
      }
      case 'mix-set':
        return session && setMember(message.mix, message.member, session);
      case 'mix-remove':
        return mixers.get(message.mix)?.remove(message.session);
      case 'mix-play': {
        const player = new Player(message.op, message.clips, 1, 0);
        const mixer = mixers.get(message.mix);
        return mixer === undefined
          ? post({ kind: 'played', op: message.op, end: 'done', playedMs: 0 })
          : mixer.play(player);
      }
      case 'mix-stop':
        return mixers.get(message.mix)?.stop(message.op);
      case 'mix-close':
        mixers.get(message.mix)?.close();
        mixers.delete(message.mix);
    }
  }

  post({ kind: 'ready' });
  return { handle };
}

function sessionOf(message: ToWorker): number {
  if (message.kind === 'bridge') return message.a;
  if (message.kind === 'mix-set') return message.member.session;
  return 'session' in message ? message.session : -1;
}

function linesOf(session: CoreSession): AgreedMedia[] {
  return session.lines.map((plan) => plan.media);
}

function firstPort(session: CoreSession): number {
  return session.streams.keys().next().value!;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
}
