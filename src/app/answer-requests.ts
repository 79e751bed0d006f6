import type { MessageWaiting, Registrar } from '../registrar/index.js';
import type { IncomingRequest } from '../signalling/index.js';

/** Methods we serve, for Allow (RFC 3261 §20.5). */
const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, SUBSCRIBE';

/**
 * Answers requests outside of calls: REGISTER goes to the registrar, OPTIONS is answered (RFC 3261 §11.2), phones subscribe to
 * their mailbox, a publication of an event nobody serves gets 489 (RFC 6665 §8.3.2), anything else 405.
 */
export function answerRequest(
  incoming: IncomingRequest,
  deps: { registrar: Registrar; messageWaiting: MessageWaiting; isDraining: () => boolean },
): void {
  const { request, source } = incoming;
  switch (request.method) {
    case 'OPTIONS':
      incoming.respond(
        deps.isDraining()
          ? { status: 503, headers: [['Retry-After', '30']] }
          : {
              status: 200,
              headers: [
                ['Allow', ALLOW],
                ['Accept', 'application/sdp'],
                ['Allow-Events', 'message-summary'],
                ['Supported', '100rel, timer, replaces'],
              ],
            },
      );
      return;
    case 'REGISTER':
      incoming.respond(deps.registrar.register(request, source));
      return;
    case 'SUBSCRIBE':
      incoming.respond(deps.messageWaiting.subscribe(request, source, incoming.dialog));
      return;
    case 'PUBLISH':
      incoming.respond({ status: 489 });
      return;
    default:
      incoming.respond({ status: 405, headers: [['Allow', ALLOW]] });
  }
}
