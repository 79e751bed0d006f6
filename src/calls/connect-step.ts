import type { Timer } from '../base/clock.js';
import type { Action, ActionResult, Leg, LegGroup, Outcome } from '../dialplan/index.js';
import type { EndCause } from '../model/index.js';
import type { DialogEvents } from '../signalling/index.js';
import { COMPLETED_ELSEWHERE, systemCause } from './cause.js';
import { ConfirmedLeg } from './confirmed-leg.js';
import { DeviceLeg } from './device-leg.js';
import { endUnwanted, type AnsweredLeg, type EarlyProgress } from './leg-attempt.js';
import type { LegContext, LegFailure, LegListener, LegRun, LegTask } from './leg-run.js';
import { MAX_REDIRECTS } from './redirect.js';
import { mixOutcomes, statusOfOutcome } from './outcome.js';
import { TrunkLeg } from './trunk-leg.js';

export type ConnectAction = Extract<Action, { kind: 'connect' }>;
/** What is to be rung, by a step of the plan or not. */
export type ConnectOrder = Pick<ConnectAction, 'groups' | 'stopOnDecline' | 'identity'> & {
  readonly step: { readonly verb: string };
};
type ConnectFailure = Extract<ActionResult, { kind: 'failed' }>;

/** The call that tries to connect. Nothing is said after `answered`, `failed` or `cancel`. */
export interface ConnectListener {
  progress(progress: EarlyProgress): void;
  answered(leg: AnsweredLeg): DialogEvents;
  /** `cause` is that of the leg which gave the outcome. */
  failed(result: ConnectFailure, cause: EndCause): void;
}

/** A leg of the running group. */
interface Member {
  readonly leg: Leg;
  run: LegRun | undefined;
  delay: Timer | undefined;
  failure: LegFailure | undefined;
}

/** Carries out one `connect`: groups in turn, a group's legs together, the first that answers wins. */
export class ConnectStep {
  #members: Member[] = [];
  #groupIndex = -1;
  #deadline = 0;
  #over = false;
  #perLeg: { label: string; outcome: Outcome }[] = [];
  #failures: LegFailure[] = [];

  constructor(
    private readonly action: ConnectOrder,
    private readonly context: LegContext,
    private readonly listener: ConnectListener,
  ) {}

  start(): void {
    this.#nextGroup();
  }

  /** Ends all that rings. */
  cancel(cause: EndCause): void {
    this.#over = true;
    this.#stopMembers(cause);
  }

  /** Legs that ring or wait for their delay. */
  get legs(): number {
    return this.#members.filter((member) => member.run !== undefined && member.failure === undefined).length;
  }

  #nextGroup(): void {
    while (!this.#over) {
      this.#groupIndex += 1;
      const group = this.action.groups[this.#groupIndex];
      if (group === undefined) {
        this.#finish();
        return;
      }
      if (group.legs.length > 0) {
        this.#startGroup(group);
        return;
      }
    }
  }

  #startGroup(group: LegGroup): void {
    const now = this.context.clock.monotonic();
    this.#deadline = now + group.forMs;
    const members: Member[] = group.legs.map((leg) => ({
      leg,
      run: undefined,
      delay: undefined,
      failure: undefined,
    }));
    this.#members = members;
    for (const member of members) {
      if (member.leg.delayMs > 0) member.delay = this.#startLater(member);
    }
    for (const member of members) {
      // A leg that fails at once may have ended the step, or begun the next group.
      if (this.#over || this.#members !== members) return;
      if (member.delay === undefined && member.run === undefined && member.failure === undefined)
        this.#startMember(member);
    }
  }

  #startLater(member: Member): Timer {
    const wait = this.context.clock.monotonic() + member.leg.delayMs;
    const tooLate = wait >= this.#deadline;
    return this.context.clock.after(Math.min(member.leg.delayMs, this.#remaining()), () => {
      member.delay = undefined;
      if (this.#over || member.run !== undefined) return;
      if (tooLate) this.#memberFailed(member, { outcome: 'no-answer', cause: systemCause('no-answer', 480) });
      else this.#startMember(member);
    });
  }

  #remaining(): number {
    return Math.max(0, this.#deadline - this.context.clock.monotonic());
  }

