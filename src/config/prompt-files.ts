import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The prompts that come with Trunkline. */
export const SHIPPED_PROMPTS = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'prompts');

/**
 * Whether a prompt file is in the folder of prompts or among those that come with Trunkline, or in one of their folders for languages.
 * The folders are read once.
 */
export function createPromptLookup(folder: string): (file: string) => boolean {
  const places = [folder, SHIPPED_PROMPTS].flatMap((one) => [
    one,
    ...languagesIn(one).map((language) => join(one, language)),
  ]);
  return (file) => places.some((place) => existsSync(join(place, file)));
}

function languagesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    // No folder, no prompts.
    return [];
  }
}
