import { setImmediate } from 'node:timers/promises';
import { showPlace, type Diagnostic, type Place } from '../base/diagnostic.js';
import type { Logger } from '../base/logger.js';
import { promptsOfPlan, type Plan } from '../dialplan/index.js';
import type { PromptProblem, PromptRequest, Prompts } from '../media/index.js';

/** Prompts looked at between two turns of the event loop: each is some looks at the disk. */
const SLICE = 50;
/** Warnings that are written out; the log says how many there are beyond. */
const MAX_SHOWN = 50;

export interface PromptFollower {
  /** A plan took force: its texts are spoken in the background, and what is not going to be heard is warned of. Returns at once. */
  follow(plan: Plan): void;
  /** Resolves when all that was asked for is done; for tests. Never rejects. */
  settled(): Promise<void>;
}

interface Placed {
  readonly request: PromptRequest;
  readonly place: Place;
  readonly of: string;
  /** Of a text: as it was written, its blanks as one. Texts with variables are spoken when a call comes to them. */
  readonly texts: readonly { readonly text: string; readonly isFixed: boolean }[];
}

/** Looks after the prompts of the plan in force. Files that are missing the load itself has told of. */
export function createPromptFollower(deps: {
  readonly prompts: Pick<Prompts, 'check' | 'prepare'>;
  readonly logger: Logger;
  /** Played on hold, whatever the plan says, and where that is set. */
  readonly holdMusic: { readonly file: string; readonly place: Place };
}): PromptFollower {
  const { prompts, logger, holdMusic } = deps;
  let latest: Plan | undefined;
  let last: Promise<void> = Promise.resolve();

  async function look(plan: Plan): Promise<void> {
    const warned = new Set<string>();
    const found: Diagnostic[] = [];
    const report = ({ kind, name, message }: PromptProblem, at: Pick<Placed, 'place' | 'of'>): void => {
      const key = `${kind} ${name} ${showPlace(at.place)}`;
      if (warned.has(key)) return;
      warned.add(key);
      found.push({
        severity: 'warning',
        code: `prompt-${kind}`,
        message: `${at.of}: ${message}`,
        place: at.place,
      });
    };
    const placed = [...placedPrompts(plan)];
    for (const [index, one] of placed.entries()) {
      if (index % SLICE === SLICE - 1) await setImmediate();
      if (latest !== plan) return;
      for (const problem of prompts.check(one.request))
        if (problem.kind !== 'file-missing') report(problem, one);
    }
    const music: PromptRequest = { kind: 'file', file: holdMusic.file };
    for (const problem of prompts.check(music))
      report(problem, { place: holdMusic.place, of: 'media.hold-music' });
    show(found);
    const shown = found.length;
    const fixed = placed.filter(({ texts }) => texts.every(({ isFixed }) => isFixed));
    for (const problem of await prompts.prepare(fixed.map(({ request }) => request))) {
      if (problem.kind !== 'not-spoken') continue;
      const begin = problem.name.replace(/…$/, '');
      for (const one of placed)
        if (one.texts.some(({ text }) => text.startsWith(begin))) report(problem, one);
    }
    show(found.slice(shown));
  }

  function show(found: readonly Diagnostic[]): void {
    for (const { message, place, code } of found.slice(0, MAX_SHOWN))
      logger.warn({ place: showPlace(place), code }, message);
    if (found.length > MAX_SHOWN)
      logger.warn({ more: found.length - MAX_SHOWN }, 'further prompts cannot be played');
  }

  return {
    follow(plan) {
      latest = plan;
      last = last
        .then(() => (latest === plan ? look(plan) : undefined))
        .catch((error: unknown) => logger.error({ reason: String(error) }, 'prompts could not be looked at'));
    },
    settled: () => last,
  };
}

function* placedPrompts(plan: Plan): Generator<Placed, void> {
  for (const { prompt, place, of } of promptsOfPlan(plan)) {
    if (prompt.kind === 'file') {
      yield { request: prompt, place, of, texts: [] };
      continue;
    }
    const { text } = prompt;
    const templates = Array.isArray(text.parts)
      ? { '': text as Template }
      : (text as Record<string, Template>);
    const spoken = Object.fromEntries(
      Object.entries(templates).map(([language, { parts }]) => [language, parts.map(shown).join('')]),
    );
    const texts = Object.entries(templates).map(([language, { parts }]) => ({
      text: spoken[language]!.replace(/[\s\p{Cc}]+/gu, ' ').replace(/^[\s\-‐-―]+/u, ''),
      isFixed: parts.every((part) => typeof part === 'string'),
    }));
    yield { request: { kind: 'say', text: spoken[''] ?? spoken }, place, of, texts };
  }
}

function shown(part: Template['parts'][number]): string {
  return typeof part === 'string' ? part : `\${${part.variable}}`;
}

/** As the plan has texts. */
interface Template {
  readonly parts: readonly (string | { readonly variable: string })[];
}
