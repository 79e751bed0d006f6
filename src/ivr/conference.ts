import { collectOnce } from './collect.js';
import type { Closed, IvrDeps, MediaSession, PromptRequest, Spoken } from './ports.js';
import { sameSecret } from './same-secret.js';
import { say } from './session-steps.js';

const ATTEMPTS = 3;
const TIMEOUT_MS = 10_000;
const DIGIT_MS = 4000;

export interface ConferenceEntrySpec<Role extends string = string> extends Spoken {
  /** Who enters with which PIN; empty: everybody does, as `open`. */
  readonly pins: readonly { readonly pin: string; readonly role: Role }[];
  readonly open: Role;
  /** Pauses recordings of the call while the PIN is entered. */
  readonly hide?: () => () => void;
}

export type ConferenceEntryEnd<Role extends string = string> =
  | { readonly kind: 'admitted'; readonly role: Role }
  /** By the last of the attempts. */
  | { readonly kind: 'refused'; readonly outcome: 'invalid' | 'no-input' }
  | Closed;

/** Asks for the PIN of a conference, three times at most. */
export async function enterConference<Role extends string>(
  deps: IvrDeps,
  session: MediaSession,
  spec: ConferenceEntrySpec<Role>,
  signal: AbortSignal,
): Promise<ConferenceEntryEnd<Role>> {
  const { language, hide } = spec;
  const welcome: PromptRequest = { kind: 'system', name: 'joining-conference' };
  let role = spec.pins.length === 0 ? spec.open : undefined;
  const sorry: PromptRequest[] = [];
  let outcome: 'invalid' | 'no-input' = 'invalid';
  for (let attempt = 1; role === undefined && attempt <= ATTEMPTS; attempt++) {
    const entered = await collectOnce(
      deps,
      session,
      {
        prompt: [...sorry, { kind: 'system', name: 'enter-conference-pin' }],
        minDigits: 1,
        maxDigits: 16,
        end: '#',
        timeoutMs: TIMEOUT_MS,
        digitTimeoutMs: DIGIT_MS,
        attempt,
        language,
        ...(hide !== undefined && { hide }),
      },
      signal,
    );
    if (entered.kind === 'closed') return entered;
    const digits = entered.kind === 'done' ? entered.digits : '';
    // All are compared, so that the time does not tell which one.
    for (const one of spec.pins) if (sameSecret(one.pin, digits)) role ??= one.role;
    outcome = entered.kind === 'no-input' ? 'no-input' : 'invalid';
    sorry[0] = { kind: 'system', name: outcome === 'no-input' ? 'no-input' : 'wrong-conference-pin' };
  }
  if (role === undefined) {
    const heard = await say(deps, session, sorry, language, signal);
    return heard === 'closed' ? { kind: 'closed' } : { kind: 'refused', outcome };
  }
  const heard = await say(deps, session, [welcome], language, signal);
  return heard === 'closed' ? { kind: 'closed' } : { kind: 'admitted', role };
}
