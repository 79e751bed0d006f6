import { findExtension } from './find-extension.js';
import { nearestDid } from './local-presence.js';
import { note } from './machine-run.js';
import type { Run } from './machine-run.js';
import { constant, headerText, numberOf, readNumber, textOf } from './machine-variables.js';
import type { CallerIdentity } from './machine.js';
import type { CallerId, OutboundRule, Template } from './plan.js';

/** What a step, or what led to a leg, says of the caller shown. */
export interface IdentityWish {
  /** The step's `caller-id:`. */
  readonly callerId: CallerId;
  readonly callerName?: Template | undefined;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** The outbound rule that places the leg. */
  readonly rule?: OutboundRule | undefined;
  /** A number the leg must show: the emergency caller-id of a site. */
  readonly forced?: string | undefined;
  /** The number called, for local presence. */
  readonly called?: string | undefined;
  readonly divertedFrom?: string | undefined;
}

/**
 * Who is shown to the new legs. The nearest word counts: the step's `caller-id:`, then `set: { caller-id }`, then the outbound
 * rule's, then the calling extension's own number on its way outside, then the caller as it is.
 */
export function identityFor(run: Run, wish: IdentityWish): CallerIdentity {
  const name = wish.callerName === undefined ? '' : headerText(textOf(run, wish.callerName));
  const common = {
    ...(name === '' ? {} : { name }),
    ...(wish.divertedFrom === undefined || wish.divertedFrom === ''
      ? {}
      : { divertedFrom: wish.divertedFrom }),
    headers: [...run.headers, ...(wish.headers ?? [])],
  };
  if (wish.forced !== undefined) return { mode: 'number', number: wish.forced, ...common };
  const callerId = chosen(run, wish);
  switch (callerId.kind) {
    case 'keep':
    case 'anonymous':
      return { mode: callerId.kind, ...common };
    case 'local-presence': {
      const did = wish.called === undefined ? undefined : nearestDid(run.plan, wish.called, run.tenant);
      if (did === undefined) return { mode: 'keep', ...common };
      note(run, `local presence: ${did} is our number nearest to ${wish.called ?? ''}`);
      return { mode: 'number', number: did, ...common };
    }
    case 'number': {
      const number = numberOf(run, callerId.number);
      if (number !== undefined) return { mode: 'number', number, ...common };
      note(run, `caller-id ${callerId.number.source} holds no number: the caller is shown as it is`);
      return { mode: 'keep', ...common };
    }
  }
}

function chosen(run: Run, wish: IdentityWish): CallerId {
  if (wish.callerId.kind !== 'keep') return wish.callerId;
  if (run.callerId !== undefined) return written(run.callerId);
  if (wish.rule === undefined) return wish.callerId;
  if (wish.rule.callerId.kind !== 'keep') return wish.rule.callerId;
  const { extension } = run.facts;
  const own =
    extension === undefined ? undefined : findExtension(run.plan, extension, run.tenant)?.definition.callerId;
  return own === undefined ? wish.callerId : written(own);
}

/** A caller-id as text: of `set`, or of an extension. */
function written(text: string): CallerId {
  if (text === 'keep' || text === 'anonymous' || text === 'local-presence') return { kind: text };
  return { kind: 'number', number: constant(readNumber(text) ?? text) };
}
