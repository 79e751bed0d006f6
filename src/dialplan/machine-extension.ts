import { findExtension } from './find-extension.js';
import type { FoundExtension } from './find-extension.js';
import { addressOf } from './machine-address.js';
import { identityFor } from './machine-identity.js';
import type { IdentityWish } from './machine-identity.js';
import { legsOfExtension, reachTarget } from './machine-reach.js';
import type { LegWish } from './machine-reach.js';
import { failed, note, traceStep } from './machine-run.js';
import type { ForwardChain, Progress, Run } from './machine-run.js';
import type { Leg } from './machine.js';
import type { Forwards, Outcome, Step, Target } from './plan.js';

type ExtensionStep = Extract<Step, { verb: 'extension' }>;

/** Forwards followed in one step; a circle ends sooner, since no extension is asked twice. */
const MAX_FORWARDS = 10;
const AT_ONCE: LegWish = { confirm: false, delayMs: 0 };

/** `extension:` rings it where it is, or follows what it has forwarded, or runs its own route. */
export function runExtension(run: Run, step: ExtensionStep): Progress {
  const name = extensionNamed(run, step);
  traceStep(run, step, name, step.extension.kind === 'dnis' ? `dnis of ${run.number}` : undefined);
  const found = findExtension(run.plan, name, run.tenant);
  if (found === undefined) {
    note(run, `there is no extension ${name}`);
    return failed('unknown');
  }
  return ring(run, step, found, AT_ONCE, { visited: [] });
}

/** After the extension's leg failed: the forward for this outcome, else the step has failed. */
export function forwardOrFail(
  run: Run,
  step: ExtensionStep,
  chain: ForwardChain,
  outcome: Outcome,
): Progress {
  if (!step.forwards || chain.at === undefined) return failed(outcome);
  const at = findExtension(run.plan, chain.at, run.tenant);
  const target = at === undefined ? undefined : forwardFor(at.definition.forward, outcome);
  if (at === undefined || target === undefined) return failed(outcome);
  return follow(run, step, at, target, outcome, chain);
}

/** The extension a step names: by name, or by the last digits of the DID. */
export function extensionNamed(run: Run, step: ExtensionStep): string {
  const { extension } = step;
  if (extension.kind === 'name') return extension.name;
  const digits = run.number.replace(/\D/g, '');
  const dnis = extension.digits === 'rest' ? run.rest : digits.slice(-extension.digits);
  return extension.prefix + dnis;
}

function ring(
  run: Run,
  step: ExtensionStep,
  found: FoundExtension,
  wish: LegWish,
  chain: ForwardChain,
): Progress {
  const { definition, name } = found;
  if (chain.visited.includes(name) || chain.visited.length >= MAX_FORWARDS) {
    note(run, `forwards lead back to extension ${name}: not followed`);
    return failed('unreachable');
  }
  const here: ForwardChain = { at: name, visited: [...chain.visited, name] };
  if (step.forwards && definition.forward.always !== undefined) {
    return follow(run, step, found, definition.forward.always, 'always', here);
  }
  if (definition.where.kind === 'route') {
    const at = addressOf({ kind: 'extension', name: found.key, part: 'route' }, definition.where.route);
    return { kind: 'nested', at, ofExtension: true };
  }
  const forMs = wish.forMs ?? step.forMs ?? definition.forMs;
  return connect(run, step, legsOfExtension(run, found, { ...wish, forMs: undefined }), forMs, here);
}

function follow(
  run: Run,
  step: ExtensionStep,
  from: FoundExtension,
  target: Target,
  why: Outcome | 'always',
  chain: ForwardChain,
): Progress {
  note(
    run,
    `extension ${from.name} forwards ${why === 'always' ? 'every call' : why} to ${nameOfTarget(target)}`,
  );
  const reach = reachTarget(run, target, identityWish(run, step, true), from.name);
  switch (reach.kind) {
    case 'extension':
      return ring(run, step, reach.found, target, chain);
    case 'steps':
      run.number = reach.number;
      return { kind: 'nested', at: reach.at, ofExtension: true };
    case 'failed':
      note(run, reach.why);
      return failed(reach.outcome);
    case 'legs': {
      const forMs = target.forMs ?? step.forMs ?? from.definition.forMs;
      return connect(run, step, reach.legs, forMs, { visited: chain.visited });
    }
  }
}

function connect(
  run: Run,
  step: ExtensionStep,
  legs: readonly Leg[],
  forMs: number,
  chain: ForwardChain,
): Progress {
  if (legs.length === 0) {
    note(run, `extension ${chain.at ?? ''} has no device`);
    return forwardOrFail(run, step, chain, 'unreachable');
  }
  return {
    kind: 'act',
    action: {
      kind: 'connect',
      step,
      groups: [{ legs, forMs }],
      stopOnDecline: false,
      identity: legs[0]?.identity ?? identityFor(run, identityWish(run, step, chain.visited.length > 1)),
      fax: false,
      music: 'ringback',
    },
    pending: { kind: 'connect', failed: [], chain },
  };
}

function identityWish(run: Run, step: ExtensionStep, forwarded: boolean): IdentityWish {
  return {
    callerId: step.callerId,
    callerName: step.callerName,
    ...(forwarded && run.facts.direction === 'inbound' ? { divertedFrom: run.number } : {}),
  };
}

/** Nothing forwards a call that was declined: whoever declines has answered in a way. */
function forwardFor(forward: Forwards, outcome: Outcome): Target | undefined {
  switch (outcome) {
    case 'busy':
      return forward.busy;
    case 'no-answer':
      return forward.noAnswer;
    case 'unreachable':
      return forward.unreachable;
    default:
      return undefined;
  }
}

/** A target as the plan writes it. */
export function nameOfTarget(target: Target): string {
  const { who } = target;
  return who.kind === 'number' ? who.number.source : who.name;
}
