import type { Diagnostic } from '../../base/diagnostic.js';
import { didYouMean } from '../../base/shape/index.js';
import { findExtension } from '../find-extension.js';
import type { ExtensionDefinition, Plan, Step, Steps } from '../plan.js';
import { placeOfTemplate } from './texts.js';
import {
  branchLists,
  failureLists,
  mayPassBy,
  menuLists,
  promptsOfMenu,
  templatesOf,
  templatesOfPrompt,
} from './walk.js';
import { READ_ONLY_FACTS, RESERVED_VARIABLES } from './words.js';

/** Variables that may be set; `*` stands for any, after a webhook whose reply nobody knows. */
type Known = ReadonlySet<string>;

const SLICE = 5000;
const NOTHING: Known = new Set();
const ANYTHING: Known = new Set(['*']);

/** Lists that share what is known when they begin. */
interface Body {
  readonly lists: readonly Steps[];
  /** What may be set when it begins; undefined while nothing leads here. */
  known: Known | undefined;
  /** What may be set when one of its lists runs out. */
  left: Known;
}

/**
 * Texts and comparisons that ask for a variable which no path to them sets. Follows every path of the plan (goto,
 * menus, queues, extensions) until nothing changes; what may be set counts as set.
 */
export function* checkVariables(
  plan: Plan,
  report: (diagnostic: Diagnostic) => void,
): Generator<undefined, void> {
  yield* new VariableFlow(plan).check(report);
}

class VariableFlow {
  private readonly bodies = new Map<string, Body>();
  private changed = false;
  private report: ((step: Step, known: Known) => void) | undefined;

  constructor(private readonly plan: Plan) {}

  *check(report: (diagnostic: Diagnostic) => void): Generator<undefined, void> {
    this.addBodies();
    do {
      this.changed = false;
      yield* this.runAll();
    } while (this.hasChanged());
    for (const body of this.bodies.values()) {
      // What nothing leads to is left to whoever sends calls there.
      body.known ??= ANYTHING;
    }
    const seen = new Set<object>();
    this.report = (step, known) => this.findUnset(step, known, seen, report);
    yield* this.runAll();
    for (const [name, menu] of this.plan.menus) {
      const known = this.bodies.get(`menu ${name}`)?.known ?? ANYTHING;
      for (const template of promptsOfMenu(menu).flatMap(templatesOfPrompt)) {
        for (const part of template.parts) {
          if (typeof part !== 'string' && !isKnown(part.variable, known)) {
            report(unset(part.variable, placeOfTemplate(template) ?? menu.place, known));
          }
        }
      }
    }
  }

  private hasChanged(): boolean {
    return this.changed;
  }

  private addBodies(): void {
    const { plan } = this;
    const roots = new Map<Steps, Set<string>>();
    for (const { route, row } of plan.rules) {
      const columns = roots.get(route) ?? new Set<string>();
      for (const column of Object.keys(row ?? {})) columns.add(`row.${column}`);
      roots.set(route, columns);
    }
    let count = 0;
    for (const [route, columns] of roots) this.add(`rule ${count++}`, [route], columns);
    for (const [name, route] of plan.routes) this.add(`route ${name}`, [route]);
    for (const [name, menu] of plan.menus) this.add(`menu ${name}`, menuLists(menu));
    for (const [name, queue] of plan.queues) this.add(`queue ${name}`, failureLists(queue));
    for (const definition of this.extensions()) this.add(keyOf(definition), listsOf(definition), NOTHING);
    plan.outbound.forEach(({ route }, index) => {
      if (route !== undefined) this.add(`outbound ${index}`, [route], NOTHING);
    });
  }

  private extensions(): readonly ExtensionDefinition[] {
    return [...this.plan.extensions.values(), ...this.plan.extensionBlocks].filter(
      (one) => listsOf(one).length > 0,
    );
  }

  private add(key: string, lists: readonly Steps[], known?: Known): void {
    this.bodies.set(key, { lists, known, left: NOTHING });
  }

  private *runAll(): Generator<undefined, void> {
    let count = 0;
    for (const body of this.bodies.values()) {
      this.run(body);
      if (++count % SLICE === 0) yield;
    }
  }

  private run(body: Body): void {
    const { known } = body;
    if (known === undefined) return;
    for (const list of body.lists) {
      const left = this.through(list, known);
      if (left === undefined) continue;
      const joined = join(body.left, left);
      if (joined !== body.left) {
        body.left = joined;
        this.changed = true;
      }
    }
  }

