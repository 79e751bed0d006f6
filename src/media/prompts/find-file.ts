import { existsSync, readdirSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { languageChain } from './languages.js';

export interface PromptFiles {
  /** Absolute path of the first one that is there. */
  find(file: string, language: string | undefined): Promise<string | undefined>;
  /** The same at once, for checks at load. */
  findNow(file: string, language: string | undefined): string | undefined;
  /** Whether it is in some language's folder of the admin's: calls choose. At once, for checks at load. */
  inSomeLanguage(file: string): boolean;
  /** Where it is looked for, in order; empty where the name leads out of the folders. */
  places(file: string, language: string | undefined): string[];
}

export interface PromptFilesDeps {
  /** The admin's, in order. */
  readonly folders: readonly string[];
  /** What ships with Trunkline. */
  readonly systemFolder: string;
  readonly defaultLanguage: string;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** A file that is put in its place later is noticed within this time. */
const REMEMBERED_MS = 5000;
const MAX_REMEMBERED = 5000;
const SHIPPED_LANGUAGE = 'en';

export function createPromptFiles(deps: PromptFilesDeps): PromptFiles {
  const remembered = new Map<string, { path: string | undefined; until: number }>();

  const places = (file: string, language: string | undefined): string[] => {
    if (!isInside(file)) return [];
    const languages = languageChain(language, deps.defaultLanguage);
    return [
      ...deps.folders.flatMap((folder) => [
        ...languages.map((tag) => join(folder, tag, file)),
        join(folder, file),
      ]),
      join(deps.systemFolder, SHIPPED_LANGUAGE, file),
      join(deps.systemFolder, file),
    ];
  };

  return {
    places,
    findNow: (file, language) => places(file, language).find((path) => existsSync(path)),
    inSomeLanguage: (file) =>
      isInside(file) &&
      deps.folders.some((folder) => languagesIn(folder).some((tag) => existsSync(join(folder, tag, file)))),
    find: async (file, language) => {
      const key = `${language ?? ''} ${file}`;
      const now = deps.clock.monotonic();
      const known = remembered.get(key);
      if (known !== undefined && known.until > now) return known.path;
      let found: string | undefined;
      for (const path of places(file, language)) {
        if (!(await isReadable(path))) continue;
        found = path;
        break;
      }
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(key, { path: found, until: now + REMEMBERED_MS });
      return found;
    },
  };
}

function languagesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/** A name below the folder: no absolute path, no way up, nothing that hides another name. */
function isInside(file: string): boolean {
  return (
    file.length > 0 &&
    file.length <= 255 &&
    !/[\\\x00-\x1f\x7f]/.test(file) &&
    file.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

async function isReadable(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
