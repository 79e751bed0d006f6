import type { EndCause, TrunkSettings } from '../model/index.js';
import type { Sdp, SessionTimer } from '../signalling/index.js';
import { systemCause } from './cause.js';
import { LegAttempt, type AttemptFailure } from './leg-attempt.js';
import { DirectSession } from './leg-session.js';
import type { LegFailure, LegRun, LegTask } from './leg-run.js';
import { mixOutcomes } from './outcome.js';
import { outboundIdentity, planHeaders } from './outbound-identity.js';
import type { OutboundDestination, OutboundForm, Release } from './ports.js';
import { MAX_REDIRECTS, redirectTarget } from './redirect.js';

/** Where a leg by trunks goes. */
export interface TrunkRoute {
  readonly trunks: readonly string[];
  readonly number: string;
  readonly extension?: string;
}

/** So many INVITEs one leg sends, however many trunks and destinations it has. */
const MAX_ATTEMPTS = 20;

/** RFC 4028 §5: the least Min-SE. */
const MIN_SE_S = 90;

/** The session timer a trunk asks for. */
export function trunkTimer(trunk: TrunkSettings | undefined): SessionTimer | undefined {
  const ms = trunk?.sessionTimerMs;
  return ms === undefined
    ? undefined
    : { expiresS: Math.max(MIN_SE_S, Math.round(ms / 1000)), minS: MIN_SE_S };
}

/** Trunks in order, each with its destinations in order: the next is tried where the rules of failover allow it. */
export class TrunkLeg implements LegRun {
  readonly forks = false;
  #attempt: LegAttempt | undefined;
  #over = false;
  #trunkIndex = -1;
  #trunk: TrunkSettings | undefined;
  #destinations: readonly OutboundDestination[] = [];
  #destinationIndex = 0;
  #release: Release | undefined;
  /** The caller's offer with the codecs that the trunk takes. */
  #offer: Sdp | undefined;
  #attempts = 0;
  #redirects = 0;
  #failures: LegFailure[] = [];

  constructor(
    private readonly task: LegTask,
    private readonly route: TrunkRoute,
  ) {}

  start(): void {
    this.#next();
  }

  cancel(cause: EndCause): void {
    this.#over = true;
    this.#attempt?.cancel(cause);
    this.#attempt = undefined;
    this.#letGo();
  }

  /** Goes on to the next destination, or to the next trunk, or fails. */
  #next(): void {
    const { context, deadline } = this.task;
    while (!this.#over) {
      if (context.clock.monotonic() >= deadline || this.#attempts >= MAX_ATTEMPTS) {
        this.#finish({ outcome: 'no-answer', cause: systemCause('no-answer', 480) });
        return;
      }
      const destination = this.#destinations[this.#destinationIndex];
      if (this.#trunk !== undefined && destination !== undefined) {
        this.#destinationIndex += 1;
        const form = this.#form(this.#trunk, destination.uri);
        if (form.kind === 'form') {
          this.#try(this.#trunk, destination.uri, form);
          return;
        }
        context.attempts.note(this.#trunk.name, `unknown (${form.why})`);
        this.#failures.push({ outcome: 'unknown', cause: systemCause('invalid-number', 484, form.why) });
        this.#destinations = [];
        continue;
      }
      if (!this.#nextTrunk()) return;
    }
  }

  /** False when there is none left: the leg has failed then. */
  #nextTrunk(): boolean {
    const { context, leg } = this.task;
    this.#letGo();
    this.#trunkIndex += 1;
    const name = this.route.trunks[this.#trunkIndex];
    if (name === undefined) {
      this.#finishMixed();
      return false;
    }
    const trunk = context.trunks.get(name);
    if (trunk === undefined) {
      context.attempts.note(name, 'unreachable (no such trunk)');
      this.#failures.push({ outcome: 'unreachable', cause: systemCause('no-such-trunk', 503) });
      return true;
    }
    const { facts, offer } = context;
    this.#offer = offer === undefined ? undefined : new DirectSession(context.random, trunk).admit(offer);
    if (offer !== undefined && this.#offer === undefined) {
      // Help is not refused for a codec.
      if (leg.emergency) this.#offer = offer;
      else {
        context.attempts.note(name, 'unreachable (no codec in common)');
        this.#failures.push({ outcome: 'unreachable', cause: systemCause('no-codec', 488), status: 488 });
        return true;
      }
    }
    const admission = context.capacity.legStarted({
      trunk,
      number: this.route.number,
      emergency: leg.emergency,
      ...(facts.caller === undefined ? {} : { caller: facts.caller }),
      ...(facts.extension === undefined ? {} : { extension: facts.extension }),
    });
    if (admission.kind === 'refuse') {
      const { code, reason } = admission.verdict;
      context.attempts.note(name, `limited (${code}: ${reason})`);
      this.#failures.push({ outcome: 'limited', cause: systemCause(code, 503, reason) });
      return true;
    }
    this.#release = admission.release;
    this.#trunk = trunk;
    this.#destinations = context.trunks.destinations(name, context.random);
    this.#destinationIndex = 0;
    if (this.#destinations.length === 0) {
      context.attempts.note(name, 'unreachable (no destination)');
      this.#failures.push({ outcome: 'unreachable', cause: systemCause('no-destination', 503) });
    }
    return true;
  }

  #form(trunk: TrunkSettings, destination: string): OutboundForm {
    const { context, leg } = this.task;
    return context.trunks.buildOutbound({
      trunk,
      destination,
      number: this.route.number,
      identity: outboundIdentity(leg.identity ?? context.identity, context.facts),
      emergency: leg.emergency,
      // Its name may hold the tenant; the PBX knows it by its digits.
      ...(this.route.extension === undefined ? {} : { extension: this.route.number }),
    });
  }

