import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Clip, MediaSession } from '../media/engine.js';
import type { SystemPrompt } from './system-prompts.js';

export type { Clip, MediaSession, Recording } from '../media/engine.js';
export type { SystemPrompt } from './system-prompts.js';

/** What is to be heard. Variables are substituted already. */
export type PromptRequest =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'say'; readonly text: string | Readonly<Record<string, string>> }
  | { readonly kind: 'sequence'; readonly of: readonly PromptRequest[] }
  | { readonly kind: 'system'; readonly name: SystemPrompt };

/** Room `media`: `createPrompts`. */
export interface PromptResolver {
  /** The clips of a prompt in a language; what cannot be played is left out. */
  resolve(prompt: PromptRequest, language: string | undefined): Promise<readonly Clip[]>;
}

/** What every dialogue of this room works with. */
export interface IvrDeps {
  readonly prompts: PromptResolver;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What every dialogue is told of the call. */
export interface Spoken {
  /** Of the call, e.g. `en` or `de-CH`; absent: the system's. */
  readonly language?: string | undefined;
}

/** A dialogue on one session: settles once, with what came of it; never rejects. `closed`: the caller is gone, or `signal` aborted. */
export type Dialogue<Spec, End> = (session: MediaSession, spec: Spec, signal: AbortSignal) => Promise<End>;

/** Nobody hears any more. */
export interface Closed {
  readonly kind: 'closed';
}

/** Room `store`. Answers to surveys. */
export interface SurveyAnswers {
  /** Resolves when it is on disk; rejects with STORE_UNWRITABLE. */
  add(answer: SurveyAnswer): Promise<void>;
}

export interface SurveyAnswer {
  readonly id: string;
  readonly survey: string;
  /** Id of the call's record. */
  readonly callId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly digits: string;
  readonly caller?: string;
  readonly did?: string;
  readonly queue?: string;
  readonly agent?: string;
}
