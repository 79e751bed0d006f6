import type { Closed, IvrDeps, MediaSession, PromptRequest, Spoken } from './ports.js';
import { clipsOf, isGone, playClips } from './session-steps.js';

/** How long the busy tone is heard before the call ends. */
const BUSY_TONE_MS = 10_000;

export interface PlayStepSpec extends Spoken {
  readonly prompt: PromptRequest | readonly PromptRequest[];
  /** Default 1; 0: until the caller is gone or the signal aborts. */
  readonly times?: number;
}

/** `skipped`: nothing of it could be played; the step is done all the same. */
export type PlayStepEnd = { readonly kind: 'done'; readonly skipped: boolean } | Closed;

/** Carries out `play` and `say`; before the answer just as after it. */
export async function playPrompt(
  deps: IvrDeps,
  session: MediaSession,
  spec: PlayStepSpec,
  signal: AbortSignal,
): Promise<PlayStepEnd> {
  const prompts = 'kind' in spec.prompt ? [spec.prompt] : spec.prompt;
  const clips = await clipsOf(deps, prompts, spec.language, signal);
  const end = await playClips(session, clips, spec.times ?? 1, signal);
  if (end.kind === 'closed' || isGone(session, signal)) return { kind: 'closed' };
  return { kind: 'done', skipped: clips.length === 0 || end.kind === 'failed' };
}

export type WaitEnd = { readonly kind: 'done' } | Closed;

/** Silence for a while: `wait` of an answered call. */
export async function waitSilently(
  deps: IvrDeps,
  session: MediaSession,
  spec: { readonly ms: number },
  signal: AbortSignal,
): Promise<WaitEnd> {
  const end = await playClips(session, [{ kind: 'silence', ms: spec.ms }], 1, signal);
  // Something else took the session's sound: the rest of the time is waited for all the same.
  if (end.kind === 'stopped' || end.kind === 'failed') await sleep(deps, spec.ms - end.playedMs, signal);
  return end.kind === 'closed' || isGone(session, signal) ? { kind: 'closed' } : { kind: 'done' };
}

/** Ten seconds of busy tone, after which the call ends. */
export async function playBusy(session: MediaSession, signal: AbortSignal): Promise<WaitEnd> {
  const end = await playClips(session, [{ kind: 'tone', tone: 'busy', ms: BUSY_TONE_MS }], 1, signal);
  return end.kind === 'closed' || isGone(session, signal) ? { kind: 'closed' } : { kind: 'done' };
}

/** Waits by the clock, or until the signal aborts. */
async function sleep(deps: IvrDeps, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms <= 0) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      timer.clear();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = deps.clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
