import type { EndCause } from '../model/index.js';
import { COMPLETED_ELSEWHERE, systemCause } from './cause.js';
import { LegSession } from './leg-session.js';
import { LegAttempt, type AttemptFailure } from './leg-attempt.js';
import type { LegRun, LegTask } from './leg-run.js';
import { mixOutcomes } from './outcome.js';
import { deviceForm, outboundIdentity, planHeaders } from './outbound-identity.js';
import type { DeviceBinding } from './ports.js';

/** Devices get no `try-timeout`: a phone that sleeps may take long, and its ring time bounds it anyway. */
const DEVICE_FIRST_REPLY_MS = 8000;

/** So many bindings of one device ring; a device has few. */
const MAX_BINDINGS = 10;

/** A registered device: all its bindings ring together, the first to answer wins. */
export class DeviceLeg implements LegRun {
  readonly #bindings: readonly DeviceBinding[];
  readonly #extension: string;
  #attempts: LegAttempt[] = [];
  #failures: AttemptFailure[] = [];
  #over = false;

  constructor(
    private readonly task: LegTask,
    device: string,
    extension: string,
  ) {
    // Without its tenant: what the phone knows it by.
    this.#extension = extension.slice(extension.lastIndexOf('/') + 1);
    this.#bindings = task.context.devices.bindingsOf(device).slice(0, MAX_BINDINGS);
  }

  get forks(): boolean {
    return this.#bindings.length > 1;
  }

  start(): void {
    if (this.#bindings.length === 0) {
      this.#over = true;
      this.task.context.attempts.note(this.task.leg.label, 'unreachable (not registered)');
      this.task.listener.failed({ outcome: 'unreachable', cause: systemCause('not-registered', 480) });
      return;
    }
    this.#attempts = this.#bindings.map((binding) => this.#attempt(binding));
    // An attempt may fail at once; the others are started all the same.
    for (const attempt of this.#attempts) if (!this.#over) attempt.start();
  }

  cancel(cause: EndCause): void {
    this.#over = true;
    for (const attempt of this.#attempts) attempt.cancel(cause);
    this.#attempts = [];
  }

  #attempt(binding: DeviceBinding): LegAttempt {
    const { context, leg, deadline, listener } = this.task;
    const shown = leg.identity ?? context.identity;
    const form = deviceForm(outboundIdentity(shown, context.facts), this.#extension, context.domain);
    const session = new LegSession(context.random, undefined);
    const attempt: LegAttempt = new LegAttempt(
      context.attempts,
      {
        kind: 'extension',
        name: leg.label,
        label: leg.label,
        number: this.#extension,
        session,
        spec: {
          target: binding.contact,
          nextHop: binding.source,
          ...(binding.path.length === 0 ? {} : { routes: binding.path }),
          ...(binding.listener === undefined ? {} : { listener: binding.listener }),
          from: form.from,
          to: form.to,
          headers: [...form.headers, ...planHeaders(shown)],
          maxForwards: context.maxForwards,
          ...(context.offer === undefined ? {} : { offer: session.describe(context.offer) }),
          rel100:
            context.offer === undefined && (this.forks || !context.callerTakesReliable) ? 'off' : 'supported',
          firstReplyMs: DEVICE_FIRST_REPLY_MS,
          answerMs: Math.max(1, deadline - context.clock.monotonic()),
        },
      },
      {
        progress: (progress) => listener.progress(progress),
        answered: (answered) => {
          this.#over = true;
          const others = this.#attempts.filter((other) => other !== attempt);
          this.#attempts = [];
          const events = listener.answered(answered);
          for (const other of others) other.cancel(COMPLETED_ELSEWHERE);
          return events;
        },
        failed: (failure) => this.#failed(failure),
      },
    );
    return attempt;
  }

  #failed(failure: AttemptFailure): void {
    if (this.#over) return;
    this.#failures.push(failure);
    if (this.#failures.length < this.#bindings.length) return;
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
