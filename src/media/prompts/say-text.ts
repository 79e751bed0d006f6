import { createHash } from 'node:crypto';

/** Longest text that is spoken; the dialplan takes no longer one. */
const MAX_TEXT = 2000;

/**
 * A text as the command gets it: one line, without control characters, and never taken for an option. Empty when nothing is left.
 */
export function tidyText(text: string): string {
  return text
    .slice(0, 2 * MAX_TEXT)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/^[\s\-‐-―]+/u, '')
    .trim()
    .slice(0, MAX_TEXT);
}

/** Name of the shipped rendering of a text, under `LANGUAGE/said/`. */
export function saidFile(text: string): string {
  return `${createHash('sha256').update(tidyText(text)).digest('hex').slice(0, 16)}.wav`;
}

/** Name of a rendering made here: another command or voice makes another file. */
export function renderedFile(command: readonly string[], text: string, language: string): string {
  const key = JSON.stringify([command, language, text]);
  return `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.wav`;
}

/** `{wav}`, `{text}` and `{lang}` put in, each argument as one: no shell sees them. */
export function commandLine(
  command: readonly string[],
  values: { readonly wav: string; readonly text: string; readonly lang: string },
): string[] {
  return command.map((argument) =>
    argument.replace(/\{(wav|text|lang)\}/g, (_, name: 'wav' | 'text' | 'lang') => values[name]),
  );
}
