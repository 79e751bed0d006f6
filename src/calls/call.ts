import type { Clock, Timer } from '../base/clock.js';
import { showPlace } from '../base/diagnostic.js';
import type { Logger } from '../base/logger.js';
import type { Action, ActionResult, MachineState, MachineStep } from '../dialplan/index.js';
import type { CallFacts, CallRecord, EndCause, TrunkSettings } from '../model/index.js';
import type { AdmittedCall, Router } from '../routing/index.js';
import type { Attempt, DialogEvents, Headers, IncomingCall, Sdp, Signalling } from '../signalling/index.js';
import { answerCodecs } from './answer-codecs.js';
import { Bridge } from './bridge.js';
import type { CallerAbilities } from './caller-abilities.js';
import { CallerLeg, type Progress } from './caller-leg.js';
import { cancelledCause, reasonHeaders, systemCause, toldCause } from './cause.js';
import { ConnectStep, type ConnectAction } from './connect-step.js';
import { startKeepAlive } from './keep-alive.js';
import type { AnsweredLeg, AttemptHost, AttemptTarget, EarlyProgress } from './leg-attempt.js';
import type {
  CallCapacity,
  CallEvent,
  CallRecords,
  DeviceLocations,
  OutboundTrunks,
  Release,
  RunningCall,
  WebhookClient,
} from './ports.js';
import { CallRecorder, type LegRow } from './recorder.js';
import { trunkTimer } from './trunk-leg.js';

/** What every call shares. */
export interface CallEnvironment {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly signalling: Pick<Signalling, 'dial'>;
  readonly router: Pick<Router, 'resume'>;
  readonly records: CallRecords;
  readonly trunks: OutboundTrunks;
  readonly devices: DeviceLocations;
  readonly capacity: CallCapacity;
  readonly webhooks: WebhookClient;
  readonly settings: () => CallSettings;
  /** Call-IDs of legs that ring, to recognise calls of our own that come back. */
  readonly ownLegs: Map<string, Call>;
  event(kind: CallEvent['kind'], call: Call): void;
  ended(call: Call): void;
}

export interface CallSettings {
  /** Domain of our own addresses. */
  readonly domain: string;
  /** No step rings longer. */
  readonly ringTimeoutMs: number;
  /** After this time without a 18x from the far side the caller gets 180 from us: some carriers give up at 5 s. */
  readonly ringFastMs: number;
}

/** What is being carried out now. */
interface Activity {
  cancel(cause: EndCause): void;
  readonly legs: number;
}

/** The callee that answered. */
interface Callee {
  readonly leg: AnsweredLeg;
  readonly bridge: Bridge;
  readonly since: number;
  keepAlive: Timer | undefined;
}

/** `answering`: a callee has answered and the caller's 200 waits for the record. */
type State = 'ringing' | 'answering' | 'answered' | 'ended';

const NOTHING: Activity = { cancel: () => undefined, legs: 0 };

/** One call, from INVITE to its record. Whatever happens, it ends by `end`, once. */
export class Call implements AttemptHost {
  readonly id: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signalling: Pick<Signalling, 'dial'>;
  /** Numbers dialled on the way here, where our own calls come back to us. */
  readonly chain: readonly string[];
  #state: State = 'ringing';
  #machine: MachineState;
  #activity: Activity = NOTHING;
  #caller: CallerLeg;
  #callerGone = false;
  #callee: Callee | undefined;
  /** The callee hung up before the caller's 200 was sent. */
  #calleeLeft: EndCause | undefined;
  /** The caller's session, as long as a callee may have to be offered it. */
  #callerSdp: Sdp | undefined;
  #offerAnsweredEarly = false;
  #failureCause: EndCause | undefined;
  #partnerCause: EndCause | undefined;
  #destination: string | undefined;
  #lastStep: string | undefined;
  #ringAt: number | undefined;
  #pddMs: number | undefined;
  #answerAt: number | undefined;
  readonly #startedAt: number;
  readonly #recorder: CallRecorder;
  readonly #releaseCall: Release;
  readonly #trunk: TrunkSettings | undefined;
  readonly #facts: CallFacts;
  readonly #plan: AdmittedCall['plan'];
  readonly #maxForwards: number;
  readonly #abilities: Pick<CallerAbilities, 'takesReliable'>;
  #ringFast: Timer | undefined;
  #maxDuration: Timer | undefined;
  #callerKeepAlive: Timer | undefined;

