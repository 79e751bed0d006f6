import type { Timer } from '../base/clock.js';
import type { SipResponse } from '../sip/index.js';
import type { Core } from './core.js';
import { guarded } from './guarded.js';
import { DigestAnswers } from './digest-answers.js';
import type { Credentials } from './port.js';
import type { CommandFailure, ControlLink } from './srf/link.js';
import { outgoing } from './srf/lines.js';
import { cseqOf, responseFrom, statusResponse } from './srf/parser.js';
import type { SrfAck, SrfReceivedResponse, SrfRequest, SrfResponse, SrfSentRequest } from './srf/types.js';

export interface ClientRequestSpec {
  readonly method: string;
  /** Outside of dialogs only. */
  readonly uri?: string;
  readonly dialogId?: string;
  /** Next hop and what else goes into the leader behind it. */
  readonly proxy?: string;
  /** Header lines without CSeq and authorization. */
  readonly lines: string;
  readonly body?: string | undefined;
  readonly credentials?: Credentials | undefined;
  /** Nobody looks at more than the status of its answer. */
  readonly statusOnly?: boolean;
  /** From sending to the final answer; none: the owner watches. Milliseconds. */
  readonly timeoutMs?: number;
}

export type FinalOutcome =
  /** `internal`: nothing came from the network, the server made the response up. */
  | {
      readonly kind: 'response';
      readonly response: SipResponse;
      readonly ack: SrfAck;
      readonly internal: boolean;
    }
  | { readonly kind: 'failed'; readonly failure: CommandFailure | 'timeout'; readonly reason: string };

export interface ClientRequestEvents {
  /** 100–199. `ack` sends the PRACK where one is due. */
  provisional?(response: SipResponse, ack: SrfAck): void;
  /** UPDATE of an early dialog. */
  update?(request: SrfRequest, response: SrfResponse): void;
  /** Exactly once. */
  final(outcome: FinalOutcome): void;
}

/**
 * One request of ours until its final answer, over as many transactions as digest challenges make of it. Outside of dialogs a
 * second try keeps Call-ID and From tag, so that it belongs to the same dialog to be (RFC 3261 §8.1.3.5).
 */
export class ClientRequest {
  readonly #core: Core;
  readonly #link: ControlLink;
  readonly #spec: ClientRequestSpec;
  readonly #on: ClientRequestEvents;
  readonly #digest: DigestAnswers | undefined;
  #lines: string;
  #authorization = '';
  /** As echoed; 0 before. */
  #cseq = 0;
  #sent: SrfSentRequest | undefined;
  #cancelLines: string | undefined;
  #timer: Timer | undefined;
  #unwatch: (() => void) | undefined;
  #state: 'trying' | 'done' = 'trying';

  constructor(core: Core, link: ControlLink, spec: ClientRequestSpec, on: ClientRequestEvents) {
    this.#core = core;
    this.#link = link;
    this.#spec = spec;
    this.#on = on;
    this.#lines = spec.lines;
    this.#digest = spec.credentials === undefined ? undefined : new DigestAnswers(spec.credentials);
    this.#start();
  }

  /** The Authorization lines of the last try: the ACK of a 2xx carries them too (RFC 3261 §22.1). */
  get authorization(): string {
    return this.#authorization;
  }

  /** CSeq number of the last try; 0 before it left. */
  get cseq(): number {
    return this.#cseq;
  }

  /** Sends it anew after a final answer, with other header lines; only from within `final`. */
  again(lines: string): void {
    this.#lines = lines;
    this.#state = 'trying';
    this.#start();
  }

