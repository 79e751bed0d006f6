import { choose } from './choose.js';
import { collectOnce } from './collect.js';
import type { Closed, IvrDeps, MediaSession, PromptRequest, Spoken } from './ports.js';
import { spokenIn } from './spoken/index.js';

const ATTEMPTS = 3;
const FIRST_DIGIT_MS = 10_000;
const DIGIT_MS = 5000;

export interface CallbackOfferSpec extends Spoken {
  /** The caller's own number as it would be called; absent: withheld, one must be entered. */
  readonly caller?: string;
  /** The caller has asked for it by key already: no offer is made. */
  readonly asked: boolean;
  /** The number to call (E.164) for what was entered; undefined: it is none, or may not be called. */
  readonly accept: (digits: string) => string | undefined;
}

export type CallbackOfferEnd =
  /** Confirmed. Keep it, then let the caller hear `callback-promised`. */
  { readonly kind: 'callback'; readonly number: string } | { readonly kind: 'declined' } | Closed;

/** Offers to call back, and has the number confirmed, or another one entered. Who hangs up before confirming is promised nothing. */
export async function offerCallback(
  deps: IvrDeps,
  session: MediaSession,
  spec: CallbackOfferSpec,
  signal: AbortSignal,
): Promise<CallbackOfferEnd> {
  const { language } = spec;
  if (!spec.asked) {
    const wanted = await choose(
      deps,
      session,
      { prompt: system('callback-offer'), keys: ['1', '2'], attempts: 1, language },
      signal,
    );
    if (wanted.kind === 'closed') return wanted;
    if (wanted.kind === 'none' || wanted.key === '2') return { kind: 'declined' };
  }
  const own = spec.caller === undefined ? undefined : spec.accept(spec.caller);
  if (own !== undefined) {
    const heard = [...system('callback-this-number'), ...spokenIn(language).digits(own)];
    const prompt = [...heard, ...system('callback-confirm-number')];
    const right = await choose(deps, session, { prompt, keys: ['1', '2'], language }, signal);
    if (right.kind === 'closed') return right;
    if (right.kind === 'none') return { kind: 'declined' };
    if (right.key === '1') return { kind: 'callback', number: own };
  }
  return enterNumber(deps, session, spec, signal);
}

async function enterNumber(
  deps: IvrDeps,
  session: MediaSession,
  spec: CallbackOfferSpec,
  signal: AbortSignal,
): Promise<CallbackOfferEnd> {
  const { language } = spec;
  let sorry: PromptRequest[] = [];
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const entered = await collectOnce(
      deps,
      session,
      {
        prompt: [...sorry, ...system('enter-number')],
        minDigits: 3,
        maxDigits: 20,
        end: '#',
        timeoutMs: FIRST_DIGIT_MS,
        digitTimeoutMs: DIGIT_MS,
        attempt,
        language,
      },
      signal,
    );
    if (entered.kind === 'closed') return entered;
    sorry = system(entered.kind === 'no-input' ? 'no-input' : 'invalid');
    const number = entered.kind === 'done' ? spec.accept(entered.digits) : undefined;
    if (entered.kind !== 'done' || number === undefined) continue;
    const prompt = [
      ...system('you-entered'),
      ...spokenIn(language).digits(entered.digits),
      ...system('if-correct'),
    ];
    const right = await choose(deps, session, { prompt, keys: ['1', '2'], language }, signal);
    if (right.kind === 'closed') return right;
    if (right.kind === 'none') return { kind: 'declined' };
    if (right.key === '1') return { kind: 'callback', number };
    sorry = [];
  }
  return { kind: 'declined' };
}

function system(name: Extract<PromptRequest, { kind: 'system' }>['name']): PromptRequest[] {
  return [{ kind: 'system', name }];
}
