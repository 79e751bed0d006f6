/** What the gate remembers of one source address. */
export interface Source {
  /** Generation of the rules `standing` was told by. */
  rulesVersion: number;
  standing: 'trusted' | 'denied' | 'unknown';
  /** Milliseconds since the epoch; 0: not banned. */
  bannedUntil: number;
  readonly bucket: Bucket;
  /** Malformed messages since the last report, and when that was (monotonic milliseconds). */
  malformed: number;
  reportedAt: number;
}

/** A token bucket; filled by `take`, so it costs nothing while idle. */
export interface Bucket {
  tokens: number;
  filledAt: number;
}

/** Takes one token; false when there is none. `now` in monotonic milliseconds. */
export function take(bucket: Bucket, now: number, perS: number, burst: number): boolean {
  if (perS === Infinity) return true;
  const filled = Math.min(burst, bucket.tokens + ((now - bucket.filledAt) * perS) / 1000);
  bucket.filledAt = now;
  bucket.tokens = filled >= 1 ? filled - 1 : filled;
  return filled >= 1;
}

export interface SourceTable {
  /** The entry of that address, made by `create` if there is none. */
  entry(address: string): Source;
  readonly size: number;
}

/** Entries of one generation; two are kept. */
const GENERATION_SIZE = 32_768;

/**
 * A bounded table: when the young generation is full it becomes the old one, and the former old one is forgotten. What is used stays,
 * and a flood of forged sources costs no more than the two.
 * @param bucket makes a full bucket
 */
export function createSourceTable(bucket: () => Bucket, generationSize = GENERATION_SIZE): SourceTable {
  let young = new Map<string, Source>();
  let old = new Map<string, Source>();
  let youngBuckets = new Map<string, Bucket>();
  let oldBuckets = new Map<string, Bucket>();

  /** One peer commands a whole /64 in IPv6, so its addresses share a bucket. */
  function bucketOf(address: string): Bucket {
    const prefix = address.includes(':') ? prefix64(address) : undefined;
    if (prefix === undefined) return bucket();
    const shared = youngBuckets.get(prefix) ?? oldBuckets.get(prefix) ?? bucket();
    youngBuckets.set(prefix, shared);
    return shared;
  }

  return {
    entry(address) {
      const known = young.get(address);
      if (known !== undefined) return known;
      const source = old.get(address) ?? {
        rulesVersion: -1,
        standing: 'unknown',
        bannedUntil: 0,
        bucket: bucketOf(address),
        malformed: 0,
        reportedAt: Number.NEGATIVE_INFINITY,
      };
      if (young.size >= generationSize) {
        old = young;
        oldBuckets = youngBuckets;
        young = new Map();
        youngBuckets = new Map();
      }
      young.set(address, source);
      return source;
    },
    get size() {
      return young.size + old.size;
    },
  };
}

/** The first four groups of an address in the kernel's own notation. */
export function prefix64(address: string): string {
  const gap = address.indexOf('::');
  const head = gap === -1 ? address : address.slice(0, gap);
  const groups = head === '' ? [] : head.split(':');
  const behind =
    gap === -1
      ? 0
      : address
          .slice(gap + 2)
          .split(':')
          .filter(Boolean).length;
  while (gap !== -1 && groups.length < 4 && groups.length < 8 - behind) groups.push('0');
  return groups.slice(0, 4).join(':');
}
