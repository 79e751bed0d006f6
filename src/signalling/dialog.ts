import { randomHex } from '../base/ids.js';
import type { EndCause, HangupParty } from '../model/index.js';
import type { SipRequest } from '../sip/index.js';
import { causeFrom, engineLost, peerGone, reasonLines, serverEndCause, sessionExpired } from './cause.js';
import { ClientRequest, type FinalOutcome } from './client-request.js';
import type { Core } from './core.js';
import { guarded } from './guarded.js';
import { detached, dialogIdOf, type Leg } from './leg-table.js';
import { LocalChanges, type LocalChangeHost } from './local-changes.js';
import { failureOutcome } from './outcome.js';
import type {
  Change,
  ChangeOutcome,
  Credentials,
  Dialog,
  DialogEvents,
  RequestOutcome,
  Sdp,
  SessionTimer,
} from './port.js';
import { RemoteChanges, type ChangeHost } from './remote-changes.js';
import { linesOf, replyBriefly } from './reply.js';
import { SessionKeeper, type AgreedTimer } from './session-timer.js';
import type { ControlLink } from './srf/link.js';
import { cseqOf, requestFrom } from './srf/parser.js';
import type { SrfRequest, SrfResponse } from './srf/types.js';

/** The server gives up on a BYE after 32 s. Milliseconds. */
const BYE_MS = 34_000;
/** A called party waits for the ACK of its 200 before it may send BYE (RFC 3261 §15); the server gives up on it after 32 s. */
const ACK_MS = 33_000;
const REQUEST_MS = 34_000;

export interface DialogOptions {
  readonly dialogId: string;
  /** `uas`: they called us. */
  readonly role: 'uas' | 'uac';
  /** The far side's tag where it answered us; of a caller it stands in the dialog id. */
  readonly remoteTag?: string;
  /** `''` while an answer is outstanding. */
  readonly localSdp: Sdp;
  readonly remoteSdp: Sdp;
  readonly peerTakesUpdate: boolean;
  readonly timer: AgreedTimer | undefined;
  readonly timerWanted: SessionTimer | undefined;
  readonly credentials?: Credentials | undefined;
}

/** A confirmed dialog. Holds no message: only what later requests need. */
export class DialogLeg implements Dialog, Leg, ChangeHost, LocalChangeHost {
  readonly id = randomHex(8);
  readonly core: Core;
  readonly link: ControlLink;
  readonly dialogId: string;
  readonly isCaller: boolean;
  readonly credentials: Credentials | undefined;
  readonly timerWanted: SessionTimer | undefined;
  localSdp: Sdp;
  remoteSdp: Sdp;
  peerTakesUpdate: boolean;
  readonly #remoteTag: string | undefined;
  #on: DialogEvents | undefined;
  #state: 'confirmed' | 'ending' | 'ended' = 'confirmed';
  /** The INVITE's 2xx has its ACK. */
  #acked: boolean;
  #whenAcked: (() => void) | undefined;
  #beforeBye: (() => void) | undefined;
  #bye: Promise<void> | undefined;
  readonly #keeper: SessionKeeper;
  readonly #local: LocalChanges;
  readonly #remote: RemoteChanges;

