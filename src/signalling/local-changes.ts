import type { Timer } from '../base/clock.js';
import type { EndCause } from '../model/index.js';
import type { SipResponse } from '../sip/index.js';
import { peerGone } from './cause.js';
import { ClientRequest, sendAck, type FinalOutcome } from './client-request.js';
import { ALLOW_LINE, SDP_LINE, type Core } from './core.js';
import type { ChangeOutcome, Credentials, Sdp } from './port.js';
import { agreedTimer, hasTag, keepTimer, timerFacts, type AgreedTimer } from './session-timer.js';
import type { ControlLink } from './srf/link.js';

/** A far side that takes longer to decide a re-INVITE has it cancelled. Milliseconds. */
const INVITE_MS = 32_000;
/** After the CANCEL. Milliseconds. */
const GIVE_UP_MS = 40_000;
const UPDATE_MS = 34_000;
/** An offer that came in a 2xx must be answered in the ACK before the far side stops repeating it. Milliseconds. */
const ACK_MS = 20_000;
const MAX_QUEUED = 4;
/** Times a change is tried again after 491. */
const MAX_GLARE = 4;

/** What the dialog lends to changes of ours. */
export interface LocalChangeHost {
  readonly core: Core;
  readonly link: ControlLink;
  readonly dialogId: string;
  /** Whether we sent the INVITE that made the dialog, and so own its Call-ID. */
  readonly isCaller: boolean;
  readonly credentials: Credentials | undefined;
  readonly timer: AgreedTimer | undefined;
  localSdp: Sdp;
  remoteSdp: Sdp;
  peerTakesUpdate: boolean;
  /** The far side is changing the session itself, or our 2xx has no ACK yet. */
  readonly isBusy: boolean;
  agreed(timer: AgreedTimer | undefined): void;
  /** The dialog is over for the far side. */
  gone(cause: EndCause): void;
}

interface Job {
  method: 'INVITE' | 'UPDATE';
  readonly offer: Sdp | undefined;
  readonly settle: (outcome: ChangeOutcome) => void;
  glare: number;
  raisedTo: number;
}

/** re-INVITEs and UPDATEs of ours, one at a time. */
export class LocalChanges {
  readonly #host: LocalChangeHost;
  readonly #queue: Job[] = [];
  #job: Job | undefined;
  #request: ClientRequest | undefined;
  #timers: Timer[] = [];
  /** 491 came, and its pause runs. */
  #waiting = false;
  #ended = false;

  constructor(host: LocalChangeHost) {
    this.#host = host;
  }

  /** A change of ours is under way (one that waits for its second try is not). */
  get isChanging(): boolean {
    return this.#job !== undefined && !this.#waiting;
  }

  change(change: { readonly offer?: Sdp; readonly by?: 'invite' | 'update' }): Promise<ChangeOutcome> {
    return new Promise((resolve) => {
      // Only a re-INVITE can ask for an offer.
      const method = change.by === 'update' && change.offer !== undefined ? 'UPDATE' : 'INVITE';
      this.#add({ method, offer: change.offer, settle: resolve, glare: 0, raisedTo: 0 });
    });
  }

  /** Refreshes the session as it is; the outcome tells whether to try again. */
  refresh(byUpdate: boolean, done: (outcome: ChangeOutcome) => void): void {
    if (this.#job !== undefined || this.#queue.length > 0) {
      // What is under way refreshes too, if it succeeds.
      done({ kind: 'refused', status: 491 });
      return;
    }
    const update = byUpdate && this.#host.peerTakesUpdate;
    const offer = update ? undefined : this.#host.localSdp;
    this.#add({ method: update ? 'UPDATE' : 'INVITE', offer, settle: done, glare: 0, raisedTo: 0 });
  }

