import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.js';

/** A nonce is good for this long; after that the answer is `stale`. */
export const NONCE_LIFE_MS = 300_000;
/** Nonces whose use is counted; the oldest is forgotten first, and is then stale. */
export const MAX_USED_NONCES = 50_000;

const SIGNATURE_LENGTH = 24;

export type NonceVerdict = 'good' | 'stale' | 'forged';

/** Nonces that need no memory until they are used: a time and random bytes, signed with a key that lives as long as the process. */
export interface Nonces {
  make(): string;
  /** `count` is the value of `nc`; a count that is not above the last one of that nonce is a replay, thus stale (RFC 7616 §3.4). */
  check(nonce: string, count: number): NonceVerdict;
}

export function createNonces(clock: Clock, randomHex: (bytes: number) => string): Nonces {
  const key = randomBytes(32);
  const used = new Map<string, number>();
  const sign = (text: string) =>
    createHmac('sha256', key).update(text).digest('hex').slice(0, SIGNATURE_LENGTH);

  return {
    make: () => {
      const text = `${clock.now().toString(16).padStart(12, '0')}${randomHex(8)}`;
      return text + sign(text);
    },
    check: (nonce, count) => {
      if (nonce.length !== 12 + 16 + SIGNATURE_LENGTH) return 'forged';
      const text = nonce.slice(0, -SIGNATURE_LENGTH);
      const given = Buffer.from(nonce.slice(-SIGNATURE_LENGTH));
      const right = Buffer.from(sign(text));
      if (given.length !== right.length || !timingSafeEqual(given, right)) return 'forged';
      const age = clock.now() - parseInt(text.slice(0, 12), 16);
      if (age < 0 || age > NONCE_LIFE_MS) return 'stale';
      const last = used.get(nonce) ?? 0;
      if (count <= last) return 'stale';
      used.set(nonce, count);
      if (used.size > MAX_USED_NONCES) used.delete(used.keys().next().value!);
      return 'good';
    },
  };
}
