import type { Clip, Mix, MixMember, PlayEnd, Playing } from '../engine.js';
import type { ToWorker } from './messages.js';
import type { Operations } from './operations.js';
import { EmbeddedSession, type LoadedClips } from './session.js';

export interface MixDeps {
  readonly number: number;
  readonly operations: Operations;
  readonly post: (worker: number, message: ToWorker) => void;
  readonly load: (clips: readonly Clip[]) => Promise<LoadedClips>;
  /** A member that is on another worker than the first: it cannot be heard. */
  readonly elsewhere: (session: EmbeddedSession) => void;
}

/** The main thread's side of a mix. It lives on the worker of its first member. */
export function createMix(deps: MixDeps): Mix {
  const { number: mix, operations, post, load } = deps;
  let worker: number | undefined;
  let closed = false;
  let current: Playing | undefined;

  function set(member: MixMember): void {
    const { session, hears = 'all', heardBy = 'all' } = member;
    if (closed || !(session instanceof EmbeddedSession) || session.closed) return;
    worker ??= session.worker;
    if (session.worker !== worker) return deps.elsewhere(session);
    const heard =
      typeof heardBy === 'string'
        ? heardBy
        : heardBy.flatMap((other) => (other instanceof EmbeddedSession ? [other.number] : []));
    post(worker, { kind: 'mix-set', mix, member: { session: session.number, hears, heardBy: heard } });
  }

  function play(clips: readonly Clip[]): Playing {
    current?.stop();
    let op = -1;
    let over = false;
    let skipped: readonly Clip[] = [];
    let settle: (end: PlayEnd) => void = () => undefined;
    const ended = new Promise<PlayEnd>((resolve) => {
      settle = resolve;
    });
    const end = (kind: PlayEnd['kind'], playedMs: number): void => {
      if (over) return;
      over = true;
      if (current === playing) current = undefined;
      settle({ kind, playedMs, ...(skipped.length > 0 && { skipped }) });
    };
    const playing: Playing = {
      ended,
      stop: () => {
        if (op < 0) end(closed ? 'closed' : 'stopped', 0);
        else if (worker !== undefined) post(worker, { kind: 'mix-stop', mix, op });
      },
    };
    if (closed) {
      end('closed', 0);
      return playing;
    }
    current = playing;
    void load(clips).then((loaded) => {
      if (over) return;
      skipped = loaded.skipped;
      if (loaded.clips.length === 0) return end(skipped.length > 0 ? 'failed' : 'done', 0);
      // Nobody is there to hear it.
      if (worker === undefined) return end('done', 0);
      op = operations.begin(worker, (how) => {
        if (how.kind === 'played') end(how.end, how.playedMs);
        else end('closed', 0);
      });
      post(worker, { kind: 'mix-play', mix, op, clips: loaded.clips });
    });
    return playing;
  }

  return {
    set,
    play,
    remove: (session) => {
      if (closed || worker === undefined || !(session instanceof EmbeddedSession)) return;
      post(worker, { kind: 'mix-remove', mix, session: session.number });
    },
    close: () => {
      if (closed) return;
      closed = true;
      current?.stop();
      if (worker !== undefined) post(worker, { kind: 'mix-close', mix });
    },
  };
}
