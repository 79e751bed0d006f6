import type { FinalOutcome } from './client-request.js';
import type { RequestOutcome } from './port.js';

type Unreachable = Extract<RequestOutcome, { kind: 'unreachable' }>;

/** What became of a request that got no answer from the network. */
export function failureOutcome(outcome: Extract<FinalOutcome, { kind: 'failed' }>): RequestOutcome {
  switch (outcome.failure) {
    case 'timeout':
      return { kind: 'unreachable', why: 'no-reply' };
    case 'engine-lost':
      return { kind: 'unreachable', why: 'engine-lost' };
    case 'no-dialog':
      return { kind: 'gone' };
    case 'refused':
      return { kind: 'unreachable', why: 'transport' };
  }
}

/** A response that the server made up itself because the network brought none; undefined: it is an answer like any other. */
export function internalFailure(status: number, reason: string): Unreachable | undefined {
  if (status === 408) return { kind: 'unreachable', why: 'no-reply' };
  if (status === 503)
    return { kind: 'unreachable', why: reason.toLowerCase().includes('dns') ? 'dns' : 'transport' };
  return undefined;
}
