import type { Clock } from '../base/clock.js';
import { AppError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { Leg, MachineStep, Plan } from '../dialplan/index.js';
import type { CallFacts, EndCause } from '../model/index.js';
import type { AdmittedCall } from '../routing/index.js';
import type { Change, DialogEvents, IncomingCall } from '../signalling/index.js';
import { answerCodecs } from './answer-codecs.js';
import type { CallEnvironment } from './call-environment.js';
import { CallLegs } from './call-legs.js';
import { carryOutOpening, openingOf, type OpeningHost } from './call-opening.js';
import { CallLimits } from './call-limits.js';
import { CallSound } from './call-sound.js';
import { conferenceActivity, mediaActivity, queueActivity, type CallStepHost } from './call-steps.js';
import { Callee } from './callee.js';
import type { CallerAbilities } from './caller-abilities.js';
import { CallerEvents } from './caller-events.js';
import { CallerSide, type CallerSideHost } from './caller-side.js';
import { causeOfPlanEnd, COMPLETED_ELSEWHERE, systemCause, toldCause } from './cause.js';
import type { ConferenceAction } from './conference-step.js';
import type { ConnectAction } from './connect-step.js';
import { deferredActivity } from './deferred-activity.js';
import type { AnsweredLeg, EarlyProgress } from './leg-attempt.js';
import { offerBetween, sdpFor, type LegSession } from './leg-session.js';
import { otherParty, type LiveCall, type Party } from './live-call.js';
import type { MediaAction } from './media-steps.js';
import { pairAfter, type PairedCall } from './paired-call.js';
import { OnDemandRecording } from './on-demand-recording.js';
import { RingingStep, type PickUp } from './pickup.js';
import { PlanRun, type Activity, type EndAction, type PlanRunHost } from './plan-run.js';
import type { Release, RunningCall } from './ports.js';
import type { Replaces } from '../sip/index.js';
import type { AgentOffer, QueueTicket, Ringing, RingOutcome } from '../queues/index.js';
import type { QueueAction } from './queue-step.js';
import { CallRecorder } from './recorder.js';
import { takePlace, type Replaced } from './replaces.js';
import { ringAgent } from './ring-agent.js';
import type { MediaLoss, SessionOpener } from './session-opener.js';
import { Supervision } from './supervision.js';
import { TalkCodes } from './talk-codes.js';
import { sideOf, type TransferSide } from './transfer-side.js';
import { transferredCause, Transfers } from './transfer.js';
import type { WaitingLeg } from './waiting-leg.js';
import { showCall } from './show-call.js';

/** One call, from INVITE to its record. Whatever happens, it ends by `end`, once. */
export class Call implements PlanRunHost, CallerSideHost, LiveCall {
  readonly id: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numbers dialled on the way here, where our own calls come back to us. */
  readonly chain: readonly string[];
  readonly callerEvents: CallerEvents;
  readonly facts: CallFacts;
  readonly legs: CallLegs;
  readonly transfers: Transfers;
  readonly supervision: Supervision;
  readonly onDemand: OnDemandRecording;
  readonly #codes: TalkCodes;
  readonly #caller: CallerSide;
  readonly #limits: CallLimits;
  readonly #plan: PlanRun;
  readonly #recorder: CallRecorder;
  readonly #sound: CallSound;
  #releaseCall: Release;
  /** The call that goes on with what is left of this one. */
  #heir: PairedCall | undefined;
  #callee: Callee | undefined;
  /** What rings now. */
  #ringing: RingingStep | undefined;
  /** The callee hung up before the caller's 200 was sent. */
  #calleeLeft: EndCause | undefined;
  /** Why the last step failed, or the last partner left: what the call ends with if nothing follows. */
  #failureCause: EndCause | undefined;
  #partnerCause: EndCause | undefined;
  #destination: string | undefined;
  /** End what queues know of the extensions that talk here. */
  #callerBusy: (() => void) | undefined;
  #calleeBusy: (() => void) | undefined;
  /** The queue the caller waits in, or waited in last; the place there, while talking to its agent. */
  #queueing: QueueAction | undefined;
  #ticket: QueueTicket | undefined;

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
    const { facts, plan, step } = route;
    const { maxForwards } = options;
    this.id = facts.callId;
    this.clock = env.clock;
    this.logger = env.logger;
    this.chain = options.chain;
    this.facts = facts;
    this.#recorder = new CallRecorder(env.records, env.clock, env.logger, this.id);
    this.#caller = new CallerSide(env, incoming, route, options.abilities, this.#recorder, this);
    this.callerEvents = new CallerEvents(this);
    this.#sound = new CallSound(env, this.#caller.media, this.id);
    this.legs = new CallLegs(env, this, { facts, plan, maxForwards }, this.#recorder, (peer, change) => {
      if (this.#caller.state === 'ringing') this.#caller.early.fromCallee(peer, change);
      else change.reject(500);
    });
    this.#limits = new CallLimits(env.clock, this.#caller.leg, route.trunk, (cause) => this.end(cause));
    this.transfers = new Transfers(env, this);
    this.supervision = new Supervision(env.media, this, () => this.#callee?.part());
    this.onDemand = new OnDemandRecording(env.media, env, this);
    this.#codes = new TalkCodes(env, this);
    this.#plan = new PlanRun(env, { plan, facts }, this, (trace) => this.#recorder.trace(trace), step.state);
    this.#recorder.open({
      facts,
      sipCallId: incoming.request.callId,
      sourceAddress: incoming.source.address,
      planRevision: route.revision,
      trace: [...route.trace, ...step.trace],
    });
    this.#releaseCall = env.capacity.callStarted(route.border);
    if (facts.extension !== undefined) this.#callerBusy = env.busy.begin(facts.extension);
  }

  /** The caller takes the place of a party of another call (RFC 3891). */
  beginReplacing(replaced: Replaced): void {
    this.env.event('started', this);
    const answer = async (): Promise<boolean> => (await this.#caller.hear(false)) !== undefined;
    takePlace(this, replaced, answer).catch((error: unknown) => this.fault(error));
  }

  /** Carries out the first action. */
  begin(step: MachineStep): void {
    this.env.event('started', this);
    if (this.#caller.hasNoCodec) {
      this.end(systemCause('no-codec', 488));
      return;
    }
    const { action } = step;
    const opening = openingOf(action, this.facts, this.#plan.plan, this.env);
    if (opening === undefined) this.#plan.perform(action);
    else
      carryOutOpening(
        opening,
        this.#openingHost(() => this.#plan.perform(action)),
      ).catch((error: unknown) => this.fault(error));
  }

  #openingHost(goOn: () => void): OpeningHost {
    return {
      env: this.env,
      facts: this.facts,
      plan: this.#plan.plan,
      language: this.#language(),
      signal: this.#sound.signal,
      caller: this.#caller,
      call: this,
      goOn,
      isAt: (destination) => {
        this.#destination = destination;
      },
    };
  }

  /** What rings at the extension for this call, and may be picked up elsewhere. */
  ringingAt(extension: string): PickUp | undefined {
    return this.#ringing?.rings(extension) === true ? this.#ringing : undefined;
  }

  get hasEnded(): boolean {
    return this.#caller.state === 'ended';
  }

  get destination(): string | undefined {
    return this.#destination;
  }

  show(): RunningCall {
    const { state, isGone, answerAt } = this.#caller;
    return showCall(this.facts, {
      state: state === 'answering' ? 'ringing' : state,
      legs: (isGone ? 0 : 1) + this.#plan.legs + (this.#callee === undefined ? 0 : 1),
      destination: this.#destination,
      answeredAt: answerAt,
    });
  }

  // What the caller's side tells.

  get partner(): DialogEvents | undefined {
    return this.#callee?.bridge.callerEvents;
  }

  get session(): LegSession {
    return this.#caller.leg.session;
  }

  rang(): void {
    this.env.event('ringing', this);
  }

  answered(): void {
    this.env.event('answered', this);
  }

  digit(digit: string): void {
    this.#sound.pressed(digit);
  }

  callerLeft(cause: EndCause): void {
    this.#caller.isGone = true;
    this.end(cause);
  }

  /** CANCEL from the caller, or its transaction died: the 487 is sent below. */
  cancelled(reason: EndCause): void {
    this.#caller.isGone = true;
    this.#caller.leg.forget();
    this.end({ ...reason, q850: reason.q850 ?? 16 });
  }

  /** The caller changes the session before it is answered. */
  change(change: Change): void {
    if (this.#caller.state === 'ringing') this.#caller.early.fromCaller(change);
    else change.reject(500);
  }

  // PlanRunHost: what the plan asks of its call.

  connect(action: ConnectAction): Activity | undefined {
    const legs = action.groups.flatMap((group) => group.legs);
    const { media, state, sdp } = this.#caller;
    if (!media.relayed && this.#needsRelay(action, legs)) {
      return deferredActivity(
        () => this.#caller.relay(),
        () => this.#connectNow(action, legs),
        (error) => this.fault(error),
      );
    }
    if (state === 'answered' && !media.relayed && sdp === undefined) {
      this.logger.error({ callId: this.id, step: this.#plan.lastStep }, 'no session of the caller to offer');
      return undefined;
    }
    return this.#connectNow(action, legs);
  }

  #needsRelay(action: ConnectAction, legs: readonly Leg[]): boolean {
    if (this.env.media === undefined) return false;
    if (this.#caller.state === 'answered' && this.#caller.sdp === undefined) return true;
    if (action.music !== 'ringback' || legs.some((leg) => leg.confirm)) return true;
    const trunks = legs.flatMap(({ to }) =>
      to.kind === 'trunks' ? to.trunks.map((name) => this.env.trunks.get(name)) : [undefined],
    );
    return this.#caller.media.wants(trunks);
  }

  #connectNow(action: ConnectAction, legs: readonly Leg[]): Activity {
    this.#failureCause = undefined;
    this.#partnerCause = undefined;
    this.#destination = [...new Set(legs.map((leg) => leg.label))].slice(0, 5).join(', ');
    const keepsSession = 'after' in action.step;
    const caller = this.#caller;
    if (caller.state !== 'answered') caller.ringing.soon(this.env.settings().ringFastMs);
    const join = (leg: AnsweredLeg): DialogEvents => {
      this.#ringing?.over();
      this.#plan.settled();
      this.#sound.stopRinging();
      return this.#join(leg, keepsSession);
    };
    const ring = this.legs.connect(action, caller.media, caller.offer, {
      progress: (progress) => this.#plan.guarded(() => this.#relayProgress(progress)),
      answered: join,
      failed: (result, cause) => {
        this.#ringing?.over();
        this.#sound.stopRinging();
        this.#failureCause = { ...cause, kind: result.outcome };
        this.#plan.resume(result);
      },
    });
    this.#ringing = new RingingStep(legs, {
      callId: this.id,
      caller,
      cancel: () => ring.cancel(COMPLETED_ELSEWHERE),
      join,
      note: (text) => this.note(text),
      mediaLost: (why) => this.mediaLost(why),
    });
    return {
      get legs() {
        return ring.legs;
      },
      start: () => {
        this.#ringWithSound(action.music);
        ring.start();
      },
      cancel: (cause) => {
        this.#ringing?.over();
        this.#sound.stopRinging();
        ring.cancel(cause);
      },
    };
  }

  /** Whoever is answered already, or is to hear music, hears it from us; anybody else rings by signalling. */
  #ringWithSound(music: string): void {
    const { state, media, ringing } = this.#caller;
    if (media.caller === undefined || (state !== 'answered' && music === 'ringback')) return;
    if (state !== 'answered') ringing.tell({ status: 183, own: true });
    this.#sound.ring(music);
  }

  media(action: MediaAction): Activity | undefined {
    return mediaActivity(action, this.#stepHost());
  }

  queue(action: QueueAction): Activity | undefined {
    this.#queueing = action;
    return queueActivity(action, this.#stepHost());
  }

  conference(action: ConferenceAction): Activity | undefined {
    return conferenceActivity(action, this.#stepHost());
  }

  #stepHost(): CallStepHost {
    return {
      env: this.env,
      facts: this.facts,
      plan: this.#plan,
      caller: this.#caller,
      sound: this.#sound,
      language: this.#language(),
      begins: () => {
        this.#failureCause = undefined;
        this.#destination = this.#plan.lastStep;
      },
      joinAgent: (agent, ticket) => {
        this.#plan.settled();
        this.#ticket = ticket;
        agent.join(this.#join(agent.leg, true));
      },
      note: (text) => this.note(text),
      fault: (error) => this.fault(error),
    };
  }

  /** Rings an agent for the caller who waits in a queue. */
  ringAgent(offer: AgentOffer, on: RingOutcome<WaitingLeg>): Ringing | undefined {
    if (this.#queueing === undefined || this.hasEnded) return undefined;
    const { plan } = this.#plan;
    const { step } = this.#queueing;
    return ringAgent({ legs: this.legs, caller: this.#caller, plan, facts: this.facts, step }, offer, on);
  }

  #language(): string {
    const chosen = this.#plan.variable('language');
    return chosen === '' ? (this.env.media?.settings().language ?? '') : chosen;
  }

  ringCaller(): void {
    if (this.#caller.state === 'ringing') this.#caller.ringing.tell({ status: 180 });
  }

  endByPlan(action: EndAction): void {
    const answered = this.#caller.state === 'answered';
    const cause = this.#partnerCause ?? causeOfPlanEnd(action, answered, this.#failureCause);
    if (!answered || action.tone !== 'busy' || this.#partnerCause !== undefined) this.end(cause);
    else void this.#sound.busyTone().then(() => this.end(cause));
  }

  needsMedia(verb: string, action: string): void {
    this.logger.error(
      { callId: this.id, step: this.#plan.lastStep, action },
      `step ${verb} needs the media engine`,
    );
    this.#recorder.trace([{ kind: 'note', text: `step ${verb} needs the media engine, which is not there` }]);
    this.end({ ...systemCause('needs-media', 501), q850: 79 });
  }

  fault(error: unknown): void {
    if (error instanceof AppError && error.code === 'MEDIA_NOT_ACCEPTABLE') {
      // What the far side described is no fault of ours, and anyone can send it: no alarm.
      this.logger.info({ callId: this.id, why: error.message }, 'media not acceptable');
      this.end(systemCause('no-codec', 488));
      return;
    }
    this.logger.error({ callId: this.id, err: error }, 'call failed by a fault');
    this.end(systemCause('fault', 500));
  }

  #relayProgress(progress: EarlyProgress): void {
    const { state, ringing, media } = this.#caller;
    const heard = progress.sdp === undefined ? undefined : progress.peer?.session.media;
    if (heard !== undefined) this.#sound.stopRinging();
    // Who is answered already hears the other side all the same: what it says before it answers may be why it does not.
    if (state === 'ringing') ringing.relay(progress);
    else progress.answerOffer?.();
    if (heard !== undefined) media.join(heard);
  }

  // Joined with a partner.

  #join(leg: AnsweredLeg, keepsSession: boolean): DialogEvents {
    const caller = this.#caller;
    caller.ringing.answered();
    this.#destination = leg.label;
    const codecs = answerCodecs(leg.sdp);
    leg.row.answered(codecs);
    if (!keepsSession) caller.sdp = undefined;
    const callee: Callee = new Callee(
      leg,
      caller.leg,
      {
        legEnded: (party, cause) => this.#legEnded(party, cause, callee),
        refer: (party, incoming) => this.transfers.refer(party, incoming),
        digit: (party, key) => this.#codes.pressed(party, key),
        callerSdp: (sdp) => {
          if (keepsSession) caller.sdp = sdp;
        },
      },
      this.#sound.relayParts,
      this.clock,
      caller.ringing.offerAnswered,
    );
    this.#callee = callee;
    if (this.#ticket === undefined) this.#calleeBusy = this.env.busy.begin(leg.label);
    if (leg.isOffer && offerBetween(leg.session, caller.leg.session, leg.sdp) === undefined) {
      this.end(systemCause('no-codec', 488));
      return callee;
    }
    const joined =
      caller.state === 'answered' ? this.#joinAnswered(callee) : this.#answerCaller(callee, codecs);
    void joined.catch((error: unknown) => this.fault(error));
    return callee;
  }

  async #answerCaller(callee: Callee, codecs: string): Promise<void> {
    const caller = this.#caller;
    if (!(await caller.record(codecs))) return;
    // Where offer and answer are through already the 200 needs no SDP (RFC 3262 §5).
    const early = caller.leg.reliableAnswer;
    const isThrough = caller.ringing.offerAnswered || caller.leg.isUpdated;
    const sdp = isThrough ? '' : (early ?? sdpFor(caller.leg.session, callee.leg));
    if (!(await caller.answer(sdp))) return;
    this.#limits.start(callee);
    if (this.#calleeLeft !== undefined) this.#calleeEnded(this.#calleeLeft);
    // Another leg gave the early answer than the one that was answered.
    else if (early !== undefined && early !== callee.leg.sdp && !caller.media.canCarry(early, callee.leg.sdp))
      await caller.join(callee.leg.sdp);
  }

  /** A call that was answered before gets a new partner: it was offered the caller's session, the caller is offered its answer. */
  async #joinAnswered(callee: Callee): Promise<void> {
    if (!(await this.#caller.join(callee.leg.sdp)) || this.#callee !== callee) return;
    this.#limits.start(callee);
    this.#recorder.update(this.#caller.ringing.fields(this.#destination));
  }

  #legEnded(party: 'caller' | 'callee', cause: EndCause, callee: Callee): void {
    if (this.hasEnded) return;
    if (party === 'callee' && this.#callee !== callee) return;
    if (this.transfers.left(party, cause)) {
      if (party === 'caller') this.#caller.left();
      else this.#dropCallee(cause, false, true);
      return;
    }
    if (party === 'caller') {
      this.callerLeft(cause);
      return;
    }
    // The caller gets its 200 and then the BYE: a call that was answered ends as one.
    if (this.#caller.state === 'answering') this.#calleeLeft = cause;
    else this.#calleeEnded(cause);
  }

  #calleeEnded(cause: EndCause): void {
    this.#partnerCause = cause;
    this.#dropCallee(cause, false);
    if (cause.kind === 'engine-lost' || this.#caller.isGone) this.end(cause);
    else this.#plan.resume({ kind: 'connected-ended' });
  }

  #dropCallee(cause: EndCause, hangUp: boolean, transferred = false): void {
    const callee = this.#callee;
    this.#calleeGone(transferred);
    callee?.end(cause, hangUp);
  }

  #calleeGone(transferred: boolean): void {
    this.supervision.stop();
    this.#callee = undefined;
    this.#calleeBusy?.();
    this.#ticket?.ended({ transferred });
    this.#ticket = undefined;
  }

  // Its parties get others to talk to.

  get plan(): Plan {
    return this.#plan.plan;
  }

  get opener(): SessionOpener | undefined {
    return this.#caller.media.opener;
  }

  side(who: Party): TransferSide | undefined {
    const callee = this.#callee;
    if (callee === undefined || this.#caller.state !== 'answered') return undefined;
    return who === 'caller' ? this.#caller.side : sideOf(callee.leg);
  }

  part(): void {
    this.supervision.stop();
    this.#callee?.part();
  }

  rejoin(): void {
    this.#callee?.rejoin();
  }

  replace(who: Party, leg: AnsweredLeg, why: string): { events: DialogEvents; gone: WaitingLeg | undefined } {
    const stays = this.#callee?.detach(() => undefined);
    this.#calleeGone(true);
    if (who === 'callee') return { events: this.#join(leg, true), gone: stays };
    const { media } = this.env;
    if (stays === undefined || media === undefined) throw new Error('nobody is left to be joined');
    const heir = pairAfter(this.env, this, { stays, leg, why, media });
    this.#heir = heir;
    const gone = this.#detachCaller((lost) => heir.mediaLost(lost));
    this.opener?.handTo((lost) => heir.mediaLost(lost));
    const events = heir.connect(stays, leg);
    this.end(transferredCause(who));
    return { events, gone };
  }

  abandoned(who: Party, cause: EndCause): void {
    if (who === 'callee') this.#calleeEnded(cause);
    else this.end(cause);
  }

  mediaLost(why: MediaLoss): void {
    if (this.#heir === undefined) this.#caller.lost(why);
    else this.#heir.mediaLost(why);
  }

  note(text: string): void {
    this.#recorder.trace([{ kind: 'note', text }]);
  }

  partyNamedBy(replaces: Replaces): Party | undefined {
    if (this.#caller.leg.dialog?.isNamedBy(replaces) === true) return 'caller';
    return this.#callee?.leg.dialog.isNamedBy(replaces) === true ? 'callee' : undefined;
  }

  handOver(who: Party, lost: (why: MediaLoss) => void): WaitingLeg | undefined {
    const leg = who === 'caller' ? this.#detachCaller(lost) : this.#callee?.detach(() => undefined);
    if (leg === undefined) return undefined;
    this.opener?.handTo(lost);
    if (who === 'callee') this.#calleeGone(true);
    this.end(transferredCause(otherParty(who)));
    return leg;
  }

  #detachCaller(lost: (why: MediaLoss) => void): WaitingLeg | undefined {
    const leg = this.#caller.detach(this.#releaseCall, { lost, ended: () => undefined });
    if (leg === undefined) return undefined;
    this.#releaseCall = () => undefined;
    this.callerEvents.handTo(leg);
    return leg;
  }

  // The ending.

  /** Ends the call: legs, timers, record, capacity. Idempotent; the first cause counts. */
  end(cause: EndCause): void {
    if (this.hasEnded) return;
    const caller = this.#caller;
    const { answeredMs } = caller;
    this.#limits.stop();
    this.transfers.stop(cause);
    this.supervision.stop();
    this.onDemand.stop();
    this.#sound.stop();
    caller.end(cause);
    this.#plan.cancel(toldCause(cause));
    this.#dropCallee(cause, true);
    this.#callerBusy?.();
    this.#releaseCall(answeredMs);
    const patch = caller.ringing.fields(this.#destination);
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
