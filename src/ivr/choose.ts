import { runMenu } from './menu.js';
import type { Clip, Closed, IvrDeps, MediaSession, PromptRequest, Spoken } from './ports.js';

const TIMEOUT_MS = 6000;
const DIGIT_TIMEOUT_MS = 2000;
const ATTEMPTS = 3;

export interface Choice<Key extends string> extends Spoken {
  readonly prompt: readonly PromptRequest[];
  readonly keys: readonly Key[];
  /** Heard ahead of the prompt, the first time. */
  readonly clips?: readonly Clip[];
  readonly attempts?: number;
  readonly timeoutMs?: number;
  /** Default true. */
  readonly typeAhead?: boolean;
}

export type Chosen<Key extends string> =
  { readonly kind: 'key'; readonly key: Key } | { readonly kind: 'none' } | Closed;

/** A menu of this room's own: asks again after a wrong key or none, and gives up with `none` after the last attempt. */
export async function choose<Key extends string>(
  deps: IvrDeps,
  session: MediaSession,
  choice: Choice<Key>,
  signal: AbortSignal,
): Promise<Chosen<Key>> {
  const sorry: PromptRequest[] = [];
  for (let attempt = 1; attempt <= (choice.attempts ?? ATTEMPTS); attempt++) {
    const end = await runMenu(
      deps,
      session,
      {
        prompt: [...sorry, ...choice.prompt],
        keys: choice.keys,
        attempt,
        typeAhead: choice.typeAhead ?? true,
        bargeIn: true,
        timeoutMs: choice.timeoutMs ?? TIMEOUT_MS,
        digitTimeoutMs: DIGIT_TIMEOUT_MS,
        language: choice.language,
        ...(attempt === 1 && choice.clips !== undefined && { clips: choice.clips }),
      },
      signal,
    );
    if (end.kind === 'closed') return end;
    if (end.kind === 'done') return { kind: 'key', key: end.digits as Key };
    sorry[0] = { kind: 'system', name: end.kind === 'invalid' ? 'invalid' : 'no-input' };
  }
  return { kind: 'none' };
}
