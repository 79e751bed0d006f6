import type { Timer } from '../base/clock.js';
import { parseRAck, type SipRequest } from '../sip/index.js';
import type { Core } from './core.js';
import type { Change, ProgressOutcome, Sdp } from './port.js';
import { RemoteOffer } from './remote-offer.js';
import { reply, replyBriefly, type Reply } from './reply.js';
import type { ControlLink } from './srf/link.js';
import type { SrfResponse } from './srf/types.js';

/** RFC 3262 §3: after 64 × T1 without a PRACK the INVITE is refused. Milliseconds. */
const PRACK_MS = 33_000;
const MAX_QUEUED = 8;
/** A call that rings for long is told so again, or proxies on its way would cancel it (RFC 3261 §13.3.1.1). Milliseconds. */
const REPEAT_MS = 60_000;
const DECIDE_MS = 10_000;

export interface ProvisionalHost {
  /** The caller takes reliable provisionals. */
  readonly supported: boolean;
  /** It takes no others. */
  readonly required: boolean;
  readonly hasOffer: boolean;
  /** No PRACK came (`status` is to be sent), or the transaction is gone (undefined). */
  gone(status: number | undefined): void;
  /** An offer in a PRACK. */
  offered(change: Change): void;
  /** What was said reliably: our side of the session, and theirs where a PRACK brought it. */
  agreed(ours: Sdp | undefined, theirs: Sdp | undefined): void;
}

interface Provisional {
  readonly status: number;
  readonly sdp: Sdp | undefined;
  readonly lines: string;
  readonly settle: (outcome: ProgressOutcome) => void;
}

/** 18x of one INVITE: unreliable ones at once, reliable ones (RFC 3262) one after the other. */
export class ProvisionalSender {
  readonly #core: Core;
  readonly #link: ControlLink;
  readonly #response: SrfResponse;
  readonly #host: ProvisionalHost;
  readonly #queue: Provisional[] = [];
  #current: Provisional | undefined;
  #timer: Timer | undefined;
  #repeat: Timer | undefined;
  #whenAcknowledged: (() => void) | undefined;
  #hasAnswered = false;
  #prackOffer: RemoteOffer | undefined;
  #ended = false;

  constructor(core: Core, link: ControlLink, response: SrfResponse, host: ProvisionalHost) {
    this.#core = core;
    this.#link = link;
    this.#response = response;
    this.#host = host;
  }

  /** The first offer has its answer, reliably. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** A reliable one has no PRACK yet. */
  get isOutstanding(): boolean {
    return this.#current !== undefined;
  }

  send(provisional: {
    readonly status: number;
    readonly sdp: Sdp | undefined;
    readonly reliable: boolean | undefined;
    readonly lines: string;
  }): Promise<ProgressOutcome> {
    const reliable = provisional.reliable === true || this.#host.required;
    if (!reliable) {
      // Nobody waits for it: the next 18x or the final answer would show that the transaction is gone.
      this.#sendUnreliably({ status: provisional.status, lines: provisional.lines, body: provisional.sdp });
      return Promise.resolve({ kind: 'sent' });
    }
    if (!this.#host.supported) return Promise.resolve({ kind: 'unsupported' });
    if (this.#queue.length >= MAX_QUEUED) return Promise.resolve({ kind: 'gone' });
    return new Promise((settle) => {
      const lines = `Require: 100rel\r\n${provisional.lines}`;
      this.#queue.push({ status: provisional.status, sdp: provisional.sdp, lines, settle });
      this.#pump();
    });
  }

  /** Runs `run` as soon as no reliable provisional is outstanding. */
  whenAcknowledged(run: () => void): void {
    // Those that wait for their turn are overtaken by the final answer.
    for (const waiting of this.#queue.splice(0)) waiting.settle({ kind: 'gone' });
    if (this.#current === undefined) run();
    else this.#whenAcknowledged = run;
  }

  onPrack(response: SrfResponse, message: SipRequest): void {
    const rack = parseRAck(message.headers.get('RAck') ?? '');
    const current = this.#current;
    // The server matches RAck with RSeq; what it passes on belongs to the provisional outstanding.
    if (current === undefined || rack === undefined || this.#ended) return replyBriefly(response, 481);
    this.#current = undefined;
    this.#timer?.clear();
    const body = message.body === '' ? undefined : message.body;
    const firstAnswer = !this.#host.hasOffer && !this.#hasAnswered;
    if (current.sdp !== undefined) this.#hasAnswered = true;
    this.#host.agreed(current.sdp, firstAnswer ? body : undefined);
    if (body !== undefined && !firstAnswer) {
      this.#takeOffer(response, body);
      current.settle({ kind: 'acknowledged', answer: undefined });
    } else {
      replyBriefly(response, 200, this.#core.serverLine);
      current.settle({ kind: 'acknowledged', answer: body });
    }
    this.#pump();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.clear();
    this.#repeat?.clear();
    this.#prackOffer?.end(487);
    this.#whenAcknowledged = undefined;
    const all =
      this.#current === undefined ? this.#queue.splice(0) : [this.#current, ...this.#queue.splice(0)];
    this.#current = undefined;
    for (const provisional of all) provisional.settle({ kind: 'gone' });
  }

  #sendUnreliably(provisional: Reply): void {
    reply(this.#response, provisional);
    this.#repeat?.clear();
    this.#repeat = this.#core.clock.after(REPEAT_MS, () => this.#sendUnreliably(provisional));
  }

  #pump(): void {
    if (this.#current !== undefined || this.#ended) return;
    const run = this.#whenAcknowledged;
    this.#whenAcknowledged = undefined;
    if (run !== undefined) return run();
    const next = this.#queue.shift();
    if (next !== undefined) this.#sendReliably(next);
  }

  #sendReliably(provisional: Provisional): void {
    this.#current = provisional;
    // When the link goes, the leg hears of it by itself.
    const expected = this.#link.expect(() => undefined);
    reply(
      this.#response,
      { status: provisional.status, lines: provisional.lines, body: provisional.sdp },
      (error) => {
        if (!expected() || this.#current !== provisional) return;
        if (error === null || error === undefined) return;
        const reason = error instanceof Error ? error.message : typeof error === 'string' ? error : '';
        if (!reason.includes('100rel')) return this.#host.gone(undefined);
        this.#current = undefined;
        this.#timer?.clear();
        provisional.settle({ kind: 'unsupported' });
        this.#pump();
      },
    );
    this.#timer = this.#core.clock.after(PRACK_MS, () => this.#host.gone(504));
  }

  #takeOffer(response: SrfResponse, offer: Sdp): void {
    const lines = this.#core.serverLine;
    const change: RemoteOffer = new RemoteOffer(
      this.#core,
      this.#link,
      { offer, response, lines, decideMs: DECIDE_MS },
      {
        accepted: (answer, done) => {
          this.#host.agreed(answer, offer);
          done(undefined);
        },
        dropped: () => undefined,
      },
    );
    this.#prackOffer = change;
    this.#host.offered(change);
  }
}
