import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Leg, MachineStep } from '../dialplan/index.js';
import type { MediaSession } from '../media/index.js';
import type { CallFacts, EndCause, TrunkSettings } from '../model/index.js';
import type { AdmittedCall } from '../routing/index.js';
import type { Change, DialogEvents, IncomingCall, Sdp } from '../signalling/index.js';
import { answerCodecs } from './answer-codecs.js';
import type { CallEnvironment } from './call-environment.js';
import { CallLegs } from './call-legs.js';
import { CallLimits } from './call-limits.js';
import { CallMedia } from './call-media.js';
import { CallSound } from './call-sound.js';
import { Callee } from './callee.js';
import { CallerEvents } from './caller-events.js';
import type { CallerAbilities } from './caller-abilities.js';
import { CallerLeg } from './caller-leg.js';
import { cancelledCause, causeOfPlanEnd, systemCause, toldCause } from './cause.js';
import type { ConnectAction } from './connect-step.js';
import { deferredActivity } from './deferred-activity.js';
import { EarlySession } from './early-session.js';
import type { AnsweredLeg, EarlyProgress } from './leg-attempt.js';
import { PlanRun, type Activity, type EndAction, type PlanRunHost } from './plan-run.js';
import type { Release, RunningCall } from './ports.js';
import { showCall } from './show-call.js';
import { CallRecorder } from './recorder.js';
import { DirectSession, offerBetween, sdpFor, type LegSession } from './leg-session.js';
import { mediaStep, type MediaAction } from './media-steps.js';
import { Ringing } from './ringing.js';
import { trunkTimer } from './trunk-leg.js';

/** `answering`: a callee has answered and the caller's 200 waits for the record. */
type State = 'ringing' | 'answering' | 'answered' | 'ended';

/** One call, from INVITE to its record. Whatever happens, it ends by `end`, once. */
export class Call implements PlanRunHost {
  readonly id: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numbers dialled on the way here, where our own calls come back to us. */
  readonly chain: readonly string[];
  #state: State = 'ringing';
  readonly #facts: CallFacts;
  readonly #trunk: TrunkSettings | undefined;
  readonly #legs: CallLegs;
  readonly #limits: CallLimits;
  readonly #plan: PlanRun;
  readonly #recorder: CallRecorder;
  readonly #releaseCall: Release;
  readonly #callerTakesReliable: boolean;
  readonly #ringing: Ringing;
  readonly #early: EarlySession;
  readonly #caller: CallerLeg;
  readonly #callerEvents: CallerEvents;
  readonly #media: CallMedia;
  readonly #sound: CallSound;
  #callerGone = false;
  #callee: Callee | undefined;
  /** The callee hung up before the caller's 200 was sent. */
  #calleeLeft: EndCause | undefined;
  /** The caller's trunk takes none of the codecs it offers. */
  readonly #hasNoCodec: boolean;
  /** The caller's session, as long as a callee may have to be offered it. */
  #callerSdp: Sdp | undefined;
  /** Why the last step failed, or the last partner left: what the call ends with if nothing follows. */
  #failureCause: EndCause | undefined;
  #partnerCause: EndCause | undefined;
  #destination: string | undefined;
  #answerAt: number | undefined;
  /** Monotonic. */
  #answeredSince: number | undefined;

