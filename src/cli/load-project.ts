import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { Diagnostic } from '../base/diagnostic.js';
import { createPromptLookup, loadSettings, type Settings } from '../config/index.js';
import { loadTested, type Plan, type PlanTestResult } from '../dialplan/index.js';
import type { CommandIo } from './io.js';

/** Settings and dialplan as the files have them; what has errors is absent. */
export interface Project {
  readonly settings?: Settings;
  /** Absent after an error; a failing test is one. */
  readonly plan?: Plan;
  readonly tests: readonly PlanTestResult[];
  /** All findings of both; files are named as seen from the current folder. */
  readonly diagnostics: readonly Diagnostic[];
  /** The text of a file that a finding names. */
  readonly sourceOf: (file: string) => string | undefined;
}

/** Reads settings and dialplan, offline. Throws `FILE_UNREADABLE` when the dialplan's folder cannot be read. */
export async function loadProject(configFile: string, io: CommandIo): Promise<Project> {
  const path = resolve(io.cwd, configFile);
  const file = shortest(path, io.cwd);
  const env = (name: string) => io.env(name);
  const { settings, diagnostics: found } = loadSettings(path, env);
  const diagnostics = found.map((finding) => ({ ...finding, place: { ...finding.place, file } }));
  const settingsText = (name: string) => (name === file ? textOf(path) : undefined);
  if (settings === undefined) return { tests: [], diagnostics, sourceOf: settingsText };
  const loaded = await loadTested({
    folder: settings.dialplans,
    prefix: `${shortest(settings.dialplans, io.cwd)}/`,
    env,
    trunkNames: settings.trunks.map(({ name }) => name),
    promptExists: createPromptLookup(settings.media.prompts),
  });
  return {
    settings,
    tests: loaded.tests,
    diagnostics: [...diagnostics, ...loaded.diagnostics],
    sourceOf: (name) => loaded.sourceOf(name) ?? settingsText(name),
    ...(loaded.plan !== undefined && { plan: loaded.plan }),
  };
}

function shortest(path: string, cwd: string): string {
  const near = relative(cwd, path);
  return near !== '' && near.length < path.length && !near.startsWith('../..') ? near : path;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
