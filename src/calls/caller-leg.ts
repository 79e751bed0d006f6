import type { EndCause } from '../model/index.js';
import type {
  Body,
  Change,
  Dialog,
  DialogEvents,
  Headers,
  IncomingCall,
  RequestOutcome,
  ChangeOutcome,
  Sdp,
  SessionTimer,
} from '../signalling/index.js';

/** A provisional response for the caller. */
export interface Progress {
  readonly status: 180 | 181 | 182 | 183;
  readonly sdp?: Sdp;
  /** The callee's reliable offer (delayed offer): the caller's answer comes with its PRACK and goes here. */
  readonly offerAnswered?: (answer: Sdp | undefined) => void;
}

export type CallerAnswer = 'answered' | 'cancelled' | 'engine-lost';

/** More provisionals than this wait for no PRACK: the surplus is dropped. */
const MAX_QUEUED_PROGRESS = 8;

/**
 * The caller's leg from INVITE to BYE. Provisionals that are reliable go out one at a time (RFC 3262 §3), and the 200 waits
 * for the PRACK of those that carried SDP. A BYE of ours waits for the ACK of our 200 (RFC 3261 §15).
 */
export class CallerLeg {
  #incoming: IncomingCall | undefined;
  #dialog: Dialog | undefined;
  #acknowledged = false;
  #byeWaiting: { readonly cause: EndCause | undefined } | undefined;
  #lastStatus = 0;
  #lastSdp: Sdp | undefined;
  #queued = 0;
  #tail: Promise<void> | undefined;

  constructor(
    incoming: IncomingCall,
    /** Provisionals are sent reliably. */
    private readonly reliable: boolean,
  ) {
    this.#incoming = incoming;
  }

  /** The last SDP the caller was shown, in a provisional or in the 200. */
  get lastSdp(): Sdp | undefined {
    return this.#lastSdp;
  }

  /** A 180 or a 18x with SDP went out already. */
  get hasProgress(): boolean {
    return this.#lastStatus !== 0;
  }

  /** Sends a provisional unless it says nothing new. True when it was sent (or queued behind an unacknowledged one). */
  progress(progress: Progress): boolean {
    const incoming = this.#incoming;
    if (incoming === undefined || this.#saysNothingNew(progress)) return false;
    this.#lastStatus = progress.status;
    if (progress.sdp !== undefined) this.#lastSdp = progress.sdp;
    if (!this.reliable) {
      void incoming.progress(plainProgress(progress)).catch(() => undefined);
      return true;
    }
    if (this.#queued >= MAX_QUEUED_PROGRESS) return false;
    this.#queued += 1;
    this.#tail = (this.#tail ?? Promise.resolve()).then(() => this.#sendReliably(progress));
    return true;
  }

  #saysNothingNew(progress: Progress): boolean {
    if (progress.sdp !== undefined)
      return progress.sdp === this.#lastSdp && progress.status === this.#lastStatus;
    return progress.status === this.#lastStatus || (this.#lastStatus === 180 && progress.status === 183);
  }

  async #sendReliably(progress: Progress): Promise<void> {
    try {
      const incoming = this.#incoming;
      if (incoming === undefined) return;
      const outcome = await incoming.progress({ ...plainProgress(progress), reliable: true });
      if (outcome.kind === 'acknowledged') progress.offerAnswered?.(outcome.answer);
    } catch {
      // A provisional that cannot be sent is no reason to end the call.
    } finally {
      this.#queued -= 1;
    }
  }

  /** Sends the 200. `on` hears of the dialog from then on. */
  async answer(
    sdp: Sdp,
    options: { readonly timer?: SessionTimer; readonly headers?: Headers },
    on: DialogEvents,
  ): Promise<CallerAnswer> {
    if (this.#queued > 0) await this.#tail;
    const incoming = this.#incoming;
    if (incoming === undefined) return 'cancelled';
    const outcome = await incoming.answer({ sdp, ...options }, this.#watchAck(on));
    // The INVITE is not needed any more; a held call must not keep it in memory.
    this.#incoming = undefined;
    this.#tail = undefined;
    this.#lastSdp = undefined;
    if (outcome.kind !== 'dialog') return outcome.kind;
    this.#dialog = outcome.dialog;
    this.#sendWaitingBye();
    return 'answered';
  }

  #watchAck(on: DialogEvents): DialogEvents {
    return {
      acknowledged: (answer) => {
        this.#acknowledged = true;
        on.acknowledged(answer);
        this.#sendWaitingBye();
      },
      change: (change: Change) => on.change(change),
      request: (request) => on.request(request),
      ended: (cause) => {
        this.#byeWaiting = undefined;
        on.ended(cause);
      },
    };
  }

  /** Refuses an unanswered call; does nothing once answered or refused. */
  reject(answer: { readonly status: number; readonly reason?: string; readonly headers?: Headers }): void {
    this.#incoming?.reject(answer);
    this.#incoming = undefined;
  }

  /** The caller has gone by itself (CANCEL): there is nobody to answer. */
  forget(): void {
    this.#incoming = undefined;
  }

  /** Hangs up an answered call, once the caller has acknowledged the 200. */
  bye(cause?: EndCause): void {
    this.#byeWaiting = { cause };
    this.#sendWaitingBye();
  }

  #sendWaitingBye(): void {
    const waiting = this.#byeWaiting;
    if (waiting === undefined || this.#dialog === undefined || !this.#acknowledged) return;
    this.#byeWaiting = undefined;
    void this.#dialog.bye(waiting.cause).catch(() => undefined);
  }

  async change(c: { offer?: Sdp }): Promise<ChangeOutcome> {
    return this.#dialog === undefined ? { kind: 'gone' } : await this.#dialog.change(c);
  }

  async request(r: { method: 'INFO' | 'OPTIONS'; headers?: Headers; body?: Body }): Promise<RequestOutcome> {
    return this.#dialog === undefined ? { kind: 'gone' } : await this.#dialog.request(r);
  }
}

function plainProgress(progress: Progress): { status: 180 | 181 | 182 | 183; sdp?: Sdp } {
  return progress.sdp === undefined
    ? { status: progress.status }
    : { status: progress.status, sdp: progress.sdp };
}
