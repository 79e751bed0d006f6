import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { EndCause, TrunkSettings } from '../model/index.js';
import type { Outcome } from '../dialplan/index.js';
import type {
  Ack,
  Attempt,
  AttemptEvents,
  AttemptOutcome,
  Change,
  Dialog,
  DialogEvents,
  DialSpec,
  EarlyChangeOutcome,
  Sdp,
  Signalling,
} from '../signalling/index.js';
import type { SipResponse } from '../sip/index.js';
import type { EarlyPeer } from './early-session.js';
import { cancelledCause, causeOfRefusal, systemCause } from './cause.js';
import type { LegSession } from './leg-session.js';
import type { Release } from './ports.js';
import { outcomeOfStatus } from './outcome.js';
import type { LegRow } from './recorder.js';

/** Where one INVITE goes. */
export interface AttemptTarget {
  readonly spec: Omit<DialSpec, 'offer'>;
  /** Begins the leg's session; rejects where no port is left for its media. */
  readonly open: () => LegSession | Promise<LegSession>;
  /** What the caller said of its session; undefined: delayed offer. */
  readonly partner: Sdp | undefined;
  readonly kind: 'extension' | 'trunk';
  /** Extension or trunk name. */
  readonly name: string;
  /** As the plan names it. */
  readonly label: string;
  readonly number?: string;
  /** Whose leg it is, its tenant before it. */
  readonly extension?: string;
  readonly trunk?: TrunkSettings;
  /** Gives the trunk's capacity back; the attempt owns it once it answered. */
  readonly release?: Release;
}

/** What one INVITE needs of its call. */
export interface AttemptHost {
  readonly signalling: Pick<Signalling, 'dial'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Keeps the Call-ID of the leg, to recognise a loop; and gives its row. */
  legLeft(target: AttemptTarget, attempt: Attempt): LegRow;
  legSettled(attempt: Attempt): void;
  note(target: string, result: string): void;
  /** An UPDATE in the early dialog of `peer`. */
  earlyChange(peer: EarlyPeer, change: Change): void;
}

/** A provisional response of the far side. */
export interface EarlyProgress {
  readonly status: number;
  /** An answer, or (with `answerOffer`) an offer. */
  readonly sdp?: Sdp;
  /** Set when the SDP is a reliable offer: must be called, once. */
  readonly answerOffer?: Ack;
  /** Who says so. */
  readonly peer?: EarlyPeer;
}

/** A leg that answered; whoever gets it owns it. */
export interface AnsweredLeg {
  readonly dialog: Dialog;
  readonly sdp: Sdp;
  readonly session: LegSession;
  readonly ack: Ack;
  /** The SDP is an offer, since our INVITE had none, and `ack` wants the answer. */
  readonly isOffer: boolean;
  readonly label: string;
  /** As it was asked for. */
  readonly number?: string;
  readonly extension?: string;
  readonly trunk?: TrunkSettings;
  readonly row: LegRow;
  readonly release?: Release;
}

export interface AttemptFailure {
  readonly outcome: Outcome;
  readonly cause: EndCause;
  /** The status of the refusal; undefined when there was none. */
  readonly status?: number;
  readonly response?: SipResponse;
  /** It said 180, 181 or 182: no other destination may be tried. */
  readonly rang: boolean;
  /** It said 183. */
  readonly progressed: boolean;
}

export interface AttemptListener {
  progress(progress: EarlyProgress): void;
  answered(leg: AnsweredLeg): DialogEvents;
  failed(failure: AttemptFailure): void;
}

/** Early SDP is kept for so many forks. */
const MAX_FORKS = 16;

/** One INVITE, from its leaving to its final answer, and its row among the records. */
export class LegAttempt implements AttemptEvents, EarlyPeer {
  #attempt: Attempt | undefined;
  #row: LegRow | undefined;
  #state: 'new' | 'trying' | 'settled' = 'new';
  #early: AttemptOutcome | undefined;
  #rang = false;
  #progressed = false;
  #forkSdp: Map<string, Sdp> | undefined;
  #session: LegSession | undefined;
  /** Our INVITE has an offer. */
  #offers = false;

