import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../base/errors.js';

export type Role = 'viewer' | 'operator' | 'admin';

/** A key as the settings hold it: only its hash is known. */
export interface ApiKey {
  readonly name: string;
  readonly role: Role;
  /** `sha256:` and the hexadecimal SHA-256 of the key. */
  readonly hash: string;
}

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/** The form in which a key is stored. Keys are long random texts, so that a plain hash is enough. */
export function hashApiKey(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/**
 * Admits a request that carries a key whose role suffices. Without any keys configured the API listens on loopback only; then a
 * foreign `Host` or `Origin` is refused, or any web page could steer the server through the admin's browser. Returns the key's name, `api`
 * without keys.
 */
export function createGuard(
  configured: () => readonly ApiKey[],
): (request: FastifyRequest, needed: Role) => string {
  return (request, needed) => {
    const keys = configured();
    if (keys.length === 0) {
      if (!isLoopbackHost(request.headers.host) || !isLoopbackOrigin(request.headers.origin)) {
        throw new AppError(
          'FORBIDDEN',
          'without API keys only this machine may use the API, by its loopback name',
        );
      }
      return 'api';
    }
    const given = /^Bearer +(\S{1,256})$/i.exec(request.headers.authorization ?? '')?.[1];
    const key = given === undefined ? undefined : findKey(keys, hashApiKey(given));
    if (key === undefined) throw new AppError('UNAUTHORIZED', 'the key is missing or unknown');
    if (RANK[key.role] < RANK[needed]) {
      throw new AppError('FORBIDDEN', `key ${key.name} has the role ${key.role}; this needs ${needed}`);
    }
    return key.name;
  };
}

function findKey(keys: readonly ApiKey[], hash: string): ApiKey | undefined {
  const wanted = Buffer.from(hash);
  let found: ApiKey | undefined;
  for (const key of keys) {
    const stored = Buffer.from(key.hash);
    if (stored.length === wanted.length && timingSafeEqual(stored, wanted)) found = key;
  }
  return found;
}

function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined) return false;
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

function isLoopbackOrigin(origin: string | undefined): boolean {
  if (origin === undefined) return true;
  return URL.canParse(origin) && isLoopbackHost(new URL(origin).host);
}
