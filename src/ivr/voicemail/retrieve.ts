import type { VoicemailMessage } from '../../model/index.js';
import { choose } from '../choose.js';
import type { Clip, Closed, IvrDeps, MediaSession, PromptRequest } from '../ports.js';
import { clipsOf, collectDigits, isGone, say } from '../session-steps.js';
import { spokenIn } from '../spoken/index.js';
import { logIn, type MailboxLogin } from './mailbox-login.js';
import type { MessageBox } from './message-box.js';
import type { MessageFiles } from './message-files.js';
import type { PinGuard } from './pin-guard.js';
import type { VoicemailRows } from '../ports.js';

/** Time for a key after the choices of a message. */
const KEY_MS = 5000;

/** The choices of a message are said so often before the next one. */
const MENU_TIMES = 2;

export type RetrieveSpec = MailboxLogin;

export type RetrieveEnd =
  | { readonly kind: 'over' }
  /** The listener wants to talk to who left a message. */
  | {
      readonly kind: 'call-back';
      readonly mailbox: string;
      readonly number: string;
      readonly message: string;
    }
  | { readonly kind: 'refused'; readonly why: 'wrong' | 'locked' }
  | Closed;

export interface RetrieveDeps extends IvrDeps {
  readonly box: MessageBox;
  readonly rows: VoicemailRows;
  readonly files: MessageFiles;
  readonly pins: PinGuard;
}

/** One visit to a mailbox. */
interface Visit {
  readonly mailbox: string;
  readonly language: string | undefined;
  /** Deleted when the visit ends; until then they can come back. */
  readonly deleted: Set<string>;
}

type Left = { readonly kind: 'menu' } | Extract<RetrieveEnd, { kind: 'call-back' }> | Closed;

/** Messages by phone: log in, listen, save, delete, call back. */
export async function retrieve(
  deps: RetrieveDeps,
  session: MediaSession,
  spec: RetrieveSpec,
  signal: AbortSignal,
): Promise<RetrieveEnd> {
  const login = await logIn(deps, session, spec, signal);
  if (login.kind !== 'in') return login;
  const visit: Visit = { mailbox: login.mailbox, language: spec.language, deleted: new Set() };
  try {
    return await mainMenu(deps, session, visit, signal);
  } finally {
    await leave(deps, visit);
  }
}

async function mainMenu(
  deps: RetrieveDeps,
  session: MediaSession,
  visit: Visit,
  signal: AbortSignal,
): Promise<RetrieveEnd> {
  const { mailbox, language } = visit;
  for (;;) {
    const counts = {
      new: messagesOf(deps, visit, 'new').length,
      saved: messagesOf(deps, visit, 'saved').length,
    };
    const prompt = [...spokenIn(language).messages(counts), system('mailbox-menu')];
    const nothing = counts.new === 0 && counts.saved === 0 && visit.deleted.size === 0;
    if (nothing) return goodbye([...spokenIn(language).messages(counts)]);
    const chosen = await choose(deps, session, { prompt, keys: ['1', '2', '8', '*'], language }, signal);
    if (chosen.kind === 'closed') return chosen;
    if (chosen.kind === 'none' || chosen.key === '*') return goodbye([]);
    if (chosen.key === '8') {
      visit.deleted.clear();
      await say(deps, session, [system('message-restored')], language, signal);
      continue;
    }
    const left = await listen(deps, session, visit, chosen.key === '1' ? 'new' : 'saved', signal);
    if (left.kind !== 'menu') return left;
  }

  async function goodbye(last: readonly PromptRequest[]): Promise<RetrieveEnd> {
    deps.logger.info({ mailbox, deleted: visit.deleted.size }, 'mailbox left');
    const heard = await say(deps, session, [...last, system('goodbye')], language, signal);
    return heard === 'closed' ? { kind: 'closed' } : { kind: 'over' };
  }
}

/** The messages of one kind in turn, as they were when the listener chose them. */
async function listen(
  deps: RetrieveDeps,
  session: MediaSession,
  visit: Visit,
  state: 'new' | 'saved',
  signal: AbortSignal,
): Promise<Left> {
  for (const message of messagesOf(deps, visit, state)) {
    const left = await oneMessage(deps, session, visit, message, signal);
    if (left !== 'next') return left;
  }
  await say(deps, session, [system('no-more-messages')], visit.language, signal);
  return isGone(session, signal) ? { kind: 'closed' } : { kind: 'menu' };
}

