import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import type { Clock, Timer } from '../../base/clock.js';
import { AppError } from '../../base/errors.js';
import { newUuid } from '../../base/ids.js';
import type { Logger } from '../../base/logger.js';
import type { Clip, MediaEngine, MediaSession, OpenSpec, SessionEvents } from '../engine.js';
import type { FromWorker, WireClip } from './messages.js';
import { createMix } from './mix.js';
import { createOperations } from './operations.js';
import { createPortTable } from './port-table.js';
import { EmbeddedSession } from './session.js';
import { embeddedSettings, type EmbeddedOptions } from './settings.js';
import type { LoadedClips } from './start-playing.js';
import { startWorker, type WorkerLink } from './worker-link.js';

export interface EmbeddedDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 ≤ x < 1; unforeseeable, as ports and RTP's numbers come of it. */
  readonly random: () => number;
  /** Reads and encodes clips, once each. Rejects: AppError PROMPT_UNREADABLE. */
  readonly cache: {
    get(clip: Clip): Promise<{ readonly mu: SharedArrayBuffer; readonly a: SharedArrayBuffer }>;
  };
}

interface WorkerSlot {
  readonly index: number;
  /** Its thread takes messages now. */
  ready: () => void;
  link: WorkerLink;
  readonly sessions: Map<number, EmbeddedSession>;
  /** When it last said that it lives. */
  aliveAt: number;
  suspected: boolean;
  startedAt: number;
  /** Its lateness in the last seconds, newest last. */
  late: number[];
}

const START_MS = 10_000;
const OPEN_MS = 2000;
const BIND_TRIES = 20;
const LATE_SECONDS = 10;
/** A worker that has said nothing for so long hangs, and is ended. */
const HANGS_MS = 10_000;
const WATCH_MS = 1000;
const HALT_MS = 1000;
/** One that dies sooner than this is not started again at once. */
const SHORT_LIFE_MS = 5000;

