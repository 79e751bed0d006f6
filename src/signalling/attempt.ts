import type { Timer } from '../base/clock.js';
import { randomHex } from '../base/ids.js';
import type { EndCause } from '../model/index.js';
import { SipResponse } from '../sip/index.js';
import { acknowledgeOnce } from './acknowledge.js';
import { leaderRoute } from './addressing.js';
import { peerGone, reasonLines } from './cause.js';
import { ClientRequest, sendAck, type FinalOutcome } from './client-request.js';
import { ALLOW_LINE, SDP_LINE, type Core } from './core.js';
import { EarlyUpdates, takesUpdate } from './early-updates.js';
import { guarded } from './guarded.js';
import { DialogLeg } from './dialog.js';
import { inviteLines } from './invite-lines.js';
import { dialogIdOf, type Leg } from './leg-table.js';
import { failureOutcome, internalFailure } from './outcome.js';
import type {
  Ack,
  Attempt,
  AttemptEvents,
  AttemptOutcome,
  DialogEvents,
  DialSpec,
  EarlyChangeOutcome,
  ForkId,
  Sdp,
} from './port.js';
import { RemoteOffer } from './remote-offer.js';
import { reply, replyBriefly } from './reply.js';
import { agreedTimer, askTimer, hasTag, timerFacts } from './session-timer.js';
import type { ControlLink } from './srf/link.js';
import { checkUri } from './srf/lines.js';
import { requestFrom } from './srf/parser.js';
import type { SrfAck, SrfRequest, SrfResponse } from './srf/types.js';

/** Early dialogs of one INVITE that are told apart; more are not heard. */
const MAX_FORKS = 16;
/** After a CANCEL the server brings a final answer, 408 at the latest. Milliseconds. */
const CANCELLED_MS = 70_000;
/** The far side repeats its 2xx for 32 s. Milliseconds. */
const ACK_MS = 20_000;
const DECIDE_UPDATE_MS = 10_000;

/** An early dialog of our INVITE. */
interface Fork {
  sdp: Sdp;
  /** Offer and answer are through, reliably. */
  agreed: boolean;
  /** An UPDATE has changed the session: an answer repeated in the 200 is the old one. */
  updated: boolean;
  takesUpdate: boolean;
}

/** A call of ours, from its INVITE to its final answer. */
export class AttemptLeg implements Attempt, Leg {
  readonly id = randomHex(8);
  readonly sipCallId = randomHex(16);
  readonly link: ControlLink;
  readonly #core: Core;
  readonly #spec: DialSpec;
  readonly #dialogId: string;
  readonly #fixedLines: string;
  readonly #request: ClientRequest;
  readonly #forks = new Map<ForkId, Fork>();
  readonly #updates: EarlyUpdates;
  /** What we have said: our offer, or the answer in a PRACK. */
  #localSdp: Sdp;
  readonly #earlyOffers = new Set<RemoteOffer>();
  #on: AttemptEvents | undefined;
  #firstReply: Timer | undefined;
  #deadline: Timer | undefined;
  #raisedTo = 0;
  #over = false;

  /** Throws SIP_INVALID for what cannot be sent. */
  constructor(core: Core, link: ControlLink, spec: DialSpec, on: AttemptEvents) {
    const fromTag = randomHex(6);
    this.#core = core;
    this.link = link;
    this.#spec = spec;
    this.#on = on;
    this.#dialogId = dialogIdOf(this.sipCallId, fromTag);
    this.#localSdp = spec.offer ?? '';
    this.#updates = new EarlyUpdates(core, link, this.#dialogId, spec.credentials);
    this.#fixedLines = inviteLines(core, spec, link.traits, this.sipCallId, fromTag);
    const proxy = leaderRoute(spec, link.traits.choosesListener);
    const uri = checkUri('the target', spec.target);
    core.legs.set(this.#dialogId, this);
    if (link.traits.passesTrying)
      this.#firstReply = core.clock.after(spec.firstReplyMs, () => this.#noReply());
    this.#deadline = core.clock.after(spec.answerMs, () => this.#giveUp({ kind: 'no-answer' }, undefined));
    this.#request = new ClientRequest(
      core,
      link,
      {
        method: 'INVITE',
        uri,
        lines: this.#lines(),
        body: spec.offer,
        credentials: spec.credentials,
        ...(proxy === undefined ? {} : { proxy }),
      },
      {
        provisional: (response, ack) => this.#provisional(response, ack),
        update: (request, response) => this.#earlyUpdate(request, response),
        final: (outcome) => this.#final(outcome),
      },
    );
  }

  cancel(reason?: EndCause): void {
    this.#giveUp({ kind: 'cancelled' }, reason);
  }

