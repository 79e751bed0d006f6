import type { MediaSession } from '../media/index.js';
import type { CallFacts, EndCause, TrunkSettings } from '../model/index.js';
import type { AdmittedCall } from '../routing/index.js';
import type { DialogEvents, IncomingCall, Sdp } from '../signalling/index.js';
import { answerCodecs } from './answer-codecs.js';
import type { CallEnvironment } from './call-environment.js';
import { CallMedia } from './call-media.js';
import type { CallerAbilities } from './caller-abilities.js';
import { CallerLeg } from './caller-leg.js';
import { cancelledCause, systemCause } from './cause.js';
import { EarlySession } from './early-session.js';
import { DirectSession, type LegSession } from './leg-session.js';
import type { Release } from './ports.js';
import { NO_ROW, type CallRecorder } from './recorder.js';
import { isRelayed } from './relayed-session.js';
import { Ringing } from './ringing.js';
import type { MediaLoss } from './session-opener.js';
import type { TransferSide } from './transfer-side.js';
import { trunkTimer } from './trunk-leg.js';
import { WaitingLeg } from './waiting-leg.js';

/** `answering`: the 200 waits for the record. */
export type CallerState = 'ringing' | 'answering' | 'answered' | 'ended';

/** What the caller's side asks of its call. */
export interface CallerSideHost {
  /** What the caller's dialog tells, once there is one. */
  readonly callerEvents: DialogEvents;
  /** Where the call is now, for the record. */
  readonly destination: string | undefined;
  rang(): void;
  answered(): void;
  /** A key the caller pressed. */
  digit(digit: string): void;
  end(cause: EndCause): void;
}

/** The caller's side of a call: what the caller is told, from the INVITE to the answer, and whether its media runs through us. */
export class CallerSide {
  state: CallerState = 'ringing';
  /** Hung up, cancelled, or lost: there is nobody to say goodbye to. */
  isGone = false;
  /** The caller's description, as long as a callee may have to be offered it. */
  sdp: Sdp | undefined;
  readonly leg: CallerLeg;
  readonly media: CallMedia;
  readonly ringing: Ringing;
  readonly early: EarlySession;
  /** Its trunk takes none of the codecs it offers. */
  readonly hasNoCodec: boolean;
  readonly #takesReliable: boolean;
  readonly #trunk: TrunkSettings | undefined;
  readonly #facts: CallFacts;
  #answerAt: number | undefined;
  /** Monotonic. */
  #answeredSince: number | undefined;

  constructor(
    private readonly env: CallEnvironment,
    incoming: IncomingCall,
    route: Pick<AdmittedCall, 'facts' | 'trunk' | 'emergency'>,
    abilities: CallerAbilities,
    private readonly recorder: CallRecorder,
    private readonly host: CallerSideHost,
  ) {
    const { trunk, facts } = route;
    this.#trunk = trunk;
    this.#facts = facts;
    this.#takesReliable = abilities.takesReliable;
    const session = new DirectSession(env.random, trunk);
    this.leg = new CallerLeg(incoming, session, abilities.sendsReliably);
    const { offer, source } = incoming;
    this.sdp = offer === undefined || route.emergency ? offer : session.admit(offer);
    this.hasNoCodec = offer !== undefined && this.sdp === undefined;
    const { address, listener } = source;
    this.media = new CallMedia(
      env.media,
      env,
      { callId: facts.callId, caller: { address, listener }, trunk },
      {
        lost: (why) => this.lost(why),
        digit: (digit) => host.digit(digit),
      },
    );
    this.early = new EarlySession(this.leg, (sdp) => {
      this.sdp = sdp;
    });
    this.ringing = new Ringing(this.leg, this.early, env.clock, () => host.rang());
  }

  get answerAt(): number | undefined {
    return this.#answerAt;
  }

  /** How long it has been connected; 0: never. */
  get answeredMs(): number {
    return this.#answeredSince === undefined ? 0 : this.env.clock.monotonic() - this.#answeredSince;
  }

  /** What new legs are offered. */
  get offer(): { readonly offer: Sdp | undefined; readonly takesReliable: boolean } {
    const takesReliable = this.state !== 'answered' && this.#takesReliable;
    return { offer: this.media.caller?.media.remote ?? this.sdp, takesReliable };
  }