  constructor(
    private readonly env: CallEnvironment,
    incoming: IncomingCall,
    route: AdmittedCall,
    options: {
      readonly abilities: CallerAbilities;
      readonly maxForwards: number;
      readonly chain: readonly string[];
    },
  ) {
    const { facts } = route;
    this.id = facts.callId;
    this.clock = env.clock;
    this.logger = env.logger;
    this.chain = options.chain;
    this.#facts = facts;
    this.#trunk = route.trunk;
    this.#callerTakesReliable = options.abilities.takesReliable;
    const session = new DirectSession(env.random, route.trunk);
    this.#caller = new CallerLeg(incoming, session, options.abilities.sendsReliably);
    const { offer } = incoming;
    this.#callerSdp = offer === undefined || route.emergency ? offer : session.admit(offer);
    const { address, listener } = incoming.source;
    this.#media = new CallMedia(
      env.media,
      env,
      { callId: this.id, caller: { address, listener }, trunk: route.trunk },
      {
        lost: (why) => this.end({ sip: 503, q850: why === 'rtp-timeout' ? 41 : 38, by: 'system', kind: why }),
        digit: (digit) => this.#sound.pressed(digit),
      },
    );
    this.#hasNoCodec = offer !== undefined && this.#callerSdp === undefined;
    this.#early = new EarlySession(this.#caller, (sdp) => {
      this.#callerSdp = sdp;
    });
    this.#ringing = new Ringing(this.#caller, this.#early, env.clock, () => env.event('ringing', this));
    this.#recorder = new CallRecorder(env.records, env.clock, env.logger, this.id);
    const { plan, step } = route;
    const { maxForwards } = options;
    this.#legs = new CallLegs(env, this, { facts, plan, maxForwards }, this.#recorder, (peer, change) => {
      if (this.#state === 'ringing') this.#early.fromCallee(peer, change);
      else change.reject(500);
    });
    this.#callerEvents = new CallerEvents(this);
    this.#sound = new CallSound(env, this.#media, this.id);
    this.#limits = new CallLimits(env.clock, this.#caller, route.trunk, (cause) => this.end(cause));
    this.#plan = new PlanRun(env, { plan, facts }, this, (trace) => this.#recorder.trace(trace), step.state);
    this.#recorder.open({
      facts,
      sipCallId: incoming.request.callId,
      sourceAddress: incoming.source.address,
      planRevision: route.revision,
      trace: [...route.trace, ...step.trace],
    });
    this.#releaseCall = env.capacity.callStarted(route.border);
  }

  /** Carries out the first action. */
  begin(step: MachineStep): void {
    this.env.event('started', this);
    if (this.#hasNoCodec) this.end(systemCause('no-codec', 488));
    else this.#plan.perform(step.action);
  }

  // What the caller's dialog asks.

  get partner(): DialogEvents | undefined {
    return this.#callee?.bridge.callerEvents;
  }

  get session(): LegSession {
    return this.#caller.session;
  }

  callerLeft(cause: EndCause): void {
    this.#callerGone = true;
    this.end(cause);
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  show(): RunningCall {
    return showCall(this.#facts, {
      state: this.#state === 'answering' ? 'ringing' : this.#state,
      legs: (this.#callerGone ? 0 : 1) + this.#plan.legs + (this.#callee === undefined ? 0 : 1),
      destination: this.#destination,
      answeredAt: this.#answerAt,
    });
  }

  /** CANCEL from the caller, or its transaction died: the 487 is sent below. */
  cancelled(reason: EndCause): void {
    this.#callerGone = true;
    this.#caller.forget();
    this.end({ ...reason, q850: reason.q850 ?? 16 });
  }

  /** The caller changes the session before it is answered. */
  change(change: Change): void {
    if (this.#state === 'ringing') this.#early.fromCaller(change);
    else change.reject(500);
  }

  // PlanRunHost: what the plan asks of its call.

  connect(action: ConnectAction): Activity | undefined {
    const legs = action.groups.flatMap((group) => group.legs);
    if (!this.#media.relayed && this.#needsRelay(action, legs)) {
      return deferredActivity(
        () => this.#relayMedia(),
        () => this.#connectNow(action, legs),
        (error) => this.fault(error),
      );
    }
    if (this.#state === 'answered' && !this.#media.relayed && this.#callerSdp === undefined) {
      this.logger.error({ callId: this.id, step: this.#plan.lastStep }, 'no session of the caller to offer');
      return undefined;
    }
    return this.#connectNow(action, legs);
  }

  #needsRelay(action: ConnectAction, legs: readonly Leg[]): boolean {
    if (this.env.media === undefined) return false;
    if (this.#state === 'answered' && this.#callerSdp === undefined) return true;
    if (action.music !== 'ringback' || legs.some((leg) => leg.confirm)) return true;
    const trunks = legs.flatMap(({ to }) =>
      to.kind === 'trunks' ? to.trunks.map((name) => this.env.trunks.get(name)) : [undefined],
    );
    return this.#media.wants(trunks);
  }

  #connectNow(action: ConnectAction, legs: readonly Leg[]): Activity {
    const answered = this.#state === 'answered';
    this.#failureCause = undefined;
    this.#partnerCause = undefined;
    this.#destination = [...new Set(legs.map((leg) => leg.label))].slice(0, 5).join(', ');
    const keepsSession = 'after' in action.step;
    if (!answered) this.#ringing.soon(this.env.settings().ringFastMs);
    const heard = this.#media.caller?.media.remote;
    const ring = this.#legs.connect(
      action,
      this.#media,
      { offer: heard ?? this.#callerSdp, takesReliable: !answered && this.#callerTakesReliable },
      {
        progress: (progress) => this.#plan.guarded(() => this.#relayProgress(progress)),
        answered: (leg) => this.#answered(leg, keepsSession),
        failed: (result, cause) => {
          this.#sound.stopRinging();
          this.#failureCause = { ...cause, kind: result.outcome };
          this.#plan.resume(result);
        },
      },
    );
    return {
      get legs() {
        return ring.legs;
      },
      start: () => {
        this.#ringWithSound(action.music);
        ring.start();
      },
      cancel: (cause) => {
        this.#sound.stopRinging();
        ring.cancel(cause);
      },
    };
  }

  /** Whoever is answered already, or is to hear music, hears it from us; anybody else rings by signalling. */
  #ringWithSound(music: string): void {
    const answered = this.#state === 'answered';
    if (!answered && music === 'ringback') return;
    if (this.#media.caller === undefined) return;
    if (!answered) this.#ringing.tell({ status: 183, own: true });
    this.#sound.ring(music);
  }

  /** The media of the caller runs through us from now on. False: the call has ended over it. */
  async #relayMedia(): Promise<boolean> {
    try {
      const session = await this.#media.openCaller();
      if (this.#isOver()) return false;
      if (this.#caller.session === session) return true;
      const theirs = this.#callerSdp;
      this.#caller.session = session;
      if (this.#state === 'answered') return await this.#moveCaller(session);
      if (theirs !== undefined) session.takeOffer(theirs);
      return true;
    } catch (error) {
      this.logger.error({ callId: this.id, err: error }, 'no media for the caller');
      this.end(systemCause('no-media', 503));
      return false;
    }
  }

  /** An answered caller that sent its media to its partner is asked to send it to us. */
  async #moveCaller(session: LegSession): Promise<boolean> {
    const outcome = await this.#caller.change({ offer: session.offer(undefined) });
    if (this.#isOver()) return false;
    if (outcome.kind !== 'accepted') {
      this.end(systemCause('not-joined', 488));
      return false;
    }
    outcome.ack();
    session.heard(outcome.sdp);
    return true;
  }

  /** A step that plays or listens; undefined: there is nothing it could be done with. */
  media(action: MediaAction): Activity | undefined {
    const { media } = this.env;
    if (media === undefined) return undefined;
    this.#failureCause = undefined;
    this.#destination = this.#plan.lastStep;
    return mediaStep(
      action,
      { parts: media, plan: this.#plan.plan, facts: this.#facts },
      {
        session: (early) => this.#hearing(early),
        hide: () => this.#sound.hideRecording(),
        recordCall: (what, notice) => this.#sound.record(what, notice),
        language: this.#plan.variable('language') || media.settings().language,
        done: (result) => this.#plan.resume(result),
        fault: (error) => this.fault(error),
      },
    );
  }

  /** The caller's media, the call answered unless `early`. Undefined: it has ended over it. */
  async #hearing(early: boolean): Promise<MediaSession | undefined> {
    if (!(await this.#relayMedia())) return undefined;
    if (this.#state === 'ringing' && early) this.#ringing.tell({ status: 183, own: true });
    else if (this.#state === 'ringing' && !(await this.#answerAlone())) return undefined;
    return this.#media.caller?.media;
  }

  /** Answers a call that nobody but us talks to yet. */
  async #answerAlone(): Promise<boolean> {
    this.#ringing.answered();
    const described = this.#caller.ownAnswer();
    if (!(await this.#recordAnswer(answerCodecs(described)))) return false;
    return await this.#sendAnswer({ own: true });
  }

  ringCaller(): void {
    if (this.#state === 'ringing') this.#ringing.tell({ status: 180 });
  }

  endByPlan(action: EndAction): void {
    const answered = this.#state === 'answered';
    if (
      answered &&
      action.tone === 'busy' &&
      this.#media.caller !== undefined &&
      this.#partnerCause === undefined
    ) {
      void this.#sound.busyTone().then(() => this.end(causeOfPlanEnd(action, answered, this.#failureCause)));
      return;
    }
    this.end(this.#partnerCause ?? causeOfPlanEnd(action, answered, this.#failureCause));
  }

  needsMedia(verb: string, action: string): void {
    this.logger.error(
      { callId: this.id, step: this.#plan.lastStep, action },
      `step ${verb} needs the media engine`,
    );
    this.#recorder.trace([
      { kind: 'note', text: `step ${verb} needs the media engine, which is not there yet` },
    ]);
    this.end({ ...systemCause('needs-media', 501), q850: 79 });
  }

  fault(error: unknown): void {
    this.logger.error({ callId: this.id, err: error }, 'call failed by a fault');
    this.end(systemCause('fault', 500));
  }

  #relayProgress(progress: EarlyProgress): void {
    if (this.#state !== 'ringing') {
      progress.answerOffer?.();
      return;
    }
    const { sdp, peer } = progress;
    if (sdp !== undefined && peer?.session.media !== undefined) {
      this.#sound.stopRinging();
      this.#ringing.relay(progress);
      this.#media.join(peer.session.media);
    } else this.#ringing.relay(progress);
  }

  // Answered.

  #answered(leg: AnsweredLeg, keepsSession: boolean): DialogEvents {
    this.#plan.settled();
    this.#sound.stopRinging();
    this.#ringing.answered();
    this.#destination = leg.label;
    const codecs = answerCodecs(leg.sdp);
    leg.row.answered(codecs);
    if (!keepsSession) this.#callerSdp = undefined;
    const callee: Callee = new Callee(
      leg,
      this.#caller,
      {
        legEnded: (party, cause) => this.#legEnded(party, cause, callee),
        callerSdp: (sdp) => {
          if (keepsSession) this.#callerSdp = sdp;
        },
      },
      this.#sound.relayParts,
      this.clock,
      this.#ringing.offerAnswered,
    );
    this.#callee = callee;
    if (leg.isOffer && offerBetween(leg.session, this.#caller.session, leg.sdp) === undefined) {
      this.end(systemCause('no-codec', 488));
      return callee.bridge.calleeEvents;
    }
    const joined =
      this.#state === 'answered' ? this.#joinAnswered(callee) : this.#answerCaller(callee, codecs);
    void joined.catch((error: unknown) => this.fault(error));
    return callee.bridge.calleeEvents;
  }

  /** The record first, then the 200. */
  async #answerCaller(callee: Callee, codecs: string): Promise<void> {
    if (!(await this.#recordAnswer(codecs))) return;
    // Where offer and answer are through already the 200 needs no SDP (RFC 3262 §5).
    const early = this.#caller.reliableAnswer;
    const isThrough = this.#ringing.offerAnswered || this.#caller.isUpdated;
    const sdp = isThrough ? '' : (early ?? sdpFor(this.#caller.session, callee.leg));
    if (!(await this.#sendAnswer({ sdp }))) return;
    this.#limits.start(callee);
    if (this.#calleeLeft !== undefined) this.#calleeEnded(this.#calleeLeft);
    // Another leg gave the early answer than the one that was answered.
    else if (early !== undefined && early !== callee.leg.sdp && !this.#media.canCarry(early, callee.leg.sdp))
      await this.#join(callee);
  }

  /** False when the call has ended over it. */
  async #recordAnswer(codecs: string): Promise<boolean> {
    this.#state = 'answering';
    this.#answerAt = this.clock.now();
    this.#answeredSince = this.clock.monotonic();
    try {
      const patch = this.#ringing.fields(this.#destination);
      patch.answerAt = this.#answerAt;
      if (codecs !== '') patch.codecs = codecs;
      await this.#recorder.answered(patch);
    } catch (error) {
      this.logger.error({ callId: this.id, err: error }, 'answered call cannot be recorded');
      this.end(systemCause('store-failed', 503));
    }
    return !this.#isOver();
  }

  /** The 200; false when the call has ended over it. */
  async #sendAnswer(answer: { readonly sdp: Sdp } | { readonly own: true }): Promise<boolean> {
    const timer = trunkTimer(this.#trunk);
    const outcome = await this.#caller.answer(
      'own' in answer ? undefined : answer.sdp,
      timer === undefined ? {} : { timer },
      this.#callerEvents,
    );
    if (this.#isOver()) return false;
    if (outcome !== 'answered') {
      this.#callerGone = true;
      this.end(outcome === 'cancelled' ? cancelledCause('caller') : systemCause('engine-lost', 503));
      return false;
    }
    this.#state = 'answered';
    this.env.event('answered', this);
    return true;
  }

  /** A call that was answered before gets a new partner: it was offered the caller's session, the caller is offered its answer. */
  async #joinAnswered(callee: Callee): Promise<void> {
    if (!(await this.#join(callee))) return;
    this.#limits.start(callee);
    this.#recorder.update(this.#ringing.fields(this.#destination));
  }

  /** False when the call has ended over it. */
  async #join(callee: Callee): Promise<boolean> {
    const remote = this.#media.caller?.media.remote;
    if (remote !== undefined && this.#media.canCarry(remote, callee.leg.sdp)) return true;
    const { session } = this.#caller;
    const outcome = await this.#caller.change({ offer: session.offer(callee.leg.sdp) });
    if (this.#isOver() || this.#callee !== callee) return false;
    if (outcome.kind !== 'accepted') {
      this.end(systemCause('not-joined', 488));
      return false;
    }
    outcome.ack();
    session.heard(outcome.sdp);
    return true;
  }

  /** A method, since what it says may change across an await. */
  #isOver(): boolean {
    return this.#state === 'ended';
  }

  #legEnded(party: 'caller' | 'callee', cause: EndCause, callee: Callee): void {
    if (this.#state === 'ended') return;
    if (party === 'caller') {
      this.#callerGone = true;
      this.end(cause);
      return;
    }
    if (this.#callee !== callee) return;
    // The caller gets its 200 and then the BYE: a call that was answered ends as one.
    if (this.#state === 'answering') this.#calleeLeft = cause;
    else this.#calleeEnded(cause);
  }

  #calleeEnded(cause: EndCause): void {
    this.#partnerCause = cause;
    this.#dropCallee(cause, false);
    if (cause.kind === 'engine-lost') this.end(cause);
    else if (this.#state !== 'ended') this.#plan.resume({ kind: 'connected-ended' });
  }

  #dropCallee(cause: EndCause, hangUp: boolean): void {
    const callee = this.#callee;
    this.#callee = undefined;
    callee?.end(cause, hangUp);
  }

  // The ending.

  /** Ends the call: legs, timers, record, capacity. Idempotent; the first cause counts. */
  end(cause: EndCause): void {
    if (this.#state === 'ended') return;
    const before = this.#state;
    this.#state = 'ended';
    this.#ringing.stop();
    this.#limits.stop();
    this.#plan.cancel(toldCause(cause));
    this.#dropCallee(cause, true);
    if (!this.#callerGone) this.#caller.end(before, cause);
    this.#sound.stop();
    this.#media.close();
    this.#callerSdp = undefined;
    const answeredMs = this.#answeredSince === undefined ? 0 : this.clock.monotonic() - this.#answeredSince;
    this.#releaseCall(answeredMs);
    const patch = this.#ringing.fields(this.#destination);
    patch.endAt = this.clock.now();
    patch.cause = cause;
    if (this.#plan.lastStep !== undefined) patch.lastStep = this.#plan.lastStep;
    this.#recorder.close(patch);
    this.env.ended(this);
    this.env.event('ended', this);
    const { kind, sip, by } = cause;
    this.logger.info({ callId: this.id, cause: kind, sip, by, answeredMs }, 'call ended');
  }
}
