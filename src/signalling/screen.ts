import { createCidrSet, type CidrSet } from '../base/cidr.js';
import type { Clock } from '../base/clock.js';
import type { GateRules } from './port.js';

/** Sources whose rate is remembered at once; when full, all of them start anew. */
const MAX_SOURCES = 50_000;

export type ScreenVerdict =
  | { readonly kind: 'pass' }
  | {
      readonly kind: 'refuse';
      readonly status: 403 | 503;
      readonly why: 'banned' | 'denied' | 'rate';
      readonly observed: boolean;
    };

const PASS: ScreenVerdict = { kind: 'pass' };

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * The gate's rules for an engine that has no gate of its own. It runs after parsing, and only on what opens something: new
 * requests outside of dialogs. What is refused must be answered, since the server keeps it until then.
 */
export class Screen {
  readonly #clock: Clock;
  #trusted: CidrSet | undefined;
  #denied: CidrSet | undefined;
  #banned = new Map<string, number>();
  #rules: GateRules | undefined;
  #sources = new Map<string, Bucket>();
  #total: Bucket = { tokens: 0, at: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws AppError SETTINGS_INVALID for a block that is none; the former rules stay then. */
  set(rules: GateRules): void {
    const trusted = createCidrSet(rules.trusted);
    const denied = createCidrSet(rules.denied);
    this.#trusted = trusted;
    this.#denied = denied;
    this.#banned = new Map(rules.banned.map((ban) => [ban.address, ban.until]));
    this.#rules = rules;
  }

  check(address: string): ScreenVerdict {
    const rules = this.#rules;
    if (rules === undefined) return PASS;
    const until = this.#banned.get(address);
    if (until !== undefined && until > this.#clock.now()) {
      return { kind: 'refuse', status: 403, why: 'banned', observed: rules.observe };
    }
    if (this.#denied?.has(address) === true)
      return { kind: 'refuse', status: 403, why: 'denied', observed: rules.observe };
    if (this.#trusted?.has(address) === true || this.#takesToken(address, rules)) return PASS;
    return { kind: 'refuse', status: 503, why: 'rate', observed: rules.observe };
  }

  #takesToken(address: string, rules: GateRules): boolean {
    const now = this.#clock.monotonic();
    const { perSourcePerS, burst, totalPerS } = rules.unknownRate;
    let source = this.#sources.get(address);
    if (source === undefined) {
      if (this.#sources.size >= MAX_SOURCES) this.#sources.clear();
      source = { tokens: burst, at: now };
      this.#sources.set(address, source);
    }
    if (!take(source, now, perSourcePerS, burst)) return false;
    return take(this.#total, now, totalPerS, totalPerS);
  }
}

/** A token bucket of `size` that fills at `perS`. */
function take(bucket: Bucket, now: number, perS: number, size: number): boolean {
  bucket.tokens = Math.min(size, bucket.tokens + ((now - bucket.at) / 1000) * perS);
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}
