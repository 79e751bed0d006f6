import type { Clock, Timer } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import { redirectedLegs, type Leg, type MachineStep, type Plan } from '../dialplan/index.js';
import type { CallFacts, EndCause, TrunkSettings } from '../model/index.js';
import type { AdmittedCall } from '../routing/index.js';
import type { Attempt, Change, DialogEvents, IncomingCall, Sdp, Signalling } from '../signalling/index.js';
import { answerCodecs } from './answer-codecs.js';
import type { CallEnvironment } from './call-environment.js';
import { Callee } from './callee.js';
import type { CallerAbilities } from './caller-abilities.js';
import { CallerLeg } from './caller-leg.js';
import { cancelledCause, reasonHeaders, systemCause, toldCause } from './cause.js';
import { ConnectStep, type ConnectAction } from './connect-step.js';
import { tellOfEmergency } from './emergency-notice.js';
import { EarlySession, type EarlyPeer } from './early-session.js';
import { startKeepAlive } from './keep-alive.js';
import type { AnsweredLeg, AttemptHost, AttemptTarget, EarlyProgress } from './leg-attempt.js';
import { PlanRun, type Activity, type EndAction, type PlanRunHost } from './plan-run.js';
import type { Release, RunningCall } from './ports.js';
import { CallRecorder, type LegRow, type RecordPatch } from './recorder.js';
import { LegSession, offerBetween } from './leg-session.js';
import { Ringing } from './ringing.js';
import { trunkTimer } from './trunk-leg.js';

/** `answering`: a callee has answered and the caller's 200 waits for the record. */
type State = 'ringing' | 'answering' | 'answered' | 'ended';

