import type { Diagnostic } from '../../base/diagnostic.js';
import type { Plan, Prompt } from '../plan.js';
import { placeOfPrompt } from './prompts.js';
import { allLists, listsNamed, promptsOf, promptsOfMenu, walkSteps } from './walk.js';

type Report = (diagnostic: Diagnostic) => void;

function warn(
  report: Report,
  place: Diagnostic['place'],
  code: string,
  message: string,
  hint?: string,
): void {
  report({ severity: 'warning', code, message, place, ...(hint !== undefined && { hint }) });
}

/** Queues without agents, hours that never open. */
export function checkDefinitions(plan: Plan, report: Report): void {
  for (const queue of plan.queues.values()) {
    if (queue.agents.length === 0) {
      warn(
        report,
        queue.place,
        'no-agents',
        `queue "${queue.name}" has no agents`,
        'list them under agents:',
      );
    }
  }
  for (const hours of plan.hours.values()) {
    const spans = [...hours.week, ...hours.special.values()];
    if (spans.every((day) => day.length === 0)) {
      warn(
        report,
        hours.place,
        'never-open',
        `hours "${hours.name}" are never open`,
        'as in open: { mon-fri: "09:00-17:00" }',
      );
    }
  }
}

/** Lists that hold one another in a circle. */
export function checkLists(
  plan: Plan,
  places: ReadonlyMap<string, Diagnostic['place']>,
  report: Report,
): void {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      const place = places.get(name);
      const circle = [...path.slice(path.indexOf(name)), name].join(' → ');
      if (place !== undefined && !done.has(name)) {
        report({
          severity: 'error',
          code: 'list-circle',
          message: `lists hold one another: ${circle}`,
          place,
        });
      }
      for (const one of path) done.add(one);
      return;
    }
    if (done.has(name)) return;
    for (const matcher of plan.lists.get(name) ?? [])
      for (const inner of listsNamed(matcher)) visit(inner, [...path, name]);
    done.add(name);
  };
  for (const name of plan.lists.keys()) visit(name, []);
}

/** Prompt files that are not there: a call that comes to one skips it, with an alarm. */
export function checkPrompts(plan: Plan, promptExists: (file: string) => boolean, report: Report): void {
  const known = new Map<string, boolean>();
  const check = (file: string, place: Diagnostic['place']): void => {
    let there = known.get(file);
    if (there === undefined) known.set(file, (there = promptExists(file)));
    if (!there)
      warn(
        report,
        place,
        'missing-prompt',
        `there is no prompt file "${file}"`,
        'files are looked up under media.prompts',
      );
  };
  const checkAll = (prompt: Prompt, fallback: Diagnostic['place']): void => {
    const place = placeOfPrompt(prompt) ?? fallback;
    if (prompt.kind === 'file') check(prompt.file, place);
    else if (prompt.kind === 'sequence') for (const part of prompt.of) checkAll(part, place);
  };
  for (const list of allLists(plan)) {
    walkSteps(list, (step) => {
      for (const prompt of promptsOf(step)) checkAll(prompt, step.place);
      if (step.verb === 'ring' && step.music !== 'ringback') check(step.music, step.place);
    });
  }
  for (const menu of plan.menus.values())
    for (const prompt of promptsOfMenu(menu)) checkAll(prompt, menu.place);
  for (const queue of plan.queues.values()) if (queue.music !== undefined) check(queue.music, queue.place);
  for (const mailbox of plan.mailboxes.values())
    if (mailbox.greeting !== undefined) checkAll(mailbox.greeting, mailbox.place);
  for (const survey of plan.surveys.values()) checkAll(survey.ask, survey.place);
}
