import type { Place } from '../base/diagnostic.js';
import { placeOfPrompt } from './language/prompts.js';
import { allLists, promptsOf, promptsOfMenu, walkSteps } from './language/walk.js';
import type { Plan, Prompt } from './plan.js';

/** A prompt of a plan, where it was written and of what it is: `menu "main"`, `play`, or the name of its step. */
export interface PlacedPrompt {
  readonly prompt: Exclude<Prompt, { kind: 'sequence' }>;
  readonly place: Place;
  readonly of: string;
}

/** Every prompt that a plan may play, lists taken apart; music as files. */
export function* promptsOfPlan(plan: Plan): Generator<PlacedPrompt, void> {
  for (const list of allLists(plan)) {
    const found: PlacedPrompt[] = [];
    walkSteps(list, (step) => {
      const of = step.name === undefined ? `step ${step.verb}` : `step ${step.verb} "${step.name}"`;
      for (const prompt of promptsOf(step)) found.push(...parts(prompt, step.place, of));
      if (step.verb === 'ring' && step.music !== 'ringback') found.push(music(step.music, step.place, of));
    });
    yield* found;
  }
  for (const menu of plan.menus.values())
    for (const prompt of promptsOfMenu(menu)) yield* parts(prompt, menu.place, `menu "${menu.name}"`);
  for (const queue of plan.queues.values())
    if (queue.music !== undefined) yield music(queue.music, queue.place, `queue "${queue.name}"`);
  for (const mailbox of plan.mailboxes.values())
    if (mailbox.greeting !== undefined)
      yield* parts(mailbox.greeting, mailbox.place, `mailbox "${mailbox.name}"`);
  for (const survey of plan.surveys.values())
    yield* parts(survey.ask, survey.place, `survey "${survey.name}"`);
}

function* parts(prompt: Prompt, fallback: Place, of: string): Generator<PlacedPrompt, void> {
  const place = placeOfPrompt(prompt) ?? fallback;
  if (prompt.kind === 'sequence') for (const part of prompt.of) yield* parts(part, place, of);
  else yield { prompt, place, of };
}

function music(file: string, place: Place, of: string): PlacedPrompt {
  return { prompt: { kind: 'file', file }, place, of };
}
