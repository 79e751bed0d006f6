import type { MediaSession } from '../media/index.js';
import type { CallFacts } from '../model/index.js';
import type { QueueTicket } from '../queues/index.js';
import type { CallEnvironment } from './call-environment.js';
import type { CallSound } from './call-sound.js';
import type { CallerSide } from './caller-side.js';
import { ConferenceStep, type ConferenceAction } from './conference-step.js';
import { mediaStep, type MediaAction } from './media-steps.js';
import type { Activity, PlanRun } from './plan-run.js';
import { QueueStep, type QueueAction } from './queue-step.js';
import type { WaitingLeg } from './waiting-leg.js';

/** The call, as the steps of its plan see it that play, listen or wait. */
export interface CallStepHost {
  readonly env: CallEnvironment;
  readonly facts: CallFacts;
  readonly plan: PlanRun;
  readonly caller: CallerSide;
  readonly sound: CallSound;
  readonly language: string;
  /** A step begins: what failed before is past. */
  readonly begins: () => void;
  /** The caller and an agent talk from now on. */
  readonly joinAgent: (agent: WaitingLeg, ticket: QueueTicket) => void;
  readonly note: (text: string) => void;
  readonly fault: (error: unknown) => void;
}

/** Undefined: there is no media engine. */
export function mediaActivity(action: MediaAction, host: CallStepHost): Activity | undefined {
  const { env, facts, plan, caller, sound, language, fault } = host;
  const { media } = env;
  if (media === undefined) return undefined;
  host.begins();
  return mediaStep(
    action,
    { parts: media, plan: plan.plan, facts },
    {
      session: (early) => caller.hear(early),
      hide: () => sound.hideRecording(),
      recordCall: (what, notice) => sound.record(what, notice),
      language,
      done: (result) => plan.resume(result),
      fault,
    },
  );
}

/** Undefined: there is no media engine, or there are no queues. */
export function queueActivity(action: QueueAction, host: CallStepHost): Activity | undefined {
  const { env, facts, plan, caller, sound, language, note, fault } = host;
  const { media, queues, clock, logger } = env;
  if (media === undefined || queues === undefined) return undefined;
  host.begins();
  const definition = plan.plan.queues.get(action.queue);
  return new QueueStep(
    action,
    {
      parts: media,
      queues,
      facts,
      entered: plan.entered,
      language,
      music: definition?.music,
      callbackKey: definition?.callback?.key,
      clock,
      logger,
    },
    {
      session: () => caller.hear(false),
      listen: (pressed) => {
        sound.onDigit = pressed;
      },
      join: host.joinAgent,
      numberFor: (digits) => env.callbackNumber(digits),
      note,
      done: (result) => plan.resume(result),
      fault,
    },
  );
}

/** Undefined: there is no media engine. */
export function conferenceActivity(action: ConferenceAction, host: CallStepHost): Activity | undefined {
  const { env, plan, caller, sound, language, note, fault } = host;
  const { media, conferences, clock } = env;
  if (media === undefined || conferences === undefined) return undefined;
  host.begins();
  return new ConferenceStep(
    action,
    { parts: media, rooms: conferences, language, clock },
    {
      session: (near: MediaSession | undefined) => caller.hear(false, near),
      listen: (pressed) => {
        sound.onDigit = pressed;
      },
      hide: () => sound.hideRecording(),
      get isRecorded() {
        return sound.isRecorded;
      },
      recordCall: (what) => sound.record(what, undefined),
      note,
      done: (result) => plan.resume(result),
      fault,
    },
  );
}
