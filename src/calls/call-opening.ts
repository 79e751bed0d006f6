import type { Action, Plan } from '../dialplan/index.js';
import type { PromptRequest } from '../media/index.js';
import type { CallFacts, EndCause } from '../model/index.js';
import type { CallEnvironment } from './call-environment.js';
import type { CallerSide } from './caller-side.js';
import { systemCause } from './cause.js';
import { featureOf, runFeature, type Feature } from './feature-codes.js';
import type { LiveCall } from './live-call.js';
import type { PickUp } from './pickup.js';
import type { MediaParts } from './ports.js';

/** What comes before the plan, or in its place. */
export type Opening =
  /** Ops let every caller hear it; then the plan goes on. */
  | { readonly kind: 'announcement'; readonly prompt: PromptRequest; readonly parts: MediaParts }
  /** A code the plan has no rule for. */
  | { readonly kind: 'feature'; readonly feature: Feature; readonly parts: MediaParts };

/** Undefined: the plan begins at once. Without a media engine nothing else can come first. */
export function openingOf(
  first: Action,
  facts: CallFacts,
  plan: Plan,
  { media: parts, clock }: Pick<CallEnvironment, 'media' | 'clock'>,
): Opening | undefined {
  if (parts === undefined) return undefined;
  if (facts.direction === 'inbound') {
    const announcement = parts.announcements.announcementFor(facts.dialed, clock.now());
    if (announcement !== undefined) return { kind: 'announcement', prompt: announcement.prompt, parts };
  }
  const isUnknown = first.kind === 'end' && first.status === 404;
  const feature = isUnknown ? featureOf(facts, plan) : undefined;
  return feature === undefined ? undefined : { kind: 'feature', feature, parts };
}

/** What an opening asks of its call. */
export interface OpeningHost {
  readonly env: Pick<CallEnvironment, 'queues' | 'parking' | 'ringingAt'>;
  readonly facts: CallFacts;
  readonly plan: Plan;
  readonly language: string;
  /** Aborts when the call is over. */
  readonly signal: AbortSignal;
  readonly caller: CallerSide;
  readonly call: Pick<LiveCall, 'handOver' | 'note'> & {
    readonly hasEnded: boolean;
    end(cause: EndCause): void;
  };
  /** Begins the plan. */
  readonly goOn: () => void;
  readonly isAt: (destination: string) => void;
}

/** Rejects on a fault of ours alone. */
export async function carryOutOpening(opening: Opening, host: OpeningHost): Promise<void> {
  if (opening.kind === 'feature') await carryOutFeature(opening.feature, opening.parts, host);
  else await announce(opening, host);
}

async function announce(
  { prompt, parts }: Extract<Opening, { kind: 'announcement' }>,
  { call, caller, language, signal, goOn }: OpeningHost,
): Promise<void> {
  call.note('an announcement is played ahead of the plan');
  const session = await caller.hear(true);
  if (session === undefined) return;
  await parts.ivr.play(session, { prompt, language }, signal);
  if (!call.hasEnded) goOn();
}

async function carryOutFeature(feature: Feature, parts: MediaParts, host: OpeningHost): Promise<void> {
  const { env, facts, plan, language, signal, caller, call } = host;
  host.isAt(facts.dialed);
  if (feature.kind === 'pickup') {
    await pickUp(() => env.ringingAt(feature.extension), parts, host);
    return;
  }
  if (feature.kind === 'parked') {
    await pickUp(() => env.parking.at(feature.slot, facts.tenant), parts, host);
    return;
  }
  const session = await caller.hear(false);
  if (session === undefined) return;
  const text = await runFeature(
    feature,
    session,
    { parts, agents: env.queues?.agents, plan, facts, language },
    signal,
  );
  if (call.hasEnded) return;
  call.note(text);
  call.end({ sip: 200, q850: 16, by: 'system', kind: 'normal' });
}

/** The phone takes a call that rings at another extension, or is parked: its leg goes there, and this call ends. */
async function pickUp(
  find: () => PickUp | undefined,
  parts: MediaParts,
  { caller, call, signal }: OpeningHost,
): Promise<void> {
  if (find() === undefined) {
    call.note('nothing to pick up');
    call.end(systemCause('nothing-to-pick-up', 480));
    return;
  }
  const session = await caller.hear(false);
  if (session === undefined) return;
  // Meanwhile the call may have been answered.
  const agreed = caller.leg.ownAnswer();
  const still = find();
  const leg = still === undefined ? undefined : call.handOver('caller', (why) => still.mediaLost(why));
  if (still !== undefined && leg !== undefined) await still.take(leg, agreed);
  else if (!call.hasEnded) {
    await parts.ivr.busyTone(session, signal);
    call.end(systemCause('nothing-to-pick-up', 480));
  }
}
