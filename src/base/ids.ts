import { randomBytes, randomUUID } from 'node:crypto';

let pool = Buffer.alloc(0);
let offset = 0;

/** `bytes` random bytes in hexadecimal, from a pool, since one call into the system for each id is slow. */
export function randomHex(bytes: number): string {
  if (offset + bytes > pool.length) {
    pool = randomBytes(4096);
    offset = 0;
  }
  const text = pool.toString('hex', offset, offset + bytes);
  offset += bytes;
  return text;
}

/** A version 4 UUID. */
export function newUuid(): string {
  return randomUUID();
}

let lastMs = 0;
let count = 0;
let prefix = '';

/**
 * A version 7 UUID (RFC 9562 §5.7): the time in milliseconds, a counter and 62 random bits. Ids sort in the order they were made, so
 * that a database appends to its index of them; twice the price of a random one.
 */
export function newOrderedUuid(): string {
  const now = Date.now();
  if (now > lastMs || ++count > 0xfff) {
    // More than the counter holds in a millisecond, or the clock was set back: borrow from the next.
    lastMs = Math.max(now, lastMs + 1);
    count = 0;
    const time = lastMs.toString(16).padStart(12, '0');
    prefix = `${time.slice(0, 8)}-${time.slice(8)}-`;
  }
  const random = randomHex(8);
  // The variant, binary 10, takes the place of the first two random bits.
  const variant = '89ab'[random.charCodeAt(0) & 3]!;
  return `${prefix}${(0x7000 + count).toString(16)}-${variant}${random.slice(1, 4)}-${random.slice(4)}`;
}
