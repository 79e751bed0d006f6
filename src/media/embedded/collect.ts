import type { Clock, Timer } from '../../base/clock.js';
import type { CollectEnd, CollectSpec, Collecting, Playing } from '../engine.js';

/** Takes a session's digits while it runs. */
export interface Collector extends Collecting {
  /** Has ended. */
  readonly over: boolean;
  digit(digit: string): void;
  /** The session is gone. */
  close(): void;
}

export interface CollectDeps {
  readonly clock: Clock;
  readonly play: (prompt: NonNullable<CollectSpec['prompt']>) => Playing;
  /** Digits pressed before, oldest first. */
  readonly ahead: Iterable<string>;
  readonly ended: (collector: Collector) => void;
}

/**
 * `prompt` → `first` (no digit yet) → `more` → `over`. Digits in `prompt` stop it, or are dropped where it may not be interrupted.
 */
export function createCollector(spec: CollectSpec, deps: CollectDeps): Collector {
  const { clock } = deps;
  let state: 'prompt' | 'first' | 'more' | 'over' = 'first';
  let digits = '';
  let playing: Playing | undefined;
  let wait: Timer | undefined;
  let total: Timer | undefined;
  let settle: (end: CollectEnd) => void = () => undefined;
  const ended = new Promise<CollectEnd>((resolve) => {
    settle = resolve;
  });

  function end(how: CollectEnd): void {
    if (state === 'over') return;
    state = 'over';
    wait?.clear();
    total?.clear();
    playing?.stop();
    deps.ended(collector);
    settle(how);
  }

  function timedOut(): void {
    end({ kind: 'timeout', digits });
  }

  /** Waits for the next digit, the first or another. */
  function listen(): void {
    state = digits === '' ? 'first' : 'more';
    wait?.clear();
    wait = clock.after(digits === '' ? spec.firstDigitMs : spec.interDigitMs, timedOut);
    if (spec.totalMs !== undefined) total ??= clock.after(spec.totalMs, timedOut);
  }

  /** True when it ended with this digit. */
  function take(digit: string): boolean {
    if (spec.terminators.includes(digit)) {
      end({ kind: 'digits', digits, terminator: digit });
      return true;
    }
    digits += digit;
    if (digits.length < spec.maxDigits && !isComplete()) return false;
    end({ kind: 'digits', digits });
    return true;
  }

  function isComplete(): boolean {
    try {
      return spec.complete?.(digits) === true;
    } catch {
      return false;
    }
  }

  const collector: Collector = {
    ended,
    get over() {
      return state === 'over';
    },
    stop: () => end({ kind: 'stopped', digits }),
    close: () => end({ kind: 'closed', digits }),
    digit: (digit) => {
      if (state === 'over' || (state === 'prompt' && !spec.bargeIn)) return;
      const prompt = playing;
      playing = undefined;
      state = 'more';
      // Before anything else, so that not one more packet of it is sent than need be.
      prompt?.stop();
      if (!take(digit)) listen();
    },
  };

  for (const digit of deps.ahead) if (take(digit)) return collector;
  const interrupted = digits !== '' && spec.bargeIn;
  if (spec.prompt === undefined || spec.prompt.length === 0 || interrupted) {
    listen();
    return collector;
  }
  state = 'prompt';
  const prompt = deps.play(spec.prompt);
  playing = prompt;
  void prompt.ended.then(() => {
    if (playing !== prompt || state !== 'prompt') return;
    playing = undefined;
    listen();
  });
  return collector;
}