async function oneMessage(
  deps: RetrieveDeps,
  session: MediaSession,
  visit: Visit,
  message: VoicemailMessage,
  signal: AbortSignal,
): Promise<Left | 'next'> {
  const { mailbox, language, deleted } = visit;
  const spoken = spokenIn(language);
  const caller = message.caller === undefined ? [] : spoken.digits(message.caller);
  const from = caller.length === 0 ? [system('an-unknown-caller')] : caller;
  const introduction = await clipsOf(deps, [system('message-from'), ...from], language, signal);
  const choices = await clipsOf(deps, [system('message-menu')], language, signal);
  const sound: Clip = { kind: 'file', path: deps.files.pathOf(mailbox, message.id) };
  let playFrom: 'introduction' | 'sound' | 'choices' = 'introduction';
  for (let silent = 0; ;) {
    let key = '';
    if (playFrom === 'introduction') key = await keyDuring(session, introduction, 1, signal);
    if (key === '' && playFrom !== 'choices') {
      const began = deps.clock.monotonic();
      key = await keyDuring(session, [sound], 1, signal);
      // Whoever heard it to its end, or has pressed a key while it played, has heard it; hanging up in the middle leaves it new.
      if (key !== 'closed' || deps.clock.monotonic() - began >= message.durationMs)
        await noted(deps, message, () => deps.box.mark(message.id, 'saved'));
    }
    if (key === '') key = await keyDuring(session, choices, KEY_MS, signal);
    playFrom = 'choices';
    switch (key) {
      case 'closed':
        return { kind: 'closed' };
      case '1':
        playFrom = 'sound';
        break;
      case '2':
        deleted.delete(message.id);
        await noted(deps, message, () => deps.box.mark(message.id, 'saved'));
        await say(deps, session, [system('message-saved')], language, signal);
        return 'next';
      case '3':
        deleted.add(message.id);
        await say(deps, session, [system('message-deleted')], language, signal);
        return 'next';
      case '5':
        if (message.caller !== undefined)
          return { kind: 'call-back', mailbox, number: message.caller, message: message.id };
        await say(deps, session, [system('no-number-to-call')], language, signal);
        break;
      case '#':
        return 'next';
      case '*':
        return { kind: 'menu' };
      case '':
        if (++silent >= MENU_TIMES) return 'next';
        break;
      default:
        await say(deps, session, [system('invalid')], language, signal);
    }
  }
}

/** The key pressed while clips play, or in the time after them; empty: none. */
async function keyDuring(
  session: MediaSession,
  prompt: readonly Clip[],
  afterMs: number,
  signal: AbortSignal,
): Promise<string> {
  const end = await collectDigits(
    session,
    {
      prompt,
      bargeIn: true,
      typeAhead: true,
      maxDigits: 1,
      terminators: '',
      firstDigitMs: afterMs,
      interDigitMs: 1,
    },
    signal,
  );
  return end.kind === 'closed' || end.kind === 'stopped' ? 'closed' : end.digits;
}

function messagesOf(deps: RetrieveDeps, visit: Visit, state: 'new' | 'saved'): readonly VoicemailMessage[] {
  return deps.rows
    .list(visit.mailbox)
    .filter((message) => message.state === state && !visit.deleted.has(message.id));
}

async function leave(deps: RetrieveDeps, visit: Visit): Promise<void> {
  try {
    if (visit.deleted.size > 0) await deps.box.remove([...visit.deleted]);
  } catch (error) {
    deps.logger.error({ mailbox: visit.mailbox, reason: String(error) }, 'messages not deleted');
  }
  deps.box.announce(visit.mailbox);
}

/** A disk that takes nothing must not end the visit. */
async function noted(
  deps: RetrieveDeps,
  message: VoicemailMessage,
  note: () => Promise<unknown>,
): Promise<void> {
  try {
    await note();
  } catch (error) {
    deps.logger.warn({ message: message.id, reason: String(error) }, 'state of a message not noted');
  }
}

function system(name: Extract<PromptRequest, { kind: 'system' }>['name']): PromptRequest {
  return { kind: 'system', name };
}
