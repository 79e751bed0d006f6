import { findExtension, type Plan } from '../dialplan/index.js';
import type { Clip, MediaSession } from '../media/index.js';
import type { CallFacts } from '../model/index.js';
import type { QueueAgents } from '../queues/index.js';
import { isSlot } from './parking.js';
import type { MediaParts } from './ports.js';

/** What a phone of ours does by dialling a code that the plan has no rule for. */
export type Feature =
  | { readonly kind: 'mailbox'; readonly own: boolean }
  | { readonly kind: 'agent'; readonly what: 'login' | 'pause' }
  /** Takes what rings at an extension, its tenant before it. */
  | { readonly kind: 'pickup'; readonly extension: string }
  /** Takes who is parked. */
  | { readonly kind: 'parked'; readonly slot: string };

const CODES: Readonly<Record<string, Feature>> = {
  '*97': { kind: 'mailbox', own: true },
  '*98': { kind: 'mailbox', own: false },
  '*45': { kind: 'agent', what: 'login' },
  '*46': { kind: 'agent', what: 'pause' },
};

/** Before an extension. */
const PICKUP = '**';

/** The feature of a code; undefined: it is none, or the caller is no extension. */
export function featureOf({ dialed, extension, tenant }: CallFacts, plan: Plan): Feature | undefined {
  if (extension === undefined) return undefined;
  if (Object.hasOwn(CODES, dialed)) return CODES[dialed];
  if (isSlot(dialed)) return { kind: 'parked', slot: dialed };
  if (!dialed.startsWith(PICKUP)) return undefined;
  const found = findExtension(plan, dialed.slice(PICKUP.length), tenant);
  return found === undefined ? undefined : { kind: 'pickup', extension: found.name };
}

export interface FeatureSurroundings {
  readonly parts: MediaParts;
  readonly agents: QueueAgents | undefined;
  readonly plan: Plan;
  readonly facts: CallFacts;
  readonly language: string;
}

/** Carries a feature out on an answered call; says what came of it, for the record. */
export async function runFeature(
  feature: Exclude<Feature, { kind: 'pickup' | 'parked' }>,
  session: MediaSession,
  around: FeatureSurroundings,
  signal: AbortSignal,
): Promise<string> {
  switch (feature.kind) {
    case 'mailbox':
      return await collectMessages(feature.own, session, around, signal);
    case 'agent':
      return await changeAgent(feature.what, session, around);
  }
}

async function collectMessages(
  own: boolean,
  session: MediaSession,
  { parts, plan, facts, language }: FeatureSurroundings,
  signal: AbortSignal,
): Promise<string> {
  const mailboxOf = (digits: string): string | undefined => {
    const mailbox = findExtension(plan, digits, facts.tenant)?.definition.mailbox ?? digits;
    return plan.mailboxes.has(mailbox) ? mailbox : undefined;
  };
  const mailbox = own ? mailboxOf(facts.extension ?? '') : undefined;
  const end = await parts.voicemail.retrieve(
    session,
    {
      find: mailboxOf,
      pinOf: (name) => plan.mailboxes.get(name)?.pin,
      language,
      ...(mailbox !== undefined && { mailbox }),
    },
    signal,
  );
  return `mailbox ${mailbox ?? 'asked for'}: ${end.kind}`;
}

const DONE: readonly Clip[] = [{ kind: 'tone', tone: 'beep', ms: 300 }];
const OFF: readonly Clip[] = [...DONE, { kind: 'silence', ms: 150 }, ...DONE];
const REFUSED: readonly Clip[] = [{ kind: 'tone', tone: 'congestion', ms: 2000 }];

/** One beep: logged in, or ready again. Two: logged out, or paused. Congestion: no agent. */
async function changeAgent(
  what: 'login' | 'pause',
  session: MediaSession,
  { agents, facts }: FeatureSurroundings,
): Promise<string> {
  const extension = facts.extension ?? '';
  const before = agents?.get(extension);
  if (agents === undefined || before === undefined) {
    await session.play(REFUSED).ended;
    return `extension ${extension} is no agent`;
  }
  const isOn = what === 'login' ? before.queues.some(({ loggedIn }) => loggedIn) : before.state !== 'paused';
  const change = isOn
    ? what === 'login'
      ? agents.logout(extension)
      : agents.pause(extension, 'by phone')
    : what === 'login'
      ? agents.login(extension)
      : agents.resume(extension);
  const ok = change.kind === 'done';
  await session.play(ok ? (isOn ? OFF : DONE) : REFUSED).ended;
  return `agent ${extension}: ${what} ${isOn ? 'off' : 'on'}`;
}