/** One call, from INVITE to its record. Whatever happens, it ends by `end`, once. */
export class Call implements AttemptHost, PlanRunHost {
  readonly id: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signalling: Pick<Signalling, 'dial'>;
  /** Numbers dialled on the way here, where our own calls come back to us. */
  readonly chain: readonly string[];
  #state: State = 'ringing';
  readonly #facts: CallFacts;
  readonly #trunk: TrunkSettings | undefined;
  readonly #dialplan: Plan;
  readonly #plan: PlanRun;
  readonly #recorder: CallRecorder;
  readonly #releaseCall: Release;
  readonly #maxForwards: number;
  readonly #callerTakesReliable: boolean;
  readonly #ringing: Ringing;
  readonly #early: EarlySession;
  readonly #caller: CallerLeg;
  #callerGone = false;
  #isEmergency = false;
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
  #maxDuration: Timer | undefined;
  #callerKeepAlive: Timer | undefined;

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
    this.signalling = env.signalling;
    this.chain = options.chain;
    this.#facts = facts;
    this.#trunk = route.trunk;
    this.#maxForwards = options.maxForwards;
    this.#callerTakesReliable = options.abilities.takesReliable;
    const session = new LegSession(env.random, route.trunk);
    this.#caller = new CallerLeg(incoming, session, options.abilities.sendsReliably);
    const { offer } = incoming;
    this.#callerSdp = offer === undefined || route.emergency ? offer : session.admit(offer);
    this.#hasNoCodec = offer !== undefined && this.#callerSdp === undefined;
    this.#early = new EarlySession(this.#caller, (sdp) => {
      this.#callerSdp = sdp;
    });
    this.#ringing = new Ringing(this.#caller, this.#early, env.clock, () => env.event('ringing', this));
    this.#recorder = new CallRecorder(env.records, env.clock, env.logger, this.id);
    const { plan, step } = route;
    this.#dialplan = plan;
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

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  show(): RunningCall {
    const { caller, callerRaw, dialed, at, trunk, extension } = this.#facts;
    return {
      id: this.id,
      state: this.#state === 'answering' ? 'ringing' : this.#state,
      caller: caller ?? callerRaw,
      dialed,
      since: at,
      legs: (this.#callerGone ? 0 : 1) + this.#plan.legs + (this.#callee === undefined ? 0 : 1),
      ...(trunk === undefined ? {} : { trunk }),
      ...(extension === undefined ? {} : { extension }),
      ...(this.#destination === undefined ? {} : { destination: this.#destination }),
      ...(this.#answerAt === undefined ? {} : { answeredAt: this.#answerAt }),
    };
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
    const answered = this.#state === 'answered';
    if (answered && this.#callerSdp === undefined) {
      this.logger.error({ callId: this.id, step: this.#plan.lastStep }, 'no session of the caller to offer');
      return undefined;
    }
    const legs = action.groups.flatMap((group) => group.legs);
    const emergency = legs.find((leg) => leg.emergency);
    if (emergency !== undefined) this.#emergencyLeaves(emergency);
    this.#failureCause = undefined;
    this.#partnerCause = undefined;
    this.#destination = [...new Set(legs.map((leg) => leg.label))].slice(0, 5).join(', ');
    const { ringTimeoutMs, ringFastMs, domain } = this.env.settings();
    const groups = action.groups.map((group) => ({ ...group, forMs: Math.min(group.forMs, ringTimeoutMs) }));
    const keepsSession = 'after' in action.step;
    if (!answered) this.#ringing.soon(ringFastMs);
    const context = {
      attempts: this,
      clock: this.clock,
      logger: this.logger,
      trunks: this.env.trunks,
      devices: this.env.devices,
      capacity: this.env.capacity,
      random: this.env.random,
      facts: this.#facts,
      identity: action.identity,
      offer: this.#callerSdp,
      callerTakesReliable: !answered && this.#callerTakesReliable,
      maxForwards: this.#maxForwards,
      redirect: (extension: string, dialled: string, leg: Leg) => {
        const from = { leg, identity: leg.identity ?? action.identity };
        const redirected = redirectedLegs(this.#dialplan, this.#facts, extension, dialled, from);
        if (redirected.kind === 'legs') this.#recorder.trace(redirected.trace);
        return redirected;
      },
      domain,
    };
    return new ConnectStep({ ...action, groups }, context, {
      progress: (progress) => this.#plan.guarded(() => this.#relayProgress(progress)),
      answered: (leg) => this.#answered(leg, keepsSession),
      failed: (result, cause) => {
        this.#failureCause = { ...cause, kind: result.outcome };
        this.#plan.resume(result);
      },
    });
  }

  #emergencyLeaves({ emergencySite, to }: Leg): void {
    const { dialed, extension, trunk } = this.#facts;
    const fields = { callId: this.id, dialed, extension, trunk, site: emergencySite };
    this.logger.warn(fields, 'emergency call');
    if (this.#isEmergency) return;
    this.#isEmergency = true;
    this.env.event('emergency', this);
    if (emergencySite === undefined || to.kind !== 'trunks') return;
    tellOfEmergency(
      { facts: this.#facts, plan: this.#dialplan, site: emergencySite, number: to.number },
      {
        logger: this.logger,
        signalling: this.env.signalling,
        devices: this.env.devices,
        domain: this.env.settings().domain,
      },
    );
  }

  ringCaller(): void {
    if (this.#state === 'ringing') this.#ringing.tell({ status: 180 });
  }

  endByPlan(action: EndAction): void {
    const { status, reason, q850 } = action;
    if (this.#partnerCause !== undefined) {
      this.end(this.#partnerCause);
      return;
    }
    const failure = this.#failureCause;
    const answered = this.#state === 'answered';
    this.end({
      sip: answered ? 200 : status,
      q850,
      by: failure?.by ?? 'system',
      kind: failure?.kind ?? (answered ? 'normal' : 'rejected'),
      ...(reason === undefined ? {} : { text: reason }),
    });
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
    if (this.#state === 'ringing') this.#ringing.relay(progress);
    else progress.answerOffer?.();
  }

  // Answered.

  #answered(leg: AnsweredLeg, keepsSession: boolean): DialogEvents {
    this.#plan.settled();
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
    this.#state = 'answering';
    this.#answerAt = this.clock.now();
    this.#answeredSince = this.clock.monotonic();
    try {
      const patch = this.#ringFields();
      patch.answerAt = this.#answerAt;
      if (codecs !== '') patch.codecs = codecs;
      await this.#recorder.answered(patch);
    } catch (error) {
      this.logger.error({ callId: this.id, err: error }, 'answered call cannot be recorded');
      this.end(systemCause('store-failed', 503));
      return;
    }
    if (this.#isOver()) return;
    const timer = trunkTimer(this.#trunk);
    // Where offer and answer are through already the 200 needs no SDP (RFC 3262 §5).
    const early = this.#caller.reliableAnswer;
    const isThrough = this.#ringing.offerAnswered || this.#caller.isUpdated;
    const sdp = isThrough ? '' : (early ?? this.#sdpForCaller(callee.leg));
    const outcome = await this.#caller.answer(
      sdp,
      timer === undefined ? {} : { timer },
      callee.bridge.callerEvents,
    );
    if (this.#isOver()) return;
    if (outcome !== 'answered') {
      this.#callerGone = true;
      this.end(outcome === 'cancelled' ? cancelledCause('caller') : systemCause('engine-lost', 503));
      return;
    }
    this.#state = 'answered';
    this.#startTimers(callee);
    this.env.event('answered', this);
    if (this.#calleeLeft !== undefined) this.#calleeEnded(this.#calleeLeft);
    // Another leg gave the early answer than the one that was answered.
    else if (early !== undefined && early !== callee.leg.sdp) await this.#join(callee);
  }

  /** A call that was answered before gets a new partner: it was offered the caller's session, the caller is offered its answer. */
  async #joinAnswered(callee: Callee): Promise<void> {
    if (!(await this.#join(callee))) return;
    this.#startTimers(callee);
    this.#recorder.update(this.#ringFields());
  }

  /** An answer as it is; an offer with the codecs that both sides' trunks take. */
  #sdpForCaller({ isOffer, session, sdp }: AnsweredLeg): Sdp {
    return isOffer ? (offerBetween(session, this.#caller.session, sdp) ?? sdp) : sdp;
  }

  /** False when the call has ended over it. */
  async #join(callee: Callee): Promise<boolean> {
    const outcome = await this.#caller.change({ offer: callee.leg.sdp });
    if (this.#isOver() || this.#callee !== callee) return false;
    if (outcome.kind !== 'accepted') {
      this.end(systemCause('not-joined', 488));
      return false;
    }
    outcome.ack();
    return true;
  }

  /** A method, since what it says may change across an await. */
  #isOver(): boolean {
    return this.#state === 'ended';
  }

  #startTimers(callee: Callee): void {
    const limits = [this.#trunk?.maxDurationMs, callee.leg.trunk?.maxDurationMs].filter(
      (ms) => ms !== undefined,
    );
    if (limits.length > 0) {
      this.#maxDuration?.clear();
      this.#maxDuration = this.clock.after(Math.min(...limits), () =>
        this.end({ sip: 200, q850: 31, text: 'Maximum duration', by: 'system', kind: 'max-duration' }),
      );
    }
    const gone = (): void =>
      this.end({ sip: 200, q850: 27, text: 'Peer gone', by: 'system', kind: 'peer-gone' });
    callee.watch(gone);
    if (this.#trunk?.keepAliveMs !== undefined) {
      this.#callerKeepAlive ??= startKeepAlive(this.#caller, this.#trunk.keepAliveMs, this.clock, gone);
    }
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
    else this.#plan.resume({ kind: 'connected-ended' });
  }

  #dropCallee(cause: EndCause, hangUp: boolean): void {
    const callee = this.#callee;
    this.#callee = undefined;
    callee?.end(cause, hangUp);
  }

  // AttemptHost: what an INVITE tells its call.

  legLeft(target: AttemptTarget, attempt: Attempt): LegRow {
    this.env.ownLegs.set(attempt.sipCallId, this);
    return this.#recorder.leg({
      kind: target.kind,
      target: target.name,
      uri: target.spec.target,
      sipCallId: attempt.sipCallId,
      ...(target.number === undefined ? {} : { number: target.number }),
    });
  }

  legSettled(attempt: Attempt): void {
    this.env.ownLegs.delete(attempt.sipCallId);
  }

  note(target: string, result: string): void {
    this.#recorder.trace([{ kind: 'attempt', target, result }]);
  }

  earlyChange(peer: EarlyPeer, change: Change): void {
    if (this.#state === 'ringing') this.#early.fromCallee(peer, change);
    else change.reject(500);
  }

  // The ending.

  /** Ends the call: legs, timers, record, capacity. Idempotent; the first cause counts. */
  end(cause: EndCause): void {
    if (this.#state === 'ended') return;
    const before = this.#state;
    this.#state = 'ended';
    this.#ringing.stop();
    this.#maxDuration?.clear();
    this.#callerKeepAlive?.clear();
    this.#plan.cancel(toldCause(cause));
    this.#dropCallee(cause, true);
    if (!this.#callerGone) this.#endCaller(before, cause);
    this.#callerSdp = undefined;
    const answeredMs = this.#answeredSince === undefined ? 0 : this.clock.monotonic() - this.#answeredSince;
    this.#releaseCall(answeredMs);
    const patch = this.#ringFields();
    patch.endAt = this.clock.now();
    patch.cause = cause;
    if (this.#plan.lastStep !== undefined) patch.lastStep = this.#plan.lastStep;
    this.#recorder.close(patch);
    this.env.ended(this);
    this.env.event('ended', this);
    const { kind, sip, by } = cause;
    this.logger.info({ callId: this.id, cause: kind, sip, by, answeredMs }, 'call ended');
  }

  #endCaller(before: State, cause: EndCause): void {
    if (before !== 'ringing') this.#caller.bye(toldCause(cause));
    if (before === 'answered') return;
    // While the 200 waits for the record the refusal still wins; once it has left, the BYE does.
    const { sip, q850, text, kind } = cause;
    this.#caller.reject({
      status: sip >= 300 ? sip : 480,
      ...(kind === 'rejected' && text !== undefined ? { reason: text } : {}),
      headers: reasonHeaders(q850),
    });
  }

  #ringFields(): RecordPatch {
    const patch: RecordPatch = {};
    const { ringAt, pddMs } = this.#ringing;
    if (ringAt !== undefined) patch.ringAt = ringAt;
    if (pddMs !== undefined) patch.pddMs = pddMs;
    if (this.#destination !== undefined) patch.destination = this.#destination;
    return patch;
  }
}
