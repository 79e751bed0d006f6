import type { Clock } from '../../base/clock.js';
import type { Clip, Mix, MixMember, Playing } from '../engine.js';
import type { ToWorker } from './messages.js';
import type { Operations } from './operations.js';
import { EmbeddedSession } from './session.js';
import { notPlayed, startPlaying, type LoadClips, type RunningPlay } from './start-playing.js';

export interface MixDeps {
  readonly number: number;
  readonly clock: Clock;
  readonly operations: Operations;
  readonly post: (worker: number, message: ToWorker) => void;
  readonly load: LoadClips;
  /** A member that is on another worker than the first: it cannot be heard. */
  readonly elsewhere: (session: EmbeddedSession) => void;
}

/** The main thread's side of a mix. It lives on the worker of its first member. */
export function createMix(deps: MixDeps): Mix {
  const { number: mix, clock, operations, load } = deps;
  let worker: number | undefined;
  let closed = false;
  let current: RunningPlay | undefined;

  /** A mix without a worker has had no members yet. */
  function post(message: ToWorker): void {
    if (worker !== undefined) deps.post(worker, message);
  }

  function set(member: MixMember): void {
    const { session, hears = 'all', heardBy = 'all' } = member;
    if (closed || !(session instanceof EmbeddedSession) || session.closed) return;
    worker ??= session.worker;
    if (session.worker !== worker) return deps.elsewhere(session);
    const heard =
      typeof heardBy === 'string'
        ? heardBy
        : heardBy.flatMap((other) => (other instanceof EmbeddedSession ? [other.number] : []));
    post({ kind: 'mix-set', mix, member: { session: session.number, hears, heardBy: heard } });
  }

  function play(clips: readonly Clip[]): Playing {
    current?.stop();
    if (closed) return notPlayed('closed');
    const playing = startPlaying(clips, {
      clock,
      operations,
      load,
      worker: () => worker,
      begin: (op, loaded) => post({ kind: 'mix-play', mix, op, clips: loaded }),
      stop: (op) => post({ kind: 'mix-stop', mix, op }),
      over: () => {
        if (current === playing) current = undefined;
      },
    });
    current = playing;
    return playing;
  }

  return {
    set,
    play,
    remove: (session) => {
      if (closed || !(session instanceof EmbeddedSession)) return;
      post({ kind: 'mix-remove', mix, session: session.number });
    },
    close: () => {
      if (closed) return;
      closed = true;
      current?.end('closed');
      post({ kind: 'mix-close', mix });
    },
  };
}
