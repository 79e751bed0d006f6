import type { SipResponse } from '../../sip/index.js';

/** 4xx that tell the caller what to mend (RFC 3261 §16.7 step 6). */
const HELPFUL = new Set([401, 407, 415, 420, 484]);

/** Which final response of several branches goes upstream: any 6xx, else the lowest class, else the more helpful (RFC 3261 §16.7 step 6). */
export function bestResponse(responses: readonly SipResponse[]): SipResponse | undefined {
  let best: SipResponse | undefined;
  for (const response of responses)
    if (best === undefined || rank(response.status) < rank(best.status)) best = response;
  return best;
}

function rank(status: number): number {
  const kind = Math.floor(status / 100);
  if (kind === 6) return 0;
  // A 503 says no more than that we could not reach anyone there.
  if (status === 503) return 599;
  if (HELPFUL.has(status)) return kind * 100;
  // Silence of one branch says less than what another one answered.
  return kind * 100 + (status === 408 ? 2 : 1);
}

/** RFC 3261 §16.7 step 7: a challenge brings along those of the other branches. */
export function gatherChallenges(best: SipResponse, responses: readonly SipResponse[]): void {
  if (best.status !== 401 && best.status !== 407) return;
  for (const other of responses) {
    if (other === best || (other.status !== 401 && other.status !== 407)) continue;
    for (const name of ['WWW-Authenticate', 'Proxy-Authenticate'] as const) {
      for (const value of other.headers.getAll(name)) best.headers.add(name, value);
    }
  }
}