  /** Its media runs through us from now on. False: the call has ended over it. */
  async relay(near?: MediaSession): Promise<boolean> {
    try {
      const session = await this.media.openCaller(near);
      if (this.#isOver()) return false;
      if (this.leg.session === session) return true;
      const theirs = this.sdp;
      this.leg.session = session;
      if (this.state === 'answered') return await this.#change(session, undefined);
      if (theirs !== undefined) session.takeOffer(theirs);
      return true;
    } catch (error) {
      this.env.logger.error({ err: error }, 'no media for the caller');
      this.host.end(systemCause('no-media', 503));
      return false;
    }
  }

  /** Our media, opened `near` another one unless it is there, the call answered unless `early`. Undefined: it has ended over it. */
  async hear(early: boolean, near?: MediaSession): Promise<MediaSession | undefined> {
    if (!(await this.relay(near))) return undefined;
    if (this.state === 'ringing' && early) this.ringing.tell({ status: 183, own: true });
    else if (this.state === 'ringing') {
      this.ringing.answered();
      if (!(await this.record(answerCodecs(this.leg.ownAnswer())))) return undefined;
      if (!(await this.answer(undefined))) return undefined;
    }
    return this.media.caller?.media;
  }

  /** The record comes before the 200. False: the call has ended over it. */
  async record(codecs: string): Promise<boolean> {
    const { clock, logger } = this.env;
    this.state = 'answering';
    this.#answerAt = clock.now();
    this.#answeredSince = clock.monotonic();
    try {
      const patch = this.ringing.fields(this.host.destination);
      patch.answerAt = this.#answerAt;
      if (codecs !== '') patch.codecs = codecs;
      await this.recorder.answered(patch);
    } catch (error) {
      logger.error({ err: error }, 'answered call cannot be recorded');
      this.host.end(systemCause('store-failed', 503));
    }
    return !this.#isOver();
  }

  /** The 200, by what the partner said, or (undefined) by ourselves. False: the call has ended over it. */
  async answer(partner: Sdp | undefined): Promise<boolean> {
    const timer = trunkTimer(this.#trunk);
    const outcome = await this.leg.answer(
      partner,
      timer === undefined ? {} : { timer },
      this.host.callerEvents,
    );
    if (this.#isOver()) return false;
    if (outcome !== 'answered') {
      this.isGone = true;
      this.host.end(outcome === 'cancelled' ? cancelledCause('caller') : systemCause('engine-lost', 503));
      return false;
    }
    this.state = 'answered';
    this.host.answered();
    return true;
  }

  /** An answered caller gets a partner: it is asked for another session where that has to be. False: the call has ended over it. */
  async join(partner: Sdp): Promise<boolean> {
    const remote = this.media.caller?.media.remote;
    if (remote !== undefined && this.media.canCarry(remote, partner)) return true;
    return await this.#change(this.leg.session, partner);
  }

  async #change(session: LegSession, partner: Sdp | undefined): Promise<boolean> {
    const outcome = await this.leg.change({ offer: session.offer(partner) });
    if (this.#isOver()) {
      if (outcome.kind === 'accepted') outcome.ack();
      return false;
    }
    if (outcome.kind !== 'accepted') {
      this.host.end(systemCause('not-joined', 488));
      return false;
    }
    outcome.ack();
    session.heard(outcome.sdp);
    return true;
  }

  /** A method, since what it says may change across an await. */
  #isOver(): boolean {
    return this.state === 'ended';
  }

  /** What stands where the caller is a phone of ours. */
  get label(): string {
    const { extension, caller, callerRaw } = this.#facts;
    return extension ?? caller ?? callerRaw;
  }

  /** As a transfer sees it. Undefined: its media does not run through us, or it has gone. */
  get side(): TransferSide | undefined {
    const { session } = this.leg;
    const { extension, trunk } = this.#facts;
    if (this.isGone || !isRelayed(session)) return undefined;
    return {
      session,
      label: this.label,
      request: (request) => this.leg.request(request),
      change: (change) => this.leg.change(change),
      shown: { mode: 'keep', headers: [] },
      ...(extension === undefined ? {} : { extension }),
      ...(trunk === undefined ? {} : { trunk }),
    };
  }

  /** A leg's media is lost. */
  lost(why: MediaLoss): void {
    this.host.end({ sip: 503, q850: why === 'rtp-timeout' ? 41 : 38, by: 'system', kind: why });
  }

  /** The caller's leg goes to another call. Undefined: there is none that could. `release` is told how long it was connected. */
  detach(
    release: Release,
    on: { readonly lost: (why: MediaLoss) => void; readonly ended: (cause: EndCause) => void },
  ): WaitingLeg | undefined {
    const { session, dialog } = this.leg;
    if (this.state !== 'answered' || this.isGone || dialog === undefined || !isRelayed(session))
      return undefined;
    this.isGone = true;
    this.media.letGo(on.lost);
    const { answeredMs } = this;
    const { extension, caller } = this.#facts;
    const number = caller ?? extension;
    return new WaitingLeg(
      {
        dialog,
        session,
        sdp: session.media.remote ?? '',
        ack: () => undefined,
        isOffer: false,
        label: this.label,
        row: NO_ROW,
        release: (ms) => release(ms + answeredMs),
        ...(number === undefined ? {} : { number }),
        ...(extension === undefined ? {} : { extension }),
        ...(this.#trunk === undefined ? {} : { trunk: this.#trunk }),
      },
      on.ended,
    );
  }

  /** It hung up, and the call goes on without it. */
  left(): void {
    this.isGone = true;
    this.leg.session.close();
  }

  /** The call is over; says what the caller's side was before. */
  end(cause: EndCause): void {
    const before = this.state;
    if (before === 'ended') return;
    this.state = 'ended';
    this.ringing.stop();
    if (!this.isGone) this.leg.end(before, cause);
    this.media.close();
    this.sdp = undefined;
  }
}