  /** The far side is done with a change of its own: ours may go. */
  pump(): void {
    if (this.#ended || this.#job !== undefined || this.#host.isBusy) return;
    this.#job = this.#queue.shift();
    if (this.#job !== undefined) this.#send(this.#job);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#clearTimers();
    this.#request?.abandon();
    this.#request = undefined;
    const jobs = this.#job === undefined ? this.#queue.splice(0) : [this.#job, ...this.#queue.splice(0)];
    this.#job = undefined;
    for (const job of jobs) job.settle({ kind: 'gone' });
  }

  #add(job: Job): void {
    if (this.#ended) return job.settle({ kind: 'gone' });
    if (this.#queue.length >= MAX_QUEUED) return job.settle({ kind: 'refused', status: 491 });
    this.#queue.push(job);
    this.pump();
  }

  #send(job: Job): void {
    const { core, link, dialogId, credentials, timer } = this.#host;
    const lines =
      `Supported: timer, replaces\r\n${keepTimer(timer, job.raisedTo)}${job.offer === undefined ? '' : SDP_LINE}` +
      `${ALLOW_LINE}${core.agentLine}`;
    const invite = job.method === 'INVITE';
    const request = new ClientRequest(
      core,
      link,
      {
        method: job.method,
        dialogId,
        lines,
        body: job.offer,
        credentials,
        ...(invite ? {} : { timeoutMs: UPDATE_MS }),
      },
      { final: (outcome) => this.#final(job, request, outcome) },
    );
    this.#request = request;
    if (!invite) return;
    this.#timers.push(
      core.clock.after(INVITE_MS, () => request.cancel('')),
      core.clock.after(GIVE_UP_MS, () => {
        request.abandon();
        this.#finish(job, { kind: 'refused', status: 408 });
      }),
    );
  }

  #final(job: Job, request: ClientRequest, outcome: FinalOutcome): void {
    this.#clearTimers();
    this.#request = undefined;
    if (this.#ended) return;
    if (outcome.kind === 'failed') return this.#failed(job, outcome.failure);
    const { response, ack } = outcome;
    const { status } = response;
    if (status < 300)
      return this.#accepted(job, request, response, (lines, body) => sendAck(ack, lines, body));
    if (status === 491 && job.glare < MAX_GLARE) return this.#waitOutGlare(job);
    // RFC 3261 §12.2.1.2: the far side has no such dialog, or does not answer any more.
    if (status === 481 || status === 408) return this.#over(job, status);
    if (status === 422 && job.raisedTo === 0 && this.#host.timer !== undefined) {
      job.raisedTo = timerFacts(response).minS;
      return this.#send(job);
    }
    if (job.method === 'UPDATE' && (status === 405 || status === 501)) this.#host.peerTakesUpdate = false;
    this.#finish(job, { kind: 'refused', status });
  }

  #failed(job: Job, failure: 'engine-lost' | 'no-dialog' | 'refused' | 'timeout'): void {
    switch (failure) {
      case 'timeout':
        return this.#over(job, 408);
      case 'no-dialog':
        // The engine has lost the dialog: after a restart, or since a BYE is on its way to us.
        return this.#over(job, 481);
      case 'engine-lost':
        return this.#finish(job, { kind: 'gone' });
      case 'refused':
        return this.#finish(job, { kind: 'refused', status: 500 });
    }
  }

  #accepted(
    job: Job,
    request: ClientRequest,
    response: SipResponse,
    ack: (lines: string, body?: string) => void,
  ): void {
    const host = this.#host;
    const theirs = response.body;
    host.agreed(agreedTimer(response) ?? host.timer);
    host.peerTakesUpdate =
      hasTag(response, 'Allow', 'update') || (host.peerTakesUpdate && !response.headers.has('Allow'));
    if (job.method === 'UPDATE') {
      if (job.offer !== undefined) this.#adopt(job.offer, theirs);
      this.#finish(job, { kind: 'accepted', sdp: theirs, ack: () => undefined });
      return;
    }
    const { authorization } = request;
    if (job.offer !== undefined) {
      ack(authorization);
      this.#adopt(job.offer, theirs);
      this.#finish(job, { kind: 'accepted', sdp: theirs, ack: () => undefined });
      return;
    }
    // They made the offer: our answer goes into the ACK.
    let acked = false;
    const acknowledge = (answer?: Sdp): void => {
      if (acked) return;
      acked = true;
      this.#clearTimers();
      if (answer === undefined) ack(authorization);
      else ack(`${authorization}${SDP_LINE}`, answer);
      if (answer !== undefined) this.#adopt(answer, theirs);
      if (this.#job === job) {
        this.#job = undefined;
        this.pump();
      }
    };
    this.#timers.push(host.core.clock.after(ACK_MS, () => acknowledge()));
    job.settle({ kind: 'accepted', sdp: theirs, ack: acknowledge });
  }

  #adopt(local: Sdp, remote: Sdp): void {
    this.#host.localSdp = local;
    if (remote !== '') this.#host.remoteSdp = remote;
  }

  /** RFC 3261 §14.1: the owner of the Call-ID waits longer, so that the two do not meet again. */
  #waitOutGlare(job: Job): void {
    job.glare++;
    this.#waiting = true;
    const { core, isCaller } = this.#host;
    const units = Math.floor(core.random() * 200);
    const delayMs = isCaller ? 2100 + units * 9.5 : units * 10;
    this.#timers.push(
      core.clock.after(Math.round(delayMs / 10) * 10, () => {
        this.#waiting = false;
        this.#job = undefined;
        this.#queue.unshift(job);
        this.pump();
      }),
    );
  }

  #over(job: Job, status: number): void {
    this.#finish(job, { kind: 'gone' });
    this.#host.gone(peerGone(status));
  }

  #finish(job: Job, outcome: ChangeOutcome): void {
    this.#clearTimers();
    this.#request = undefined;
    if (this.#job === job) this.#job = undefined;
    job.settle(outcome);
    this.pump();
  }

  #clearTimers(): void {
    for (const timer of this.#timers.splice(0)) timer.clear();
  }
}
