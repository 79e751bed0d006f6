import type { SipRequest } from '../../sip/index.js';

/** Why a new request is refused before any application sees it. */
export interface Refusal {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
}

const SDP_TYPE = 'application/sdp';

/**
 * What RFC 3261 asks of the core of a user agent server or registrar: a Contact where a dialog is to be made (§8.1.1.8, RFC 6665 §8.2),
 * an address of record that is one (§10.3), a body that is understood (§8.2.3), and that a session description is an answer the caller
 * can take (§8.2.3, RFC 4475 §3.3.15).
 * @param bodies types of body understood in an INVITE, in lower case, `multipart/*` for a whole family; undefined: all
 */
export function screenNewRequest(
  request: SipRequest,
  bodies: readonly string[] | undefined,
): Refusal | undefined {
  switch (request.method) {
    case 'INVITE':
      if (request.contact === undefined && !takeFromForContact(request)) return { status: 400, headers: [] };
      return bodies === undefined ? undefined : screenBody(request, bodies);
    case 'SUBSCRIBE':
      return request.contact === undefined ? { status: 400, headers: [] } : undefined;
    case 'REGISTER':
      return /^(?:sips?|tel)$/.test(request.to.parsed.scheme) ? undefined : { status: 400, headers: [] };
    default:
      return undefined;
  }
}

const MAGIC_COOKIE = 'z9hG4bK';

/** RFC 2543 did not ask for a Contact: its place is taken by From. False: the caller knows RFC 3261, or gave a Contact that is none. */
function takeFromForContact(request: SipRequest): boolean {
  if (request.headers.has('Contact') || request.topVia.branch?.startsWith(MAGIC_COOKIE) === true)
    return false;
  request.headers.add('Contact', `<${request.from.uri}>`);
  return true;
}

function screenBody(request: SipRequest, bodies: readonly string[]): Refusal | undefined {
  const { headers } = request;
  const type = headers.get('Content-Type');
  if (type !== undefined && request.body !== '' && !isOptional(request) && !fits(bodies, mediaType(type))) {
    return { status: 415, headers: [['Accept', bodies.join(', ')]] };
  }
  if (!headers.has('Accept')) return undefined;
  const accepted = headers.list('Accept').map(mediaType);
  return accepted.length === 0 || fits(accepted, SDP_TYPE) ? undefined : { status: 406, headers: [] };
}

/** Content-Disposition with `handling=optional`: whoever does not understand the body leaves it aside. */
function isOptional(request: SipRequest): boolean {
  return /;\s*handling\s*=\s*optional/i.test(request.headers.get('Content-Disposition') ?? '');
}

function mediaType(value: string): string {
  const semicolon = value.indexOf(';');
  return (semicolon === -1 ? value : value.slice(0, semicolon)).trim().toLowerCase();
}

/** Whether a type is one of a list, in which `*` stands for a whole family or for all. */
function fits(types: readonly string[], type: string): boolean {
  const family = `${type.slice(0, type.indexOf('/'))}/*`;
  return types.some((known) => known === type || known === family || known === '*/*');
}
