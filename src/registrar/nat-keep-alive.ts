import type { Clock, Timer } from '../base/clock.js';
import { parseUri } from '../sip/index.js';
import type { Binding } from './ports.js';

/** Sends one OPTIONS to where the binding was seen; resolves when it was answered, or was given up. Never rejects. */
export type SendKeepAlive = (binding: Binding) => Promise<void>;

export interface NatKeepAliveOptions {
  /** Milliseconds between two to one binding; 0: none are sent. Asked each time. */
  readonly everyMs: () => number;
  readonly send: SendKeepAlive;
}

/** How often is looked whose turn it is. Milliseconds. */
const TICK_MS = 1000;

/** So many leave in one tick; others wait for the next, so that a restart with many phones is no burst. */
const MAX_PER_TICK = 300;

export interface NatKeepAlive {
  start(): void;
  stop(): void;
}

/** Keeps the way open to phones behind a NAT: its mapping for UDP closes after 30 s to some minutes without a datagram. */
export function createNatKeepAlive(
  clock: Clock,
  bindings: () => readonly Binding[],
  { everyMs, send }: NatKeepAliveOptions,
): NatKeepAlive {
  /** When it is the binding's turn, monotonic; Infinity while it is asked. A binding that is gone is let go with it. */
  let due = new Map<Binding, number>();
  let timer: Timer | undefined;

  const tick = (): void => {
    timer = clock.after(TICK_MS, tick);
    const every = everyMs();
    if (every === 0) {
      due.clear();
      return;
    }
    const now = clock.monotonic();
    const next = new Map<Binding, number>();
    let left = MAX_PER_TICK;
    for (const binding of bindings()) {
      if (!isBehindNat(binding)) continue;
      const at = due.get(binding) ?? now + every;
      if (at > now || left === 0) {
        next.set(binding, at);
        continue;
      }
      left -= 1;
      next.set(binding, Infinity);
      void send(binding)
        .catch(() => undefined)
        .then(() => {
          if (due.has(binding)) due.set(binding, now + every);
        });
    }
    due = next;
  };

  return {
    start: () => {
      timer ??= clock.after(TICK_MS, tick);
    },
    stop: () => {
      timer?.clear();
      timer = undefined;
      due.clear();
    },
  };
}

/** It came over UDP from elsewhere than its Contact says. */
export function isBehindNat(binding: Binding): boolean {
  const source = parseUri(binding.source);
  const contact = parseUri(binding.contact);
  if (source?.params.get('transport') !== 'udp') return false;
  return contact?.host !== source.host || (contact.port ?? 5060) !== (source.port ?? 5060);
}
