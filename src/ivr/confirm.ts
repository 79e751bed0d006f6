import { choose } from './choose.js';
import type { Closed, IvrDeps, MediaSession, PromptRequest, Spoken } from './ports.js';
import { spokenIn } from './spoken/index.js';

export interface CallerAnnouncement extends Spoken {
  /** What was called: the queue or the number, as a prompt. */
  readonly name?: PromptRequest;
  /** Digits of the caller; absent: not said. */
  readonly caller?: string;
  readonly waitedMs?: number;
}

/** What somebody hears of a call before taking it: "sales, waited two minutes". Empty where there is nothing to say. */
export function announceCaller(call: CallerAnnouncement): readonly PromptRequest[] {
  const spoken = spokenIn(call.language);
  const digits = call.caller === undefined ? [] : spoken.digits(call.caller);
  return [
    ...(call.name === undefined ? [] : [call.name]),
    ...(digits.length === 0 ? [] : [{ kind: 'system', name: 'call-from' } as const, ...digits]),
    ...(call.waitedMs === undefined ? [] : spoken.waited(call.waitedMs)),
  ];
}

export interface ConfirmSpec extends CallerAnnouncement {
  /** How often it is asked. Default 3. */
  readonly attempts?: number;
}

export type ConfirmEnd =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'declined' }
  /** A voicemail, or somebody who pressed nothing. */
  | { readonly kind: 'no-answer' }
  | Closed;

/** "Press 1 to take the call", on the leg of who answered; nobody is connected to an answering machine. */
export async function askToConfirm(
  deps: IvrDeps,
  session: MediaSession,
  spec: ConfirmSpec,
  signal: AbortSignal,
): Promise<ConfirmEnd> {
  const chosen = await choose(
    deps,
    session,
    {
      prompt: [...announceCaller(spec), { kind: 'system', name: 'press-1-to-take' }],
      keys: ['1', '2'],
      language: spec.language,
      ...(spec.attempts !== undefined && { attempts: spec.attempts }),
    },
    signal,
  );
  if (chosen.kind === 'closed') return chosen;
  if (chosen.kind === 'none') return { kind: 'no-answer' };
  return chosen.key === '1' ? { kind: 'accepted' } : { kind: 'declined' };
}
