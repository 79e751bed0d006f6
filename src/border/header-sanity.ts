import type { SipRequest } from '../sip/index.js';

/** More values than this in a header that should have few is no honest peer. */
const MAX_IDENTITIES = 8;
const MAX_DIVERSIONS = 32;
const MAX_NUMBER_LENGTH = 128;

/** Why the headers of a well-formed INVITE make no sense, or undefined. What the grammar forbids has been refused before. */
export function headerProblem(request: SipRequest): string | undefined {
  if (request.headers.list('P-Asserted-Identity').length > MAX_IDENTITIES)
    return 'too many P-Asserted-Identity values';
  if (request.headers.list('Diversion').length > MAX_DIVERSIONS) return 'too many Diversion values';
  if (request.headers.list('History-Info').length > MAX_DIVERSIONS) return 'too many History-Info values';
  if (request.contact === undefined) return 'no Contact in an INVITE (RFC 3261 section 8.1.1.8)';
  if (request.uri.length > MAX_NUMBER_LENGTH * 4) return 'a Request-URI that is far too long';
  return undefined;
}
