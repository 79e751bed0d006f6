import type { Clock } from '../../base/clock.js';
import type { Clip, PlayEnd, Playing } from '../engine.js';
import type { WireClip } from './messages.js';
import type { Operations } from './operations.js';

/** What could be read of a list of clips, and what could not. */
export interface LoadedClips {
  readonly clips: readonly WireClip[];
  readonly skipped: readonly Clip[];
}

export type LoadClips = (clips: readonly Clip[]) => Promise<LoadedClips>;

export interface PlayingDeps {
  readonly clock: Clock;
  readonly operations: Operations;
  readonly load: LoadClips;
  /** Asked when the clips are there. Undefined: nobody would hear them. */
  readonly worker: () => number | undefined;
  readonly begin: (op: number, clips: readonly WireClip[]) => void;
  readonly stop: (op: number) => void;
  /** Told once, before `ended` settles. */
  readonly over: () => void;
}

export interface RunningPlay extends Playing {
  /** Ends it at once, without waiting for what the worker says. */
  end(kind: 'closed' | 'failed'): void;
}

/** The main thread's side of a play: `loading` → `playing` → `over`. */
export function startPlaying(clips: readonly Clip[], deps: PlayingDeps): RunningPlay {
  const { clock, operations } = deps;
  const begun = clock.monotonic();
  let state: 'loading' | 'playing' | 'over' = 'loading';
  let op = -1;
  let skipped: readonly Clip[] = [];
  let settle: (end: PlayEnd) => void = () => undefined;
  const ended = new Promise<PlayEnd>((resolve) => {
    settle = resolve;
  });

  function finish(kind: PlayEnd['kind'], playedMs: number): void {
    if (state === 'over') return;
    state = 'over';
    deps.over();
    settle({ kind, playedMs, ...(skipped.length > 0 && { skipped }) });
  }

  const elapsedMs = (): number => (state === 'playing' ? Math.round(clock.monotonic() - begun) : 0);

  function play(loaded: LoadedClips): void {
    if (state !== 'loading') return;
    skipped = loaded.skipped;
    if (loaded.clips.length === 0) return finish(skipped.length > 0 ? 'failed' : 'done', 0);
    const worker = deps.worker();
    if (worker === undefined) return finish('done', 0);
    state = 'playing';
    op = operations.begin(worker, (how) => {
      if (how.kind === 'played') finish(how.end, how.playedMs);
      else finish('closed', elapsedMs());
    });
    deps.begin(op, loaded.clips);
  }

  void deps.load(clips).then(play);
  return {
    ended,
    stop: () => {
      if (state === 'loading') finish('stopped', 0);
      else if (state === 'playing') deps.stop(op);
    },
    end: (kind) => {
      if (state === 'playing') deps.stop(op);
      finish(kind, elapsedMs());
    },
  };
}

/** A play that did not begin. */
export function notPlayed(kind: 'closed' | 'failed'): Playing {
  return { ended: Promise.resolve({ kind, playedMs: 0 }), stop: () => undefined };
}
