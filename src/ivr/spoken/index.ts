import { english } from './english.js';
import type { SpokenLanguage } from './language.js';

/** By primary language tag (RFC 5646 §2.2.1). A language that is added here needs its sounds in an admin's folder. */
const LANGUAGES: Readonly<Record<string, SpokenLanguage>> = { en: english };

/** How numbers are said in a language such as `en` or `en-GB`; English where it is not known. */
export function spokenIn(language: string | undefined): SpokenLanguage {
  const primary = (language ?? 'en').split('-', 1)[0]!.toLowerCase();
  return Object.hasOwn(LANGUAGES, primary) ? LANGUAGES[primary]! : english;
}

export type { SpokenLanguage, WaitRange } from './language.js';
export { waitRange } from './wait-range.js';
