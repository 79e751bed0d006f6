import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import { redirectedLegs, type Leg, type Plan } from '../dialplan/index.js';
import type { CallFacts } from '../model/index.js';
import type { Attempt, Change, Sdp, Signalling } from '../signalling/index.js';
import type { CallEnvironment } from './call-environment.js';
import type { LegSessions } from './call-media.js';
import { ConnectStep, type ConnectListener, type ConnectOrder } from './connect-step.js';
import type { EarlyPeer } from './early-session.js';
import type { LiveCall } from './live-call.js';
import { tellOfEmergency } from './emergency-notice.js';
import type { Confirmation } from './confirmed-leg.js';
import type { AnsweredLeg, AttemptHost, AttemptTarget } from './leg-attempt.js';
import type { CallRecorder, LegRow } from './recorder.js';

/** What is to be said of the caller to a new leg. */
export interface CallerOffer {
  /** Undefined: delayed offer. */
  readonly offer: Sdp | undefined;
  readonly takesReliable: boolean;
}

/** The legs a call sends out: how a `connect` is carried out, what each INVITE tells, and who is told of an emergency. */
export class CallLegs implements AttemptHost {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signalling: Pick<Signalling, 'dial'>;
  #isEmergency = false;

  constructor(
    private readonly env: CallEnvironment,
    private readonly call: Pick<LiveCall, 'id' | 'chain' | 'show'>,
    private readonly about: { readonly facts: CallFacts; readonly plan: Plan; readonly maxForwards: number },
    private readonly recorder: CallRecorder,
    private readonly onEarlyChange: (peer: EarlyPeer, change: Change) => void,
  ) {
    this.clock = env.clock;
    this.logger = env.logger;
    this.signalling = env.signalling;
  }

  /** Not started yet. */
  connect(
    action: ConnectOrder,
    sessions: LegSessions,
    caller: CallerOffer,
    listener: ConnectListener,
  ): ConnectStep {
    const { env } = this;
    const { facts, plan, maxForwards } = this.about;
    const { ringTimeoutMs, domain } = env.settings();
    const groups = action.groups.map((group) => ({ ...group, forMs: Math.min(group.forMs, ringTimeoutMs) }));
    const emergency = groups.flatMap(({ legs }) => legs).find((leg) => leg.emergency);
    if (emergency !== undefined) this.#emergencyLeaves(emergency, domain);
    const context = {
      attempts: this,
      clock: env.clock,
      logger: env.logger,
      trunks: env.trunks,
      devices: env.devices,
      capacity: env.capacity,
      random: env.random,
      facts,
      identity: action.identity,
      offer: caller.offer,
      hasOffer: caller.offer !== undefined || sessions.relayed,
      sessions,
      confirm: (leg: AnsweredLeg, signal: AbortSignal) => this.#confirm(leg, signal),
      callerTakesReliable: caller.takesReliable,
      maxForwards,
      redirect: (extension: string, dialled: string, leg: Leg) => {
        const from = { identity: leg.identity ?? action.identity };
        const redirected = redirectedLegs(plan, facts, extension, dialled, from);
        if (redirected.kind === 'legs') this.recorder.trace(redirected.trace);
        return redirected;
      },
      domain,
    };
    return new ConnectStep({ ...action, groups }, context, listener);
  }

  legLeft(target: AttemptTarget, attempt: Attempt): LegRow {
    this.env.ownLegs.set(attempt.sipCallId, this.call);
    return this.recorder.leg({
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
    this.recorder.trace([{ kind: 'attempt', target, result }]);
  }

  earlyChange(peer: EarlyPeer, change: Change): void {
    this.onEarlyChange(peer, change);
  }

  async #confirm(leg: AnsweredLeg, signal: AbortSignal): Promise<Confirmation> {
    const { media } = this.env;
    const session = leg.session.media;
    if (media === undefined || session === undefined) return 'accepted';
    const { caller } = this.about.facts;
    const { language } = media.settings();
    const end = await media.ivr.confirm(
      session,
      { language, ...(caller !== undefined && { caller }) },
      signal,
    );
    return end.kind === 'closed' ? 'gone' : end.kind;
  }

  #emergencyLeaves({ emergencySite, to }: Leg, domain: string): void {
    const { facts, plan } = this.about;
    const { callId, dialed, extension, trunk } = facts;
    this.logger.warn({ callId, dialed, extension, trunk, site: emergencySite }, 'emergency call');
    if (this.#isEmergency) return;
    this.#isEmergency = true;
    this.env.event('emergency', this.call);
    if (emergencySite === undefined || to.kind !== 'trunks') return;
    const { logger, signalling, devices } = this.env;
    tellOfEmergency(
      { facts, plan, site: emergencySite, number: to.number },
      { logger, signalling, devices, domain },
    );
  }
}