  /** Cancels an INVITE now or, if it has not left yet, as soon as it has. The server waits for the first provisional (§9.1). */
  cancel(lines: string): void {
    if (this.#state === 'done' || this.#cancelLines !== undefined) return;
    this.#cancelLines = lines;
    if (this.#sent !== undefined) this.#sendCancel(this.#sent);
  }

  /** No answer is wanted any more. */
  abandon(): void {
    this.#state = 'done';
    this.#timer?.clear();
    this.#unwatch?.();
    if (this.#sent !== undefined) this.#link.forget(this.#sent.stackTxnId);
  }

  #start(): void {
    const { timeoutMs } = this.#spec;
    if (timeoutMs !== undefined) {
      this.#timer = this.#core.clock.after(timeoutMs, () => this.#timedOut());
    }
    this.#unwatch = this.#link.watch(() =>
      this.#finish({ kind: 'failed', failure: 'engine-lost', reason: 'the signalling engine was lost' }),
    );
    this.#send();
  }

  #timedOut(): void {
    this.abandon();
    this.#on.final({ kind: 'failed', failure: 'timeout', reason: 'no answer in time' });
  }

  #send(): void {
    const { method, uri, dialogId, proxy, body } = this.#spec;
    // Outside of dialogs a further try counts on; inside of them the server counts.
    const cseq = this.#cseq === 0 || dialogId !== undefined ? '' : `CSeq: ${this.#cseq + 1} ${method}\r\n`;
    const message = outgoing(`${cseq}${this.#lines}${this.#authorization}`, body);
    // Inside a dialog the server puts the remote target in the place of this.
    const target =
      dialogId === undefined ? { uri: uri ?? '' } : { uri: 'sip:placeholder', stackDialogId: dialogId };
    this.#sent = undefined;
    this.#link.request(
      { method, ...target, ...(proxy === undefined ? {} : { proxy }), ...message },
      (request, failure, reason) => {
        if (this.#state === 'done') {
          if (request !== undefined) this.#link.forget(request.stackTxnId);
          return;
        }
        if (request === undefined) this.#finish({ kind: 'failed', failure, reason });
        else this.#left(request);
      },
    );
  }

  #left(request: SrfSentRequest): void {
    this.#sent = request;
    this.#cseq = cseqOf(request.headers) || this.#cseq + 1;
    request.on('response', (response: SrfReceivedResponse, ack: SrfAck) => {
      if (request !== this.#sent) return;
      guarded(this.#core.logger, 'response', () => this.#answered(request, response, ack));
    });
    // srf hands an UPDATE to whatever request of the same Call-ID is pending.
    request.on('update', (update: SrfRequest, response: SrfResponse) => {
      guarded(this.#core.logger, 'update', () => {
        if (this.#on.update === undefined) this.#core.route(update, response);
        else this.#on.update(update, response);
      });
    });
    if (this.#cancelLines !== undefined) this.#sendCancel(request);
  }

  #sendCancel(request: SrfSentRequest): void {
    const lines = this.#cancelLines ?? '';
    try {
      // Refused only when the transaction is over: then its final answer is on the way.
      request.cancel(outgoing(lines, undefined), () => undefined);
    } catch (error) {
      this.#core.logger.debug({ error: String(error) }, 'a CANCEL could not be sent');
    }
  }

  #answered(request: SrfSentRequest, received: SrfReceivedResponse, ack: SrfAck): void {
    if (this.#state === 'done') return;
    const { status } = received;
    const wantsAll = this.#spec.statusOnly !== true || status === 401 || status === 407;
    const response = wantsAll ? responseFrom(received.headers, status) : statusResponse(status);
    if (status < 200) {
      if (status === 100) this.#link.sawTrying();
      this.#on.provisional?.(response, ack);
      return;
    }
    if (
      (status === 401 || status === 407) &&
      this.#cancelLines === undefined &&
      this.#digest?.accept(response)
    ) {
      this.#authorization = this.#digest.lines(this.#spec.method, request.uri, this.#spec.body ?? '');
      this.#send();
      return;
    }
    this.#finish({ kind: 'response', response, ack, internal: received.source_address === '' });
  }

  #finish(outcome: FinalOutcome): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    this.#timer?.clear();
    this.#unwatch?.();
    this.#on.final(outcome);
  }
}

/** Sends an ACK or PRACK; a socket that is gone is nothing to throw about. */
export function sendAck(ack: SrfAck, lines: string, body?: string): void {
  try {
    ack(outgoing(lines, body));
  } catch {
    // The link reports its loss by itself.
  }
}
