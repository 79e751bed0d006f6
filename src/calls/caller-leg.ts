import type { EndCause } from '../model/index.js';
import type {
  Body,
  Dialog,
  DialogEvents,
  Headers,
  IncomingCall,
  RequestOutcome,
  ChangeOutcome,
  EarlyChangeOutcome,
  Sdp,
  SessionTimer,
} from '../signalling/index.js';

import { reasonHeaders, toldCause } from './cause.js';
import type { LegSession } from './leg-session.js';

/** A provisional response for the caller. */
export interface Progress {
  readonly status: 180 | 181 | 182 | 183;
  readonly sdp?: Sdp;
  /** With the description of our own media. */
  readonly own?: boolean;
  /** The callee's reliable offer (delayed offer): the caller's answer comes with its PRACK and goes here. */
  readonly offerAnswered?: (answer: Sdp | undefined) => void;
}

export type CallerAnswer = 'answered' | 'cancelled' | 'engine-lost';

/** The caller's leg from INVITE to BYE. Order and PRACK of reliable provisionals, and a BYE that must await the ACK, are kept below. */
export class CallerLeg {
  #incoming: IncomingCall | undefined;
  #dialog: Dialog | undefined;
  #byeWaiting: { readonly cause: EndCause | undefined } | undefined;
  #lastStatus = 0;
  #lastSdp: Sdp | undefined;
  #reliableAnswer: Sdp | undefined;
  #updated = false;

  constructor(
    incoming: IncomingCall,
    /** Replaced when its media is to run through us. */
    public session: LegSession,
    /** Provisionals are sent reliably (RFC 3262). */
    private readonly reliable: boolean,
  ) {
    this.#incoming = incoming;
  }

  /** The answer to the caller's offer that a reliable provisional gave: nothing else may stand in the 200 (RFC 3261 §13.2.1). */
  get reliableAnswer(): Sdp | undefined {
    return this.#reliableAnswer;
  }

  /** Offer and answer went to and fro once more since: no description may stand in the 200. */
  get isUpdated(): boolean {
    return this.#updated;
  }

  /** Once it is answered. */
  get dialog(): Dialog | undefined {
    return this.#dialog;
  }

  /** A 18x went out already. */
  get hasProgress(): boolean {
    return this.#lastStatus !== 0;
  }

  /** Sends a provisional unless it says nothing new. True when it was sent. */
  progress(progress: Progress): boolean {
    const incoming = this.#incoming;
    if (incoming === undefined || this.#saysNothingNew(progress)) return false;
    const { status, offerAnswered } = progress;
    // Another answer than the one given reliably has to wait until the call is answered.
    const isFree = this.#reliableAnswer === undefined;
    const told = isFree ? this.#described(progress, incoming.offer !== undefined) : undefined;
    this.#lastStatus = status;
    if (progress.sdp !== undefined) this.#lastSdp = progress.sdp;
    if (this.reliable && offerAnswered === undefined && told !== undefined)
      this.#reliableAnswer = progress.sdp ?? told;
    void incoming
      .progress({
        status,
        ...(told === undefined ? {} : { sdp: told }),
        ...(this.reliable ? { reliable: true } : {}),
      })
      .then((outcome) => offerAnswered?.(outcome.kind === 'acknowledged' ? outcome.answer : undefined))
      // A provisional that cannot be sent is no reason to end the call.
      .catch(() => undefined);
    return true;
  }

  #described({ sdp, own }: Progress, hasOffered: boolean): Sdp | undefined {
    const { session } = this;
    if (own !== true && sdp === undefined) return undefined;
    if (session.media === undefined) return session.answer(sdp);
    // Our own offer is made in the 200: an early one would need an answer by PRACK.
    return hasOffered ? session.answer(sdp) : undefined;
  }

  #saysNothingNew(progress: Progress): boolean {
    if (progress.own === true) return this.#lastStatus === 183;
    if (progress.sdp !== undefined)
      return progress.sdp === this.#lastSdp && progress.status === this.#lastStatus;
    return progress.status === this.#lastStatus || (this.#lastStatus === 180 && progress.status === 183);
  }

  /** How the 200 describes our own media. Throws AppError MEDIA_NOT_ACCEPTABLE. */
  ownAnswer(): Sdp {
    return this.session.answer(undefined);
  }

  /** Sends the 200, with what the partner said, or (undefined) our own description. `on` hears of the dialog from then on. */
  async answer(
    sdp: Sdp | undefined,
    options: { readonly timer?: SessionTimer },
    on: DialogEvents,
  ): Promise<CallerAnswer> {
    const incoming = this.#incoming;
    if (incoming === undefined) return 'cancelled';
    this.#lastSdp = undefined;
    this.#reliableAnswer = undefined;
    const told = sdp === '' ? '' : this.session.answer(sdp);
    const outcome = await incoming.answer({ sdp: told, ...options }, on);
    // The INVITE is not needed any more; a held call must not keep it in memory.
    this.#incoming = undefined;
    if (outcome.kind !== 'dialog') return outcome.kind;
    this.#dialog = outcome.dialog;
    if (this.#byeWaiting !== undefined) this.bye(this.#byeWaiting.cause);
    return 'answered';
  }

  /** Asks an unanswered caller to change the session. */
  async changeEarly(offer: Sdp): Promise<EarlyChangeOutcome> {
    if (this.#incoming === undefined) return { kind: 'gone' };
    return await this.#incoming.change(this.session.offer(offer));
  }

  /** The far side of the session has been changed before the answer, and the caller knows it. */
  sessionUpdated(sdp: Sdp): void {
    this.#updated = true;
    this.#reliableAnswer = sdp;
  }

  /** Refuses an unanswered call; does nothing once answered or refused. */
  reject(answer: { readonly status: number; readonly reason?: string; readonly headers?: Headers }): void {
    this.#incoming?.reject(answer);
    this.#incoming = undefined;
  }

  /** Ends the leg with the call: a call that was answered by BYE, any other by a refusal. */
  end(before: 'ringing' | 'answering' | 'answered', cause: EndCause): void {
    if (before !== 'ringing') this.bye(toldCause(cause));
    if (before === 'answered') return;
    // While the 200 waits for the record the refusal still wins; once it has left, the BYE does.
    const { sip, q850, text, kind } = cause;
    this.reject({
      status: sip >= 300 ? sip : 480,
      ...(kind === 'rejected' && text !== undefined ? { reason: text } : {}),
      headers: reasonHeaders(q850),
    });
  }

  /** The caller has gone by itself (CANCEL): there is nobody to answer. */
  forget(): void {
    this.#incoming = undefined;
  }

  /** Hangs up; a call whose 200 is just leaving as soon as it has left. */
  bye(cause?: EndCause): void {
    if (this.#dialog === undefined) this.#byeWaiting = { cause };
    else void this.#dialog.bye(cause).catch(() => undefined);
  }

  async change(c: { offer?: Sdp }): Promise<ChangeOutcome> {
    if (this.#dialog === undefined) return { kind: 'gone' };
    return await this.#dialog.change(c);
  }

  async request(r: {
    method: 'INFO' | 'OPTIONS' | 'NOTIFY';
    headers?: Headers;
    body?: Body;
  }): Promise<RequestOutcome> {
    return this.#dialog === undefined ? { kind: 'gone' } : await this.#dialog.request(r);
  }
}