  constructor(
    private readonly host: AttemptHost,
    private readonly target: AttemptTarget,
    private readonly listener: AttemptListener,
  ) {}

  /** Of an attempt that has left. */
  get session(): LegSession {
    return this.#session!;
  }

  start(): void {
    const session = this.target.open();
    if (!(session instanceof Promise)) {
      this.#dial(session);
      return;
    }
    void session.then(
      (opened) => {
        if (this.#state === 'new') this.#dial(opened);
        else opened.close();
      },
      (error: unknown) => {
        if (this.#state !== 'new') return;
        this.host.logger.error({ err: error, target: this.target.name }, 'no media for a leg');
        this.#fail({ outcome: 'unreachable', cause: systemCause('no-media', 503) });
      },
    );
  }

  #dial(session: LegSession): void {
    const { host, target } = this;
    this.#session = session;
    this.#offers = target.partner !== undefined || session.media !== undefined;
    try {
      const offer = this.#offers ? { offer: session.offer(target.partner) } : {};
      this.#attempt = host.signalling.dial({ ...target.spec, ...offer }, this);
    } catch (error) {
      // A header or URI that the port refuses: nothing left this machine.
      host.logger.warn({ err: error, target: target.name, uri: target.spec.target }, 'leg cannot be dialled');
      this.#fail({ outcome: 'unreachable', cause: systemCause('unreachable', 500, 'Cannot be dialled') });
      return;
    }
    this.#row = host.legLeft(target, this.#attempt);
    this.#state = 'trying';
    const early = this.#early;
    if (early !== undefined) this.settled(early);
  }

  /** Gives up: CANCEL with the cause as Reason. A crossing 200 is acknowledged and ended by the layer below. */
  cancel(cause: EndCause): void {
    if (this.#state === 'settled') return;
    this.#state = 'settled';
    this.#session?.close();
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.host.legSettled(attempt);
    this.#row?.ended(cause);
    attempt.cancel(cause);
  }

  provisional(p: { status: number; fork: string; sdp?: Sdp; prack?: Ack; response: SipResponse }): void {
    if (this.#state === 'settled') {
      p.prack?.();
      return;
    }
    if (p.status >= 180 && p.status <= 182) this.#rang = true;
    else if (p.status === 183) this.#progressed = true;
    if (p.status >= 180 && p.status < 190) this.#row?.rang();
    const offerless = !this.#offers;
    // Without an offer of ours the SDP of an unreliable provisional is a preview that may not be relied on (RFC 3261 §13.2.1).
    const sdp = offerless && p.prack === undefined ? undefined : p.sdp;
    if (sdp !== undefined) this.#keepForkSdp(p.fork, sdp);
    if (offerless && sdp !== undefined && p.prack !== undefined) {
      this.listener.progress({ status: p.status, sdp, answerOffer: this.#described(p.prack), peer: this });
      return;
    }
    p.prack?.();
    const heard = sdp !== undefined && this.#hears(sdp);
    this.listener.progress(heard ? { status: p.status, sdp, peer: this } : { status: p.status });
  }

  earlyChange(change: Change): void {
    if (this.#state === 'settled') change.reject(500);
    else this.host.earlyChange(this, change);
  }

  /** Asks the far side to change the session before it answers. */
  change(offer: Sdp): Promise<EarlyChangeOutcome> {
    const attempt = this.#state === 'settled' ? undefined : this.#attempt;
    return attempt === undefined
      ? Promise.resolve({ kind: 'gone' })
      : attempt.change(this.session.offer(offer));
  }

  settled(outcome: AttemptOutcome): DialogEvents | undefined {
    if (this.#state === 'settled') {
      // We had given up; the layer below ends a crossing 200 itself, but a dialog must never stay without an owner.
      return outcome.kind === 'answered' ? endUnwanted(outcome) : undefined;
    }
    if (this.#state === 'new') {
      this.#early = outcome;
      return undefined;
    }
    this.#state = 'settled';
    if (this.#attempt !== undefined) this.host.legSettled(this.#attempt);
    if (outcome.kind === 'answered') return this.#answered(outcome);
    this.#failed(outcome);
    return undefined;
  }

  #answered(outcome: Extract<AttemptOutcome, { kind: 'answered' }>): DialogEvents {
    const { target } = this;
    // A 200 may leave out the answer that a reliable provisional gave already (RFC 3262 §5).
    const sdp = outcome.sdp === '' ? (this.#forkSdp?.get(outcome.fork) ?? '') : outcome.sdp;
    this.#forkSdp = undefined;
    if (!this.#hears(sdp)) {
      const cause = systemCause('no-codec', 488);
      this.#fail({ outcome: 'unreachable', cause, status: 488 });
      return endUnwanted(outcome, cause);
    }
    this.host.note(target.name, 'answered');
    return this.listener.answered({
      dialog: outcome.dialog,
      sdp,
      session: this.session,
      ack: this.#described(outcome.ack),
      isOffer: !this.#offers,
      label: target.label,
      row: this.#row!,
      ...(target.number === undefined ? {} : { number: target.number }),
      ...(target.extension === undefined ? {} : { extension: target.extension }),
      ...(target.trunk === undefined ? {} : { trunk: target.trunk }),
      ...(target.release === undefined ? {} : { release: target.release }),
    });
  }

  #failed(outcome: Exclude<AttemptOutcome, { kind: 'answered' }>): void {
    switch (outcome.kind) {
      case 'refused': {
        const { response } = outcome;
        const toDevice = this.target.kind === 'extension';
        const word = outcomeOfStatus(response.status, { rang: this.#rang || this.#progressed, toDevice });
        this.#fail({
          outcome: word,
          cause: causeOfRefusal(response, word),
          status: response.status,
          response,
        });
        return;
      }
      case 'unreachable':
        this.#fail({
          outcome: 'unreachable',
          cause: systemCause(outcome.why, outcome.why === 'no-reply' ? 408 : 503),
        });
        return;
      case 'no-answer':
        this.#fail({ outcome: 'no-answer', cause: { sip: 487, q850: 19, by: 'system', kind: 'no-answer' } });
        return;
      case 'cancelled':
        this.#fail({ outcome: 'no-answer', cause: cancelledCause('system') });
        return;
    }
  }

  #fail(failure: Omit<AttemptFailure, 'rang' | 'progressed'>): void {
    this.#state = 'settled';
    this.#forkSdp = undefined;
    this.#session?.close();
    this.#row?.ended(failure.cause);
    const { text } = failure.cause;
    this.host.note(
      this.target.name,
      `${failure.outcome} (${failure.status ?? failure.cause.kind}${text === undefined ? '' : ` ${text}`})`,
    );
    this.listener.failed({ ...failure, rang: this.#rang, progressed: this.#progressed });
  }

  /** Their answer to our offer; false: the media engine can do nothing with it. */
  #hears(answer: Sdp): boolean {
    if (!this.#offers) return true;
    try {
      this.session.heard(answer);
      return true;
    } catch (error) {
      this.host.logger.warn({ err: error, target: this.target.name }, 'answer not understood');
      return false;
    }
  }

  /** Their ACK or PRACK with our answer as this leg gets it. */
  #described(ack: Ack): Ack {
    return (answer) => ack(answer === undefined ? undefined : this.session.answer(answer));
  }

  #keepForkSdp(fork: string, sdp: Sdp): void {
    this.#forkSdp ??= new Map();
    if (this.#forkSdp.size < MAX_FORKS || this.#forkSdp.has(fork)) this.#forkSdp.set(fork, sdp);
  }
}

/** Acknowledges and ends a dialog that nobody waits for any more. */
export function endUnwanted(
  leg: { readonly dialog: Dialog; readonly ack: Ack },
  cause?: EndCause,
): DialogEvents {
  leg.ack();
  void leg.dialog.bye(cause).catch(() => undefined);
  return {
    acknowledged: () => undefined,
    change: (change) => change.reject(500),
    request: (request) => request.respond({ status: 481 }),
    ended: () => undefined,
  };
}
