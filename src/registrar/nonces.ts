import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.js';

/** A nonce is good for this long; after that the answer is `stale`. */
export const NONCE_LIFE_MS = 300_000;
/** Nonces whose use is counted; the oldest is forgotten first, and is then stale. */
export const MAX_USED_NONCES = 50_000;

const SIGNATURE_LENGTH = 24;

/** Nonces that need no memory until they are used: a time and random bytes, signed with a key that lives as long as the process. */
export interface Nonces {
  /** For whoever is at this address: who brings it back from there has received it, so the address is not forged. */
  make(address: string): string;
  /** Whether we gave it to that address, however long ago. */
  isOurs(nonce: string, address: string): boolean;
  /**
   * Of a nonce that is ours. `count` is the value of `nc`; a count that is not above the last one of that nonce is a replay, thus stale
   * (RFC 7616 §3.4).
   */
  use(nonce: string, count: number): 'good' | 'stale';
}

export function createNonces(clock: Clock, randomHex: (bytes: number) => string): Nonces {
  const key = randomBytes(32);
  const used = new Map<string, number>();
  const sign = (text: string, address: string) =>
    createHmac('sha256', key).update(`${text} ${address}`).digest('hex').slice(0, SIGNATURE_LENGTH);

  return {
    make: (address) => {
      const text = `${clock.now().toString(16).padStart(12, '0')}${randomHex(8)}`;
      return text + sign(text, address);
    },
    isOurs: (nonce, address) => {
      if (nonce.length !== 12 + 16 + SIGNATURE_LENGTH) return false;
      const given = Buffer.from(nonce.slice(-SIGNATURE_LENGTH));
      const right = Buffer.from(sign(nonce.slice(0, -SIGNATURE_LENGTH), address));
      return given.length === right.length && timingSafeEqual(given, right);
    },
    use: (nonce, count) => {
      const age = clock.now() - parseInt(nonce.slice(0, 12), 16);
      if (age < 0 || age > NONCE_LIFE_MS) return 'stale';
      const last = used.get(nonce) ?? 0;
      if (count <= last) return 'stale';
      used.set(nonce, count);
      if (used.size > MAX_USED_NONCES) used.delete(used.keys().next().value!);
      return 'good';
    },
  };
}
