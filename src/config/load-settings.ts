import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.js';
import { checkSettings } from './check-settings.js';
import { reportDeferred } from './deferred.js';
import { readSettings } from './read-settings.js';
import { resolveSettings } from './resolve-settings.js';
import type { Settings } from './settings.js';

export interface SettingsOutcome {
  /** Only where there is no error; warnings may be there all the same. */
  readonly settings?: Settings;
  /** All that was found, in the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads, checks and resolves a settings file. Never throws for what an admin wrote: a file that cannot be read is a finding too.
 * `env` looks up environment variables. Findings name the file as it is given here.
 */
export function loadSettings(file: string, env: (name: string) => string | undefined): SettingsOutcome {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    return { diagnostics: [unreadable(file, error)] };
  }
  const { written, diagnostics, reader } = readSettings(file, content, env);
  if (written !== undefined) {
    checkSettings(written, reader);
    reportDeferred(written, reader);
  }
  const found = [...diagnostics, ...withoutEchoes(reader.diagnostics, diagnostics)].sort(
    (a, b) => a.place.line - b.place.line || a.place.column - b.place.column,
  );
  if (written === undefined || found.some((finding) => finding.severity === 'error'))
    return { diagnostics: found };
  const settings = resolveSettings(resolve(file), written);
  return settings === undefined ? { diagnostics: found } : { settings, diagnostics: found };
}

/** A value that is missing since its environment variable is, has been reported once already. */
function withoutEchoes(
  findings: readonly Diagnostic[],
  earlier: readonly Diagnostic[],
): readonly Diagnostic[] {
  const places = new Set(earlier.map(({ place }) => `${place.line}:${place.column}`));
  return findings.filter(
    ({ code, place }) => code !== 'no-value' || !places.has(`${place.line}:${place.column}`),
  );
}

function unreadable(file: string, error: unknown): Diagnostic {
  const code = (error as NodeJS.ErrnoException).code;
  const why =
    code === 'ENOENT'
      ? 'there is no such file'
      : code === 'EISDIR'
        ? 'it is a folder'
        : error instanceof Error
          ? error.message
          : String(error);
  return {
    severity: 'error',
    code: 'file-unreadable',
    message: `the settings cannot be read: ${why}`,
    place: { file, line: 1, column: 1 },
    hint: 'name the settings file with --config FILE',
  };
}
