import type { Closed, IvrDeps, MediaSession, PromptRequest, Spoken } from './ports.js';
import { clipsOf, collectDigits } from './session-steps.js';

/** One try of an entry; the plan counts the attempts and validates what comes. */
export interface CollectStepSpec extends Spoken {
  readonly prompt: readonly PromptRequest[];
  readonly minDigits: number;
  readonly maxDigits: number;
  /** Keys that end the entry; empty: none. */
  readonly end: string;
  readonly timeoutMs: number;
  readonly digitTimeoutMs: number;
  /** From 1; what was typed ahead counts on the first alone. Default 1. */
  readonly attempt?: number;
  /**
   * The entry is a secret. Called when it begins, to pause recordings of the call; what it returns is called when it has ended. Nothing
   * of this room logs digits, secret or not.
   */
  readonly hide?: () => () => void;
}

export type CollectStepEnd =
  | { readonly kind: 'done'; readonly digits: string }
  | { readonly kind: 'no-input' }
  /** Too few digits. */
  | { readonly kind: 'invalid'; readonly digits: string }
  | Closed;

/** Takes digits once. */
export async function collectOnce(
  deps: IvrDeps,
  session: MediaSession,
  spec: CollectStepSpec,
  signal: AbortSignal,
): Promise<CollectStepEnd> {
  const prompt = await clipsOf(deps, spec.prompt, spec.language, signal);
  const show = spec.hide?.();
  const end = await collectDigits(
    session,
    {
      prompt,
      bargeIn: true,
      typeAhead: (spec.attempt ?? 1) <= 1,
      maxDigits: spec.maxDigits,
      terminators: spec.end,
      firstDigitMs: spec.timeoutMs,
      interDigitMs: spec.digitTimeoutMs,
    },
    signal,
  );
  show?.();
  if (end.kind === 'closed' || end.kind === 'stopped') return { kind: 'closed' };
  if (end.digits === '' && end.terminator === undefined) return { kind: 'no-input' };
  if (end.digits.length < spec.minDigits) return { kind: 'invalid', digits: end.digits };
  return { kind: 'done', digits: end.digits };
}
