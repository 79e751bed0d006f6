import type { Diagnostic } from '../../base/diagnostic.js';
import type { Plan, Step, Steps } from '../plan.js';
import { allLists, branchLists, failureLists, mayPassBy, menuLists, nestedLists, walkSteps } from './walk.js';

/** Loops without a way out, menus without a way to a person, steps that are never reached. */
export function* checkPaths(
  plan: Plan,
  report: (diagnostic: Diagnostic) => void,
): Generator<undefined, void> {
  yield* new Paths(plan, report).check();
}

const SLICE = 5000;

/** Answers by route and menu, worked out until nothing changes. */
type Answers = Map<string, boolean>;

class Paths {
  /** Whether a call in this route or menu can come to an end by itself. */
  private readonly ends: Answers = new Map();
  /** Whether a call there can reach a person. */
  private readonly people: Answers = new Map();
  private changed = false;

  constructor(
    private readonly plan: Plan,
    private readonly report: (diagnostic: Diagnostic) => void,
  ) {}

  *check(): Generator<undefined, void> {
    const { plan } = this;
    const lists = allLists(plan);
    for (;;) {
      this.changed = false;
      for (const [name, route] of plan.routes) {
        this.learn(this.ends, `route ${name}`, this.canEnd(route, true));
        this.learn(this.people, `route ${name}`, this.canReach(route, false));
      }
      for (const [name, menu] of plan.menus) {
        const reaches = menu.dialExtension || menuLists(menu).some((list) => this.canReach(list, false));
        this.learn(this.people, `menu ${name}`, reaches);
      }
      // Steps after a menu are a way to a person too.
      for (const [index, list] of lists.entries()) {
        this.canReach(list, false);
        if (index % SLICE === SLICE - 1) yield;
      }
      if (!this.hasChanged()) break;
    }
    this.reportLoops();
    for (const [name, menu] of plan.menus) {
      if (this.people.get(`menu ${name}`) === true) continue;
      const hint =
        'give it a key or otherwise: with an extension, ring, queue or trunk, or dial-extension: true';
      this.warn(menu.place, 'no-person', `no key of menu "${name}" leads to a person`, hint);
    }
    for (const [index, list] of lists.entries()) {
      this.reportUnreachable(list);
      if (index % SLICE === SLICE - 1) yield;
    }
  }

  private hasChanged(): boolean {
    return this.changed;
  }

  private learn(answers: Answers, key: string, answer: boolean): void {
    if (!answer || answers.get(key) === true) return;
    answers.set(key, true);
    this.changed = true;
  }

  /** Whether a call can end in a list; `beyond`: whether it can once the list has run out. */
  private canEnd(steps: Steps, beyond: boolean): boolean {
    return steps.reduceRight((next, step) => this.stepCanEnd(step, next), beyond);
  }

  private stepCanEnd(step: Step, next: boolean): boolean {
    switch (step.verb) {
      case 'goto':
        return this.ends.get(`route ${step.route}`) === true;
      case 'menu': {
        const menu = this.plan.menus.get(step.menu);
        if (menu?.dialExtension === true || (mayPassBy(step) && next)) return true;
        const lists = [...failureLists(step), ...(menu === undefined ? [] : menuLists(menu))];
        return lists.some((list) => this.canEnd(list, next));
      }
      case 'hours':
      case 'match':
      case 'split':
        return (mayPassBy(step) && next) || branchLists(step).some((list) => this.canEnd(list, next));
      case 'set':
      case 'wait':
      case 'play':
      case 'say':
        return next;
      case 'collect':
      case 'record':
      case 'survey':
        return next || failureLists(step).some((list) => this.canEnd(list, next));
      // A connection ends with its far end; what a webhook replies may end the call.
      case 'extension':
      case 'ring':
      case 'trunk':
      case 'queue':
      case 'conference':
      case 'voicemail':
      case 'webhook':
      case 'reject':
      case 'busy':
      case 'hangup':
        return true;
    }
  }

  private canReach(steps: Steps, beyond: boolean): boolean {
    return steps.reduceRight((next, step) => this.stepCanReach(step, next), beyond);
  }

  private stepCanReach(step: Step, next: boolean): boolean {
    const nested = nestedLists(step).map((list) => this.canReach(list, next));
    const here = nested.includes(true);
    switch (step.verb) {
      case 'extension':
      case 'ring':
      case 'trunk':
      case 'queue':
      case 'conference':
      case 'webhook':
        return true;
      case 'goto':
        return this.people.get(`route ${step.route}`) === true;
      case 'menu': {
        // Once a menu has failed, or one of its keys' lists has run out, the steps behind it go on.
        if (here || next) this.learn(this.people, `menu ${step.menu}`, true);
        return here || next || this.people.get(`menu ${step.menu}`) === true;
      }
      case 'reject':
      case 'busy':
      case 'hangup':
        return false;
      default:
        return here || next;
    }
  }

  private reportLoops(): void {
    const told = new Set<string>();
    for (const name of this.plan.routes.keys()) {
      if (this.ends.get(`route ${name}`) === true || told.has(name)) continue;
      const circle = this.circleOf(name);
      if (circle === undefined || circle.some((one) => told.has(one))) continue;
      for (const one of circle) told.add(one);
      const first = this.plan.routes.get(name)?.[0];
      if (first === undefined) continue;
      const path = [...circle, name].join(' → ');
      const hint = 'give one of its steps a way to an extension, a queue, a mailbox or the end';
      this.warn(
        first.place,
        'endless-loop',
        `calls that enter route "${name}" never leave it: ${path}`,
        hint,
      );
    }
  }

  /** The routes on a shortest way from a route back to itself. */
  private circleOf(start: string): string[] | undefined {
    const waiting: string[][] = [[start]];
    const seen = new Set<string>();
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      for (const next of this.routesFrom(path.at(-1) ?? start)) {
        if (next === start) return path;
        if (seen.has(next)) continue;
        seen.add(next);
        waiting.push([...path, next]);
      }
    }
    return undefined;
  }

  private routesFrom(name: string): Set<string> {
    const found = new Set<string>();
    const menus = new Set<string>();
    const visit = (step: Step): void => {
      if (step.verb === 'goto') found.add(step.route);
      if (step.verb !== 'menu' || menus.has(step.menu)) return;
      menus.add(step.menu);
      const menu = this.plan.menus.get(step.menu);
      if (menu !== undefined) for (const list of menuLists(menu)) walkSteps(list, visit);
    };
    walkSteps(this.plan.routes.get(name) ?? [], visit);
    return found;
  }

  private reportUnreachable(steps: Steps): void {
    for (const [index, step] of steps.entries()) {
      for (const list of nestedLists(step)) this.reportUnreachable(list);
      const next = steps[index + 1];
      if (next === undefined || this.goesOn(step)) continue;
      const message = `this step is never reached: the call never goes on after "${step.verb}"`;
      this.warn(next.place, 'unreachable-step', message);
      return;
    }
  }

  /** Whether the step behind this one may run. */
  private goesOn(step: Step): boolean {
    if (mayPassBy(step) || step.verb === 'menu') return true;
    const lists = [...branchLists(step), ...(step.verb === 'match' ? [] : failureLists(step))];
    return lists.some((list) => list.every((one) => this.goesOn(one)));
  }

  private warn(place: Diagnostic['place'], code: string, message: string, hint?: string): void {
    this.report({ severity: 'warning', code, message, place, ...(hint !== undefined && { hint }) });
  }
}
