import { sequenceDelta } from './rtp.js';

const MAX_DROPOUT = 3000;

/** Counts what one source sends: RFC 3550 appendices A.1, A.3 and A.8. */
export interface Reception {
  readonly received: number;
  /** By sequence numbers, at least 0. */
  readonly lost: number;
  /** In units of the source's clock. */
  readonly jitter: number;
  readonly highest: number;
  readonly ssrc: number;
  /** `arrival` in units of the source's clock. */
  count(ssrc: number, sequence: number, timestamp: number, arrival: number): void;
  /** Loss since the last call, 0–255 as RFC 3550 §6.4.1 wants it. */
  fraction(): number;
}

export function createReception(): Reception {
  let ssrc = -1;
  let base = 0;
  let highest = 0;
  let received = 0;
  let inSource = 0;
  let lostBefore = 0;
  let expectedPrior = 0;
  let receivedPrior = 0;
  let transit: number | undefined;
  let jitter = 0;

  const expected = (): number => (ssrc < 0 ? 0 : highest - base + 1);
  const lostNow = (): number => Math.max(0, expected() - inSource);

  function begin(source: number, sequence: number): void {
    lostBefore += lostNow();
    ssrc = source;
    base = sequence;
    highest = sequence;
    inSource = 0;
    expectedPrior = 0;
    receivedPrior = 0;
    transit = undefined;
  }

  return {
    get received() {
      return received;
    },
    get lost() {
      return lostBefore + lostNow();
    },
    get jitter() {
      return jitter;
    },
    get highest() {
      return highest;
    },
    get ssrc() {
      return ssrc;
    },
    count: (source, sequence, timestamp, arrival) => {
      const delta = sequenceDelta(sequence, highest & 0xffff);
      if (source !== ssrc || Math.abs(delta) > MAX_DROPOUT) begin(source, sequence);
      else if (delta > 0) highest += delta;
      received++;
      inSource++;
      const now = (arrival - timestamp) | 0;
      if (transit !== undefined) {
        const distance = Math.abs((now - transit) | 0);
        // A source that jumps in time tells nothing about the network.
        if (distance < 0x20000) jitter += (distance - jitter) / 16;
      }
      transit = now;
    },
    fraction: () => {
      const expectedInterval = expected() - expectedPrior;
      const lostInterval = expectedInterval - (inSource - receivedPrior);
      expectedPrior = expected();
      receivedPrior = inSource;
      if (expectedInterval <= 0 || lostInterval <= 0) return 0;
      return Math.min(255, Math.floor((lostInterval * 256) / expectedInterval));
    },
  };
}
