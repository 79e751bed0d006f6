import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { access, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { delimiter, join, sep } from 'node:path';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import { readWavFormat } from '../codec/wav.js';
import { commandLine, renderedFile } from './say-text.js';

/** Renders texts by the configured command into a folder, each once. */
export interface Speaker {
  /**
   * `lasting`: a text of the plan. Others carry what a call brought: they are kept for a day at most.
   * Settles within the deadline of the command and its turn; never rejects.
   */
  speak(text: string, language: string, lasting: boolean): Promise<Spoken>;
  /** Why the command cannot be run, as far as that can be seen without running it. */
  missing(): string | undefined;
}

export type Spoken =
  { readonly kind: 'spoken'; readonly path: string } | { readonly kind: 'failed'; readonly reason: string };

export interface SpeakerDeps {
  /** Program and arguments with `{wav}`, `{text}`, `{lang}`. */
  readonly command: readonly string[];
  /** Made where it is not there. */
  readonly cacheFolder: string;
  /** Where programs are, as in PATH: for `missing` alone. Undefined: it is not looked for. */
  readonly searchPath?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const DEADLINE_MS = 10_000;
const AT_A_TIME = 2;
const MAX_WAITING = 64;
/** After a failure the same is not tried again so soon: callers wait meanwhile. */
const REST_MS = 60_000;
const MAX_RESTING = 1000;
const MAX_BYTES = 64 * 1024 * 1024;
const DAY_MS = 86_400_000;
/** Files kept: of the plan, and of calls. */
const KEEP = {
  plan: { files: 5000, ms: 365 * DAY_MS },
  call: { files: 500, ms: DAY_MS },
} as const;
const TIDY_EVERY = 100;

export function createSpeaker(deps: SpeakerDeps): Speaker {
  const { command, cacheFolder, clock, logger } = deps;
  const working = new Map<string, Promise<Spoken>>();
  const resting = new Map<string, { until: number; reason: string }>();
  const waiting: (() => void)[] = [];
  let running = 0;
  let serial = 0;
  let rendered = 0;

  const turn = async (): Promise<boolean> => {
    if (running < AT_A_TIME) {
      running++;
      return true;
    }
    if (waiting.length >= MAX_WAITING) return false;
    await new Promise<void>((resolve) => waiting.push(resolve));
    return true;
  };
  const next = (): void => {
    const first = waiting.shift();
    if (first === undefined) running--;
    else first();
  };

  const render = async (text: string, language: string, folder: string, path: string): Promise<Spoken> => {
    if (!(await turn())) return { kind: 'failed', reason: 'too many texts wait to be spoken' };
    const part = join(folder, `${process.pid}-${serial++}.part.wav`);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      let fault = await run(commandLine(command, { wav: part, text, lang: language }), clock);
      const base = language.split('-', 1)[0]!;
      // Not every voice knows every region.
      if (
        fault !== undefined &&
        base !== language &&
        command.some((argument) => argument.includes('{lang}'))
      ) {
        fault = await run(commandLine(command, { wav: part, text, lang: base }), clock);
      }
      fault ??= await faultOf(part);
      if (fault !== undefined) return { kind: 'failed', reason: fault };
      await rename(part, path);
      if (++rendered % TIDY_EVERY === 0) await tidy(cacheFolder, clock);
      return { kind: 'spoken', path };
    } catch (error) {
      return { kind: 'failed', reason: `${cacheFolder} cannot be written: ${messageOf(error)}` };
    } finally {
      next();
      await rm(part, { force: true }).catch(() => undefined);
    }
  };

  const speak = async (text: string, language: string, lasting: boolean): Promise<Spoken> => {
    const folder = join(cacheFolder, lasting ? 'plan' : 'call');
    const path = join(folder, renderedFile(command, text, language));
    if (await isThere(path, clock)) return { kind: 'spoken', path };
    const known = resting.get(path);
    if (known !== undefined && known.until > clock.monotonic())
      return { kind: 'failed', reason: known.reason };
    const spoken = await render(text, language, folder, path);
    if (spoken.kind === 'failed') {
      if (resting.size >= MAX_RESTING) resting.clear();
      resting.set(path, { until: clock.monotonic() + REST_MS, reason: spoken.reason });
      logger.warn({ reason: spoken.reason, command: command[0], characters: text.length }, 'text not spoken');
    }
    return spoken;
  };

  return {
    speak: (text, language, lasting) => {
      const key = `${lasting} ${language} ${text}`;
      const known = working.get(key);
      if (known !== undefined) return known;
      const work = speak(text, language, lasting).finally(() => working.delete(key));
      working.set(key, work);
      return work;
    },
    missing: () => missingProgram(command[0], deps.searchPath),
  };
}

/** Undefined when it ended well. */
function run(line: readonly string[], clock: Clock): Promise<string | undefined> {
  const [program = '', ...rest] = line;
  return new Promise((resolve) => {
    const errors: Buffer[] = [];
    let errorBytes = 0;
    let late = false;
    const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'], shell: false });
    const deadline = clock.after(DEADLINE_MS, () => {
      late = true;
      child.kill('SIGKILL');
      // A grandchild may hold the pipe open.
      child.stderr.destroy();
    });
    child.stderr.on('data', (bytes: Buffer) => {
      if (errorBytes < 2000) errors.push(bytes);
      errorBytes += bytes.length;
    });
    child.once('error', (error) => {
      deadline.clear();
      resolve(startFault(program, error));
    });
    child.once('close', (code, signal) => {
      deadline.clear();
      if (late) resolve(`${program} took more than 10 s`);
      else if (code === 0) resolve(undefined);
      else {
        const words = Buffer.concat(errors).toString().replace(/\s+/g, ' ').trim().slice(0, 300);
        resolve(`${program} ended with ${signal ?? code ?? 'nothing'}${words === '' ? '' : `: ${words}`}`);
      }
    });
  });
}

function startFault(program: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return notInstalled(program);
  return `${program} cannot be run: ${error.code ?? error.message}`;
}

function notInstalled(program: string): string {
  const how = program === 'espeak-ng' ? ' (Debian: apt install espeak-ng)' : '';
  return `${program} is not installed; install it${how}, or set media.say.command`;
}

function missingProgram(program: string | undefined, searchPath: string | undefined): string | undefined {
  if (program === undefined) return 'media.say.command is empty';
  if (searchPath === undefined && !program.includes(sep)) return undefined;
  const paths = program.includes(sep)
    ? [program]
    : (searchPath ?? '').split(delimiter).map((folder) => join(folder, program));
  const there = paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return there ? undefined : notInstalled(program);
}

/** Programs that fail may still end well, and leave nothing or half a file. */
async function faultOf(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) return 'the command wrote more than 64 MiB';
    const file = await open(path);
    try {
      const head = Buffer.alloc(Math.min(size, 65_536));
      await file.read(head, 0, head.length, 0);
      return readWavFormat(head, 'what the command wrote').dataBytes === 0
        ? 'the command wrote no sound'
        : undefined;
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'the command wrote no file at {wav}';
    return messageOf(error);
  }
}

/** Whether a rendering is there; its time says when it was last asked for. */
async function isThere(path: string, clock: Clock): Promise<boolean> {
  try {
    await access(path);
  } catch {
    return false;
  }
  const now = clock.now() / 1000;
  await utimes(path, now, now).catch(() => undefined);
  return true;
}

/** Removes what is beyond the bounds, and parts that a crash has left. */
async function tidy(cacheFolder: string, clock: Clock): Promise<void> {
  for (const [name, keep] of Object.entries(KEEP)) {
    const folder = join(cacheFolder, name);
    const names = await readdir(folder).catch(() => []);
    const files: { path: string; usedAt: number }[] = [];
    for (const file of names) {
      const path = join(folder, file);
      const usedAt = await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      );
      const most = file.endsWith('.part.wav') ? 10 * DEADLINE_MS : keep.ms;
      if (usedAt < clock.now() - most) await rm(path, { force: true }).catch(() => undefined);
      else files.push({ path, usedAt });
    }
    files.sort((a, b) => b.usedAt - a.usedAt);
    for (const { path } of files.slice(keep.files)) await rm(path, { force: true }).catch(() => undefined);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
