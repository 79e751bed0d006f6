import { readFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import type { Diagnostic, Place } from '../base/diagnostic.js';
import { loadSettings, type Settings } from '../config/index.js';
import { loadDialplan, type Plan } from '../dialplan/index.js';
import type { CommandIo } from './io.js';

/** Settings and dialplan as the files have them; what has errors is absent. */
export interface Project {
  readonly settings?: Settings;
  readonly plan?: Plan;
  /** All findings of both; files are named as seen from the current folder. */
  readonly diagnostics: readonly Diagnostic[];
  /** The text of a file that a finding names. */
  readonly sourceOf: (file: string) => string | undefined;
}

/** Reads settings and dialplan, offline. Throws `FILE_UNREADABLE` when the dialplan's folder cannot be read. */
export async function loadProject(configFile: string, io: CommandIo): Promise<Project> {
  const file = resolve(io.cwd, configFile);
  const { settings, diagnostics: found } = loadSettings(file, (name) => io.env(name));
  const show = (path: string) => shortest(path, io.cwd);
  const ofSettings = found.map((finding) => renamed(finding, show));
  const sourceOf = createSourceLookup(io.cwd);
  if (settings === undefined) return { diagnostics: ofSettings, sourceOf };
  const loaded = await loadDialplan(settings.dialplans, {
    env: (name) => io.env(name),
    trunkNames: settings.trunks.map(({ name }) => name),
  });
  const inFolder = (path: string) => show(isAbsolute(path) ? path : join(settings.dialplans, path));
  const ofPlan = loaded.diagnostics.map((finding) => renamed(finding, inFolder));
  const diagnostics = [...ofSettings, ...ofPlan];
  return { settings, diagnostics, sourceOf, ...(loaded.plan !== undefined && { plan: loaded.plan }) };
}

function renamed(finding: Diagnostic, show: (path: string) => string): Diagnostic {
  const place = (at: Place): Place => ({ ...at, file: show(at.file) });
  return {
    ...finding,
    place: place(finding.place),
    ...(finding.related !== undefined && {
      related: finding.related.map((entry) => ({ ...entry, place: place(entry.place) })),
    }),
  };
}

function shortest(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near.length < path.length && !near.startsWith('../..') ? near : path;
}

function createSourceLookup(cwd: string): (file: string) => string | undefined {
  const texts = new Map<string, string | undefined>();
  return (file) => {
    if (!texts.has(file)) {
      try {
        texts.set(file, readFileSync(resolve(cwd, file), 'utf8'));
      } catch {
        texts.set(file, undefined);
      }
    }
    return texts.get(file);
  };
}
