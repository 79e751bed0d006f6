import type { PromptRequest } from '../ports.js';

/** How a language says what is composed of single sounds. Each answer is a list of prompts to be heard in turn. */
export interface SpokenLanguage {
  /** A whole number from 0 to 999,999; beyond it, digit by digit. */
  number(value: number): readonly PromptRequest[];
  /** Digits one by one, as of phone numbers; `+`, `*` and `#` have names, all else is left out. At most 40 are said. */
  digits(text: string): readonly PromptRequest[];
  /** The caller's place in a queue, from 1. */
  position(place: number): readonly PromptRequest[];
  /** A wait that is to be expected, as a whole sentence; empty where nothing honest can be said. */
  expectedWait(range: WaitRange | undefined): readonly PromptRequest[];
  /** How long somebody has waited: "waited two minutes". */
  waited(ms: number): readonly PromptRequest[];
  /** How many messages are new and saved, as a sentence. */
  messages(counts: { readonly new: number; readonly saved: number }): readonly PromptRequest[];
}

/** A range of whole minutes. */
export type WaitRange =
  | { readonly kind: 'under'; readonly minutes: number }
  | { readonly kind: 'between'; readonly from: number; readonly to: number }
  | { readonly kind: 'over'; readonly minutes: number };
