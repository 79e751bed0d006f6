import { splitList, type SipRequest, type Via } from '../../sip/index.js';

/** What every branch made by RFC 3261 begins with (§8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK';

/**
 * What a request is matched to its server transaction by (RFC 3261 §17.2.3): branch, sent-by and method; for a client of RFC 2543
 * the fields of the request (the To tag is compared apart).
 * @param method INVITE for an ACK, and to find what a CANCEL means
 */
export function serverKey(request: SipRequest, via: Via, method: string): string {
  const { branch } = via;
  // A branch that is the cookie and nothing else identifies nothing (RFC 4475 §3.2.1).
  if (branch !== undefined && branch.length > MAGIC_COOKIE.length && branch.startsWith(MAGIC_COOKIE)) {
    return `${branch} ${via.host}:${via.port ?? 5060} ${method}`;
  }
  const text = splitList(request.headers.get('Via') ?? '')[0] ?? '';
  return `2543 ${request.uri} ${request.fromTag ?? ''} ${request.callId} ${request.cseq.seq} ${text} ${method}`;
}

export function isRfc2543Key(key: string): boolean {
  return key.startsWith('2543 ');
}

/** A response is matched by the branch we made and the method of its CSeq (RFC 3261 §17.1.3). */
export function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`;
}

/** What two copies of one request that came over different ways have in common (RFC 3261 §8.2.2.2). */
export function mergeKey(request: SipRequest): string {
  return `${request.callId} ${request.fromTag ?? ''} ${request.cseq.seq} ${request.method}`;
}
