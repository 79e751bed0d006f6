import type { Clock } from '../../base/clock.js';

/**
 * Hands out even RTP ports; the odd one above belongs to RTCP. A port that was used rests before it is used again, so that stragglers of
 * its last call do not reach the next; when nothing else is left, the one that rests longest is taken, as short calls would else use
 * all of them up.
 */
export interface PortTable {
  /** Undefined when none is free. */
  take(): number | undefined;
  /** To rest, then free. */
  release(port: number): void;
  /** Not in use, rested or not. */
  readonly free: number;
}

export interface PortTableOptions {
  /** First and last port, both inclusive. */
  readonly min: number;
  readonly max: number;
  readonly quarantineMs: number;
  readonly clock: Clock;
  /** 0 ≤ x < 1: where in the range the first one is taken. */
  readonly random: () => number;
}

export function createPortTable(options: PortTableOptions): PortTable {
  const { quarantineMs, clock } = options;
  const first = options.min + (options.min % 2);
  const pairs = Math.max(0, Math.floor((options.max - first + 1) / 2));
  const start = Math.floor(options.random() * pairs);
  // A ring of free pairs: taken at its head, put back at its tail, so that the one unused for longest comes next.
  const ring = new Uint16Array(pairs + 1);
  for (let index = 0; index < pairs; index++) ring[index] = first + ((start + index) % pairs) * 2;
  let head = 0;
  let size = pairs;
  const resting: { port: number; until: number }[] = [];
  const inUse = new Set<number>();

  function wake(): void {
    const now = clock.monotonic();
    while (resting.length > 0 && resting[0]!.until <= now) {
      ring[(head + size) % ring.length] = resting.shift()!.port;
      size++;
    }
  }

  return {
    take: () => {
      wake();
      if (size === 0) {
        const tired = resting.shift()?.port;
        if (tired !== undefined) inUse.add(tired);
        return tired;
      }
      const port = ring[head]!;
      head = (head + 1) % ring.length;
      size--;
      inUse.add(port);
      return port;
    },
    release: (port) => {
      if (!inUse.delete(port)) return;
      resting.push({ port, until: clock.monotonic() + quarantineMs });
    },
    get free() {
      return size + resting.length;
    },
  };
}
