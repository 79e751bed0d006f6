import type { Leg, Redirected } from '../dialplan/index.js';
import type { EndCause } from '../model/index.js';
import type { SipResponse } from '../sip/index.js';
import { COMPLETED_ELSEWHERE, systemCause } from './cause.js';
import { LegAttempt, type AttemptFailure } from './leg-attempt.js';
import type { LegFailure, LegRun, LegTask } from './leg-run.js';
import { mixOutcomes } from './outcome.js';
import { deviceForm, outboundIdentity, planHeaders } from './outbound-identity.js';
import type { DeviceBinding } from './ports.js';
import { redirectUser } from './redirect.js';

/** Devices get no `try-timeout`: a phone that sleeps may take long, and its ring time bounds it anyway. */
const DEVICE_FIRST_REPLY_MS = 8000;

/** Characters of a redirection's target that a trace shows. */
const MAX_SHOWN = 64;

/** So many bindings of one device ring; a device has few. */
const MAX_BINDINGS = 10;

/** A registered device: all its bindings, and whom they send the call on to, ring together; the first to answer wins. */
export class DeviceLeg implements LegRun {
  readonly #bindings: readonly DeviceBinding[];
  readonly #extension: string;
  readonly #extensionName: string;
  #attempts: LegAttempt[] = [];
  /** Legs that redirections led to. */
  #followed: LegRun[] = [];
  /** Attempts and followed legs that have not failed. */
  #open = 0;
  #failures: LegFailure[] = [];
  #over = false;

  constructor(
    private readonly task: LegTask,
    device: string,
    extension: string,
  ) {
    // Without its tenant: what the phone knows it by.
    this.#extensionName = extension;
    this.#extension = extension.slice(extension.lastIndexOf('/') + 1);
    this.#bindings = task.context.devices.bindingsOf(device).slice(0, MAX_BINDINGS);
  }

  get forks(): boolean {
    return this.#bindings.length + this.#followed.length > 1 || this.#followed.some((run) => run.forks);
  }

  start(): void {
    if (this.#bindings.length === 0) {
      this.#over = true;
      this.task.context.attempts.note(this.task.leg.label, 'unreachable (not registered)');
      this.task.listener.failed({ outcome: 'unreachable', cause: systemCause('not-registered', 480) });
      return;
    }
    this.#attempts = this.#bindings.map((binding) => this.#attempt(binding));
    this.#open = this.#attempts.length;
    // An attempt may fail at once; the others are started all the same.
    for (const attempt of this.#attempts) if (!this.#over) attempt.start();
  }

  cancel(cause: EndCause): void {
    this.#over = true;
    this.#stop(cause);
  }

  #stop(cause: EndCause, except?: LegAttempt | LegRun): void {
    const all = [...this.#attempts, ...this.#followed];
    this.#attempts = [];
    this.#followed = [];
    for (const one of all) if (one !== except) one.cancel(cause);
  }

  #attempt(binding: DeviceBinding): LegAttempt {
    const { context, leg, deadline, listener } = this.task;
    const shown = leg.identity ?? context.identity;
    const form = deviceForm(outboundIdentity(shown, context.facts), this.#extension, context.domain);
    const attempt: LegAttempt = new LegAttempt(
      context.attempts,
      {
        kind: 'extension',
        name: leg.label,
        label: leg.label,
        number: this.#extension,
        extension: this.#extensionName,
        open: () =>
          context.sessions.open({ trunk: undefined, peer: binding.source, listener: binding.listener }),
        partner: context.offer,
        spec: {
          target: binding.contact,
          nextHop: binding.source,
          ...(binding.path.length === 0 ? {} : { routes: binding.path }),
          ...(binding.listener === undefined ? {} : { listener: binding.listener }),
          from: form.from,
          to: form.to,
          headers: [...form.headers, ...planHeaders(shown)],
          maxForwards: context.maxForwards,
          rel100: context.hasOffer || (!this.forks && context.callerTakesReliable) ? 'supported' : 'off',
          firstReplyMs: DEVICE_FIRST_REPLY_MS,
          answerMs: Math.max(1, deadline - context.clock.monotonic()),
        },
      },
      {
        progress: (progress) => listener.progress(progress),
        answered: (answered) => {
          this.#over = true;
          const events = listener.answered(answered);
          this.#stop(COMPLETED_ELSEWHERE, attempt);
          return events;
        },
        failed: (failure) => this.#attemptFailed(failure),
      },
    );
    return attempt;
  }

  #attemptFailed(failure: AttemptFailure): void {
    if (this.#over) return;
    const { response } = failure;
    const followed = response !== undefined && response.status < 400 && this.#follow(response);
    if (!followed) this.#failed(failure);
  }

  /** RFC 3261 §8.1.3.4, within the rules of the plan. False: it leads nowhere. */
  #follow(response: SipResponse): boolean {
    const { context, leg, redirects } = this.task;
    const user = redirectUser(response);
    if (user === undefined) return false;
    const redirected: Redirected =
      redirects.left > 0
        ? context.redirect(this.#extensionName, user, leg)
        : { kind: 'refused', why: 'too many redirections' };
    if (redirected.kind === 'refused') {
      context.attempts.note(leg.label, `not sent on to ${user.slice(0, MAX_SHOWN)}: ${redirected.why}`);
      return false;
    }
    redirects.left -= 1;
    context.attempts.note(leg.label, `sent on to ${user.slice(0, MAX_SHOWN)}`);
    const runs = redirected.legs.map((next) => this.#followedRun(next));
    this.#followed.push(...runs);
    this.#open += runs.length - 1;
    for (const run of runs) if (!this.#over) run.start();
    return true;
  }

  #followedRun(leg: Leg): LegRun {
    const { listener } = this.task;
    const run: LegRun = this.task.follow(leg, {
      progress: (progress) => listener.progress(progress),
      answered: (answered) => {
        this.#over = true;
        const events = listener.answered(answered);
        this.#stop(COMPLETED_ELSEWHERE, run);
        return events;
      },
      failed: (failure) => this.#failed(failure),
    });
    return run;
  }

  #failed(failure: LegFailure): void {
    if (this.#over) return;
    this.#failures.push(failure);
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#over = true;
    const outcome = mixOutcomes(this.#failures.map((one) => one.outcome));
    const telling = this.#failures.find((one) => one.outcome === outcome) ?? failure;
    this.task.listener.failed({
      outcome,
      cause: telling.cause,
      ...(telling.status === undefined ? {} : { status: telling.status }),
    });
  }
}
