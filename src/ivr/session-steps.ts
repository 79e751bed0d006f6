import type {
  Clip,
  CollectEnd,
  CollectSpec,
  MediaSession,
  PlayEnd,
  RecordEnd,
  RecordSpec,
} from '../media/index.js';
import type { IvrDeps, PromptRequest } from './ports.js';

/** A prompt that is not there by then is skipped: rendering speech must not leave the caller in silence. */
const RESOLVE_PATIENCE_MS = 4000;

interface Running<End> {
  readonly ended: Promise<End>;
  stop(): void;
}

/** Whether nobody hears any more. A function, since both change while something is awaited. */
export function isGone(session: MediaSession, signal: AbortSignal): boolean {
  return session.closed || signal.aborted;
}

/** The clips of prompts; empty where none can be played, or none is there in time. Never rejects. */
export async function clipsOf(
  deps: IvrDeps,
  prompts: readonly PromptRequest[],
  language: string | undefined,
  signal: AbortSignal,
): Promise<readonly Clip[]> {
  if (prompts.length === 0 || signal.aborted) return [];
  const resolving = attempt(() =>
    deps.prompts.resolve(prompts.length === 1 ? prompts[0]! : { kind: 'sequence', of: prompts }, language),
  ).catch((error: unknown): readonly Clip[] => {
    deps.logger.warn({ reason: String(error) }, 'prompt skipped');
    return [];
  });
  return new Promise((resolve) => {
    const done = (clips: readonly Clip[]): void => {
      timer.clear();
      signal.removeEventListener('abort', abort);
      resolve(clips);
    };
    const abort = (): void => done([]);
    const timer = deps.clock.after(RESOLVE_PATIENCE_MS, () => {
      deps.logger.warn({ afterMs: RESOLVE_PATIENCE_MS }, 'prompt skipped: not ready in time');
      done([]);
    });
    signal.addEventListener('abort', abort, { once: true });
    void resolving.then(done);
  });
}

/** Plays clips to their end. */
export async function playClips(
  session: MediaSession,
  clips: readonly Clip[],
  times: number,
  signal: AbortSignal,
): Promise<PlayEnd> {
  if (isGone(session, signal)) return { kind: 'closed', playedMs: 0 };
  if (clips.length === 0) return { kind: 'done', playedMs: 0 };
  return settled(() => session.play(clips, { times }), signal, {
    gone: { kind: 'closed', playedMs: 0 },
    failed: { kind: 'failed', playedMs: 0 },
  });
}

/** Plays prompts; says whether the caller is still there. */
export async function say(
  deps: IvrDeps,
  session: MediaSession,
  prompts: readonly PromptRequest[],
  language: string | undefined,
  signal: AbortSignal,
): Promise<'heard' | 'closed'> {
  const clips = await clipsOf(deps, prompts, language, signal);
  const end = await playClips(session, clips, 1, signal);
  return end.kind === 'closed' || isGone(session, signal) ? 'closed' : 'heard';
}

/** Takes digits. `stopped`: another one took the session's digits. */
export async function collectDigits(
  session: MediaSession,
  spec: CollectSpec,
  signal: AbortSignal,
): Promise<CollectEnd> {
  const closed: CollectEnd = { kind: 'closed', digits: '' };
  if (isGone(session, signal)) return closed;
  return settled(() => session.collect(spec), signal, { gone: closed, failed: closed });
}

/** Records; abort ends it, and what was said until then is kept, as when the caller hangs up. */
export async function recordPeer(
  session: MediaSession,
  spec: RecordSpec,
  signal: AbortSignal,
): Promise<RecordEnd> {
  const nothing: RecordEnd = { kind: 'failed', by: 'closed', durationMs: 0 };
  if (isGone(session, signal)) return nothing;
  return settled(() => session.record(spec), signal, {
    // What it wrote counts: its own end is waited for.
    failed: { kind: 'failed', by: 'disk', durationMs: 0 },
  });
}

/** Begins an operation and waits for its end; on abort it is stopped, and `gone` is the end without waiting for it. */
async function settled<End>(
  begin: () => Running<End>,
  signal: AbortSignal,
  ends: { readonly gone?: End; readonly failed: End },
): Promise<End> {
  let running: Running<End>;
  try {
    running = begin();
  } catch {
    return ends.failed;
  }
  return new Promise((resolve) => {
    const abort = (): void => {
      try {
        running.stop();
      } catch {
        // It has ended by itself, then.
      }
      if (ends.gone !== undefined) resolve(ends.gone);
    };
    signal.addEventListener('abort', abort, { once: true });
    running.ended.then(
      (end) => {
        signal.removeEventListener('abort', abort);
        resolve(end);
      },
      () => {
        signal.removeEventListener('abort', abort);
        resolve(ends.failed);
      },
    );
  });
}

/** What throws at once rejects, too. */
async function attempt<T>(run: () => Promise<T>): Promise<T> {
  return run();
}
