import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../base/errors.js';
import { systemClock, type Clock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import { readWavFormat } from '../codec/wav.js';
import type { Clip } from '../engine.js';
import { createPromptFiles } from './find-file.js';
import { chooseText } from './languages.js';
import { saidFile, tidyText } from './say-text.js';
import { createSpeaker } from './speaker.js';
import type { SystemPrompt } from './system-texts.js';

/** What is to be heard. Variables are substituted already. */
export type PromptRequest =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'say'; readonly text: string | Readonly<Record<string, string>> }
  | { readonly kind: 'sequence'; readonly of: readonly PromptRequest[] }
  | { readonly kind: 'system'; readonly name: SystemPrompt };

/** Something of a prompt that is not going to be heard. */
export interface PromptProblem {
  readonly kind: 'file-missing' | 'file-unreadable' | 'not-spoken';
  /** The file, or the beginning of the text. */
  readonly name: string;
  /** A sentence with cause and remedy. */
  readonly message: string;
}

export interface PromptsDeps {
  /** The admin's folders, absolute; the first that has a file gives it. */
  readonly folders: readonly string[];
  /** The shipped `prompts/`, absolute. */
  readonly systemFolder: string;
  /** For spoken texts, absolute; made where it is not there. */
  readonly cacheFolder: string;
  /** `media.say.command`: program and arguments with `{wav}`, `{text}`, `{lang}`. */
  readonly sayCommand: readonly string[];
  /** PATH, to see at load whether that program is there. */
  readonly searchPath?: string | undefined;
  /** Default `en`. */
  readonly defaultLanguage?: string;
  readonly logger: Logger;
  /** Told once a name until the next `prepare`. Must not throw. */
  readonly onAlarm?: (problem: PromptProblem) => void;
  /** Default the machine's. */
  readonly clock?: Clock;
}

export interface Prompts {
  /** The clips of a prompt; what cannot be played is left out, with an alarm. Settles; never rejects. */
  resolve(prompt: PromptRequest, language: string | undefined): Promise<Clip[]>;
  /**
   * At load: speaks the texts of the plan (those without variables), so that no call waits for it, and tells what is not going to be
   * heard. Texts seen here are kept; others, with what calls brought, for a day.
   */
  prepare(prompts: Iterable<PromptRequest>): Promise<PromptProblem[]>;
  /** The same without speaking, at once. */
  check(prompt: PromptRequest): PromptProblem[];
}

const MAX_ALARMS = 1000;
const MAX_LASTING = 50_000;
const MAX_PARTS = 64;
const SHOWN_TEXT = 60;
const HEAD_BYTES = 65_536;

