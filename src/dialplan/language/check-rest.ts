import type { Diagnostic } from '../../base/diagnostic.js';
import type { Plan } from '../plan.js';
import { promptsOfPlan } from '../plan-prompts.js';
import { listsNamed } from './walk.js';

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
  for (const { prompt, place } of promptsOfPlan(plan)) {
    if (prompt.kind !== 'file') continue;
    const { file } = prompt;
    let there = known.get(file);
    if (there === undefined) known.set(file, (there = promptExists(file)));
    if (!there)
      warn(
        report,
        place,
        'missing-prompt',
        `there is no prompt file "${file}"`,
        'files are looked up under media.prompts, then among those that come with Trunkline',
      );
  }
}