  constructor(
    private readonly env: CallEnvironment,
    incoming: IncomingCall,
    route: AdmittedCall,
    options: { readonly abilities: CallerAbilities; readonly maxForwards: number; readonly chain: readonly string[] },
  ) {
    const { facts } = route;
    this.id = facts.callId;
    this.clock = env.clock;
    this.logger = env.logger;
    this.signalling = env.signalling;
    this.chain = options.chain;
    this.#facts = facts;
    this.#plan = route.plan;
    this.#trunk = route.trunk;
    this.#machine = route.step.state;
    this.#maxForwards = options.maxForwards;
    this.#abilities = { takesReliable: options.abilities.takesReliable };
    this.#startedAt = env.clock.monotonic();
    this.#caller = new CallerLeg(incoming, options.abilities.sendsReliably);
    this.#callerSdp = incoming.offer;
    this.#recorder = new CallRecorder(env.records, env.clock, env.logger, this.id);
    this.#recorder.open({
      facts,
      sipCallId: incoming.request.callId,
      sourceAddress: incoming.source.address,
      planRevision: route.revision,
      trace: [...route.trace, ...route.step.trace],
    });
    this.#releaseCall = env.capacity.callStarted(route.border);
  }

  /** Carries out the first action. */
  begin(step: MachineStep): void {
    this.env.event('started', this);
    this.#perform(step.action);
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
      legs: (this.#callerGone ? 0 : 1) + this.#activity.legs + (this.#callee === undefined ? 0 : 1),
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
    const own = reason.kind === 'engine-lost' ? reason : { ...reason, by: 'caller' as const, kind: 'cancelled' };
    this.end({ ...own, sip: 487, q850: reason.q850 ?? 16 });
  }

  // The machine and its actions.

  #resume(result: ActionResult): void {
    if (this.#state === 'ended') return;
    this.#activity = NOTHING;
    const step = this.env.router.resume({ plan: this.#plan, facts: this.#facts }, this.#machine, result);
    this.#machine = step.state;
    this.#recorder.trace(step.trace);
    this.#perform(step.action);
  }

  /** Whatever a step throws ends the call, never the process. */
  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.logger.error({ callId: this.id, err: error }, 'call failed by a fault');
      this.end(systemCause('fault', 500));
    }
  }

  #perform(action: Action): void {
    this.#guarded(() => {
      if (action.kind !== 'end') this.#lastStep = `${action.step.verb} ${showPlace(action.step.place)}`;
      switch (action.kind) {
        case 'connect':
          this.#connect(action);
          return;
        case 'wait':
          this.#wait(action.ms);
          return;
        case 'webhook':
          this.#askWebhook(action);
          return;
        case 'end':
          this.#endByPlan(action);
          return;
        default:
          this.#needsMedia(action.kind, action.step.verb);
      }
    });
  }

  #needsMedia(kind: string, verb: string): void {
    this.logger.error({ callId: this.id, step: this.#lastStep, action: kind }, `step ${verb} needs the media engine`);
    this.#recorder.trace([{ kind: 'note', text: `step ${verb} needs the media engine, which is not there yet` }]);
    this.end({ ...systemCause('needs-media', 501), q850: 79 });
  }

  #wait(ms: number): void {
    if (this.#state === 'ringing') this.#tellCaller({ status: 180 });
    const timer = this.clock.after(ms, () => this.#guarded(() => this.#resume({ kind: 'done' })));
    this.#activity = { cancel: () => timer.clear(), legs: 0 };
  }

  #askWebhook(action: Extract<Action, { kind: 'webhook' }>): void {
    const abort = new AbortController();
    const activity: Activity = { cancel: () => abort.abort(), legs: 0 };
    this.#activity = activity;
    const { url, body, timeoutMs, secret } = action;
    void this.env.webhooks
      .call({ url, body, timeoutMs, ...(secret === undefined ? {} : { secret }) }, abort.signal)
      .then(
        (reply): ActionResult => {
          if (reply.kind === 'reply') return { kind: 'done', reply: reply.body };
          this.logger.warn({ callId: this.id, step: this.#lastStep, why: reply.why }, 'webhook failed');
          return { kind: 'failed', outcome: reply.outcome };
        },
        (): ActionResult => ({ kind: 'failed', outcome: 'refused' }),
      )
      .then((result) => {
        if (this.#activity === activity) this.#guarded(() => this.#resume(result));
      });
  }

  #endByPlan(action: Extract<Action, { kind: 'end' }>): void {
    const { status, reason, q850 } = action;
    const partner = this.#partnerCause;
    if (partner !== undefined) {
      this.end(partner);
      return;
    }
    const failure = this.#failureCause;
    const answered = this.#state === 'answered';
    const cause: EndCause = {
      sip: answered ? 200 : status,
      q850,
      by: failure?.by ?? 'system',
      kind: failure?.kind ?? (answered ? 'normal' : 'rejected'),
      ...(reason === undefined ? {} : { text: reason }),
    };
    this.end(cause, reason === undefined ? {} : { reason });
  }

  // Connecting.

  #connect(action: ConnectAction): void {
    const legs = action.groups.flatMap((group) => group.legs);
    if (legs.some((leg) => leg.confirm)) {
      this.#needsMedia('confirm', action.step.verb);
      return;
    }
    if (legs.some((leg) => leg.emergency)) {
      this.logger.warn({ callId: this.id, dialed: this.#facts.dialed, extension: this.#facts.extension }, 'emergency call');
    }
    const answered = this.#state === 'answered';
    if (answered && this.#callerSdp === undefined) {
      this.logger.error({ callId: this.id, step: this.#lastStep }, 'no session of the caller to offer');
      this.#resume({ kind: 'failed', outcome: 'unreachable' });
      return;
    }
    this.#failureCause = undefined;
    this.#partnerCause = undefined;
    this.#destination = [...new Set(legs.map((leg) => leg.label))].slice(0, 5).join(', ');
    const { ringTimeoutMs, ringFastMs, domain } = this.env.settings();
    const groups = action.groups.map((group) => ({ ...group, forMs: Math.min(group.forMs, ringTimeoutMs) }));
    const keepsSession = 'after' in action.step && action.step.after !== undefined;
    const connect = new ConnectStep(
      { ...action, groups },
      {
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
        callerTakesReliable: !answered && this.#abilities.takesReliable,
        maxForwards: this.#maxForwards,
        domain,
      },
      {
        progress: (progress) => this.#guarded(() => this.#relayProgress(progress)),
        answered: (leg) => this.#answered(leg, keepsSession),
        failed: (result, cause) =>
          this.#guarded(() => {
            this.#failureCause = { ...cause, kind: result.outcome };
            this.#resume(result);
          }),
      },
    );
    this.#activity = connect;
    if (!answered && !this.#caller.hasProgress) this.#startRingFast(ringFastMs);
    connect.start();
  }

  #startRingFast(ms: number): void {
    this.#ringFast ??= this.clock.after(ms, () => {
      if (this.#state === 'ringing' && !this.#caller.hasProgress) this.#tellCaller({ status: 180 });
    });
  }

  #relayProgress(progress: EarlyProgress): void {
    const { sdp, answerOffer } = progress;
    if (this.#state !== 'ringing') {
      answerOffer?.();
      return;
    }
    const status = relayedStatus(progress);
    if (status === undefined) {
      answerOffer?.();
      return;
    }
    if (answerOffer === undefined) {
      this.#tellCaller(sdp === undefined ? { status } : { status, sdp });
      return;
    }
    // Delayed offer: the callee's early offer goes to the caller, whose PRACK brings the answer.
    const offerAnswered = (answer: Sdp | undefined): void => {
      this.#offerAnsweredEarly = answer !== undefined;
      answerOffer(answer);
    };
    if (!this.#tellCaller({ status, ...(sdp === undefined ? {} : { sdp }), offerAnswered })) answerOffer();
  }

  #tellCaller(progress: Progress): boolean {
    if (!this.#caller.progress(progress)) return false;
    this.#stopRingFast();
    if (this.#ringAt === undefined) {
      this.#ringAt = this.clock.now();
      this.#pddMs = this.#elapsedMs();
      this.env.event('ringing', this);
    }
    return true;
  }

  #stopRingFast(): void {
    this.#ringFast?.clear();
    this.#ringFast = undefined;
  }

  #elapsedMs(): number {
    return Math.round(this.clock.monotonic() - this.#startedAt);
  }

  #answered(leg: AnsweredLeg, keepsSession: boolean): DialogEvents {
    this.#activity = NOTHING;
    this.#stopRingFast();
    this.#destination = leg.label;
    const codecs = answerCodecs(leg.sdp);
    leg.row.answered(codecs);
    if (!keepsSession) this.#callerSdp = undefined;
    const owed = leg.isOffer && !this.#offerAnsweredEarly ? leg.ack : undefined;
    if (owed === undefined) leg.ack();
    const bridge = new Bridge(
      this.#caller,
      leg.dialog,
      {
        legEnded: (party, cause) => this.#guarded(() => this.#legEnded(party, cause, leg)),
        callerSdp: (sdp) => {
          if (keepsSession) this.#callerSdp = sdp;
        },
      },
      owed,
    );
    const callee: Callee = { leg, bridge, since: this.clock.monotonic(), keepAlive: undefined };
    this.#callee = callee;
    void (this.#state === 'answered' ? this.#joinAnswered(callee) : this.#answerCaller(callee, codecs)).catch(
      (error: unknown) => {
        this.logger.error({ callId: this.id, err: error }, 'call failed by a fault');
        this.end(systemCause('fault', 500));
      },
    );
    return bridge.calleeEvents;
  }

  /** The record first, then the 200. */
  async #answerCaller(callee: Callee, codecs: string): Promise<void> {
    this.#state = 'answering';
    this.#answerAt = this.clock.now();
    this.#pddMs ??= this.#elapsedMs();
    try {
      await this.#recorder.answered({
        answerAt: this.#answerAt,
        ...this.#ringFields(),
        ...(codecs === '' ? {} : { codecs }),
      });
    } catch (error) {
      this.logger.error({ callId: this.id, err: error }, 'answered call cannot be recorded');
      this.end(systemCause('store-failed', 503));
      return;
    }
    if (this.#hasEndedMeanwhile()) return;
    const timer = trunkTimer(this.#trunk);
    const sdp = this.#offerAnsweredEarly ? '' : callee.leg.sdp;
    const outcome = await this.#caller.answer(sdp, timer === undefined ? {} : { timer }, callee.bridge.callerEvents);
    if (this.#hasEndedMeanwhile()) return;
    if (outcome !== 'answered') {
      this.#callerGone = true;
      this.end(outcome === 'cancelled' ? cancelledCause('caller') : systemCause('engine-lost', 503));
      return;
    }
    this.#state = 'answered';
    this.#startTimers(callee);
    this.env.event('answered', this);
    const left = this.#calleeLeft;
    if (left !== undefined) this.#calleeEnded(left);
  }

  /** A call that was answered before gets a new partner: it was offered the caller's session, the caller is offered its answer. */
  async #joinAnswered(callee: Callee): Promise<void> {
    const outcome = await this.#caller.change({ offer: callee.leg.sdp });
    if (this.#hasEndedMeanwhile() || this.#callee !== callee) return;
    if (outcome.kind !== 'accepted') {
      this.end(systemCause('not-joined', 488));
      return;
    }
    outcome.ack();
    this.#startTimers(callee);
    this.#recorder.update({ ...this.#ringFields() });
  }

  // TypeScript believes that a state it has seen cannot change across an await.
  #hasEndedMeanwhile(): boolean {
    return (this.#state as State) === 'ended';
  }

  #startTimers(callee: Callee): void {
    const { trunk, dialog } = callee.leg;
    const limits = [this.#trunk?.maxDurationMs, trunk?.maxDurationMs].filter((ms) => ms !== undefined);
    if (limits.length > 0) {
      this.#maxDuration?.clear();
      this.#maxDuration = this.clock.after(Math.min(...limits), () =>
        this.end({ sip: 200, q850: 31, text: 'Maximum duration', by: 'system', kind: 'max-duration' }),
      );
    }
    const gone = (): void => this.end({ sip: 200, q850: 27, text: 'Peer gone', by: 'system', kind: 'peer-gone' });
    if (trunk?.keepAliveMs !== undefined) {
      callee.keepAlive = startKeepAlive(dialog, trunk.keepAliveMs, this.clock, gone);
    }
    if (this.#trunk?.keepAliveMs !== undefined) {
      this.#callerKeepAlive ??= startKeepAlive(this.#caller, this.#trunk.keepAliveMs, this.clock, gone);
    }
  }

  #legEnded(party: 'caller' | 'callee', cause: EndCause, leg: AnsweredLeg): void {
    if (this.#state === 'ended') return;
    if (party === 'caller') {
      this.#callerGone = true;
      this.end(cause);
      return;
    }
    if (this.#callee?.leg !== leg) return;
    // The caller gets its 200 and then the BYE: a call that was answered ends as one.
    if (this.#state === 'answering') this.#calleeLeft = cause;
    else this.#calleeEnded(cause);
  }

  #calleeEnded(cause: EndCause): void {
    this.#partnerCause = cause;
    this.#dropCallee(cause, false);
    if (cause.kind === 'engine-lost') this.end(cause);
    else this.#resume({ kind: 'connected-ended' });
  }

  #dropCallee(cause: EndCause, hangUp: boolean): void {
    const callee = this.#callee;
    if (callee === undefined) return;
    this.#callee = undefined;
    callee.keepAlive?.clear();
    callee.bridge.close();
    callee.leg.row.ended(cause);
    callee.leg.release?.(this.#answerAt === undefined ? 0 : this.clock.monotonic() - callee.since);
    if (hangUp) void callee.leg.dialog.bye(toldCause(cause)).catch(() => undefined);
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

  // The ending.

  /** Ends the call: legs, timers, record, capacity. Idempotent; the first cause counts. */
  end(cause: EndCause, refusal: { readonly reason?: string; readonly headers?: Headers } = {}): void {
    if (this.#state === 'ended') return;
    const before = this.#state;
    this.#state = 'ended';
    this.#stopRingFast();
    this.#maxDuration?.clear();
    this.#callerKeepAlive?.clear();
    const activity = this.#activity;
    this.#activity = NOTHING;
    activity.cancel(toldCause(cause));
    this.#dropCallee(cause, true);
    if (!this.#callerGone) this.#endCaller(before, cause, refusal);
    this.#callerSdp = undefined;
    const answeredMs = this.#answerAt === undefined ? 0 : Math.max(0, this.clock.now() - this.#answerAt);
    this.#releaseCall(answeredMs);
    this.#recorder.close(this.#closingFields(cause));
    this.env.ended(this);
    this.env.event('ended', this);
    this.logger.info(
      { callId: this.id, cause: cause.kind, sip: cause.sip, by: cause.by, answeredMs },
      'call ended',
    );
  }

  #endCaller(before: State, cause: EndCause, refusal: { readonly reason?: string; readonly headers?: Headers }): void {
    if (before !== 'ringing') this.#caller.bye(toldCause(cause));
    if (before === 'answered') return;
    // While the 200 waits for the record the refusal still wins; once it has left, the BYE does.
    this.#caller.reject({
      status: cause.sip >= 300 ? cause.sip : 480,
      ...(refusal.reason === undefined ? {} : { reason: refusal.reason }),
      headers: [...(refusal.headers ?? []), ...reasonHeaders(cause.q850)],
    });
  }

  #closingFields(cause: EndCause): Partial<CallRecord> {
    return {
      endAt: this.clock.now(),
      cause,
      ...this.#ringFields(),
      ...(this.#lastStep === undefined ? {} : { lastStep: this.#lastStep }),
    };
  }

  #ringFields(): Partial<CallRecord> {
    return {
      ...(this.#ringAt === undefined ? {} : { ringAt: this.#ringAt }),
      ...(this.#pddMs === undefined ? {} : { pddMs: this.#pddMs }),
      ...(this.#destination === undefined ? {} : { destination: this.#destination }),
    };
  }
}

/** Which of the four provisionals relays this one; those that say nothing to a caller are not relayed. */
function relayedStatus({ status, sdp }: EarlyProgress): Progress['status'] | undefined {
  if (status === 180 || status === 181 || status === 182 || status === 183) return status;
  return sdp === undefined ? undefined : 183;
}
