import type { CallerIdentity } from '../dialplan/index.js';
import type { BridgedLeg } from './bridge.js';
import type { AnsweredLeg } from './leg-attempt.js';
import { isRelayed, type RelayedSession } from './relayed-session.js';

/** One of the two who talk, as far as a transfer concerns it. */
export interface TransferSide {
  readonly session: RelayedSession;
  readonly request: BridgedLeg['request'];
  readonly change: BridgedLeg['change'];
  /** As records name it. */
  readonly label: string;
  readonly extension?: string;
  readonly trunk?: string;
  /** How it is shown to a phone of ours. */
  readonly shown: CallerIdentity;
}

/** Undefined: its media does not run through us. */
export function sideOf(leg: AnsweredLeg): TransferSide | undefined {
  const { session, label, number, extension, trunk, dialog } = leg;
  if (!isRelayed(session)) return undefined;
  return {
    session,
    label,
    request: (request) => dialog.request(request),
    change: (change) => dialog.change(change),
    shown:
      number === undefined
        ? { mode: 'keep', headers: [] }
        : { mode: 'number', number, name: label, headers: [] },
    ...(extension === undefined ? {} : { extension }),
    ...(trunk === undefined ? {} : { trunk: trunk.name }),
  };
}

/** A leg as the bridge uses it. */
export function bridgedLeg({ session, dialog }: AnsweredLeg): BridgedLeg {
  return {
    session,
    change: (change) => dialog.change(change),
    request: (request) => dialog.request(request),
  };
}
