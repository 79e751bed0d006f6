import type { PromptRequest, SystemPrompt } from '../ports.js';
import type { SpokenLanguage, WaitRange } from './language.js';

const MAX_DIGITS = 40;
const MAX_NUMBER = 999_999;
const MINUTE_MS = 60_000;

/** Sounds by their names, in turn. */
function sounds(...names: readonly SystemPrompt[]): PromptRequest[] {
  return names.map((name) => ({ kind: 'system', name }));
}

export const english: SpokenLanguage = {
  number: (value) => sounds(...numberWords(value)),
  digits: (text) => sounds(...digitWords(text)),
  position: (place) =>
    place <= 1 ? sounds('next-in-line') : sounds('you-are-number', ...numberWords(place), 'in-line'),
  expectedWait: (range) => (range === undefined ? [] : sounds('estimated-wait', ...rangeWords(range))),
  waited: (ms) => sounds('waited', ...durationWords(ms)),
  messages: (counts) => {
    if (counts.new === 0 && counts.saved === 0) return sounds('no-messages');
    const fresh: SystemPrompt[] =
      counts.new === 0 ? [] : [...numberWords(counts.new), counts.new === 1 ? 'new-message' : 'new-messages'];
    const kept: SystemPrompt[] =
      counts.saved === 0
        ? []
        : [...numberWords(counts.saved), counts.saved === 1 ? 'saved-message' : 'saved-messages'];
    const both: SystemPrompt[] = fresh.length > 0 && kept.length > 0 ? ['and'] : [];
    return sounds('you-have', ...fresh, ...both, ...kept);
  },
};

function numberWords(value: number): SystemPrompt[] {
  if (!Number.isFinite(value) || value < 0) return [];
  const whole = Math.floor(value);
  if (whole > MAX_NUMBER) return digitWords(String(whole));
  if (whole === 0) return ['0'];
  const thousands = Math.floor(whole / 1000);
  const rest = whole % 1000;
  const words: SystemPrompt[] = thousands === 0 ? [] : [...hundredsWords(thousands), 'thousand'];
  if (rest === 0) return words;
  if (thousands > 0 && rest < 100) words.push('and');
  return [...words, ...hundredsWords(rest)];
}

/** From 1 to 999. */
function hundredsWords(value: number): SystemPrompt[] {
  const hundreds = Math.floor(value / 100);
  const rest = value % 100;
  const words: SystemPrompt[] = hundreds === 0 ? [] : [String(hundreds) as SystemPrompt, 'hundred'];
  if (rest === 0) return words;
  if (hundreds > 0) words.push('and');
  if (rest <= 20) return [...words, String(rest) as SystemPrompt];
  words.push(String(rest - (rest % 10)) as SystemPrompt);
  return rest % 10 === 0 ? words : [...words, String(rest % 10) as SystemPrompt];
}

const NAMED: Readonly<Record<string, SystemPrompt>> = { '+': 'plus', '*': 'star', '#': 'pound' };

function digitWords(text: string): SystemPrompt[] {
  const words: SystemPrompt[] = [];
  for (const character of text) {
    if (words.length === MAX_DIGITS) break;
    if (character >= '0' && character <= '9') words.push(character as SystemPrompt);
    else if (Object.hasOwn(NAMED, character)) words.push(NAMED[character]!);
  }
  return words;
}

function rangeWords(range: WaitRange): SystemPrompt[] {
  switch (range.kind) {
    case 'under':
      return range.minutes === 1 ? ['less-than-a-minute'] : ['less-than', ...minutesWords(range.minutes)];
    case 'between':
      return ['between', ...numberWords(range.from), 'and', ...minutesWords(range.to)];
    case 'over':
      return range.minutes === 60
        ? ['more-than', '1', 'hour']
        : ['more-than', ...minutesWords(range.minutes)];
  }
}

function minutesWords(minutes: number): SystemPrompt[] {
  return [...numberWords(minutes), minutes === 1 ? 'minute' : 'minutes'];
}

/** Whole minutes, rounded down; from two hours on, hours. */
function durationWords(ms: number): SystemPrompt[] {
  const minutes = Math.floor(ms / MINUTE_MS);
  if (!(minutes >= 1)) return ['less-than-a-minute'];
  return minutes < 120 ? minutesWords(minutes) : [...numberWords(Math.floor(minutes / 60)), 'hours'];
}