export function createPrompts(deps: PromptsDeps): Prompts {
  const { logger, clock = systemClock, defaultLanguage = 'en' } = deps;
  const files = createPromptFiles({ ...deps, defaultLanguage, clock });
  const speaker = createSpeaker({
    command: deps.sayCommand,
    cacheFolder: deps.cacheFolder,
    searchPath: deps.searchPath,
    clock,
    logger,
  });
  const alarmed = new Set<string>();
  /** Texts of the plan in force. */
  const lasting = new Set<string>();

  const alarm = (problem: PromptProblem): void => {
    const key = `${problem.kind} ${problem.name}`;
    if (alarmed.has(key)) return;
    if (alarmed.size >= MAX_ALARMS) alarmed.clear();
    alarmed.add(key);
    logger.warn({ prompt: problem.name, kind: problem.kind, reason: problem.message }, 'prompt skipped');
    deps.onAlarm?.(problem);
  };

  const fileMissing = (file: string, language: string | undefined): PromptProblem => {
    const [first] = files.places(file, language);
    return {
      kind: 'file-missing',
      name: file,
      message:
        first === undefined
          ? `"${file}" leads out of the folder of prompts; name a file in it`
          : `${file} is not there; put it at ${join(deps.folders[0] ?? deps.systemFolder, file)}`,
    };
  };
  const notSpoken = (text: string, reason: string): PromptProblem => {
    const name = text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text;
    return { kind: 'not-spoken', name, message: `"${name}" cannot be spoken: ${reason}` };
  };

  const spokenClip = async (
    request: Extract<PromptRequest, { kind: 'say' }>,
    language: string | undefined,
    problem: (found: PromptProblem) => void,
  ): Promise<Clip[]> => {
    const chosen = chooseText(request.text, language, defaultLanguage);
    const text = chosen === undefined ? '' : tidyText(chosen.text);
    if (chosen === undefined || text === '') return [];
    const spoken = await speaker.speak(text, chosen.language, lasting.has(`${chosen.language} ${text}`));
    if (spoken.kind === 'spoken') return [{ kind: 'file', path: spoken.path }];
    const shipped = await files.find(`said/${saidFile(text)}`, chosen.language);
    if (shipped !== undefined) return [{ kind: 'file', path: shipped }];
    problem(notSpoken(text, spoken.reason));
    return [];
  };

  const clipsOf = async (
    request: PromptRequest,
    language: string | undefined,
    problem: (found: PromptProblem) => void,
  ): Promise<Clip[]> => {
    const parts = flatten(request).slice(0, MAX_PARTS);
    const clips = await Promise.all(
      parts.map(async (part): Promise<Clip[]> => {
        if (part.kind === 'say') return spokenClip(part, language, problem);
        const path = await files.find(fileOf(part), language);
        if (path !== undefined) return [{ kind: 'file', path }];
        problem(fileMissing(fileOf(part), language));
        return [];
      }),
    );
    return clips.flat();
  };

  /** Of one part, in each language there is a text for. */
  const checkPart = (part: SinglePrompt): PromptProblem[] => {
    if (part.kind !== 'say') {
      const file = fileOf(part);
      const path = files.findNow(file, undefined);
      if (path !== undefined) return unreadable(file, path);
      return files.inSomeLanguage(file) ? [] : [fileMissing(file, undefined)];
    }
    const reason = speaker.missing();
    if (reason === undefined) return [];
    return textsOf(part)
      .filter(({ text }) => text !== '' && files.findNow(`said/${saidFile(text)}`, undefined) === undefined)
      .map(({ text }) => notSpoken(text, reason));
  };

  /** The texts of a part, tidy, with their languages. */
  const textsOf = (part: Extract<PromptRequest, { kind: 'say' }>): { text: string; language: string }[] =>
    typeof part.text === 'string'
      ? [{ text: tidyText(part.text), language: defaultLanguage }]
      : Object.entries(part.text).map(([language, text]) => ({ text: tidyText(text), language }));

  return {
    resolve: (prompt, language) => clipsOf(prompt, language, alarm),
    check: (prompt) => flatten(prompt).flatMap(checkPart),
    prepare: async (prompts) => {
      alarmed.clear();
      const parts = [...prompts].flatMap(flatten);
      const problems = new Map<string, PromptProblem>();
      const note = (found: PromptProblem): void => {
        problems.set(`${found.kind} ${found.name}`, found);
      };
      lasting.clear();
      for (const part of parts) {
        if (part.kind !== 'say') checkPart(part).forEach(note);
        else
          for (const { text, language } of textsOf(part)) {
            if (text !== '' && lasting.size < MAX_LASTING) lasting.add(`${language} ${text}`);
          }
      }
      // Two at a time, as the command may run: its own queue would turn a long list away.
      const left = [...lasting];
      const speakNext = async (): Promise<void> => {
        for (let key = left.shift(); key !== undefined; key = left.shift()) {
          const space = key.indexOf(' ');
          await spokenClip({ kind: 'say', text: key.slice(space + 1) }, key.slice(0, space), note);
        }
      };
      await Promise.all([speakNext(), speakNext()]);
      return [...problems.values()];
    },
  };
}

type SinglePrompt = Exclude<PromptRequest, { kind: 'sequence' }>;

function flatten(prompt: PromptRequest): SinglePrompt[] {
  return prompt.kind === 'sequence' ? prompt.of.flatMap(flatten) : [prompt];
}

function fileOf(part: Extract<SinglePrompt, { kind: 'file' | 'system' }>): string {
  return part.kind === 'system' ? `system/${part.name}.wav` : part.file;
}

/** By its head: a file that could not be played should be known before a caller waits for it. */
function unreadable(file: string, path: string): PromptProblem[] {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const { size } = fstatSync(descriptor);
    const head = Buffer.alloc(Math.min(size, HEAD_BYTES));
    readSync(descriptor, head, 0, head.length, 0);
    readWavFormat(head, file);
    return [];
  } catch (error) {
    // The audio may begin behind a long chunk of something else.
    if (error instanceof AppError && error.message.endsWith('has no audio in it')) return [];
    const message = error instanceof Error ? error.message : String(error);
    return [{ kind: 'file-unreadable', name: file, message }];
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