  #startMember(member: Member): void {
    member.delay?.clear();
    member.delay = undefined;
    const { leg } = member;
    const now = this.context.clock.monotonic();
    const deadline = leg.forMs === undefined ? this.#deadline : Math.min(this.#deadline, now + leg.forMs);
    const run = this.#runFor(leg, deadline, member);
    member.run = run;
    run.start();
  }

  #runFor(leg: Leg, deadline: number, member: Member): LegRun {
    return runLeg(
      leg,
      deadline,
      // The early offers of several phones could not all be handed to one caller.
      this.#members.length > 1 ? { ...this.context, callerTakesReliable: false } : this.context,
      { left: MAX_REDIRECTS },
      {
        progress: (progress: EarlyProgress) => this.#progress(progress),
        answered: (answered: AnsweredLeg) => this.#answered(member, answered),
        failed: (failure: LegFailure) => this.#memberFailed(member, failure),
      },
    );
  }

  #progress(progress: EarlyProgress): void {
    const members = this.#members;
    const only = members.length === 1 && members[0]?.run?.forks === false;
    // Where several phones ring at once there is no one early media to hear, and no one early offer to answer.
    if (this.#over || (!only && progress.answerOffer !== undefined)) progress.answerOffer?.();
    if (this.#over) return;
    this.listener.progress(only ? progress : { status: progress.status === 183 ? 180 : progress.status });
  }

  #answered(member: Member, leg: AnsweredLeg): DialogEvents {
    if (this.#over) {
      leg.release?.(0);
      leg.row.ended(COMPLETED_ELSEWHERE);
      leg.session.close();
      return endUnwanted(leg, COMPLETED_ELSEWHERE);
    }
    if (!member.leg.confirm) return this.#taken(member, leg);
    const asked = new ConfirmedLeg(leg, this.context.confirm, {
      accepted: (confirmed) => this.#taken(member, confirmed),
      failed: (failure) => this.#memberFailed(member, failure),
    });
    member.run = asked;
    asked.start();
    return asked.waiting;
  }

  #taken(member: Member, leg: AnsweredLeg): DialogEvents {
    this.#over = true;
    member.run = undefined;
    const events = this.listener.answered(leg);
    this.#stopMembers(COMPLETED_ELSEWHERE);
    return events;
  }

  #memberFailed(member: Member, failure: LegFailure): void {
    if (this.#over || member.failure !== undefined) return;
    member.failure = failure;
    this.#perLeg.push({ label: member.leg.label, outcome: failure.outcome });
    this.#failures.push(failure);
    if (failure.outcome === 'declined' && this.action.stopOnDecline) {
      this.#stopMembers(systemCause('declined', 603));
      this.#fail(failure);
      return;
    }
    const members = this.#members;
    if (members.every((one) => one.failure !== undefined)) {
      this.#nextGroup();
      return;
    }
    // Nobody rings any more: who waits for a delay need not.
    if (members.some((one) => one.delay === undefined && one.failure === undefined)) return;
    const waiting = members.filter((one) => one.delay !== undefined);
    const soonest = Math.min(...waiting.map((one) => one.leg.delayMs));
    for (const one of waiting)
      if (one.leg.delayMs === soonest && one.delay !== undefined) this.#startMember(one);
  }

  #finish(): void {
    const failures = this.#failures;
    const mixed = mixOutcomes(failures.map((failure) => failure.outcome));
    // A group of phones has no `unknown`: one that does not exist cannot be reached.
    const outcome = mixed === 'unknown' && this.action.step.verb === 'ring' ? 'unreachable' : mixed;
    const telling = failures.filter((failure) => failure.outcome === mixed).at(-1);
    this.#fail({
      outcome,
      cause: telling?.cause ?? systemCause(outcome, statusOfOutcome(outcome)),
      ...(telling?.status === undefined ? {} : { status: telling.status }),
    });
  }

  #fail(failure: LegFailure): void {
    this.#over = true;
    this.#members = [];
    const { outcome, status, cause } = failure;
    this.listener.failed(
      { kind: 'failed', outcome, perLeg: this.#perLeg, ...(status === undefined ? {} : { status }) },
      cause,
    );
  }

  #stopMembers(cause: EndCause): void {
    const members = this.#members;
    this.#members = [];
    for (const { run, delay, failure } of members) {
      delay?.clear();
      if (failure === undefined) run?.cancel(cause);
    }
  }
}

function runLeg(
  leg: Leg,
  deadline: number,
  context: LegContext,
  redirects: LegTask['redirects'],
  listener: LegListener,
): LegRun {
  const follow: LegTask['follow'] = (next, hears) => runLeg(next, deadline, context, redirects, hears);
  const task: LegTask = { leg, deadline, context, redirects, listener, follow };
  return leg.to.kind === 'device'
    ? new DeviceLeg(task, leg.to.device, leg.to.extension)
    : new TrunkLeg(task, leg.to);
}
