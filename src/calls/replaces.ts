import type { CallFacts } from '../model/index.js';
import { parseReplaces, type Replaces, type SipRequest } from '../sip/index.js';
import { systemCause } from './cause.js';
import { otherParty, type LiveCall, type Party } from './live-call.js';
import { transferredCause } from './transfer.js';

/** The leg whose place an INVITE takes. */
export interface Replaced {
  readonly call: LiveCall;
  readonly who: Party;
}

type Replacement =
  | { readonly kind: 'none' }
  | { readonly kind: 'refuse'; readonly status: number; readonly why: string }
  | { readonly kind: 'leg'; readonly replaced: Replaced };

/** What the Replaces of an INVITE comes to (RFC 3891 §3). Only who holds the leg, by another phone of it, may put a new one in its place. */
export function replacementOf(
  { headers }: SipRequest,
  { extension, trunk }: CallFacts,
  named: (replaces: Replaces) => Replaced | undefined,
): Replacement {
  if (!headers.has('Replaces')) return { kind: 'none' };
  const [value, second] = headers.getAll('Replaces');
  const replaces = value === undefined || second !== undefined ? undefined : parseReplaces(value);
  if (replaces === undefined) return { kind: 'refuse', status: 400, why: 'Replaces is not well formed' };
  const replaced = named(replaces);
  if (replaced === undefined) return { kind: 'refuse', status: 481, why: 'Replaces names no dialog of ours' };
  const { call, who } = replaced;
  const side = call.side(who);
  if (side === undefined || call.side(otherParty(who)) === undefined)
    return { kind: 'refuse', status: 501, why: 'the leg to be replaced does not talk through us' };
  const isOwn =
    extension !== undefined || side.extension !== undefined
      ? extension === side.extension
      : trunk !== undefined && trunk === side.trunk;
  if (!isOwn) return { kind: 'refuse', status: 403, why: 'Replaces names a leg of somebody else' };
  if (replaces.earlyOnly) return { kind: 'refuse', status: 486, why: 'the call to be replaced is answered' };
  return { kind: 'leg', replaced };
}

/** Puts the caller of `call` in the place of the leg, once it is answered. The call itself is over then. */
export async function takePlace(
  call: Pick<LiveCall, 'id' | 'handOver' | 'end' | 'note'>,
  { call: other, who }: Replaced,
  answer: () => Promise<boolean>,
): Promise<void> {
  if (!(await answer())) return;
  // Meanwhile somebody may have hung up.
  if (other.side(who) === undefined || other.side(otherParty(who)) === undefined) {
    call.end(systemCause('no-dialog', 481));
    return;
  }
  call.note(`takes the place of the ${who} of call ${other.id}`);
  const leg = call.handOver('caller', (why) => other.mediaLost(why));
  if (leg === undefined) {
    call.end(systemCause('no-dialog', 481));
    return;
  }
  other.transfers.stop(transferredCause(who));
  other.part();
  const why = `the ${who} goes on by another leg (call ${call.id})`;
  other.note(why);
  const { events, gone } = other.replace(who, leg.leg, why);
  leg.join(events);
  gone?.hangUp(transferredCause(who));
}
