import type { Timer } from '../base/clock.js';
import type { Core } from './core.js';
import { SDP_LINE } from './core.js';
import type { Change, Sdp } from './port.js';
import { guarded } from './guarded.js';
import { reply, replyBriefly } from './reply.js';
import type { ControlLink } from './srf/link.js';
import type { SrfResponse } from './srf/types.js';

export interface RemoteOfferEvents {
  /** The 2xx with `answer` left. `done` is to be called with what `accept` shall resolve with: at once, or when the ACK has come. */
  accepted(answer: Sdp, done: (theirs: Sdp | undefined) => void): void;
  /** Nothing was changed: rejected, withdrawn, or too late. */
  dropped(): void;
}

/** A re-INVITE, UPDATE or PRACK of the far side that the layer above is to decide. It is decided exactly once. */
export class RemoteOffer implements Change {
  readonly #core: Core;
  readonly #link: ControlLink;
  readonly #response: SrfResponse;
  readonly #lines: string;
  readonly #on: RemoteOfferEvents;
  readonly #timer: Timer;
  #state: 'open' | 'answering' | 'decided' = 'open';
  #resolve: ((theirs: Sdp | undefined) => void) | undefined;

  constructor(
    core: Core,
    link: ControlLink,
    options: {
      readonly offer: Sdp | undefined;
      readonly response: SrfResponse;
      /** Header lines of the 2xx. */
      readonly lines: string;
      /** Undecided after this long it gets 500. Milliseconds. */
      readonly decideMs: number;
    },
    on: RemoteOfferEvents,
  ) {
    this.#core = core;
    this.#link = link;
    this.offer = options.offer;
    this.#response = options.response;
    this.#lines = options.lines;
    this.#on = on;
    this.#timer = core.clock.after(options.decideMs, () => this.#refuse(500));
  }

  readonly offer: Sdp | undefined;

  accept(sdp: Sdp): Promise<Sdp | undefined> {
    if (this.#state !== 'open') return Promise.resolve(undefined);
    this.#state = 'answering';
    this.#timer.clear();
    return new Promise((resolve) => {
      this.#resolve = resolve;
      const answered = this.#link.expect(() => this.end());
      reply(this.#response, { status: 200, lines: `${this.#lines}${SDP_LINE}`, body: sdp }, (error) => {
        if (!answered() || this.#state !== 'answering') return;
        if (error !== null && error !== undefined) {
          this.end();
          return;
        }
        this.#state = 'decided';
        guarded(this.#core.logger, 'accepted', () =>
          this.#on.accepted(sdp, (theirs) => this.#settle(theirs)),
        );
      });
    });
  }

  reject(status: 488 | 491 | 500 | 504): void {
    this.#refuse(status);
  }

  /** It is void: cancelled, or the dialog is over. `status`: what is still to be said to the far side. */
  end(status?: number): void {
    if (this.#state === 'open' && status !== undefined) {
      this.#refuse(status);
      return;
    }
    this.#timer.clear();
    const wasOpen = this.#state !== 'decided';
    this.#state = 'decided';
    this.#settle(undefined);
    if (wasOpen) this.#on.dropped();
  }

  #refuse(status: number): void {
    if (this.#state !== 'open') return;
    this.#state = 'decided';
    this.#timer.clear();
    // RFC 3261 §14.2: a 500 says when to come back.
    replyBriefly(
      this.#response,
      status,
      status === 500 ? `Retry-After: ${1 + Math.floor(this.#core.random() * 9)}\r\n` : '',
    );
    this.#on.dropped();
  }

  #settle(theirs: Sdp | undefined): void {
    this.#resolve?.(theirs);
    this.#resolve = undefined;
  }
}
