import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Closed, IvrDeps, MediaSession, PromptRequest, Spoken } from './ports.js';
import { isGone, recordPeer, say } from './session-steps.js';

/** What is shorter was a click, not a message. */
export const SHORTEST_MESSAGE_MS = 1000;

export interface RecordMessageSpec extends Spoken {
  readonly prompt: readonly PromptRequest[];
  /** Absolute path of the WAV; its folder is made. */
  readonly path: string;
  readonly maxMs: number;
  /** So long a silence ends it; 0: none does. */
  readonly silenceMs: number;
  /** Keys that end it. */
  readonly end: string;
}

export type RecordMessageEnd =
  /** `hungUp`: the caller is gone; the message is kept. */
  | {
      readonly kind: 'recorded';
      readonly path: string;
      readonly durationMs: number;
      readonly hungUp: boolean;
    }
  /** Nothing, or less than a second; nothing is left on disk. */
  | { readonly kind: 'no-input' }
  /** It could not be written. */
  | { readonly kind: 'full' }
  | Closed;

/** Prompt, beep, and what the caller says, into a file. */
export async function recordMessage(
  deps: IvrDeps,
  session: MediaSession,
  spec: RecordMessageSpec,
  signal: AbortSignal,
): Promise<RecordMessageEnd> {
  if ((await say(deps, session, spec.prompt, spec.language, signal)) === 'closed') return { kind: 'closed' };
  try {
    await mkdir(dirname(spec.path), { recursive: true, mode: 0o750 });
  } catch (error) {
    deps.logger.error({ path: spec.path, reason: String(error) }, 'message not recorded');
    return { kind: 'full' };
  }
  const end = await recordPeer(
    session,
    {
      path: spec.path,
      what: 'peer',
      beep: true,
      maxMs: spec.maxMs,
      silenceMs: spec.silenceMs,
      terminators: spec.end,
    },
    signal,
  );
  const hungUp = end.by === 'closed' || isGone(session, signal);
  if (end.kind === 'recorded' && end.durationMs >= SHORTEST_MESSAGE_MS)
    return { kind: 'recorded', path: spec.path, durationMs: end.durationMs, hungUp };
  if (end.kind === 'failed' && end.by === 'disk')
    deps.logger.error({ path: spec.path }, 'message not recorded: it could not be written');
  await rm(spec.path, { force: true }).catch(() => undefined);
  if (hungUp) return { kind: 'closed' };
  return end.kind === 'failed' ? { kind: 'full' } : { kind: 'no-input' };
}