/** The media engine that comes with Trunkline: RTP in threads of its own. */
export function createEmbeddedEngine(options: EmbeddedOptions, deps: EmbeddedDeps): MediaEngine {
  const settings = embeddedSettings(options, availableParallelism());
  const { clock, logger, random, cache } = deps;
  const operations = createOperations();
  const ports = createPortTable({
    ...settings.ports,
    quarantineMs: settings.quarantineMs,
    clock,
    random,
  });
  const slots: WorkerSlot[] = [];
  /** Sessions whose ports are being bound. */
  const opening = new Map<number, (message: FromWorker | undefined) => void>();
  let state: 'new' | 'running' | 'draining' | 'stopped' = 'new';
  let lastNumber = 0;
  let lastMix = 0;
  let watch: Timer | undefined;
  const halted = new Map<number, () => void>();

  function launch(index: number): WorkerLink {
    return startWorker({
      options: { learnMs: settings.learnMs, slotMs: 2 },
      thread: settings.thread,
      name: `media-${index}`,
      monotonic: () => performance.now(),
      wall: () => Date.now(),
      random,
      message: (message) => heard(slots[index]!, message),
      died: (cause) => died(slots[index]!, cause),
    });
  }

  function heard(slot: WorkerSlot, message: FromWorker): void {
    switch (message.kind) {
      case 'opened':
      case 'refused':
        return opening.get(message.session)?.(message);
      case 'digit':
        return slot.sessions.get(message.session)?.pressed(message.digit, message.by);
      case 'timeout':
        return slot.sessions.get(message.session)?.timedOut();
      case 'played':
      case 'sent':
      case 'recorded':
      case 'stats':
        return operations.end(message.op, message);
      case 'ready':
        slot.ready();
        return;
      case 'alive':
        slot.aliveAt = clock.monotonic();
        slot.late.push(message.lateMs);
        if (slot.late.length > LATE_SECONDS) slot.late.shift();
        return;
      case 'halted':
        return halted.get(slot.index)?.();
      case 'log':
        return logger[message.level](message.fields, message.event);
    }
  }

  function died(slot: WorkerSlot, cause: string): void {
    const lost = [...slot.sessions.values()];
    logger.error({ worker: slot.index, sessions: lost.length, cause }, 'media worker died');
    slot.sessions.clear();
    operations.workerGone(slot.index);
    for (const session of lost) session.lose();
    for (const [number, settle] of [...opening]) if (number % slots.length === slot.index) settle(undefined);
    if (state === 'stopped') return;
    const lived = clock.monotonic() - slot.startedAt;
    clock.after(lived < SHORT_LIFE_MS ? WATCH_MS : 0, () => {
      if (state === 'stopped') return;
      slot.startedAt = clock.monotonic();
      slot.aliveAt = slot.startedAt;
      slot.suspected = false;
      slot.link = launch(slot.index);
    });
  }

  /** A hanging worker is ended at the second look, as it may have been us that stood still. */
  function look(): void {
    watch = clock.after(WATCH_MS, look);
    for (const slot of slots) {
      if (clock.monotonic() - slot.aliveAt < HANGS_MS) {
        slot.suspected = false;
      } else if (!slot.suspected) {
        slot.suspected = true;
      } else {
        slot.aliveAt = clock.monotonic();
        void slot.link.kill();
        died(slot, 'it hangs');
      }
    }
  }

  async function load(clips: readonly Clip[]): Promise<LoadedClips> {
    const skipped: Clip[] = [];
    const loaded = await Promise.all(
      clips.map(async (clip): Promise<WireClip | undefined> => {
        if (clip.kind === 'silence') return { kind: 'silence', ms: clip.ms };
        try {
          const { mu, a } = await cache.get(clip);
          return { kind: 'audio', mu, a };
        } catch (error) {
          logger.warn({ clip, error }, 'clip skipped');
          skipped.push(clip);
          return undefined;
        }
      }),
    );
    return { clips: loaded.filter((clip) => clip !== undefined), skipped };
  }

  function slotFor(near: MediaSession | undefined): WorkerSlot {
    if (near instanceof EmbeddedSession && !near.closed) return slots[near.worker]!;
    return slots.reduce((best, slot) => (slot.sessions.size < best.sessions.size ? slot : best));
  }

  async function open(spec: OpenSpec, on: SessionEvents): Promise<MediaSession> {
    if (state !== 'running') throw new AppError('MEDIA_UNAVAILABLE', `the media engine is ${state}`);
    if (isIP(spec.address) === 0) {
      throw new AppError(
        'MEDIA_UNAVAILABLE',
        `media needs an IP address of this machine, not "${spec.address}"`,
      );
    }
    const slot = slotFor(spec.near);
    const deadline = clock.monotonic() + OPEN_MS;
    for (let tries = 0; tries < BIND_TRIES; tries++) {
      const port = ports.take();
      if (port === undefined) break;
      const number = ++lastNumber * slots.length + slot.index;
      const outcome = await bind(slot, number, port, spec, deadline - clock.monotonic());
      if (outcome === 'bound') return adopt(slot, number, port, spec, on);
      ports.release(port);
      if (outcome === 'EADDRINUSE') continue;
      throw new AppError(
        'MEDIA_UNAVAILABLE',
        `a media port on ${spec.address} cannot be opened (${outcome})`,
      );
    }
    throw new AppError(
      'MEDIA_NO_PORT',
      `no port from ${settings.ports.min} to ${settings.ports.max} is free`,
    );
  }

  /** `bound`, or why not. */
  function bind(
    slot: WorkerSlot,
    number: number,
    port: number,
    spec: OpenSpec,
    withinMs: number,
  ): Promise<string> {
    return new Promise((resolve) => {
      const settle = (outcome: string): void => {
        opening.delete(number);
        timer.clear();
        resolve(outcome);
      };
      const timer = clock.after(withinMs, () => {
        slot.link.post({ kind: 'close', session: number });
        settle('it took too long');
      });
      opening.set(number, (message) => {
        if (message?.kind === 'opened') settle('bound');
        else settle(message?.kind === 'refused' ? message.code : 'its worker died');
      });
      slot.link.post({
        kind: 'open',
        session: number,
        address: spec.address,
        port,
        rtpTimeoutMs: spec.rtpTimeoutMs ?? settings.rtpTimeoutMs,
        signalledFrom: spec.signalledFrom,
      });
    });
  }

  function adopt(
    slot: WorkerSlot,
    number: number,
    port: number,
    spec: OpenSpec,
    on: SessionEvents,
  ): MediaSession {
    const { link } = slot;
    const session = new EmbeddedSession(
      {
        clock,
        operations,
        worker: slot.index,
        post: (message) => link.post(message),
        takePort: () => ports.take(),
        releasePort: (used) => ports.release(used),
        load,
        closed: (one) => slot.sessions.delete(one.number),
      },
      spec,
      on,
      { id: newUuid(), number, origin: String(Math.floor(random() * 2 ** 52)), port },
    );
    slot.sessions.set(number, session);
    return session;
  }

  function bridge(a: MediaSession, b: MediaSession): void {
    if (!(a instanceof EmbeddedSession) || !(b instanceof EmbeddedSession) || a.closed || b.closed) return;
    if (a.worker !== b.worker) {
      const { port1, port2 } = new MessageChannel();
      slots[a.worker]!.link.post({ kind: 'join', session: a.number, port: port1 });
      slots[b.worker]!.link.post({ kind: 'join', session: b.number, port: port2 });
      return;
    }
    slots[a.worker]!.link.post({ kind: 'bridge', a: a.number, b: b.number });
  }

  return {
    name: 'embedded',
    start: async () => {
      if (state !== 'new') return;
      state = 'running';
      const ready: Promise<void>[] = [];
      for (let index = 0; index < settings.workers; index++) {
        const now = clock.monotonic();
        let told: () => void = () => undefined;
        ready.push(new Promise((resolve) => (told = resolve)));
        const common = { index, sessions: new Map<number, EmbeddedSession>(), suspected: false, late: [] };
        slots.push({ ...common, aliveAt: now, startedAt: now, ready: told, link: launch(index) });
      }
      watch = clock.after(WATCH_MS, look);
      const late = new Promise<'late'>((resolve) => clock.after(START_MS, () => resolve('late')));
      if ((await Promise.race([Promise.all(ready), late])) !== 'late') return;
      state = 'stopped';
      watch.clear();
      await Promise.all(slots.map((slot) => slot.link.kill()));
      throw new AppError('MEDIA_UNAVAILABLE', 'the media workers do not start');
    },
    drain: () => {
      if (state === 'running') state = 'draining';
    },
    stop: async () => {
      if (state === 'stopped') return;
      state = 'stopped';
      watch?.clear();
      await Promise.all(
        slots.map(async (slot) => {
          for (const session of [...slot.sessions.values()]) session.close();
          await new Promise<void>((resolve) => {
            const timer = clock.after(HALT_MS, resolve);
            halted.set(slot.index, () => {
              timer.clear();
              resolve();
            });
            slot.link.post({ kind: 'halt' });
          });
          await slot.link.kill();
          operations.workerGone(slot.index);
        }),
      );
      for (const settle of [...opening.values()]) settle(undefined);
    },
    open,
    bridge,
    unbridge: (session) => {
      if (!(session instanceof EmbeddedSession) || session.closed) return;
      slots[session.worker]!.link.post({ kind: 'unbridge', session: session.number });
    },
    mix: () =>
      createMix({
        number: ++lastMix,
        clock,
        operations,
        post: (worker, message) => slots[worker]!.link.post(message),
        load,
        elsewhere: (session) => logger.error({ session: session.id }, 'a mix has members of one worker only'),
      }),
    prepare: async (clip) => {
      if (clip.kind !== 'silence') await cache.get(clip);
    },
    load: () => ({
      sessions: slots.reduce((sum, slot) => sum + slot.sessions.size, 0),
      portsFree: ports.free,
      workers: slots.length,
      lateMs: Math.max(0, ...slots.flatMap((slot) => slot.late)),
    }),
  };
}
