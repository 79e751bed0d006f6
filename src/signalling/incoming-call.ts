import { randomHex } from '../base/ids.js';
import type { EndCause } from '../model/index.js';
import type { SipRequest } from '../sip/index.js';
import { causeFrom, engineLost } from './cause.js';
import { ALLOW_LINE, SDP_LINE, type Core } from './core.js';
import { EarlyUpdates, takesUpdate } from './early-updates.js';
import { guarded } from './guarded.js';
import { DialogLeg } from './dialog.js';
import { ProvisionalSender } from './provisional-sender.js';
import type { Leg } from './leg-table.js';
import { sourceOf } from './open-requests.js';
import type {
  AnswerOutcome,
  Change,
  DialogEvents,
  EarlyChangeOutcome,
  Headers,
  IncomingCall,
  IncomingCallEvents,
  ProgressOutcome,
  Sdp,
  SessionTimer,
  Source,
} from './port.js';
import { RemoteOffer } from './remote-offer.js';
import { linesOf, reply, replyBriefly } from './reply.js';
import { answerTimer, hasTag, timerFacts, type AgreedTimer, type TimerFacts } from './session-timer.js';
import type { ControlLink } from './srf/link.js';
import { requestFrom } from './srf/parser.js';
import type { SrfRequest, SrfResponse } from './srf/types.js';

/** An UPDATE must be answered promptly (RFC 3311 §5.2). Milliseconds. */
const DECIDE_UPDATE_MS = 10_000;

/** A call that came in, from its INVITE to its final answer. */
export class IncomingLeg implements IncomingCall, Leg {
  readonly id = randomHex(8);
  readonly request: SipRequest;
  readonly source: Source;
  readonly offer: Sdp | undefined;
  readonly link: ControlLink;
  /** srf's entry for the INVITE, by which it finds who a CANCEL is for. */
  readonly entry: unknown;
  readonly #core: Core;
  readonly #dialogId: string;
  readonly #response: SrfResponse;
  readonly #timerFacts: TimerFacts;
  readonly #provisionals: ProvisionalSender;
  #on: IncomingCallEvents | undefined;
  #state: 'proceeding' | 'answering' | 'over' = 'proceeding';
  #earlyOffer: RemoteOffer | undefined;
  readonly #updates: EarlyUpdates;
  /** What we have said reliably; `''` before. */
  #localSdp: Sdp = '';
  /** What they said last; `''` for a delayed offer. */
  #remoteSdp: Sdp;
  /** Set while `answer` waits. */
  #answered: ((outcome: AnswerOutcome) => void) | undefined;

