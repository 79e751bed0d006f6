import { createHmac, randomBytes } from 'node:crypto';
import { parseNameAddr, parseUri, type SipRequest } from '../../sip/index.js';
import type { Listener } from '../transport/flow.js';

/**
 * The URI by which a proxied call comes back to us. Its user part is a keyed digest of the Call-ID (in Path: of the address registered), so
 * that a Route header naming us is followed for calls we have let through only, without keeping state for them: no open relay.
 */
export interface RouteTokens {
  /** Record-Route values to put on a request, topmost first: one, or two where it leaves by another listener than it came by (RFC 5658). */
  recordRoutes(
    request: SipRequest,
    from: Listener,
    to: Listener,
    peer: { readonly from: string; readonly to: string },
  ): string[];
  /** Path value of a REGISTER (RFC 3327). */
  path(request: SipRequest, listener: Listener, peer: string): string | undefined;
  /** How many Route values on top are ours and valid for that request. */
  ownRoutes(request: SipRequest): number;
  /** Whether a URI is one of ours, as a strict router leaves it in the Request-URI. */
  isOwn(uri: string, request: SipRequest): boolean;
}

const TOKEN_PREFIX = 'rr-';

/** `secret` undefined: a random one, forgotten at the end of the process. */
export function createRouteTokens(secret: string | undefined): RouteTokens {
  const key = secret === undefined ? randomBytes(32) : Buffer.from(`record-route:${secret}`, 'utf8');
  const digest = (text: string): string =>
    TOKEN_PREFIX + createHmac('sha256', key).update(text, 'utf8').digest('hex').slice(0, 24);
  const callToken = (request: SipRequest): string => digest(`call:${request.callId}`);
  const pathToken = (uri: string): string | undefined => {
    const parsed = parseUri(uri);
    return parsed === undefined
      ? undefined
      : digest(`path:${parsed.user ?? ''}@${parsed.host}:${parsed.port ?? 5060}`);
  };
  const route = (token: string, listener: Listener, peer: string): string => {
    const transport = listener.transport === 'tcp' ? ';transport=tcp' : '';
    return `<sip:${token}@${listener.sentByFor(peer)}${transport};lr>`;
  };
  const isOwn = (uri: string, request: SipRequest): boolean => {
    const user = uri.startsWith('sip:rr-') ? parseUri(uri)?.user : undefined;
    return user !== undefined && (user === callToken(request) || user === pathToken(request.uri));
  };
  return {
    recordRoutes: (request, from, to, peer) => {
      const token = callToken(request);
      const inward = route(token, from, peer.from);
      return from === to ? [inward] : [route(token, to, peer.to), inward];
    },
    path: (request, listener, peer) => {
      const contact = request.contact?.uri;
      const token = contact === undefined ? undefined : pathToken(contact);
      return token === undefined ? undefined : route(token, listener, peer);
    },
    ownRoutes: (request) => {
      if (!request.headers.has('Route')) return 0;
      const routes = request.headers.list('Route');
      let own = 0;
      while (own < routes.length && isOwn(parseNameAddr(routes[own]!)?.uri ?? '', request)) own++;
      return own;
    },
    isOwn,
  };
}
