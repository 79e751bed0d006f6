import { join } from 'node:path';
import { fits, type Action, type ActionResult, type Plan, type Prompt } from '../dialplan/index.js';
import { createDialMatcher, type DialMatcher } from '../ivr/index.js';
import type { MediaSession, PromptRequest } from '../media/index.js';
import type { CallFacts } from '../model/index.js';
import type { Activity } from './plan-run.js';
import type { MediaParts } from './ports.js';

/** Steps that play to the caller, or listen. */
export type MediaAction = Extract<
  Action,
  { kind: 'menu' | 'play' | 'collect' | 'record' | 'voicemail' | 'survey' | 'wait' }
>;

/** What these steps ask of their call. */
export interface MediaStepHost {
  /** The caller's session: the call is answered first, unless `early`. Undefined: the call has ended over it. */
  session(early: boolean): Promise<MediaSession | undefined>;
  /** Pauses recordings of the call while a secret is entered; what it returns resumes them. */
  hide(): () => void;
  /** Begins, pauses, ends the recording of the whole call. */
  recordCall(what: 'start' | 'pause' | 'stop', notice: PromptRequest | undefined): Promise<void>;
  readonly language: string;
  /** What became of the step; not told after `cancel`. */
  done(result: ActionResult): void;
  fault(error: unknown): void;
}

interface Surroundings {
  readonly parts: MediaParts;
  readonly plan: Plan;
  readonly facts: CallFacts;
}

/** Carries out one step of the kind; its result is what the plan machine expects. */
export function mediaStep(action: MediaAction, around: Surroundings, host: MediaStepHost): Activity {
  const abort = new AbortController();
  const { signal } = abort;
  const isCancelled = (): boolean => signal.aborted;
  return {
    legs: 0,
    start: () => {
      void host
        .session(action.kind === 'play' && action.early)
        .then(async (session) => {
          if (session === undefined || isCancelled()) return;
          const result = await carryOut(action, session, around, host, signal);
          if (result !== 'closed' && !isCancelled()) host.done(result);
        })
        .catch((error: unknown) => {
          if (!isCancelled()) host.fault(error);
        });
    },
    cancel: () => abort.abort(),
  };
}

async function carryOut(
  action: MediaAction,
  session: MediaSession,
  around: Surroundings,
  host: MediaStepHost,
  signal: AbortSignal,
): Promise<ActionResult | 'closed'> {
  const { ivr } = around.parts;
  const { language } = host;
  switch (action.kind) {
    case 'menu': {
      const { menu, attempt } = action;
      const end = await ivr.menu(
        session,
        {
          prompt: action.prompt.map(promptRequest),
          keys: Object.keys(menu.keys),
          attempt,
          bargeIn: menu.bargeIn,
          timeoutMs: menu.timeoutMs,
          digitTimeoutMs: menu.digitTimeoutMs,
          language,
          ...(menu.dialExtension && { extensions: extensionsOf(around.plan, around.facts.tenant) }),
        },
        signal,
      );
      return entered(end);
    }
    case 'collect': {
      const { step, attempt } = action;
      if (step.verb !== 'collect') return { kind: 'done' };
      const end = await ivr.collect(
        session,
        {
          prompt: action.prompt.map(promptRequest),
          minDigits: step.minDigits,
          maxDigits: step.maxDigits,
          end: step.end,
          timeoutMs: step.timeoutMs,
          digitTimeoutMs: step.digitTimeoutMs,
          attempt,
          language,
          ...(step.secret && { hide: () => host.hide() }),
        },
        signal,
      );
      return entered(end);
    }
    case 'play': {
      const { prompt, times } = action;
      const end = await ivr.play(session, { prompt: promptRequest(prompt), times, language }, signal);
      return end.kind === 'closed' ? closed(end) : { kind: 'done' };
    }
    case 'wait': {
      const end = await ivr.wait(session, { ms: action.ms }, signal);
      return end.kind === 'closed' ? closed(end) : { kind: 'done' };
    }
    case 'record':
      return record(action, session, around, host, signal);
    case 'voicemail':
      return voicemail(action, session, around, host, signal);
    case 'survey':
      return survey(action, session, around, host, signal);
  }
}

type Entered =
  | { readonly kind: 'done'; readonly digits: string }
  | { readonly kind: 'no-input' }
  | { readonly kind: 'invalid'; readonly digits: string }
  | Closed;

interface Closed {
  readonly kind: 'closed';
  readonly fault?: true;
}

/** The caller is gone, which the call hears by itself. A bug of ours must end it. */
function closed(end: Closed): 'closed' {
  if (end.fault === true) throw new Error('a dialogue with the caller failed');
  return 'closed';
}

/** The machine judges the digits; only a lone end key has to be called invalid. */
function entered(end: Entered): ActionResult | 'closed' {
  switch (end.kind) {
    case 'closed':
      return closed(end);
    case 'no-input':
      return { kind: 'done' };
    case 'done':
      return { kind: 'done', digits: end.digits };
    case 'invalid':
      return end.digits === ''
        ? { kind: 'failed', outcome: 'invalid' }
        : { kind: 'done', digits: end.digits };
  }
}

