import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Whether a prompt file is in the folder of prompts, or in one of its folders for languages. The folders are read once. */
export function createPromptLookup(folder: string): (file: string) => boolean {
  let languages: readonly string[] = [];
  try {
    languages = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    // No folder, no prompts.
  }
  return (file) =>
    existsSync(join(folder, file)) || languages.some((language) => existsSync(join(folder, language, file)));
}
