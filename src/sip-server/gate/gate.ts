import { SocketAddress, isIPv6 } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { createCidrSet, type CidrSet } from '../../base/cidr.js';
import { kindOfDatagram } from './opens-something.js';
import { createRecentSet } from './recent-set.js';
import type { GateRules } from './rules.js';
import { createSourceTable, take, type Bucket, type Source } from './source-table.js';

/** Why the gate dropped something. `source-rate` and `total-rate` hit requests that open something, `junk-rate` what is no SIP. */
export type DropReason = 'denied' | 'banned' | 'source-rate' | 'total-rate' | 'junk-rate';

/**
 * The first look at what arrives, before anything is parsed. Banned and denied sources are dropped unread at the price of a hash
 * look-up; rates hold only requests that open something, from sources that are not trusted.
 */
export interface Gate {
  /** Replaces the rules. Throws AppError SETTINGS_INVALID on a bad CIDR, and the former rules stay. */
  setRules(rules: GateRules): void;
  /** Whether to read this datagram, or this message of a connection. */
  admit(bytes: Buffer, address: string): boolean;
  /** Whether to accept a connection. */
  admitConnection(address: string): boolean;
  isTrusted(address: string): boolean;
  /** Whether rules have been set: until then nobody is trusted, and nobody is suspect either. */
  readonly active: boolean;
  /** A request of that source has been accepted: its own rate still holds, the total rate of unknown sources does not. */
  established(address: string): void;
  /** Whether one has been. */
  isEstablished(address: string): boolean;
  /** Counts what was no SIP message; the number since the last report when one is due (at most one a second for a source), else 0. */
  malformed(address: string): number;
  readonly counters: Readonly<Record<DropReason, number>>;
}

const OPEN_RULES: GateRules = {
  trusted: [],
  denied: [],
  banned: [],
  unknownRate: { perSourcePerS: Infinity, burst: Infinity, totalPerS: Infinity },
  observe: false,
};

const REPORT_EVERY_MS = 1000;
const MAX_ACCEPTED = 32_768;

/** A gate that lets all pass until `setRules`. */
export function createGate(clock: Clock): Gate {
  let rules = OPEN_RULES;
  let version = 0;
  let trusted: CidrSet = createCidrSet([]);
  let denied: CidrSet = trusted;
  let banned = new Map<string, number>();
  const fullBucket = (): Bucket => ({
    tokens: rules.unknownRate.burst,
    filledAt: clock.monotonic(),
  });
  const sources = createSourceTable(fullBucket);
  // Apart from the other sources, so that a flood of forged ones pushes nobody out.
  const accepted = createRecentSet(MAX_ACCEPTED);
  let total: Bucket = fullBucket();
  const counters: Record<DropReason, number> = {
    denied: 0,
    banned: 0,
    'source-rate': 0,
    'total-rate': 0,
    'junk-rate': 0,
  };

  function sourceOf(address: string): Source {
    const source = sources.entry(address);
    if (source.rulesVersion !== version) {
      source.rulesVersion = version;
      // An explicit denial beats trust: it is how an admin shuts out one address of a trusted block.
      source.standing = denied.has(address) ? 'denied' : trusted.has(address) ? 'trusted' : 'unknown';
      source.bannedUntil = banned.get(address) ?? 0;
    }
    return source;
  }

  /** Counts; under `observe` all passes. */
  function drop(reason: DropReason): boolean {
    counters[reason]++;
    return rules.observe;
  }

  /** The reason to shut a source out whatever it sends. */
  function shutOut(source: Source): DropReason | undefined {
    if (source.standing === 'denied') return 'denied';
    if (source.bannedUntil === 0) return undefined;
    if (source.bannedUntil > clock.now()) return 'banned';
    source.bannedUntil = 0;
    return undefined;
  }

  function admit(bytes: Buffer, address: string): boolean {
    const source = sourceOf(address);
    if (source.standing === 'trusted' && source.bannedUntil === 0) return true;
    const shut = shutOut(source);
    if (shut !== undefined) return drop(shut);
    const { perSourcePerS, burst, totalPerS } = rules.unknownRate;
    if (perSourcePerS === Infinity && totalPerS === Infinity) return true;
    const kind = kindOfDatagram(bytes);
    if (kind === 'inside') return true;
    const now = clock.monotonic();
    if (!take(source.bucket, now, perSourcePerS, burst))
      return drop(kind === 'junk' ? 'junk-rate' : 'source-rate');
    if (!accepted.has(address) && !take(total, now, totalPerS, Math.max(1, totalPerS)))
      return drop('total-rate');
    return true;
  }

  return {
    admit,
    counters,
    setRules(next) {
      const nextTrusted = createCidrSet(next.trusted);
      const nextDenied = createCidrSet(next.denied);
      trusted = nextTrusted;
      denied = nextDenied;
      banned = new Map(next.banned.map(({ address, until }) => [canonicalAddress(address), until]));
      if (next.unknownRate.totalPerS !== rules.unknownRate.totalPerS) {
        total = { tokens: next.unknownRate.totalPerS, filledAt: clock.monotonic() };
      }
      rules = next;
      version++;
    },
    admitConnection(address) {
      const shut = shutOut(sourceOf(address));
      return shut === undefined || drop(shut);
    },
    get active() {
      return version > 0;
    },
    isTrusted: (address) => sourceOf(address).standing === 'trusted',
    established: (address) => accepted.add(address),
    isEstablished: (address) => accepted.has(address),
    malformed(address) {
      const source = sourceOf(address);
      const now = clock.monotonic();
      source.malformed++;
      if (now - source.reportedAt < REPORT_EVERY_MS) return 0;
      const count = source.malformed;
      source.malformed = 0;
      source.reportedAt = now;
      return count;
    },
  };
}

/** The notation the kernel uses, which is what packets are looked up by. */
function canonicalAddress(address: string): string {
  return isIPv6(address) && !address.includes('%')
    ? new SocketAddress({ address, family: 'ipv6' }).address
    : address;
}
