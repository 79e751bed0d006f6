import type { Clip, Closed, IvrDeps, MediaSession, PromptRequest, Spoken } from './ports.js';
import { clipsOf, collectDigits } from './session-steps.js';

/** One offer of a menu. The plan counts the attempts, and puts its `no-input` or `invalid` prompt in front of the prompt. */
export interface MenuSpec extends Spoken {
  readonly prompt: readonly PromptRequest[];
  /** Heard ahead of the prompt. */
  readonly clips?: readonly Clip[];
  /** What may be pressed: `1`, `10`, `*`, `#`, `*9` … */
  readonly keys: readonly string[];
  /** Extensions that may be dialled; absent: none. */
  readonly extensions?: DialMatcher;
  /** From 1: what was typed ahead counts on the first alone, since the rest of a wrong entry must not spoil the next. */
  readonly attempt: number;
  /** Whether what was typed ahead counts on the first attempt. Default as `bargeIn`. */
  readonly typeAhead?: boolean;
  readonly bargeIn: boolean;
  readonly timeoutMs: number;
  readonly digitTimeoutMs: number;
}

export type MenuEnd =
  /** One of the keys, or an extension. */
  | { readonly kind: 'done'; readonly digits: string }
  | { readonly kind: 'no-input' }
  /** `digits`: what was pressed; empty where it was the end key alone. */
  | { readonly kind: 'invalid'; readonly digits: string }
  | Closed;

/** What can be dialled: `createDialMatcher`. */
export interface DialMatcher {
  /** Whether these digits are one. */
  matches(digits: string): boolean;
  /** Whether a longer one begins with them. */
  continues(digits: string): boolean;
  /** Digits of the longest; 0: there is none. */
  readonly longest: number;
  /** Whether `#` is a part of any: else it ends an entry. */
  readonly usesHash: boolean;
}

/** What may be pressed in a menu, keys and extensions together: the longest match counts. */
export interface MenuMatcher extends Omit<DialMatcher, 'usesHash'> {
  /** Keys that end an entry early: `#`, where it has no meaning of its own. */
  readonly endKeys: string;
}

export function createMenuMatcher(keys: readonly string[], extensions: DialMatcher | undefined): MenuMatcher {
  const known = new Set(keys);
  const longestKey = keys.reduce((longest, key) => Math.max(longest, key.length), 0);
  const hashMeans = keys.some((key) => key.includes('#')) || extensions?.usesHash === true;
  return {
    matches: (digits) => known.has(digits) || extensions?.matches(digits) === true,
    continues: (digits) =>
      keys.some((key) => key.length > digits.length && key.startsWith(digits)) ||
      extensions?.continues(digits) === true,
    longest: Math.max(1, longestKey, extensions?.longest ?? 0),
    endKeys: hashMeans ? '' : '#',
  };
}

/** Offers a menu once. An entry ends as soon as nothing longer can match; where something can, the time between digits decides. */
export async function runMenu(
  deps: IvrDeps,
  session: MediaSession,
  spec: MenuSpec,
  signal: AbortSignal,
): Promise<MenuEnd> {
  const prompt = await clipsOf(deps, spec.prompt, spec.language, signal);
  const matcher = createMenuMatcher(spec.keys, spec.extensions);
  const end = await collectDigits(
    session,
    {
      prompt: [...(spec.clips ?? []), ...prompt],
      bargeIn: spec.bargeIn,
      typeAhead: (spec.typeAhead ?? spec.bargeIn) && spec.attempt <= 1,
      maxDigits: matcher.longest,
      terminators: matcher.endKeys,
      firstDigitMs: spec.timeoutMs,
      interDigitMs: spec.digitTimeoutMs,
      complete: (digits) => !matcher.continues(digits),
    },
    signal,
  );
  if (end.kind === 'closed' || end.kind === 'stopped') return { kind: 'closed' };
  if (matcher.matches(end.digits)) return { kind: 'done', digits: end.digits };
  if (end.digits === '' && end.terminator === undefined) return { kind: 'no-input' };
  return { kind: 'invalid', digits: end.digits };
}
