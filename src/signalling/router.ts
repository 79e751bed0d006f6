import type { SipRequest } from '../sip/index.js';
import type { Core } from './core.js';
import { guarded } from './guarded.js';
import { IncomingLeg } from './incoming-call.js';
import { dialogIdOf } from './leg-table.js';
import type { SignallingEvents } from './port.js';
import { replyBriefly } from './reply.js';
import type { Screen } from './screen.js';
import { isTooSmall, SMALLEST_SESSION_S, timerFacts } from './session-timer.js';
import type { ControlLink } from './srf/link.js';
import { readingOf, requestFrom } from './srf/parser.js';
import type { SrfRequest, SrfResponse } from './srf/types.js';

/** Extensions an INVITE may require of us (RFC 3261 §8.2.2.3). */
const SUPPORTED = new Set(['100rel', 'timer', 'replaces', 'norefersub']);
/** Told to callers while we drain. Seconds. */
const RETRY_AFTER_S = 30;

/** Where each request goes that an engine passes on. */
export class Router {
  readonly #core: Core;
  readonly #screen: Screen;
  #on: SignallingEvents | undefined;
  #draining = false;

  constructor(core: Core, screen: Screen) {
    this.#core = core;
    this.#screen = screen;
  }

  listen(on: SignallingEvents): void {
    this.#on = on;
  }

  /** From now on new calls and OPTIONS are turned away. */
  drain(): void {
    this.#draining = true;
  }

  /** Never throws: srf would answer by itself, and close the control connection. */
  handle(link: ControlLink, screened: boolean, request: SrfRequest, response: SrfResponse): void {
    const done = guarded(this.#core.logger, request.method, () => {
      if (this.#isOfSubscription(request)) this.#refresh(link, request, response);
      else if (request.stackDialogId !== '' || request.source === 'application')
        this.inDialog(request, response);
      else this.#outside(link, screened, request, response);
    });
    if (!done && request.method !== 'ACK') replyBriefly(response, 500);
  }

  /** A request inside a dialog. */
  inDialog(request: SrfRequest, response: SrfResponse): void {
    const leg = this.#core.legs.get(request.stackDialogId);
    if (leg !== undefined) leg.onRequest(request, response);
    else if (request.method !== 'ACK' && request.source !== 'application') replyBriefly(response, 481);
  }

  #outside(link: ControlLink, screened: boolean, request: SrfRequest, response: SrfResponse): void {
    const { method } = request;
    if (method === 'ACK' || method === 'CANCEL') return;
    if (!screened) {
      const verdict = this.#screen.check(request.source_address);
      if (verdict.kind === 'refuse') {
        this.#core.logger.debug(
          { address: request.source_address, why: verdict.why, observed: verdict.observed },
          'screened',
        );
        if (!verdict.observed)
          return replyBriefly(response, verdict.status, verdict.status === 503 ? 'Retry-After: 5\r\n' : '');
      }
    }
    const message = requestFrom(request.headers);
    if (message === undefined) {
      const reading = readingOf(request.headers);
      return replyBriefly(response, reading?.kind === 'malformed' ? reading.status : 400);
    }
    if (this.#draining && (method === 'INVITE' || method === 'OPTIONS')) {
      return replyBriefly(response, 503, `Retry-After: ${RETRY_AFTER_S}\r\n${this.#core.serverLine}`);
    }
    if (method === 'INVITE') return this.#invite(link, request, response, message);
    // PRACK, UPDATE and BYE make sense in a dialog only.
    if (method === 'PRACK' || method === 'UPDATE' || method === 'BYE') return replyBriefly(response, 481);
    this.#tell(link, request, response, message);
  }

  /** Dialogs of subscriptions are no legs: who granted one knows it. */
  #isOfSubscription(request: SrfRequest): boolean {
    const { method, stackDialogId } = request;
    return method === 'SUBSCRIBE' && stackDialogId !== '' && this.#core.legs.get(stackDialogId) === undefined;
  }

  #refresh(link: ControlLink, request: SrfRequest, response: SrfResponse): void {
    const message = requestFrom(request.headers);
    if (message === undefined) replyBriefly(response, 400);
    else this.#tell(link, request, response, message);
  }

  #tell(link: ControlLink, request: SrfRequest, response: SrfResponse, message: SipRequest): void {
    const incoming = this.#core.openRequests.take(link, request, response, message);
    if (incoming === undefined) return;
    const on = this.#on;
    if (on === undefined) return incoming.respond({ status: 503 });
    if (!guarded(this.#core.logger, 'request', () => on.request(incoming))) incoming.respond({ status: 500 });
  }

  #invite(link: ControlLink, request: SrfRequest, response: SrfResponse, message: SipRequest): void {
    const { callId, fromTag } = message;
    const dialogId = dialogIdOf(callId, fromTag);
    const other = this.#core.legs.get(dialogId);
    if (other !== undefined) {
      // RFC 3261 §8.2.2.2: the same INVITE came by two ways; or one of ours has come back to us.
      replyBriefly(response, 482, this.#core.serverLine);
      if (other instanceof IncomingLeg) link.restoreInvite(callId, other.entry);
      return;
    }
    const unsupported = message.headers.list('Require').filter((tag) => !SUPPORTED.has(tag.toLowerCase()));
    if (unsupported.length > 0) {
      return replyBriefly(
        response,
        420,
        `Unsupported: ${unsupported.join(', ').replace(/[^\x20-\x7e]/g, '')}\r\n`,
      );
    }
    if (!message.headers.has('Contact')) return replyBriefly(response, 400);
    if (isTooSmall(timerFacts(message)))
      return replyBriefly(response, 422, `Min-SE: ${SMALLEST_SESSION_S}\r\n`);
    const on = this.#on;
    if (on === undefined) return replyBriefly(response, 503, `Retry-After: ${RETRY_AFTER_S}\r\n`);
    const leg = new IncomingLeg(this.#core, link, dialogId, request, response, message);
    if (!guarded(this.#core.logger, 'invite', () => leg.listen(on.invite(leg)))) leg.reject({ status: 500 });
  }
}
