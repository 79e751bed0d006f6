import type { Closed, PromptRequest, Spoken } from './ports.js';

/** One offer of a menu. The plan counts the attempts, and puts its `no-input` or `invalid` prompt in front of the prompt. */
export interface MenuSpec extends Spoken {
  readonly prompt: readonly PromptRequest[];
  /** What may be pressed: `1`, `10`, `*`, `#`, `*9` … */
  readonly keys: readonly string[];
  /** Extensions that may be dialled; absent: none. */
  readonly extensions?: DialMatcher;
  /** From 1: what was typed ahead counts on the first alone, since the rest of a wrong entry must not spoil the next. */
  readonly attempt: number;
  readonly bargeIn: boolean;
  readonly timeoutMs: number;
  readonly digitTimeoutMs: number;
}

export type MenuEnd =
  /** One of the keys, or an extension. */
  | { readonly kind: 'done'; readonly digits: string }
  | { readonly kind: 'no-input' }
  | { readonly kind: 'invalid'; readonly digits: string }
  | Closed;

/** What can be dialled. */
export interface DialMatcher {
  /** Whether these digits are one. */
  matches(digits: string): boolean;
  /** Whether a longer one begins with them. */
  continues(digits: string): boolean;
  /** Digits of the longest. */
  readonly longest: number;
}