  change(offer: Sdp): Promise<EarlyChangeOutcome> {
    const [fork] = this.#forks.values();
    // Several early dialogs share an id below: an UPDATE could reach the wrong one.
    if (
      this.#on === undefined ||
      fork === undefined ||
      this.#forks.size > 1 ||
      !fork.agreed ||
      !fork.takesUpdate
    )
      return Promise.resolve({ kind: 'unable' });
    if (this.#earlyOffers.size > 0) return Promise.resolve({ kind: 'refused', status: 491 });
    return this.#updates.send(offer, (theirs) => {
      this.#localSdp = offer;
      fork.sdp = theirs;
      fork.updated = true;
    });
  }

  onRequest(request: SrfRequest, response: SrfResponse): void {
    if (request.source === 'application' || request.method === 'ACK') return;
    if (request.method === 'UPDATE') return this.#earlyUpdate(request, response);
    replyBriefly(response, 481);
  }

  engineLost(): void {
    // The request itself tells, as every request does when its link goes.
  }

  shutDown(): void {
    this.cancel();
  }

  #lines(): string {
    return `${this.#fixedLines}${askTimer(this.#spec.timer, this.#raisedTo)}`;
  }

  #noReply(): void {
    this.#giveUp({ kind: 'unreachable', why: 'no-reply' }, undefined);
  }

  /** We want it no more: told at once, while the INVITE lives on below until its final answer. */
  #giveUp(outcome: AttemptOutcome, reason: EndCause | undefined): void {
    if (this.#on === undefined) return;
    const on = this.#on;
    this.#quiet();
    this.#deadline = this.#core.clock.after(CANCELLED_MS, () => {
      this.#request.abandon();
      this.#leave();
    });
    this.#request.cancel(reasonLines(reason, 'CANCEL'));
    // Never from within the caller's own call.
    queueMicrotask(() => guarded(this.#core.logger, 'settled', () => on.settled(outcome)));
  }

  #provisional(response: SipResponse, ack: SrfAck): void {
    this.#firstReply?.clear();
    const on = this.#on;
    if (on === undefined || response.status === 100) return;
    const fork = response.toTag ?? '';
    const known = this.#forks.get(fork);
    if (known === undefined && this.#forks.size >= MAX_FORKS) return;
    const sdp = response.body === '' ? undefined : response.body;
    const early = known ?? { sdp: '', agreed: false, updated: false, takesUpdate: false };
    if (known === undefined) this.#forks.set(fork, early);
    if (sdp !== undefined && !early.updated) early.sdp = sdp;
    if (response.headers.has('Allow')) early.takesUpdate = takesUpdate(response);
    const reliable = hasTag(response, 'Require', '100rel') && response.headers.has('RSeq');
    if (reliable && sdp !== undefined && this.#spec.offer !== undefined) early.agreed = true;
    const prack = reliable ? this.#prack(ack, early) : undefined;
    if (prack !== undefined && this.#spec.rel100 === 'off') prack();
    const told = prack === undefined || this.#spec.rel100 === 'off' ? {} : { prack };
    guarded(this.#core.logger, 'provisional', () => {
      on.provisional({
        status: response.status,
        fork,
        response,
        ...(sdp === undefined ? {} : { sdp }),
        ...told,
      });
    });
  }

  #prack(ack: SrfAck, early: Fork): Ack {
    let sent = false;
    return (answer) => {
      if (sent) return;
      sent = true;
      const lines = `${this.#request.authorization}${this.#core.agentLine}`;
      if (answer === undefined) {
        sendAck(ack, lines);
        return;
      }
      early.agreed = true;
      this.#localSdp = answer;
      sendAck(ack, `${lines}${SDP_LINE}`, answer);
    };
  }

  #earlyUpdate(request: SrfRequest, response: SrfResponse): void {
    const message = requestFrom(request.headers);
    if (message === undefined) return replyBriefly(response, 400);
    const on = this.#on;
    if (on === undefined) return replyBriefly(response, 481);
    if (message.body === '') return replyBriefly(response, 200);
    const fork = message.fromTag ?? '';
    const early = this.#forks.get(fork);
    // RFC 3311 §5.2: one at a time, and only in an early dialog there is.
    if (early?.agreed !== true || this.#earlyOffers.size >= MAX_FORKS)
      return replyBriefly(response, 500, 'Retry-After: 2\r\n');
    // Both at once.
    if (this.#updates.isBusy) return replyBriefly(response, 491);
    const offer = message.body;
    const lines = `${ALLOW_LINE}${this.#core.serverLine}`;
    if (offer === early.sdp) {
      reply(response, { status: 200, lines: `${lines}${SDP_LINE}`, body: this.#localSdp });
      return;
    }
    const change: RemoteOffer = new RemoteOffer(
      this.#core,
      this.link,
      { offer, response, lines, decideMs: DECIDE_UPDATE_MS },
      {
        accepted: (answer, done) => {
          this.#earlyOffers.delete(change);
          early.sdp = offer;
          early.updated = true;
          this.#localSdp = answer;
          done(undefined);
        },
        dropped: () => this.#earlyOffers.delete(change),
      },
    );
    this.#earlyOffers.add(change);
    if (!guarded(this.#core.logger, 'earlyChange', () => on.earlyChange(change, fork))) change.reject(500);
  }

  #final(outcome: FinalOutcome): void {
    if (outcome.kind === 'failed') {
      const failed = failureOutcome(outcome);
      return this.#settle(failed.kind === 'unreachable' ? failed : { kind: 'unreachable', why: 'transport' });
    }
    const { response } = outcome;
    if (response.status < 300) {
      if (this.#on === undefined) this.#endCrossing(outcome.ack);
      else this.#answered(response, outcome.ack, this.#on);
      return;
    }
    if (
      response.status === 422 &&
      this.#on !== undefined &&
      this.#raisedTo === 0 &&
      this.#spec.timer !== undefined
    ) {
      // RFC 4028 §7.3: once more with the interval the far side can bear.
      this.#raisedTo = timerFacts(response).minS;
      this.#request.again(this.#lines());
      return;
    }
    const failure = outcome.internal ? internalFailure(response.status, response.reason) : undefined;
    this.#settle(failure ?? { kind: 'refused', response });
  }

  #answered(response: SipResponse, ack: SrfAck, on: AttemptEvents): void {
    const fork = response.toTag ?? '';
    // A 2xx after a reliable answer need not repeat it (RFC 3262 §5); after an UPDATE a repetition is out of date.
    const early = this.#forks.get(fork);
    const sdp = response.body === '' || early?.updated === true ? (early?.sdp ?? '') : response.body;
    const localSdp = this.#localSdp;
    // Undecided: it may be asked again in the confirmed dialog (RFC 3311 §5.2).
    for (const change of this.#earlyOffers) change.reject(500);
    const { offer } = this.#spec;
    if (sdp === '') {
      this.#end();
      this.#endCrossing(ack);
      guarded(this.#core.logger, 'settled', () =>
        on.settled({ kind: 'refused', response: new SipResponse(502, 'Answer Without SDP') }),
      );
      return;
    }
    this.#end();
    const dialog = new DialogLeg(this.#core, this.link, {
      dialogId: this.#dialogId,
      role: 'uac',
      remoteTag: fork,
      localSdp,
      remoteSdp: sdp,
      peerTakesUpdate: hasTag(response, 'Allow', 'update'),
      timer: agreedTimer(response),
      timerWanted: this.#spec.timer,
      credentials: this.#spec.credentials,
    });
    const acknowledge = this.#acknowledger(dialog, ack);
    if (offer !== undefined) acknowledge();
    let events: DialogEvents | undefined;
    guarded(this.#core.logger, 'settled', () => {
      events = on.settled({ kind: 'answered', dialog, fork, sdp, ack: acknowledge, response });
    });
    if (events !== undefined) dialog.listen(events);
    else void dialog.bye();
  }

  #acknowledger(dialog: DialogLeg, ack: SrfAck): Ack {
    const { authorization } = this.#request;
    const offered = this.#spec.offer !== undefined;
    let timer: Timer | undefined;
    const acknowledge = acknowledgeOnce((answer) => {
      timer?.clear();
      if (answer === undefined || offered) return sendAck(ack, authorization);
      dialog.localSdp = answer;
      sendAck(ack, `${authorization}${SDP_LINE}`, answer);
    });
    if (!offered) {
      dialog.beforeBye(acknowledge);
      timer = this.#core.clock.after(ACK_MS, () => void dialog.bye(peerGone(408)));
    }
    return acknowledge;
  }

  /** A 2xx that crossed our CANCEL: ACK, then BYE (RFC 3261 §9.1, §13.2.2.4). */
  #endCrossing(ack: SrfAck): void {
    sendAck(ack, this.#request.authorization);
    this.#leave();
    const dialog = new DialogLeg(this.#core, this.link, {
      dialogId: this.#dialogId,
      role: 'uac',
      localSdp: '',
      remoteSdp: '',
      peerTakesUpdate: false,
      timer: undefined,
      timerWanted: undefined,
      credentials: this.#spec.credentials,
    });
    void dialog.bye();
  }

  #settle(outcome: AttemptOutcome): void {
    const on = this.#on;
    this.#end();
    if (on !== undefined) guarded(this.#core.logger, 'settled', () => on.settled(outcome));
  }

  #end(): void {
    this.#quiet();
    this.#leave();
  }

  #quiet(): void {
    this.#on = undefined;
    this.#firstReply?.clear();
    this.#deadline?.clear();
    this.#updates.end();
    for (const change of this.#earlyOffers) change.end(487);
    this.#earlyOffers.clear();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#deadline?.clear();
    this.#core.legs.delete(this.#dialogId, this);
  }
}