async function record(
  action: Extract<Action, { kind: 'record' }>,
  session: MediaSession,
  around: Surroundings,
  host: MediaStepHost,
  signal: AbortSignal,
): Promise<ActionResult | 'closed'> {
  const { step } = action;
  if (step.verb !== 'record') return { kind: 'done' };
  const { parts, facts } = around;
  const prompt = action.prompt.map(promptRequest);
  const { what } = step;
  if (what !== 'message') {
    await host.recordCall(what, prompt[0]);
    return { kind: 'done' };
  }
  const { maxMs, silenceMs, end } = step;
  const { language } = host;
  if (step.to !== undefined) {
    const greeting: PromptRequest = { kind: 'sequence', of: prompt };
    const from = originOf(facts);
    const left = await parts.voicemail.deposit(
      session,
      { mailbox: step.to, greeting, maxMs, silenceMs, end, review: false, tellFull: false, from, language },
      signal,
    );
    if (left.kind === 'left') return { kind: 'done', reply: left.message.id };
    return left.kind === 'closed' ? closed(left) : { kind: 'failed', outcome: left.kind };
  }
  const path = join(parts.settings().recordings, 'messages', `${facts.callId}-${Date.now()}.wav`);
  const made = await parts.ivr.recordMessage(
    session,
    { prompt, path, maxMs, silenceMs, end, language },
    signal,
  );
  if (made.kind === 'recorded') return { kind: 'done', reply: made.path };
  return made.kind === 'closed' ? closed(made) : { kind: 'failed', outcome: made.kind };
}

async function voicemail(
  action: Extract<Action, { kind: 'voicemail' }>,
  session: MediaSession,
  { parts, facts }: Surroundings,
  host: MediaStepHost,
  signal: AbortSignal,
): Promise<ActionResult | 'closed'> {
  const { step, mailbox, greeting } = action;
  if (step.verb !== 'voicemail') return { kind: 'done' };
  const end = await parts.voicemail.deposit(
    session,
    {
      mailbox,
      maxMs: step.maxMs,
      tellFull: step.otherwise === undefined && step.ifOutcome.full === undefined,
      from: originOf(facts),
      language: host.language,
      ...(greeting !== undefined && { greeting: promptRequest(greeting) }),
    },
    signal,
  );
  switch (end.kind) {
    case 'closed':
      return closed(end);
    case 'full':
      return { kind: 'failed', outcome: 'full' };
    case 'left':
    case 'no-input':
      return { kind: 'over' };
  }
}

async function survey(
  action: Extract<Action, { kind: 'survey' }>,
  session: MediaSession,
  { parts, plan, facts }: Surroundings,
  host: MediaStepHost,
  signal: AbortSignal,
): Promise<ActionResult | 'closed'> {
  const definition = plan.surveys.get(action.survey);
  if (definition === undefined) return { kind: 'failed', outcome: 'no-input' };
  const { accept } = definition;
  const { callId, caller, did } = originOf(facts);
  const about = { callId, ...(caller !== undefined && { caller }), ...(did !== undefined && { did }) };
  const end = await parts.ivr.survey(
    session,
    {
      survey: action.survey,
      ask: promptRequest(definition.ask),
      digits: definition.digits,
      about,
      ...(accept !== undefined && {
        accept: (digits: string) => fits(plan, accept, { value: digits, anonymous: false }),
      }),
      language: host.language,
    },
    signal,
  );
  if (end.kind === 'closed') return closed(end);
  return end.kind === 'done' ? { kind: 'done', digits: end.digits } : { kind: 'failed', outcome: 'no-input' };
}

function originOf({ callId, caller, callerName, direction, dialed }: CallFacts): {
  callId: string;
  caller?: string;
  callerName?: string;
  did?: string;
} {
  return {
    callId,
    ...(caller !== undefined && { caller }),
    ...(callerName !== undefined && { callerName }),
    ...(direction === 'inbound' && { did: dialed }),
  };
}

/** A prompt of the plan, its variables put in already. */
export function promptRequest(prompt: Prompt): PromptRequest {
  switch (prompt.kind) {
    case 'file':
      return prompt;
    case 'say':
      return { kind: 'say', text: textOf(prompt.text) };
    case 'sequence':
      return { kind: 'sequence', of: prompt.of.map(promptRequest) };
  }
}

type SaidText = Extract<Prompt, { kind: 'say' }>['text'];
type SaidTemplate = Extract<SaidText, { readonly source: string }>;

function textOf(text: SaidText): string | Readonly<Record<string, string>> {
  if (isTemplate(text)) return plain(text);
  return Object.fromEntries(Object.entries(text).map(([language, one]) => [language, plain(one)]));
}

function isTemplate(text: SaidText): text is SaidTemplate {
  return Array.isArray((text as SaidTemplate).parts);
}

function plain(template: SaidTemplate): string {
  return template.parts.map((part) => (typeof part === 'string' ? part : '')).join('');
}

const matchers = new WeakMap<Plan, Map<string, DialMatcher>>();

/** What callers may dial in the menus of a plan, made once a plan and tenant. */
function extensionsOf(plan: Plan, tenant: string | undefined): DialMatcher {
  const byTenant = matchers.get(plan) ?? new Map<string, DialMatcher>();
  matchers.set(plan, byTenant);
  const made = byTenant.get(tenant ?? '');
  if (made !== undefined) return made;
  const names: (string | { readonly lo: string; readonly hi: string })[] = [];
  for (const extension of [...plan.extensions.values(), ...plan.extensionBlocks]) {
    if (extension.tenant !== undefined && extension.tenant !== tenant) continue;
    const { name } = extension;
    names.push(typeof name === 'string' ? name.slice(name.indexOf('/') + 1) : name);
  }
  const matcher = createDialMatcher(names);
  byTenant.set(tenant ?? '', matcher);
  return matcher;
}
