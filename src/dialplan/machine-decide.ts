import { showPlace } from '../base/diagnostic.js';
import { drawOfText } from './draw.js';
import { findExtension } from './find-extension.js';
import { hoursVerdict } from './hours-verdict.js';
import { addressOf } from './machine-address.js';
import { fits, showMatcher } from './machine-matcher.js';
import { DONE, failed, nest, note, traceStep } from './machine-run.js';
import type { Progress, Run } from './machine-run.js';
import { headerText, isHeaderName, setVariable, textOf, valueOf } from './machine-variables.js';
import type { Step } from './plan.js';

type StepOf<V extends Step['verb']> = Extract<Step, { verb: V }>;

/** A `set: header.X-…` may add this many lines to later legs. */
const MAX_HEADERS = 32;

export function runHours(run: Run, step: StepOf<'hours'>): Progress {
  const definition = run.plan.hours.get(step.hours);
  if (definition === undefined) {
    traceStep(run, step, step.hours, 'there are no such hours: taken as closed');
    return step.closed === undefined ? DONE : nest(run, 'closed', step.closed);
  }
  const override = run.world.hoursOverride(step.hours);
  // What was set by hand does not ask the clock: a test of it needs no time.
  const now = override === undefined ? run.world.now : run.facts.at;
  const { verdict, local, why } = hoursVerdict(run.plan, definition, now, override);
  traceStep(run, step, step.hours, `${verdict} at ${local}: ${why}`);
  if (verdict === 'open') return step.open === undefined ? DONE : nest(run, 'open', step.open);
  if (verdict === 'holiday' && step.holiday !== undefined) return nest(run, 'holiday', step.holiday);
  return step.closed === undefined ? DONE : nest(run, 'closed', step.closed);
}

export function runMatch(run: Run, step: StepOf<'match'>): Progress {
  const checks = step.facts.map(([fact, matcher]) => {
    const value = valueOf(run, fact);
    const site = callerSite(run);
    const holds = fits(run.plan, matcher, {
      value,
      anonymous: fact === 'caller' && run.facts.anonymous,
      ...(site === undefined ? {} : { site }),
    });
    const shown = run.secrets.includes(fact) ? '(secret)' : value === '' ? '(unset)' : value;
    return { holds, text: `${fact} ${shown} ${holds ? 'is' : 'is not'} ${showMatcher(matcher)}` };
  });
  const facts = step.facts.map(([fact]) => fact).join(', ');
  const missed = checks.filter((check) => !check.holds);
  if (missed.length === 0) {
    traceStep(run, step, facts, checks.map((check) => check.text).join('; '));
    return nest(run, 'then', step.then);
  }
  traceStep(run, step, facts, missed.map((check) => check.text).join('; '));
  return step.otherwise === undefined ? DONE : nest(run, 'otherwise', step.otherwise);
}

export function runSplit(run: Run, step: StepOf<'split'>): Progress {
  const weights = step.branches.map((branch) => Math.max(0, branch.weight));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const purpose = `split ${showPlace(step.place)}`;
  const caller = run.facts.caller ?? run.facts.callerRaw;
  const draw = step.by === 'caller' ? drawOfText(`${purpose} ${caller}`) : run.world.random(purpose, weights);
  let left = draw * total;
  const chosen = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  const index = chosen === -1 ? weights.findLastIndex((weight) => weight > 0) : chosen;
  const branch = step.branches[index];
  if (branch === undefined) {
    traceStep(run, step, step.by, 'no branch has a weight');
    return DONE;
  }
  traceStep(
    run,
    step,
    step.by,
    `drew ${draw.toFixed(3)}${step.by === 'caller' ? ' from the caller' : ''}: branch ${index + 1} of ${step.branches.length} (weight ${branch.weight} of ${total})`,
  );
  return nest(run, `split-${index}`, branch.route);
}

export function runSet(run: Run, step: StepOf<'set'>): Progress {
  traceStep(run, step, step.values.map(([name]) => name).join(', '));
  for (const [name, template] of step.values) {
    const value = textOf(run, template);
    if (name === 'caller-id') {
      run.callerId = value.trim();
    } else if (name.startsWith('header.')) {
      setHeader(run, name.slice(7), headerText(value));
    } else {
      setVariable(run, name, value);
      if (
        !run.secrets.includes(name) &&
        template.parts.some((part) => typeof part !== 'string' && run.secrets.includes(part.variable))
      ) {
        run.secrets = [...run.secrets, name];
      }
    }
    note(run, `${name} = ${run.secrets.includes(name) ? '(secret)' : value}`);
  }
  return DONE;
}

export function runGoto(run: Run, step: StepOf<'goto'>): Progress {
  const route = run.plan.routes.get(step.route);
  traceStep(run, step, step.route);
  if (route === undefined) {
    note(run, `there is no route ${step.route}`);
    return failed('invalid');
  }
  return { kind: 'goto', at: addressOf({ kind: 'route', name: step.route }, route) };
}

/** Where the caller is: the facts', or that of the calling device or extension. */
export function callerSite(run: Run): string | undefined {
  const { facts, plan } = run;
  if (facts.site !== undefined) return facts.site;
  const device = facts.device === undefined ? undefined : plan.devices.get(facts.device)?.site;
  if (device !== undefined || facts.extension === undefined) return device;
  return findExtension(plan, facts.extension, run.tenant)?.definition.site;
}

function setHeader(run: Run, name: string, value: string): void {
  if (!isHeaderName(name)) return;
  const others = run.headers.filter(([known]) => known.toLowerCase() !== name.toLowerCase());
  if (others.length < MAX_HEADERS) run.headers = [...others, [name, value]];
}
