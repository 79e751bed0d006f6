import type { Clock, Timer } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { SipRequest } from '../sip/index.js';
import { dialogIdOf } from './leg-table.js';
import type { DialogRef, IncomingRequest, Source } from './port.js';
import { linesOf, reply, replyBriefly } from './reply.js';
import type { ControlLink } from './srf/link.js';
import type { SrfRequest, SrfResponse } from './srf/types.js';

/** The layer above has this long to answer a request. Milliseconds. */
const ANSWER_MS = 10_000;
/** Requests that wait for an answer at once; more get 503. */
const MAX_OPEN = 20_000;

/** Requests other than INVITE that the layer above has not answered yet. */
export class OpenRequests {
  readonly #open = new Map<SrfResponse, { readonly link: ControlLink; readonly timer: Timer }>();

  constructor(
    readonly clock: Clock,
    readonly logger: Logger,
    readonly serverLine: string,
  ) {}

  get size(): number {
    return this.#open.size;
  }

  /** Makes the request for the layer above. Undefined: too many are open, and it was refused. */
  take(
    link: ControlLink,
    request: SrfRequest,
    response: SrfResponse,
    message: SipRequest,
  ): IncomingRequest | undefined {
    if (this.#open.size >= MAX_OPEN) {
      replyBriefly(response, 503, 'Retry-After: 5\r\n');
      return undefined;
    }
    const timer = this.clock.after(ANSWER_MS, () => {
      if (!this.#open.delete(response)) return;
      this.logger.warn(
        { method: message.method, callId: message.callId },
        'a request was not answered in time',
      );
      replyBriefly(response, 500, this.serverLine);
    });
    this.#open.set(response, { link, timer });
    return {
      request: message,
      source: sourceOf(request),
      ...(message.method === 'SUBSCRIBE' && { dialog: dialogOf(link, request, message) }),
      respond: (answer) => {
        if (!this.#open.has(response)) return;
        const lines = `${linesOf(answer.headers, answer.body)}${this.serverLine}`;
        this.#open.delete(response);
        timer.clear();
        reply(response, { status: answer.status, reason: answer.reason, lines, body: answer.body?.text });
      },
    };
  }

  /** Forgets those of a link that is gone. */
  forget(link: ControlLink): void {
    for (const [response, entry] of this.#open) {
      if (entry.link !== link) continue;
      entry.timer.clear();
      this.#open.delete(response);
    }
  }
}

function dialogOf(link: ControlLink, request: SrfRequest, message: SipRequest): DialogRef {
  const id =
    request.stackDialogId === '' ? dialogIdOf(message.callId, message.fromTag) : request.stackDialogId;
  return { id, engineId: link.id };
}

const TRANSPORTS: Readonly<Record<string, Source['transport']>> = {
  udp: 'udp',
  tcp: 'tcp',
  tls: 'tls',
  ws: 'ws',
  wss: 'wss',
};

/** Where a request came from, as the server observed it. */
export function sourceOf(request: SrfRequest): Source {
  return {
    address: request.source_address,
    port: request.source_port,
    transport: TRANSPORTS[request.protocol] ?? 'udp',
    listener: request.receivedOn ?? '',
  };
}
