import { promises as dns, type NaptrRecord, type SrvRecord } from 'node:dns';
import type { Clock } from '../../base/clock.js';

/** The queries RFC 3263 needs. An empty list: there is no such record. Rejects when the name servers gave no answer. */
export interface Lookups {
  naptr(name: string): Promise<readonly NaptrRecord[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
  addresses(name: string, family: 4 | 6): Promise<readonly string[]>;
}

export interface LookupOptions {
  readonly clock: Clock;
  /** `address` or `address:port`; default: the system's, and then its hosts file counts too. */
  readonly servers?: readonly string[] | undefined;
  /** One query's patience; it is asked twice. Default 2 s. */
  readonly timeoutMs?: number;
}

/** Answers kept at once. */
const MAX_ENTRIES = 2000;
/** Node hides the lifetime of NAPTR and SRV records. */
const RECORD_TTL_S = 60;
const MAX_TTL_S = 3600;
const NEGATIVE_TTL_S = 30;
/** Servers that do not answer are not asked for the same name again at once. */
const FAILURE_TTL_S = 5;

interface Kept {
  readonly answer: Promise<unknown>;
  /** Monotonic milliseconds; unknown while the query runs. */
  expires: number | undefined;
}

/** Queries by way of a bounded cache that keeps answers for their lifetime, and joins equal queries that run at once. */
export function createLookups(options: LookupOptions): Lookups {
  const { clock } = options;
  const resolver = new dns.Resolver({ timeout: options.timeoutMs ?? 2000, tries: 2 });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  const kept = new Map<string, Kept>();

  function cached<T>(key: string, ask: () => Promise<{ value: T; ttlS: number }>): Promise<T> {
    const found = kept.get(key);
    if (found !== undefined && (found.expires === undefined || found.expires > clock.monotonic())) {
      return found.answer as Promise<T>;
    }
    const lives = (ttlS: number): void => {
      entry.expires = clock.monotonic() + ttlS * 1000;
    };
    const answer = ask().then(
      ({ value, ttlS }) => {
        lives(Math.min(MAX_TTL_S, Math.max(1, ttlS)));
        return value;
      },
      (error: unknown) => {
        lives(FAILURE_TTL_S);
        throw error;
      },
    );
    const entry: Kept = { answer, expires: undefined };
    kept.delete(key);
    kept.set(key, entry);
    if (kept.size > MAX_ENTRIES) kept.delete(kept.keys().next().value!);
    return answer;
  }

  /** Asks for records that carry no lifetime here; none is an answer as well. */
  function records<T>(kind: string, name: string, ask: () => Promise<T[]>): Promise<readonly T[]> {
    return cached(`${kind} ${name.toLowerCase()}`, async () => {
      const value = await noneIsEmpty(ask());
      return { value, ttlS: value.length === 0 ? NEGATIVE_TTL_S : RECORD_TTL_S };
    });
  }

  async function askAddresses(name: string, family: 4 | 6): Promise<{ value: string[]; ttlS: number }> {
    const asked = noneIsEmpty(
      family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true }),
    );
    const found = await (options.servers === undefined ? asked.catch(() => []) : asked);
    if (found.length > 0) {
      return { value: found.map(({ address }) => address), ttlS: Math.min(...found.map(({ ttl }) => ttl)) };
    }
    if (options.servers !== undefined) return { value: [], ttlS: NEGATIVE_TTL_S };
    // The hosts file and other sources the system knows, such as container names; also all there is without name servers.
    const others = await noneIsEmpty(dns.lookup(name, { family, all: true }));
    return { value: others.map(({ address }) => address), ttlS: NEGATIVE_TTL_S };
  }

  return {
    naptr: (name) => records('NAPTR', name, () => resolver.resolveNaptr(name)),
    srv: (name) => records('SRV', name, () => resolver.resolveSrv(name)),
    addresses: (name, family) => cached(`${family} ${name.toLowerCase()}`, () => askAddresses(name, family)),
  };
}

/** These codes are answers: no such name, no such record, or a name DNS cannot hold. */
const NONE = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME', 'EAI_NODATA', 'EAI_NONAME', 'EAI_ADDRFAMILY']);

async function noneIsEmpty<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (error) {
    if (NONE.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
