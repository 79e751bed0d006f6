import type { CallFacts } from '../model/index.js';
import type { RunningCall } from './ports.js';

/** A call as the API lists it. */
export function showCall(
  facts: CallFacts,
  now: Pick<RunningCall, 'state' | 'legs'> & {
    readonly destination: string | undefined;
    readonly answeredAt: number | undefined;
  },
): RunningCall {
  const { callId, caller, callerRaw, dialed, at, trunk, extension } = facts;
  const { state, legs, destination, answeredAt } = now;
  return {
    id: callId,
    state,
    caller: caller ?? callerRaw,
    dialed,
    since: at,
    legs,
    ...(trunk === undefined ? {} : { trunk }),
    ...(extension === undefined ? {} : { extension }),
    ...(destination === undefined ? {} : { destination }),
    ...(answeredAt === undefined ? {} : { answeredAt }),
  };
}
