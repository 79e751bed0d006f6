import { choose } from '../choose.js';
import type { Clip, Closed, IvrDeps, MediaSession, PromptRequest, Spoken } from '../ports.js';
import { recordMessage, type RecordMessageEnd } from '../record-message.js';
import { clipsOf, collectDigits, say } from '../session-steps.js';
import type { VoicemailMessage } from '../../model/index.js';
import type { Draft, MessageBox, MessageOrigin } from './message-box.js';
import type { VoicemailSettings } from './settings.js';

/** Times a caller may record anew. */
const MAX_TAKES = 5;

export interface DepositSpec extends Spoken {
  readonly mailbox: string;
  /** Absent: the shipped one. */
  readonly greeting?: PromptRequest;
  readonly maxMs: number;
  /** Default: the setting's. */
  readonly silenceMs?: number;
  /** Keys that end the message. Default `#`. */
  readonly end?: string;
  /** Whether the caller may listen and record again. Default true. */
  readonly review?: boolean;
  /** Say that the mailbox is full: where the plan has no answer to it. */
  readonly tellFull: boolean;
  readonly from: MessageOrigin;
}

export type DepositEnd =
  | { readonly kind: 'left'; readonly message: VoicemailMessage }
  | { readonly kind: 'no-input' }
  | { readonly kind: 'full' }
  | Closed;

export interface DepositDeps extends IvrDeps {
  readonly box: MessageBox;
  readonly settings: VoicemailSettings;
}

/** Greeting, beep, message, and what the caller makes of it. Whoever hangs up has left what was said, if it is a second or more. */
export async function deposit(
  deps: DepositDeps,
  session: MediaSession,
  spec: DepositSpec,
  signal: AbortSignal,
): Promise<DepositEnd> {
  const { box } = deps;
  const { language } = spec;
  const maxMs = Math.min(spec.maxMs, box.roomMs(spec.mailbox));
  if (maxMs <= 0) {
    if (spec.tellFull) await say(deps, session, system('mailbox-full'), language, signal);
    return { kind: 'full' };
  }
  const greeting = await clipsOf(deps, [spec.greeting ?? system('leave-a-message')[0]!], language, signal);
  if (!(await heardOrSkipped(session, greeting, signal))) return { kind: 'closed' };
  const draft = await box.begin(spec.mailbox, spec.from);
  if (draft === undefined) return { kind: 'full' };

  const record = (path: string): Promise<RecordMessageEnd> => {
    const silenceMs = spec.silenceMs ?? deps.settings.silenceMs;
    const end = spec.end ?? '#';
    return recordMessage(deps, session, { prompt: [], path, maxMs, silenceMs, end, language }, signal);
  };
  try {
    const first = await record(draft.path);
    if (first.kind !== 'recorded') {
      await draft.drop();
      return first;
    }
    const durationMs =
      first.hungUp || spec.review === false
        ? first.durationMs
        : await review(deps, session, { draft, record, language }, first.durationMs, signal);
    const message = await draft.keep(durationMs);
    await say(deps, session, system('message-kept'), language, signal);
    return { kind: 'left', message };
  } catch (error) {
    // Whatever happens, what the caller said is not thrown away.
    await draft.keep(0);
    throw error;
  }
}

/** "1 keep, 2 listen, 3 record again"; nothing pressed keeps. Says how long the message is that is kept. */
async function review(
  deps: DepositDeps,
  session: MediaSession,
  work: {
    readonly draft: Draft;
    readonly record: (path: string) => Promise<RecordMessageEnd>;
    readonly language: string | undefined;
  },
  firstMs: number,
  signal: AbortSignal,
): Promise<number> {
  const { draft, record, language } = work;
  let durationMs = firstMs;
  let clips: readonly Clip[] = [];
  let prompt = system('message-review');
  for (let takes = 1; ;) {
    // The key that ended the recording must not answer the question.
    const choice = { prompt, keys: ['1', '2', '3'] as const, clips, typeAhead: false, language };
    const chosen = await choose(deps, session, choice, signal);
    if (chosen.kind !== 'key' || chosen.key === '1') return durationMs;
    clips = [];
    prompt = system('message-review');
    if (chosen.key === '2') clips = [{ kind: 'file', path: draft.path }];
    else if (takes < MAX_TAKES) {
      takes++;
      const again = await record(draft.take);
      if (again.kind === 'recorded' && (await draft.replace())) durationMs = again.durationMs;
      if (again.kind === 'closed' || (again.kind === 'recorded' && again.hungUp)) return durationMs;
      if (again.kind !== 'recorded') prompt = [...system('message-too-short'), ...prompt];
    }
  }
}

/** Plays the greeting; any key goes on to the beep. False: the caller is gone. */
async function heardOrSkipped(
  session: MediaSession,
  greeting: readonly Clip[],
  signal: AbortSignal,
): Promise<boolean> {
  const end = await collectDigits(
    session,
    {
      prompt: greeting,
      bargeIn: true,
      typeAhead: false,
      maxDigits: 1,
      terminators: '',
      firstDigitMs: 1,
      interDigitMs: 1,
    },
    signal,
  );
  return end.kind !== 'closed';
}

function system(name: Extract<PromptRequest, { kind: 'system' }>['name']): PromptRequest[] {
  return [{ kind: 'system', name }];
}
