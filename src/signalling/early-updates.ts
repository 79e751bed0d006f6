import { ClientRequest, type FinalOutcome } from './client-request.js';
import { ALLOW_LINE, SDP_LINE, type Core } from './core.js';
import type { Credentials, EarlyChangeOutcome, Sdp } from './port.js';
import { hasTag } from './session-timer.js';
import type { ControlLink } from './srf/link.js';
import type { SipMessage } from '../sip/index.js';

/** An UPDATE must be answered promptly (RFC 3311 §5.2); the transaction gives up after 32 s. Milliseconds. */
const UPDATE_MS = 34_000;

/** UPDATEs of ours in an early dialog, one at a time (RFC 3311 §5.1). */
export class EarlyUpdates {
  readonly #core: Core;
  readonly #link: ControlLink;
  readonly #dialogId: string;
  readonly #credentials: Credentials | undefined;
  #request: ClientRequest | undefined;
  #settle: ((outcome: EarlyChangeOutcome) => void) | undefined;

  constructor(core: Core, link: ControlLink, dialogId: string, credentials?: Credentials) {
    this.#core = core;
    this.#link = link;
    this.#dialogId = dialogId;
    this.#credentials = credentials;
  }

  /** One of ours has no answer yet. */
  get isBusy(): boolean {
    return this.#request !== undefined;
  }

  /** `agreed` hears of the answer before anybody else does. A second one while the first is under way is refused with 491. */
  send(offer: Sdp, agreed: (theirs: Sdp) => void): Promise<EarlyChangeOutcome> {
    if (this.isBusy) return Promise.resolve({ kind: 'refused', status: 491 });
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#request = new ClientRequest(
        this.#core,
        this.#link,
        {
          method: 'UPDATE',
          dialogId: this.#dialogId,
          lines: `${SDP_LINE}${ALLOW_LINE}${this.#core.agentLine}`,
          body: offer,
          credentials: this.#credentials,
          timeoutMs: UPDATE_MS,
        },
        { final: (outcome) => this.#final(outcome, agreed) },
      );
    });
  }

  /** The dialog is confirmed or gone: what is under way leads nowhere. */
  end(): void {
    this.#request?.abandon();
    this.#finish({ kind: 'gone' });
  }

  #final(outcome: FinalOutcome, agreed: (theirs: Sdp) => void): void {
    if (outcome.kind === 'failed') return this.#finish({ kind: 'refused', status: 500 });
    const { status, body } = outcome.response;
    // RFC 3311 §5.2: a 2xx to an offer has the answer.
    if (status >= 300 || body === '')
      return this.#finish({ kind: 'refused', status: status >= 300 ? status : 500 });
    agreed(body);
    this.#finish({ kind: 'accepted', sdp: body, ack: () => undefined });
  }

  #finish(outcome: EarlyChangeOutcome): void {
    const settle = this.#settle;
    this.#request = undefined;
    this.#settle = undefined;
    settle?.(outcome);
  }
}

/** Whether it says that it takes UPDATE (RFC 3311 §4: else none may be sent). */
export function takesUpdate(message: SipMessage): boolean {
  return hasTag(message, 'Allow', 'update');
}
