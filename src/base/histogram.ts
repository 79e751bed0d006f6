/** Whole values below this have a bucket each. */
const EXACT = 20;

/** Each further bucket is wider by so much: its middle is within 5 % of all it holds. */
const GROWTH = Math.log(1.1);

/** A spread of values as plain data; those of several intervals can be merged. */
export interface EncodedHistogram {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** In order; buckets nothing fell into are left out. */
  readonly buckets: readonly (readonly [bucket: number, count: number])[];
}

/** Counts values (0 or more) in buckets that grow by a tenth: exact in number, sum and extremes, percentiles within 5 %. */
export interface Histogram {
  add(value: number): void;
  merge(other: EncodedHistogram): void;
  encode(): EncodedHistogram;
}

export function createHistogram(): Histogram {
  const buckets = new Map<number, number>();
  let count = 0;
  let sum = 0;
  let min = Infinity;
  let max = 0;
  return {
    add(value) {
      const counted = Math.max(0, value);
      const bucket = bucketOf(counted);
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
      count++;
      sum += counted;
      min = Math.min(min, counted);
      max = Math.max(max, counted);
    },
    merge(other) {
      if (other.count === 0) return;
      for (const [bucket, more] of other.buckets) buckets.set(bucket, (buckets.get(bucket) ?? 0) + more);
      count += other.count;
      sum += other.sum;
      min = Math.min(min, other.min);
      max = Math.max(max, other.max);
    },
    encode: () => ({
      count,
      sum,
      min: count === 0 ? 0 : min,
      max,
      buckets: [...buckets].sort(([a], [b]) => a - b),
    }),
  };
}

/** The value that this share (0–1) of the values does not exceed, within 5 %. */
export function percentile(histogram: EncodedHistogram, share: number): number {
  let left = Math.max(1, Math.ceil(share * histogram.count));
  for (const [bucket, count] of histogram.buckets) {
    left -= count;
    if (left <= 0) return Math.min(histogram.max, Math.max(histogram.min, middleOf(bucket)));
  }
  return histogram.max;
}

function bucketOf(value: number): number {
  return value < EXACT ? Math.round(value) : EXACT + Math.floor(Math.log(value / EXACT) / GROWTH);
}

function middleOf(bucket: number): number {
  return bucket < EXACT ? bucket : EXACT * Math.exp(GROWTH * (bucket - EXACT + 0.5));
}
