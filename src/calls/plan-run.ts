import { showPlace } from '../base/diagnostic.js';
import {
  shownVariables,
  type Action,
  type ActionResult,
  type MachineState,
  type MachineStep,
  type Plan,
} from '../dialplan/index.js';
import type { EndCause } from '../model/index.js';
import type { AdmittedCall } from '../routing/index.js';
import type { CallEnvironment } from './call-environment.js';
import type { ConferenceAction } from './conference-step.js';
import type { ConnectAction } from './connect-step.js';
import type { MediaAction } from './media-steps.js';
import type { QueueAction } from './queue-step.js';

export type EndAction = Extract<Action, { kind: 'end' }>;

/** What is being carried out now. */
export interface Activity {
  start(): void;
  cancel(cause: EndCause): void;
  /** Legs it rings. */
  readonly legs: number;
}

/** The call that a plan steers. */
export interface PlanRunHost {
  readonly id: string;
  readonly hasEnded: boolean;
  /** The caller hears ringing, unless it was answered. */
  ringCaller(): void;
  /** How a `connect` is carried out; undefined: it cannot be, and has failed as unreachable. */
  connect(action: ConnectAction): Activity | undefined;
  endByPlan(action: EndAction): void;
  /** A step that plays or listens; undefined: there is no media engine. */
  media(action: MediaAction): Activity | undefined;
  /** A wait in a queue; undefined: there are no queues. */
  queue(action: QueueAction): Activity | undefined;
  /** A stay in a conference room; undefined: there is no media engine. */
  conference(action: ConferenceAction): Activity | undefined;
  /** A step that only the media engine can do, and there is none. */
  needsMedia(verb: string, action: string): void;
  /** A bug: the call must end. */
  fault(error: unknown): void;
}

const NOTHING: Activity = { start: () => undefined, cancel: () => undefined, legs: 0 };

/** Drives one call through its plan: carries out an action, tells the machine what came of it, and goes on with the next. */
export class PlanRun {
  #machine: MachineState;
  #activity: Activity = NOTHING;
  #lastStep: string | undefined;

  constructor(
    private readonly env: Pick<CallEnvironment, 'clock' | 'logger' | 'router' | 'webhooks' | 'media'>,
    private readonly call: Pick<AdmittedCall, 'plan' | 'facts'>,
    private readonly host: PlanRunHost,
    private readonly onTrace: (trace: MachineStep['trace']) => void,
    first: MachineState,
  ) {
    this.#machine = first;
  }

  /** The verb and place of the step that runs, or ran last. */
  get lastStep(): string | undefined {
    return this.#lastStep;
  }

  /** That the call keeps until it ends. */
  get plan(): Plan {
    return this.call.plan;
  }

  /** What the plan has set and collected, secrets left out. */
  get entered(): Readonly<Record<string, string>> {
    return shownVariables(this.#machine);
  }

  /** What the plan has set; empty where it has not. */
  variable(name: string): string {
    return this.#machine.variables[name] ?? '';
  }

  /** Legs that ring now. */
  get legs(): number {
    return this.#activity.legs;
  }

  /** The running action has come to its end by itself: a leg answered. */
  settled(): void {
    this.#activity = NOTHING;
  }

  /** Stops whatever runs. */
  cancel(cause: EndCause): void {
    const activity = this.#activity;
    this.#activity = NOTHING;
    activity.cancel(cause);
  }

  /** Tells the machine how the action went, and carries out the next one. */
  resume(result: ActionResult): void {
    if (this.host.hasEnded) return;
    this.guarded(() => {
      this.#activity = NOTHING;
      const step = this.env.router.resume(this.call, this.#machine, result);
      this.#machine = step.state;
      this.onTrace(step.trace);
      this.perform(step.action);
    });
  }

  /** Whatever a step throws ends the call, never the process. */
  guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.host.fault(error);
    }
  }

  perform(action: Action): void {
    this.guarded(() => {
      if (action.kind !== 'end') this.#lastStep = `${action.step.verb} ${showPlace(action.step.place)}`;
      switch (action.kind) {
        case 'connect':
          this.#connect(action);
          return;
        case 'wait':
          this.#wait(action);
          return;
        case 'webhook':
          this.#askWebhook(action);
          return;
        case 'end':
          this.host.endByPlan(action);
          return;
        case 'queue':
          this.#start(action, this.host.queue(action));
          return;
        case 'conference':
          this.#start(action, this.host.conference(action));
          return;
        default:
          this.#media(action);
      }
    });
  }

  #connect(action: ConnectAction): void {
    if (this.env.media === undefined && action.groups.some(({ legs }) => legs.some((leg) => leg.confirm))) {
      this.host.needsMedia(action.step.verb, 'confirm');
      return;
    }
    const activity = this.host.connect(action);
    if (activity === undefined) {
      this.resume({ kind: 'failed', outcome: 'unreachable' });
      return;
    }
    this.#activity = activity;
    activity.start();
  }

  #media(action: MediaAction): void {
    this.#start(action, this.host.media(action));
  }

  #start(action: MediaAction | QueueAction | ConferenceAction, activity: Activity | undefined): void {
    if (activity === undefined) {
      this.host.needsMedia(action.step.verb, action.kind);
      return;
    }
    this.#activity = activity;
    activity.start();
  }

  #wait(action: Extract<Action, { kind: 'wait' }>): void {
    if (this.#machine.answered) {
      this.#media(action);
      return;
    }
    const { ms } = action;
    this.host.ringCaller();
    const timer = this.env.clock.after(ms, () => this.resume({ kind: 'done' }));
    this.#activity = { ...NOTHING, cancel: () => timer.clear() };
  }

  #askWebhook(action: Extract<Action, { kind: 'webhook' }>): void {
    const abort = new AbortController();
    const activity: Activity = { ...NOTHING, cancel: () => abort.abort() };
    this.#activity = activity;
    const { url, body, timeoutMs, secret } = action;
    void this.env.webhooks
      .call({ url, body, timeoutMs, ...(secret === undefined ? {} : { secret }) }, abort.signal)
      .then(
        (reply): ActionResult => {
          if (reply.kind === 'reply') return { kind: 'done', reply: reply.body };
          const fields = {
            callId: this.host.id,
            step: this.#lastStep,
            outcome: reply.outcome,
            why: reply.why,
          };
          this.env.logger.warn(fields, 'webhook failed');
          return { kind: 'failed', outcome: reply.outcome };
        },
        (): ActionResult => ({ kind: 'failed', outcome: 'refused' }),
      )
      .then((result) => {
        if (this.#activity === activity) this.resume(result);
      });
  }
}
