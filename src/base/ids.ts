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
