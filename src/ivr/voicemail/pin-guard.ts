import type { Clock } from '../../base/clock.js';
import type { StateValues } from '../ports.js';
import { sameSecret } from '../same-secret.js';

/** Names that are remembered; those that are no mailbox count too, so that a lock tells nobody which ones are. */
const MAX_NAMES = 10_000;
const PREFIX = 'voicemail-pin/';

interface Wrongs {
  readonly count: number;
  /** Of the last one. */
  readonly at: number;
}

export interface PinGuard {
  /**
   * Whether this is the PIN. After `attempts` wrong ones in a row all are refused for a while, the right one too. `pin` undefined (no such
   * mailbox, or it has none): wrong, in the same time.
   */
  check(mailbox: string, entered: string, pin: string | undefined): 'right' | 'wrong' | 'locked';
}

/** Counts wrong PINs over all calls and restarts. */
export function createPinGuard(deps: {
  readonly state: StateValues;
  readonly clock: Clock;
  readonly attempts: number;
  readonly lockMs: number;
}): PinGuard {
  const { state, clock, attempts, lockMs } = deps;
  const wrongs = new Map<string, Wrongs>();
  for (const { key, value } of state.list(PREFIX)) {
    const known = read(value);
    if (known === undefined || known.at + lockMs <= clock.now()) state.remove(key);
    else wrongs.set(key.slice(PREFIX.length), known);
  }

  function forget(mailbox: string): void {
    if (wrongs.delete(mailbox)) state.remove(PREFIX + mailbox);
  }

  return {
    check(mailbox, entered, pin) {
      const same = sameSecret(entered, pin ?? '');
      const now = clock.now();
      const before = wrongs.get(mailbox);
      if (before !== undefined && before.at + lockMs <= now) forget(mailbox);
      const count = wrongs.get(mailbox)?.count ?? 0;
      if (count >= attempts) return 'locked';
      if (same && pin !== undefined && pin !== '') {
        forget(mailbox);
        return 'right';
      }
      const wrong = { count: count + 1, at: now };
      wrongs.delete(mailbox);
      wrongs.set(mailbox, wrong);
      state.set(PREFIX + mailbox, JSON.stringify(wrong));
      const [oldest] = wrongs.keys();
      if (wrongs.size > MAX_NAMES && oldest !== undefined) forget(oldest);
      return count + 1 >= attempts ? 'locked' : 'wrong';
    },
  };
}

function read(value: string): Wrongs | undefined {
  try {
    const { count, at } = JSON.parse(value) as Partial<Wrongs>;
    return typeof count === 'number' && typeof at === 'number' ? { count, at } : undefined;
  } catch {
    return undefined;
  }
}
