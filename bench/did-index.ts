import { createDidIndex } from '../src/numbers/index.js';

/** Look-up time and memory of an index of `size` exact DIDs, beside a block, a prefix and a pattern that the numbers do not fit. */
export function benchDidIndex(size: number): { nsPerLookup: number; bytesPerDid: number } {
  const collect = () => {
    (globalThis as { gc?: () => void }).gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const numberAt = (index: number) => `+1${String(2_000_000_000 + index)}`;
  const before = collect();
  const index = createDidIndex<{ position: number }>();
  for (let i = 0; i < size; i++) index.add({ kind: 'exact', number: numberAt(i) }, { position: i });
  index.add({ kind: 'range', lo: '+19990000000', hi: '+19990000999' }, { position: -1 });
  index.add({ kind: 'prefix', prefix: '+1800' }, { position: -2 });
  index.freeze();
  const bytesPerDid = (collect() - before) / size;

  const asked = Array.from({ length: 65_536 }, (_, i) => numberAt((i * 2_654_435_761) % size));
  let found = 0;
  for (let i = 0; i < 200_000; i++) found += index.lookup(asked[i & 65_535]!).length;
  const rounds = 2_000_000;
  // CPU time: what else runs on the machine does not count.
  const began = process.cpuUsage();
  for (let i = 0; i < rounds; i++) found += index.lookup(asked[i & 65_535]!).length;
  const { user, system } = process.cpuUsage(began);
  const nsPerLookup = ((user + system) * 1000) / rounds;
  if (found !== rounds + 200_000) throw new Error(`${found} found`);
  return { nsPerLookup, bytesPerDid };
}
