import { collectOnce } from '../collect.js';
import type { Closed, IvrDeps, MediaSession, PromptRequest, Spoken } from '../ports.js';
import { say } from '../session-steps.js';
import type { PinGuard } from './pin-guard.js';

const ATTEMPTS = 3;
const TIMEOUT_MS = 8000;
const DIGIT_MS = 4000;

export interface MailboxLogin extends Spoken {
  /** Whose mailbox; absent: its number is asked for. */
  readonly mailbox?: string;
  /** The caller is known to own `mailbox` (own phone, and a setting allows it): no PIN is asked for. */
  readonly trusted?: boolean;
  /** The mailbox for the number that was dialled (an extension's, or its own name). */
  readonly find: (digits: string) => string | undefined;
  /** PIN by mailbox; undefined: it cannot be collected by phone. */
  readonly pinOf: (mailbox: string) => string | undefined;
  /** Pauses recordings of the call while the PIN is entered. */
  readonly hide?: () => () => void;
}

export type LoginEnd =
  | { readonly kind: 'in'; readonly mailbox: string }
  | { readonly kind: 'refused'; readonly why: 'wrong' | 'locked' }
  | Closed;

/** Mailbox number and PIN, three times at most. */
export async function logIn(
  deps: IvrDeps & { readonly pins: PinGuard },
  session: MediaSession,
  spec: MailboxLogin,
  signal: AbortSignal,
): Promise<LoginEnd> {
  if (spec.trusted === true && spec.mailbox !== undefined) return { kind: 'in', mailbox: spec.mailbox };
  const { language } = spec;
  let sorry: PromptRequest[] = [];
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const entry = {
      timeoutMs: TIMEOUT_MS,
      digitTimeoutMs: DIGIT_MS,
      end: '#',
      minDigits: 1,
      attempt,
      language,
    };
    let name = spec.mailbox;
    if (name === undefined) {
      const prompt = [...sorry, system('enter-mailbox')];
      const dialled = await collectOnce(deps, session, { ...entry, prompt, maxDigits: 32 }, signal);
      if (dialled.kind === 'closed') return dialled;
      sorry = [];
      if (dialled.kind !== 'done') {
        sorry = [system('no-input')];
        continue;
      }
      // One that is not there is asked for its PIN as any other: nobody learns which ones are.
      name = spec.find(dialled.digits) ?? `?${dialled.digits}`;
    }
    const prompt = [...sorry, system('enter-pin')];
    const entered = await collectOnce(
      deps,
      session,
      { ...entry, attempt: 1, prompt, maxDigits: 16, ...(spec.hide !== undefined && { hide: spec.hide }) },
      signal,
    );
    if (entered.kind === 'closed') return entered;
    if (entered.kind !== 'done') {
      sorry = [system('no-input')];
      continue;
    }
    const verdict = deps.pins.check(
      name,
      entered.digits,
      name.startsWith('?') ? undefined : spec.pinOf(name),
    );
    if (verdict === 'right') return { kind: 'in', mailbox: name };
    if (verdict === 'locked') {
      deps.logger.warn({ mailbox: name }, 'mailbox locked after wrong PINs');
      return farewell('locked', [system('mailbox-locked')]);
    }
    sorry = [system('wrong-pin')];
  }
  return farewell('wrong', sorry);

  async function farewell(why: 'wrong' | 'locked', last: readonly PromptRequest[]): Promise<LoginEnd> {
    const heard = await say(deps, session, [...last, system('goodbye')], language, signal);
    return heard === 'closed' ? { kind: 'closed' } : { kind: 'refused', why };
  }
}

function system(name: Extract<PromptRequest, { kind: 'system' }>['name']): PromptRequest {
  return { kind: 'system', name };
}
