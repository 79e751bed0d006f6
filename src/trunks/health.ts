import type { Clock, Timer } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { TrunkSettings } from '../model/index.js';
import type { SendOptions } from './ports.js';

/** Without probes: this many attempts in a row without an answer … */
const PASSIVE_DOWN_AFTER = 3;
/** … put a destination last for this long. */
const PASSIVE_DOWN_MS = 30_000;
const PROBE_TIMEOUT_MS = 5000;

/** Health of the destinations of all trunks: by OPTIONS where the trunk asks for it, and by what calls met. */
export interface Health {
  isDown(trunk: string, uri: string): boolean;
  /** What a call met: a reply (any but 503), or none. */
  note(trunk: string, uri: string, ok: boolean): void;
  configure(trunks: readonly TrunkSettings[]): void;
  stop(): void;
}

interface Destination {
  readonly trunk: TrunkSettings;
  readonly uri: string;
  misses: number;
  answers: number;
  /** Milliseconds since the epoch; `Infinity` while probes say so. */
  downUntil: number;
  timer: Timer | undefined;
}

export function createHealth(deps: { clock: Clock; logger: Logger; sendOptions: SendOptions }): Health {
  const { clock, logger, sendOptions } = deps;
  let destinations = new Map<string, Destination>();

  const setDown = (destination: Destination, until: number) => {
    if (!(destination.downUntil > clock.now())) {
      logger.warn({ trunk: destination.trunk.name, destination: destination.uri }, 'destination down');
    }
    destination.downUntil = until;
  };

  const setUp = (destination: Destination) => {
    if (destination.downUntil > clock.now()) {
      logger.info({ trunk: destination.trunk.name, destination: destination.uri }, 'destination up');
    }
    destination.downUntil = 0;
  };

  const probe = async (destination: Destination) => {
    const { probe: settings, listener } = destination.trunk;
    if (settings === undefined) return;
    const status = await sendOptions({
      target: destination.uri,
      timeoutMs: Math.min(PROBE_TIMEOUT_MS, settings.everyMs),
      ...(listener !== undefined && { listener }),
    }).catch(() => undefined);
    if (destinations.get(keyOf(destination.trunk.name, destination.uri)) !== destination) return;
    // Any answer but 503 says that a SIP element is alive there: many answer OPTIONS with 404 or 405.
    if (status !== undefined && status !== 503) {
      destination.misses = 0;
      destination.answers += 1;
      if (destination.answers >= settings.upAfter) setUp(destination);
    } else {
      destination.answers = 0;
      destination.misses += 1;
      if (destination.misses >= settings.downAfter) setDown(destination, Infinity);
    }
    schedule(destination, settings.everyMs);
  };

  const schedule = (destination: Destination, delayMs: number) => {
    destination.timer = clock.after(delayMs, () => void probe(destination));
  };

  return {
    isDown: (trunk, uri) => (destinations.get(keyOf(trunk, uri))?.downUntil ?? 0) > clock.now(),
    note: (trunk, uri, ok) => {
      const destination = destinations.get(keyOf(trunk, uri));
      // Where probes run they decide: one mind, not two.
      if (destination === undefined || destination.trunk.probe !== undefined) return;
      if (ok) {
        destination.misses = 0;
        setUp(destination);
        return;
      }
      destination.misses += 1;
      if (destination.misses >= PASSIVE_DOWN_AFTER) setDown(destination, clock.now() + PASSIVE_DOWN_MS);
    },
    configure: (trunks) => {
      const next = new Map<string, Destination>();
      for (const trunk of trunks) {
        for (const { uri } of trunk.to) {
          const key = keyOf(trunk.name, uri);
          const old = destinations.get(key);
          old?.timer?.clear();
          const destination: Destination = {
            trunk,
            uri,
            misses: old?.misses ?? 0,
            answers: old?.answers ?? 0,
            downUntil: trunk.probe === undefined && old?.downUntil === Infinity ? 0 : (old?.downUntil ?? 0),
            timer: undefined,
          };
          next.set(key, destination);
        }
      }
      for (const [key, old] of destinations) if (!next.has(key)) old.timer?.clear();
      destinations = next;
      for (const destination of next.values()) {
        if (destination.trunk.probe !== undefined) schedule(destination, 0);
      }
    },
    stop: () => {
      for (const { timer } of destinations.values()) timer?.clear();
      destinations = new Map();
    },
  };
}

function keyOf(trunk: string, uri: string): string {
  return `${trunk} ${uri}`;
}
