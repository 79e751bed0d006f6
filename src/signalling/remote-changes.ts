import type { Timer } from '../base/clock.js';
import type { SipRequest } from '../sip/index.js';
import { ALLOW_LINE, SDP_LINE, type Core } from './core.js';
import type { Change, Sdp, SessionTimer } from './port.js';
import { RemoteOffer } from './remote-offer.js';
import { reply, replyBriefly } from './reply.js';
import {
  answerTimer,
  isTooSmall,
  SMALLEST_SESSION_S,
  timerFacts,
  type AgreedTimer,
} from './session-timer.js';
import type { ControlLink } from './srf/link.js';
import type { SrfRequest, SrfResponse } from './srf/types.js';

/** The layer above may have to ask another phone first: as long as that phone's INVITE transaction lasts. Milliseconds. */
const DECIDE_INVITE_MS = 40_000;
/** An UPDATE must be answered promptly (RFC 3311 §5.2). Milliseconds. */
const DECIDE_UPDATE_MS = 10_000;
/** The server repeats a 2xx for 32 s; then it ends the call. Milliseconds. */
const ACK_MS = 34_000;

/** What the dialog lends to the handling of changes. */
export interface ChangeHost {
  readonly core: Core;
  readonly link: ControlLink;
  readonly timerWanted: SessionTimer | undefined;
  localSdp: Sdp;
  remoteSdp: Sdp;
  readonly isChanging: boolean;
  changed(change: Change): void;
  /** A refresh, or a change that was agreed: the session timer starts anew. */
  agreed(timer: AgreedTimer | undefined): void;
  /** No change of theirs is under way any more. */
  idle(): void;
}

/** Changes of the session that the far side asks for, one at a time (RFC 3261 §14.2, RFC 3311 §5.2). */
export class RemoteChanges {
  readonly #host: ChangeHost;
  #offer: RemoteOffer | undefined;
  /** The CSeq of a re-INVITE whose 2xx waits for the ACK. */
  #ackSeq = -1;
  #ackTimer: Timer | undefined;
  #acked: ((sdp: Sdp | undefined) => void) | undefined;

  constructor(host: ChangeHost) {
    this.#host = host;
  }

  get isBusy(): boolean {
    return this.#offer !== undefined || this.#ackSeq !== -1;
  }

  onInvite(request: SrfRequest, response: SrfResponse, message: SipRequest): void {
    if (this.#refuses(response)) return;
    const facts = timerFacts(message);
    if (isTooSmall(facts)) return replyBriefly(response, 422, `Min-SE: ${SMALLEST_SESSION_S}\r\n`);
    const { lines, timer } = answerTimer(facts, this.#host.timerWanted);
    const offer = message.body === '' ? undefined : message.body;
    const { seq } = message.cseq;
    if (offer === this.#host.remoteSdp) {
      this.#awaitAck(seq, () => undefined);
      this.#refresh(response, lines, timer, true);
      return;
    }
    const decided = this.#take(
      {
        offer,
        response,
        lines: `${lines}${ALLOW_LINE}${this.#host.core.serverLine}`,
        decideMs: DECIDE_INVITE_MS,
      },
      (answer, done) => {
        this.#host.localSdp = answer;
        if (offer !== undefined) {
          this.#host.remoteSdp = offer;
          done(undefined);
        }
        this.#host.agreed(timer);
        this.#awaitAck(seq, (theirs) => {
          if (offer !== undefined) return;
          if (theirs !== undefined) this.#host.remoteSdp = theirs;
          done(theirs);
        });
      },
    );
    // The server has answered the CANCEL and the re-INVITE; the session goes on as it was (RFC 3261 §14.2).
    request.on('cancel', () => decided.end());
    this.#host.changed(decided);
  }

  onUpdate(response: SrfResponse, message: SipRequest): void {
    const offer = message.body === '' ? undefined : message.body;
    if (offer !== undefined && this.#refuses(response)) return;
    const facts = timerFacts(message);
    if (isTooSmall(facts)) return replyBriefly(response, 422, `Min-SE: ${SMALLEST_SESSION_S}\r\n`);
    const { lines, timer } = answerTimer(facts, this.#host.timerWanted);
    if (offer === undefined || offer === this.#host.remoteSdp) {
      this.#refresh(response, lines, timer, offer !== undefined);
      return;
    }
    const decided = this.#take(
      {
        offer,
        response,
        lines: `${lines}${ALLOW_LINE}${this.#host.core.serverLine}`,
        decideMs: DECIDE_UPDATE_MS,
      },
      (answer, done) => {
        this.#host.localSdp = answer;
        this.#host.remoteSdp = offer;
        this.#host.agreed(timer);
        done(undefined);
        this.#host.idle();
      },
    );
    this.#host.changed(decided);
  }

  /** The ACK of a re-INVITE. False: it is of another INVITE. */
  onAck(cseq: number, body: Sdp | undefined): boolean {
    if (this.#ackSeq === -1 || cseq !== this.#ackSeq) return false;
    this.#ackTimer?.clear();
    this.#ackSeq = -1;
    const acked = this.#acked;
    this.#acked = undefined;
    acked?.(body);
    this.#host.idle();
    return true;
  }

  /** The dialog is over: an undecided change is answered, so that its transaction ends (RFC 3261 §15.1.2). */
  end(): void {
    this.#ackTimer?.clear();
    this.#ackSeq = -1;
    const acked = this.#acked;
    this.#acked = undefined;
    acked?.(undefined);
    this.#offer?.end(487);
    this.#offer = undefined;
  }

  #take(
    options: ConstructorParameters<typeof RemoteOffer>[2],
    accepted: (answer: Sdp, done: (theirs: Sdp | undefined) => void) => void,
  ): RemoteOffer {
    const offer = new RemoteOffer(this.#host.core, this.#host.link, options, {
      accepted: (answer, done) => {
        if (this.#offer === offer) this.#offer = undefined;
        accepted(answer, done);
      },
      dropped: () => {
        if (this.#offer === offer) this.#offer = undefined;
        this.#host.idle();
      },
    });
    this.#offer = offer;
    return offer;
  }

  /** Nothing but the session timer is meant: same answer as before. */
  #refresh(response: SrfResponse, lines: string, timer: AgreedTimer | undefined, withSdp: boolean): void {
    const all = `${lines}${ALLOW_LINE}${this.#host.core.serverLine}`;
    if (withSdp) reply(response, { status: 200, lines: `${all}${SDP_LINE}`, body: this.#host.localSdp });
    else reply(response, { status: 200, lines: all });
    this.#host.agreed(timer);
  }

  #refuses(response: SrfResponse): boolean {
    if (this.#host.isChanging) {
      // Both sides at once (RFC 3261 §14.2, RFC 3311 §5.2).
      replyBriefly(response, 491);
      return true;
    }
    // Where only the ACK of the last re-INVITE is outstanding, a new request shows that the far side has moved on.
    if (this.#offer === undefined) return false;
    replyBriefly(response, 500, `Retry-After: ${Math.floor(this.#host.core.random() * 10)}\r\n`);
    return true;
  }

  #awaitAck(seq: number, acked: (sdp: Sdp | undefined) => void): void {
    this.#ackTimer?.clear();
    this.#acked?.(undefined);
    this.#ackSeq = seq;
    this.#acked = acked;
    this.#ackTimer = this.#host.core.clock.after(ACK_MS, () => {
      this.#ackSeq = -1;
      this.#acked = undefined;
      acked(undefined);
      this.#host.idle();
    });
  }
}
