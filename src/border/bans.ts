import { createCidrSet } from '../base/cidr.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Ban, BanStore } from './ports.js';

/** A ban never lasts longer than this. */
export const MAX_BAN_MS = 7 * 86_400_000;
/** Addresses with failures that are remembered; the longest quiet one is forgotten first. */
export const MAX_SUSPECTS = 50_000;
/** Bans kept; the one that ends first makes room. */
export const MAX_BANS = 100_000;
/** The gate gets all bans anew: at most once in this time … */
const GATHER_MS = 250;
/** … and the more there are the rarer, as it costs some 2 µs each. */
const GATHER_MS_EACH = 0.05;

/** How much each kind of failure counts towards `ban.after`. */
const WEIGHTS = {
  /** A digest answer that is wrong. A first challenge is no failure. */
  'failed-digest': 1,
  /** A call or registration from nobody we know. */
  'unknown-source': 1,
  malformed: 1,
  /** A user agent on the list: nobody sends that by accident. */
  'scanner-user-agent': 5,
} as const;

export type Failure = keyof typeof WEIGHTS;

export interface BanSettings {
  readonly after: number;
  readonly withinMs: number;
  readonly forMs: number;
  readonly escalate: number;
  /** CIDR blocks that are never banned: `ban.never`, `allow` and the trunks' own networks. */
  readonly never: readonly string[];
}

export interface Bans {
  /** Counts a failure of an address; the address is banned when it had enough of them. */
  note(address: string, failure: Failure, times?: number): void;
  isBanned(address: string): Ban | undefined;
  /** Bans by hand, also an address that would never be banned by score. */
  add(address: string, forMs: number, reason: string): Ban;
  /** False when it was not banned. */
  lift(address: string): boolean;
  list(): readonly Ban[];
  configure(settings: BanSettings): void;
}

interface Suspect {
  score: number;
  since: number;
}

export function createBans(
  first: BanSettings,
  deps: {
    clock: Clock;
    logger: Logger;
    store: BanStore;
    onChanged: () => void;
    /** See `BorderDeps`. */
    isHome?: ((address: string) => boolean) | undefined;
  },
): Bans {
  const { clock, logger, store } = deps;
  let settings = first;
  let never = createCidrSet(first.never);
  const suspects = new Map<string, Suspect>();
  const bans = new Map<string, Ban>();
  for (const ban of store.load()) {
    // An ended ban is kept for its count until twice its length has passed, so that the next one lasts longer.
    if (ban.until + (ban.until - ban.since) > clock.now()) bans.set(ban.address, ban);
    else store.remove(ban.address);
  }

  let gathering = false;
  let isBehind = false;
  /** At once, unless it was told just now: a flood that gets thousands of addresses banned must not stop us with it. */
  const onChanged = (): void => {
    isBehind = gathering;
    if (gathering) return;
    gathering = true;
    deps.onChanged();
    clock.after(Math.max(GATHER_MS, bans.size * GATHER_MS_EACH), () => {
      gathering = false;
      if (isBehind) onChanged();
    });
  };

  const ban = (address: string, forMs: number, reason: string, by: Ban['by']): Ban => {
    const now = clock.now();
    const times = (bans.get(address)?.times ?? 0) + 1;
    const entry: Ban = { address, since: now, until: now + Math.min(forMs, MAX_BAN_MS), times, reason, by };
    bans.delete(address);
    bans.set(address, entry);
    if (bans.size > MAX_BANS) forget(bans.keys().next().value!);
    suspects.delete(address);
    store.save(entry);
    logger.warn({ address, until: new Date(entry.until).toISOString(), times, reason, by }, 'address banned');
    onChanged();
    return entry;
  };

  const forget = (address: string) => {
    bans.delete(address);
    store.remove(address);
  };

  return {
    note: (address, failure, times = 1) => {
      if (never.has(address)) return;
      // A wrong password comes with a nonce of ours: its sender has received it, and is who it says.
      if (failure !== 'failed-digest' && deps.isHome?.(address) === true) return;
      const now = clock.now();
      let suspect = suspects.get(address);
      if (suspect === undefined || now - suspect.since > settings.withinMs)
        suspect = { score: 0, since: now };
      suspects.delete(address);
      suspects.set(address, suspect);
      if (suspects.size > MAX_SUSPECTS) suspects.delete(suspects.keys().next().value!);
      suspect.score += WEIGHTS[failure] * times;
      if (suspect.score < settings.after) return;
      const current = bans.get(address);
      if (current !== undefined && current.until > now) return;
      const earlier = current?.times ?? 0;
      ban(
        address,
        settings.forMs * settings.escalate ** earlier,
        `${failure}, ${suspect.score} points`,
        'border',
      );
    },
    isBanned: (address) => {
      const entry = bans.get(address);
      return entry !== undefined && entry.until > clock.now() ? entry : undefined;
    },
    add: (address, forMs, reason) => ban(address, forMs, reason, 'ops'),
    lift: (address) => {
      const entry = bans.get(address);
      if (entry === undefined) return false;
      forget(address);
      suspects.delete(address);
      logger.info({ address }, 'ban lifted');
      onChanged();
      return entry.until > clock.now();
    },
    list: () => {
      const now = clock.now();
      return [...bans.values()].filter((entry) => entry.until > now);
    },
    configure: (next) => {
      settings = next;
      never = createCidrSet(next.never);
    },
  };
}