  constructor(
    core: Core,
    link: ControlLink,
    dialogId: string,
    request: SrfRequest,
    response: SrfResponse,
    message: SipRequest,
  ) {
    this.#core = core;
    this.link = link;
    this.#dialogId = dialogId;
    this.#response = response;
    this.request = message;
    this.source = sourceOf(request);
    this.offer = message.body === '' ? undefined : message.body;
    this.#remoteSdp = message.body;
    this.entry = link.pendingInvite(message.callId);
    this.#timerFacts = timerFacts(message);
    this.#provisionals = new ProvisionalSender(core, link, response, {
      supported: hasTag(message, 'Supported', '100rel') || hasTag(message, 'Require', '100rel'),
      required: hasTag(message, 'Require', '100rel'),
      hasOffer: this.offer !== undefined,
      gone: (status) => this.#provisionalFailed(status),
      offered: (change) => this.#tellEarlyChange(change),
      agreed: (ours, theirs) => {
        if (ours !== undefined) this.#localSdp = ours;
        if (theirs !== undefined) this.#remoteSdp = theirs;
      },
    });
    this.#updates = new EarlyUpdates(core, link, dialogId);
    request.on('cancel', (cancel: { headers: Record<string, string> }) => {
      guarded(core.logger, 'cancel', () => this.#onCancel(cancel));
    });
    request.on('update', (update: SrfRequest, updateResponse: SrfResponse) => {
      guarded(core.logger, 'update', () => this.#earlyUpdate(update, updateResponse));
    });
    core.legs.set(dialogId, this);
  }

  /** Called at once after the layer above was told of the call. */
  listen(on: IncomingCallEvents): void {
    this.#on = on;
  }

  progress(progress: Parameters<IncomingCall['progress']>[0]): Promise<ProgressOutcome> {
    const lines = `${linesOf(progress.headers)}${progress.sdp === undefined ? '' : SDP_LINE}${ALLOW_LINE}${this.#core.serverLine}`;
    if (this.#state !== 'proceeding') return Promise.resolve({ kind: 'gone' });
    return this.#provisionals.send({
      status: progress.status,
      sdp: progress.sdp,
      reliable: progress.reliable,
      lines,
    });
  }

  answer(
    answer: { sdp: Sdp; headers?: Headers; timer?: SessionTimer },
    on: DialogEvents,
  ): Promise<AnswerOutcome> {
    const own = linesOf(answer.headers);
    if (this.#state !== 'proceeding')
      return Promise.resolve({ kind: this.link.isUp ? 'cancelled' : 'engine-lost' });
    this.#state = 'answering';
    return new Promise((resolve) => {
      this.#answered = resolve;
      // RFC 3262 §5: no 2xx before an offer or answer in a reliable provisional was acknowledged.
      this.#provisionals.whenAcknowledged(() => {
        if (this.#state === 'answering') this.#sendAnswer(answer, own, on);
      });
    });
  }

  change(offer: Sdp): Promise<EarlyChangeOutcome> {
    if (this.#state !== 'proceeding' || !this.#isAgreed || !takesUpdate(this.request))
      return Promise.resolve({ kind: 'unable' });
    if (this.#earlyOffer !== undefined) return Promise.resolve({ kind: 'refused', status: 491 });
    return this.#updates.send(offer, (theirs) => {
      this.#localSdp = offer;
      this.#remoteSdp = theirs;
    });
  }

  reject(rejection: Parameters<IncomingCall['reject']>[0]): void {
    if (this.#state !== 'proceeding') return;
    const lines = `${linesOf(rejection.headers)}${this.#core.serverLine}`;
    this.#end();
    reply(this.#response, { status: rejection.status, reason: rejection.reason, lines });
  }

  onRequest(request: SrfRequest, response: SrfResponse): void {
    const message = requestFrom(request.headers);
    if (request.source === 'application' || request.method === 'ACK') return;
    if (message === undefined) return replyBriefly(response, 400);
    switch (request.method) {
      case 'PRACK':
        return this.#provisionals.onPrack(response, message);
      case 'UPDATE':
        return this.#earlyUpdate(request, response);
      case 'BYE':
        // RFC 3261 §15: a caller may end an early dialog by BYE; the INVITE is answered 487 then (§15.1.2).
        replyBriefly(response, 200);
        this.#end();
        reply(this.#response, { status: 487, lines: this.#core.serverLine });
        return this.#tellCancelled(causeFrom(message.headers, { sip: 487, by: 'caller', kind: 'cancelled' }));
      default:
        return replyBriefly(response, 481);
    }
  }

  engineLost(): void {
    const answered = this.#answered;
    this.#end();
    answered?.({ kind: 'engine-lost' });
    this.#tellCancelled(engineLost());
  }

  shutDown(): void {
    this.reject({ status: 503 });
    this.#tellCancelled({ sip: 503, by: 'system', kind: 'drained' });
  }

  #sendAnswer(answer: { sdp: Sdp; timer?: SessionTimer }, own: string, on: DialogEvents): void {
    // What is still open belongs to the early dialog: the far side may ask again in the confirmed one (RFC 3311 §5.2).
    this.#earlyOffer?.reject(500);
    const { lines, timer } = answerTimer(this.#timerFacts, answer.timer);
    const type = answer.sdp === '' ? '' : SDP_LINE;
    const all = `${own}${lines}Supported: timer, replaces\r\n${ALLOW_LINE}${type}${this.#core.serverLine}`;
    const expected = this.link.expect(() => this.engineLost());
    reply(this.#response, { status: 200, lines: all, body: answer.sdp }, (error) => {
      if (!expected() || this.#state !== 'answering') return;
      // The transaction is gone: a CANCEL is on its way to us, or was lost.
      if (error !== null && error !== undefined) return this.#failed();
      guarded(this.#core.logger, 'answered', () => this.#becomeDialog(answer, timer, on));
    });
  }

  /** Without a turn of the event loop: ACK and BYE may stand in the same chunk as the answer to the command. */
  #becomeDialog(
    answer: { readonly sdp: Sdp; readonly timer?: SessionTimer },
    timer: AgreedTimer | undefined,
    on: DialogEvents,
  ): void {
    const answered = this.#answered;
    this.#end();
    const { stackDialogId } = this.#response;
    const dialog = new DialogLeg(this.#core, this.link, {
      dialogId: stackDialogId === '' ? this.#dialogId : stackDialogId,
      role: 'uas',
      localSdp: answer.sdp === '' ? this.#localSdp : answer.sdp,
      remoteSdp: this.#remoteSdp,
      peerTakesUpdate: hasTag(this.request, 'Allow', 'update'),
      timer,
      timerWanted: answer.timer,
    });
    dialog.listen(on);
    answered?.({ kind: 'dialog', dialog });
  }

  #failed(): void {
    if (this.#state === 'over') return;
    this.#cancelled(undefined);
  }

  /**
   * srf finds the INVITE by its Call-ID alone, which a far side may use for two calls at once (a call that comes back to us by a
   * session border controller that keeps Call-IDs): the branch tells which one is meant (RFC 3261 §9.2).
   */
  #onCancel(cancel: { headers: Record<string, string> }): void {
    const branch = requestFrom(cancel.headers)?.topVia.branch;
    if (branch === undefined || branch === this.request.topVia.branch) return this.#cancelled(cancel);
    // srf forgets the INVITE it found as soon as this returns.
    queueMicrotask(() => {
      if (this.#state !== 'over') this.link.restoreInvite(this.request.callId, this.entry);
    });
    for (const [, leg] of this.#core.legs.all()) {
      if (!(leg instanceof IncomingLeg)) continue;
      if (leg.request.callId === this.request.callId && leg.request.topVia.branch === branch)
        return leg.#cancelled(cancel);
    }
  }

  #cancelled(cancel: { headers: Record<string, string> } | undefined): void {
    if (this.#state === 'over') return;
    const answered = this.#answered;
    this.#end();
    answered?.({ kind: 'cancelled' });
    const message = cancel === undefined ? undefined : requestFrom(cancel.headers);
    this.#tellCancelled(causeFrom(message?.headers, { sip: 487, by: 'caller', kind: 'cancelled' }));
  }

  /** A reliable provisional was never acknowledged, or the transaction is gone. */
  #provisionalFailed(status: number | undefined): void {
    if (this.#state === 'over') return;
    if (status !== undefined) reply(this.#response, { status, lines: this.#core.serverLine });
    this.#cancelled(undefined);
  }

  #earlyUpdate(request: SrfRequest, response: SrfResponse): void {
    const message = requestFrom(request.headers);
    if (message === undefined) return replyBriefly(response, 400);
    if (message.body === '') return replyBriefly(response, 200, this.#core.serverLine);
    // RFC 3311 §5.2: not before the first offer was answered reliably, and one at a time.
    if (this.#state !== 'proceeding' || this.#earlyOffer !== undefined || !this.#isAgreed) {
      return replyBriefly(response, 500, `Retry-After: ${Math.floor(this.#core.random() * 10)}\r\n`);
    }
    // Both at once.
    if (this.#updates.isBusy) return replyBriefly(response, 491);
    const offer = message.body;
    const lines = `${ALLOW_LINE}${this.#core.serverLine}`;
    if (offer === this.#remoteSdp) {
      reply(response, { status: 200, lines: `${lines}${SDP_LINE}`, body: this.#localSdp });
      return;
    }
    const early = new RemoteOffer(
      this.#core,
      this.link,
      { offer, response, lines, decideMs: DECIDE_UPDATE_MS },
      {
        accepted: (answer, done) => {
          this.#earlyOffer = undefined;
          this.#localSdp = answer;
          this.#remoteSdp = offer;
          done(undefined);
        },
        dropped: () => {
          this.#earlyOffer = undefined;
        },
      },
    );
    this.#earlyOffer = early;
    this.#tellEarlyChange(early);
  }

  /** Offer and answer are through: the session may be changed. */
  get #isAgreed(): boolean {
    return this.#provisionals.hasAnswered && !this.#provisionals.isOutstanding;
  }

  #tellEarlyChange(change: Change): void {
    const on = this.#on;
    if (on === undefined || !guarded(this.#core.logger, 'earlyChange', () => on.earlyChange(change)))
      change.reject(500);
  }

  #tellCancelled(cause: EndCause): void {
    const on = this.#on;
    this.#on = undefined;
    if (on !== undefined) guarded(this.#core.logger, 'cancelled', () => on.cancelled(cause));
  }

  #end(): void {
    this.#state = 'over';
    this.#answered = undefined;
    this.#provisionals.end();
    this.#updates.end();
    this.#earlyOffer?.end(487);
    this.#earlyOffer = undefined;
    this.#core.legs.delete(this.#dialogId, this);
  }
}