  /** Leads to a body; what it leaves when it comes back. */
  private enter(key: string, known: Known): Known {
    const body = this.bodies.get(key);
    if (body === undefined) return NOTHING;
    const joined = body.known === undefined ? known : join(body.known, known);
    if (joined !== body.known) {
      body.known = joined;
      this.changed = true;
    }
    return body.left;
  }

  /** What may be set after a list; undefined when it never runs out. */
  private through(steps: Steps, known: Known): Known | undefined {
    let now = known;
    for (const step of steps) {
      const next = this.after(step, now);
      if (next === undefined) return undefined;
      now = next;
    }
    return now;
  }

  private after(step: Step, before: Known): Known | undefined {
    this.report?.(step, before);
    if (step.verb === 'goto') {
      this.enter(`route ${step.route}`, before);
      return undefined;
    }
    const known = join(before, writtenBy(step));
    let left: Known | undefined = mayPassBy(step) ? known : undefined;
    const add = (more: Known | undefined): void => {
      if (more !== undefined) left = left === undefined ? more : join(left, more);
    };
    for (const list of branchLists(step)) add(this.through(list, known));
    if (step.verb !== 'match') for (const list of failureLists(step)) add(this.through(list, known));
    if ('after' in step) this.through(step.after, known);
    for (const key of this.leadsTo(step)) add(join(known, this.enter(key, known)));
    return left;
  }

  private leadsTo(step: Step): string[] {
    switch (step.verb) {
      case 'menu': {
        const menu = this.plan.menus.get(step.menu);
        return [`menu ${step.menu}`, ...(menu?.dialExtension === true ? this.extensions().map(keyOf) : [])];
      }
      case 'queue':
        return [`queue ${step.queue}`];
      case 'extension': {
        if (step.extension.kind === 'dnis') return this.extensions().map(keyOf);
        const found = findExtension(this.plan, step.extension.name, undefined);
        return found === undefined ? [] : [keyOf(found.definition)];
      }
      case 'ring':
        return this.plan.outbound.flatMap(({ route }, index) =>
          route === undefined ? [] : [`outbound ${index}`],
        );
      default:
        return [];
    }
  }

  private findUnset(
    step: Step,
    known: Known,
    seen: Set<object>,
    report: (diagnostic: Diagnostic) => void,
  ): void {
    for (const template of templatesOf(step)) {
      if (seen.has(template)) continue;
      for (const part of template.parts) {
        if (typeof part === 'string' || isKnown(part.variable, known)) continue;
        seen.add(template);
        report(unset(part.variable, placeOfTemplate(template) ?? step.place, known));
      }
    }
    if (step.verb !== 'match' || seen.has(step)) return;
    for (const [fact] of step.facts) {
      if (isKnown(fact, known)) continue;
      seen.add(step);
      report(unset(fact, step.place, known));
    }
  }
}

function keyOf({ place }: ExtensionDefinition): string {
  return `extension ${place.file}:${place.line}:${place.column}`;
}

function listsOf({ where, otherwise }: ExtensionDefinition): Steps[] {
  return [...(where.kind === 'route' ? [where.route] : []), ...(otherwise === undefined ? [] : [otherwise])];
}

function writtenBy(step: Step): Known {
  switch (step.verb) {
    case 'set':
      return new Set(step.values.map(([name]) => name));
    case 'collect':
      return new Set([step.variable]);
    case 'record':
      return step.what === 'message' ? new Set(['recording']) : NOTHING;
    case 'webhook':
      return ANYTHING;
    default:
      return NOTHING;
  }
}

/** The union; the first set itself when the other adds nothing. */
function join(a: Known, b: Known): Known {
  for (const name of b) if (!a.has(name)) return new Set([...a, ...b]);
  return a;
}

function isKnown(name: string, known: Known): boolean {
  if (known.has(name) || known.has('*')) return true;
  return READ_ONLY_FACTS.includes(name) || RESERVED_VARIABLES.includes(name) || name.startsWith('header.');
}

function unset(name: string, place: Diagnostic['place'], known: Known): Diagnostic {
  const hint = didYouMean(name, [...known, ...READ_ONLY_FACTS, ...RESERVED_VARIABLES]);
  const column = name.startsWith('row.');
  return {
    severity: 'error',
    code: column ? 'unknown-column' : 'variable-never-set',
    message: column
      ? `"\${${name}}": no imported file that leads here has a column "${name.slice(4)}"`
      : `the variable "${name}" is not set on any path that leads here`,
    place,
    ...(hint !== undefined && { hint }),
  };
}