  constructor(core: Core, link: ControlLink, options: DialogOptions) {
    this.core = core;
    this.link = link;
    this.dialogId = detached(options.dialogId);
    this.isCaller = options.role === 'uac';
    this.#remoteTag = options.remoteTag === undefined ? undefined : detached(options.remoteTag);
    this.credentials = options.credentials;
    this.timerWanted = options.timerWanted;
    this.localSdp = detached(options.localSdp);
    this.remoteSdp = options.remoteSdp;
    this.peerTakesUpdate = options.peerTakesUpdate;
    this.#acked = this.isCaller;
    this.#local = new LocalChanges(this);
    this.#remote = new RemoteChanges(this);
    this.#keeper = new SessionKeeper(core.clock, {
      refresh: () => this.#refresh(),
      expired: () => void this.bye(sessionExpired()),
    });
    this.#keeper.arm(options.timer);
    core.legs.set(this.dialogId, this);
  }

  get state(): 'confirmed' | 'ending' | 'ended' {
    return this.#state;
  }

  get timer(): AgreedTimer | undefined {
    return this.#keeper.timer;
  }

  get isChanging(): boolean {
    return this.#local.isChanging;
  }

  get isBusy(): boolean {
    return this.#remote.isBusy || !this.#acked;
  }

  /** Who is at the far end. */
  get #peer(): HangupParty {
    return this.isCaller ? 'callee' : 'caller';
  }

  /** A caller's own tag is our only proof besides the Call-ID: the engine does not tell which tag it gave itself. */
  isNamedBy({ callId, toTag, fromTag }: Parameters<Dialog['isNamedBy']>[0]): boolean {
    if (!this.isCaller) return this.dialogId === dialogIdOf(callId, fromTag);
    return this.dialogId === dialogIdOf(callId, toTag) && this.#remoteTag === fromTag;
  }

  /** From here on events are told; called before anything else can happen. */
  listen(on: DialogEvents): void {
    this.#on = on;
  }

  /** What must have been sent before a BYE may be: the ACK of a 2xx whose offer was never answered. */
  beforeBye(run: () => void): void {
    this.#beforeBye = run;
  }

  change(change: { offer?: Sdp; by?: 'invite' | 'update' }): Promise<ChangeOutcome> {
    if (this.#state !== 'confirmed') return Promise.resolve({ kind: 'gone' });
    return this.#local.change(change);
  }

  request(request: Parameters<Dialog['request']>[0]): Promise<RequestOutcome> {
    const lines = `${linesOf(request.headers, request.body)}${this.core.agentLine}`;
    if (this.#state !== 'confirmed') return Promise.resolve({ kind: 'gone' });
    return new Promise((resolve) => {
      const { dialogId, credentials } = this;
      const spec = {
        method: request.method,
        dialogId,
        lines,
        body: request.body?.text,
        credentials,
        timeoutMs: REQUEST_MS,
      };
      new ClientRequest(this.core, this.link, spec, {
        final: (outcome) => {
          resolve(this.#state === 'ended' ? { kind: 'gone' } : requestOutcome(outcome));
          // RFC 5057 §5.1: these two say that the whole dialog is gone (for 408 that holds of INVITE and BYE only).
          const lost =
            outcome.kind === 'failed' ? outcome.failure === 'no-dialog' : outcome.response.status === 481;
          if (lost) this.gone(peerGone(481));
        },
      });
    });
  }

  bye(cause?: EndCause): Promise<void> {
    if (this.#bye !== undefined) return this.#bye;
    if (this.#state !== 'confirmed') return Promise.resolve();
    this.#state = 'ending';
    this.#quiet();
    this.#beforeBye?.();
    const told = cause ?? { sip: 200, q850: 16, by: 'system', kind: 'normal' };
    queueMicrotask(() => this.#tellEnded(told));
    this.#bye = new Promise((resolve) => {
      const send = (): void => this.#sendBye(reasonLines(cause, 'BYE'), resolve);
      if (this.#acked) return send();
      const timer = this.core.clock.after(ACK_MS, () => this.#acknowledged());
      this.#whenAcked = () => {
        timer.clear();
        send();
      };
    });
    return this.#bye;
  }

  onRequest(request: SrfRequest, response: SrfResponse): void {
    if (request.method === 'ACK') return this.#onAck(cseqOf(request.headers), request.body);
    const message = requestFrom(request.headers);
    if (request.source === 'application') {
      // Only a BYE can be: the server has sent it already, and it needs no answer.
      this.#finish(serverEndCause(message?.headers, this.#peer));
      return;
    }
    if (message === undefined) return replyBriefly(response, 400);
    if (request.method === 'BYE') {
      replyBriefly(response, 200, this.core.serverLine);
      this.#finish(causeFrom(message.headers, { sip: 200, by: this.#peer, kind: 'normal' }));
      return;
    }
    if (this.#state !== 'confirmed') return replyBriefly(response, 481);
    switch (request.method) {
      case 'INVITE':
        return this.#remote.onInvite(request, response, message);
      case 'UPDATE':
        return this.#remote.onUpdate(response, message);
      case 'PRACK':
        // Of a provisional of the INVITE that was overtaken by its 200.
        return replyBriefly(response, 200);
      default:
        this.#onOther(request, response, message);
    }
  }

  engineLost(): void {
    this.#finish(engineLost());
  }

  shutDown(): void {
    void this.bye({ sip: 503, q850: 41, by: 'system', kind: 'drained' });
  }

  changed(change: Change): void {
    const on = this.#on;
    if (on === undefined || !guarded(this.core.logger, 'change', () => on.change(change))) change.reject(500);
  }

  agreed(timer: AgreedTimer | undefined): void {
    if (this.#state === 'confirmed') this.#keeper.arm(timer);
  }

  gone(cause: EndCause): void {
    if (this.#state !== 'confirmed') return;
    // The far side may be right or wrong about it: a BYE costs nothing (RFC 3261 §12.2.1.2).
    void this.bye(cause);
  }

  idle(): void {
    this.#local.pump();
  }

  #onAck(cseq: number, body: string): void {
    // The frame is the message: what follows its head is the body. A copy, since the frame is large.
    const answer = body === '' ? undefined : detached(body);
    if (this.#remote.onAck(cseq, answer) || this.#acked) return;
    // Delayed offer: what stands in the ACK is the answer to ours.
    if (answer !== undefined && this.remoteSdp === '') this.remoteSdp = answer;
    this.#acknowledged();
    const on = this.#on;
    if (this.#state === 'confirmed' && on !== undefined) {
      guarded(this.core.logger, 'acknowledged', () => on.acknowledged(answer));
    }
  }

  #acknowledged(): void {
    this.#acked = true;
    const run = this.#whenAcked;
    this.#whenAcked = undefined;
    if (run === undefined) this.#local.pump();
    else run();
  }

  #onOther(request: SrfRequest, response: SrfResponse, message: SipRequest): void {
    const incoming = this.core.openRequests.take(this.link, request, response, message);
    const on = this.#on;
    if (incoming === undefined) return;
    if (on === undefined || !guarded(this.core.logger, 'request', () => on.request(incoming))) {
      incoming.respond({ status: 500 });
    }
  }

  #refresh(): void {
    this.#local.refresh(this.link.traits.updateRefreshes, (outcome) => {
      // `gone` has ended the dialog already; `accepted` has armed the timer anew.
      if (outcome.kind === 'refused') this.#keeper.retry();
    });
  }

  #sendBye(lines: string, done: () => void): void {
    const { dialogId, credentials } = this;
    const spec = {
      method: 'BYE',
      statusOnly: true,
      dialogId,
      lines: `${lines}${this.core.agentLine}`,
      credentials,
      timeoutMs: BYE_MS,
    };
    new ClientRequest(this.core, this.link, spec, {
      final: () => {
        this.#leave();
        done();
      },
    });
  }

  /** It is over without a BYE of ours. */
  #finish(cause: EndCause): void {
    const wasConfirmed = this.#state === 'confirmed';
    this.#quiet();
    this.#leave();
    // A BYE of ours that still waits for an ACK is not needed any more.
    const run = this.#whenAcked;
    this.#whenAcked = undefined;
    run?.();
    if (wasConfirmed) this.#tellEnded(cause);
  }

  #quiet(): void {
    this.#keeper.stop();
    this.#local.end();
    this.#remote.end();
  }

  #leave(): void {
    this.#state = 'ended';
    this.core.legs.delete(this.dialogId, this);
  }

  #tellEnded(cause: EndCause): void {
    const on = this.#on;
    this.#on = undefined;
    if (on !== undefined) guarded(this.core.logger, 'ended', () => on.ended(cause));
  }
}

function requestOutcome(outcome: FinalOutcome): RequestOutcome {
  if (outcome.kind === 'failed') return failureOutcome(outcome);
  if (outcome.internal && outcome.response.status === 408) return { kind: 'unreachable', why: 'no-reply' };
  return { kind: 'response', response: outcome.response };
}