  #try(trunk: TrunkSettings, destination: string, form: Extract<OutboundForm, { kind: 'form' }>): void {
    const { context, deadline, leg, listener } = this.task;
    const remaining = Math.max(1, deadline - context.clock.monotonic());
    const timer = trunkTimer(trunk);
    const mayRel = context.hasOffer || context.callerTakesReliable;
    this.#attempts += 1;
    this.#attempt = new LegAttempt(
      context.attempts,
      {
        kind: 'trunk',
        name: trunk.name,
        label: leg.label,
        number: this.route.number,
        ...(this.route.extension === undefined ? {} : { extension: this.route.extension }),
        trunk,
        open: () => context.sessions.open({ trunk, peer: destination, listener: trunk.listener }),
        partner: this.#offer,
        ...(this.#release === undefined ? {} : { release: this.#release }),
        spec: {
          target: form.target,
          ...(form.nextHop === undefined ? {} : { nextHop: form.nextHop }),
          ...(trunk.listener === undefined ? {} : { listener: trunk.listener }),
          from: form.from,
          to: form.to,
          headers: [...form.headers, ...planHeaders(leg.identity ?? context.identity)],
          maxForwards: context.maxForwards,
          rel100: mayRel ? trunk.rel100 : 'off',
          ...(timer === undefined ? {} : { timer }),
          firstReplyMs: Math.min(trunk.tryTimeoutMs, remaining),
          answerMs: remaining,
          ...(form.credentials === undefined ? {} : { credentials: form.credentials }),
        },
      },
      {
        progress: (progress) => listener.progress(progress),
        answered: (answered) => {
          this.#over = true;
          // The trunk's place belongs to the answered leg now.
          this.#release = undefined;
          context.trunks.noteResult(trunk.name, destination, true);
          return listener.answered(answered);
        },
        failed: (failure) => this.#failed(trunk, destination, form, failure),
      },
    );
    this.#attempt.start();
  }

  #failed(
    trunk: TrunkSettings,
    destination: string,
    form: Extract<OutboundForm, { kind: 'form' }>,
    failure: AttemptFailure,
  ): void {
    if (this.#over) return;
    const { context } = this.task;
    if (failure.outcome !== 'no-answer' || failure.status !== undefined) {
      context.trunks.noteResult(
        trunk.name,
        destination,
        failure.status !== undefined && failure.status !== 503,
      );
    }
    const { response } = failure;
    if (response !== undefined && response.status < 400) {
      const target = this.#redirects < MAX_REDIRECTS ? redirectTarget(response, trunk) : undefined;
      if (target !== undefined) {
        this.#redirects += 1;
        // What was asked for stays in To; where to ask is new.
        const { from, to, headers, credentials } = form;
        const asked = { kind: 'form', target, from, to, headers } as const;
        this.#try(trunk, destination, credentials === undefined ? asked : { ...asked, credentials });
        return;
      }
    }
    // An emergency call tries whatever is left, unless somebody was rung.
    if (mayTryNext(failure, trunk) || (this.task.leg.emergency && !failure.rang)) {
      this.#failures.push(failure);
      this.#next();
      return;
    }
    this.#finish(failure);
  }

  #finishMixed(): void {
    const outcome = mixOutcomes(this.#failures.map((failure) => failure.outcome));
    const last = this.#failures.filter((failure) => failure.outcome === outcome).at(-1);
    this.#finish({
      outcome,
      cause: last?.cause ?? systemCause('no-destination', 503),
      ...(last?.status === undefined ? {} : { status: last.status }),
    });
  }

  #finish(failure: LegFailure): void {
    this.#over = true;
    this.#letGo();
    this.task.listener.failed({
      outcome: failure.outcome,
      cause: failure.cause,
      ...(failure.status === undefined ? {} : { status: failure.status }),
    });
  }

  #letGo(): void {
    this.#release?.(0);
    this.#release = undefined;
    this.#trunk = undefined;
    this.#destinations = [];
  }
}

/** Never after 180; after 183 only on 5xx; else on the trunk's codes and when there was no reply at all. */
function mayTryNext(failure: AttemptFailure, trunk: TrunkSettings): boolean {
  if (failure.rang || failure.cause.kind === 'engine-lost') return false;
  const { status } = failure;
  if (status === undefined) return failure.outcome === 'unreachable' && !failure.progressed;
  if (!trunk.retryOn.includes(status)) return false;
  return !failure.progressed || (status >= 500 && status < 600);
}
