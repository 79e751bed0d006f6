import type { Matcher, MenuDefinition, Outcome, Plan, Prompt, Step, Steps, Template } from '../plan.js';

interface MayFail {
  readonly otherwise?: Steps;
  readonly ifOutcome: Readonly<Partial<Record<Outcome, Steps>>>;
}

/** The lists for a failure: `if-…:` and `otherwise:`. */
export function failureLists({ otherwise, ifOutcome }: MayFail): Steps[] {
  return [...Object.values(ifOutcome), ...(otherwise === undefined ? [] : [otherwise])];
}

/** The lists that a step chooses between when all goes well: branches of hours, match, split. */
export function branchLists(step: Step): Steps[] {
  switch (step.verb) {
    case 'hours':
      return [step.open, step.closed, step.holiday].filter((list) => list !== undefined);
    case 'match':
      return [step.then, ...(step.otherwise === undefined ? [] : [step.otherwise])];
    case 'split':
      return step.branches.map(({ route }) => route);
    default:
      return [];
  }
}

/** Whether the step may go on with the next one although none of its lists has run. */
export function mayPassBy(step: Step): boolean {
  switch (step.verb) {
    case 'hours':
      return step.open === undefined || step.closed === undefined;
    case 'match':
      return step.otherwise === undefined;
    case 'split':
    case 'goto':
    case 'reject':
    case 'busy':
    case 'hangup':
      return false;
    case 'extension':
    case 'ring':
    case 'trunk':
    case 'queue':
    case 'menu':
    case 'voicemail':
      return step.otherwise === undefined;
    default:
      return true;
  }
}

/** Every list nested in a step, `after:` included. */
export function nestedLists(step: Step): Steps[] {
  const failures = step.verb === 'match' ? [] : failureLists(step);
  const after = 'after' in step ? [step.after] : [];
  return [...branchLists(step), ...failures, ...after];
}

/** Visits every step of a list and of what is nested in it. */
export function walkSteps(steps: Steps, visit: (step: Step) => void): void {
  const waiting: Steps[] = [steps];
  for (let list = waiting.pop(); list !== undefined; list = waiting.pop()) {
    for (const step of list) {
      visit(step);
      waiting.push(...nestedLists(step));
    }
  }
}

/** Every list of steps that a plan's definitions hold; lists that rules share come once. */
export function allLists(plan: Plan): Steps[] {
  const lists = new Set<Steps>();
  for (const { route } of plan.rules) lists.add(route);
  for (const route of plan.routes.values()) lists.add(route);
  for (const menu of plan.menus.values()) for (const list of menuLists(menu)) lists.add(list);
  for (const queue of plan.queues.values()) for (const list of failureLists(queue)) lists.add(list);
  for (const extension of [...plan.extensions.values(), ...plan.extensionBlocks]) {
    if (extension.where.kind === 'route') lists.add(extension.where.route);
    if (extension.otherwise !== undefined) lists.add(extension.otherwise);
  }
  for (const { route } of plan.outbound) if (route !== undefined) lists.add(route);
  return [...lists];
}

export function menuLists(menu: MenuDefinition): Steps[] {
  return [...Object.values(menu.keys), ...failureLists(menu)];
}

/** The texts of a step in which variables may stand. */
export function templatesOf(step: Step): Template[] {
  const templates: Template[] = [];
  const take = (template: Template | undefined): void => {
    if (template !== undefined) templates.push(template);
  };
  if ('callerName' in step) take(step.callerName);
  if ('callerId' in step && step.callerId.kind === 'number') take(step.callerId.number);
  switch (step.verb) {
    case 'ring':
      for (const { who } of step.targets) if (who.kind === 'number' || who.kind === 'trunk') take(who.number);
      break;
    case 'trunk':
      take(step.number);
      for (const [, value] of step.headers) take(value);
      break;
    case 'set':
      for (const [, value] of step.values) take(value);
      break;
    case 'webhook':
      take(step.url);
      break;
    default:
  }
  for (const prompt of promptsOf(step)) templates.push(...templatesOfPrompt(prompt));
  return templates;
}

export function promptsOf(step: Step): Prompt[] {
  switch (step.verb) {
    case 'play':
    case 'say':
      return [step.prompt];
    case 'voicemail':
      return step.greeting === undefined ? [] : [step.greeting];
    case 'collect':
      return step.prompt === undefined ? [] : [step.prompt];
    case 'record':
      return [step.prompt, step.notice].filter((prompt) => prompt !== undefined);
    default:
      return [];
  }
}

/** The prompts of the definitions themselves. */
export function promptsOfMenu(menu: MenuDefinition): Prompt[] {
  return [menu.prompt, menu.noInput, menu.invalid].filter((prompt) => prompt !== undefined);
}

export function templatesOfPrompt(prompt: Prompt): Template[] {
  switch (prompt.kind) {
    case 'file':
      return [];
    case 'say':
      return isTemplate(prompt.text) ? [prompt.text] : Object.values(prompt.text);
    case 'sequence':
      return prompt.of.flatMap(templatesOfPrompt);
  }
}

function isTemplate(text: Template | Readonly<Record<string, Template>>): text is Template {
  return Array.isArray(text.parts);
}

/** The names of lists that a matcher asks. */
export function listsNamed(matcher: Matcher): string[] {
  if (matcher.kind === 'list') return [matcher.name];
  return matcher.kind === 'any' ? matcher.of.flatMap(listsNamed) : [];
}
