/** A chunk is split when it grows beyond this: an insertion moves at most so many items. */
const CHUNK = 256;

/**
 * Items in order, with their ranks: adding, removing and `rankOf` take a search among chunks and one within a chunk, whose
 * sizes keep a list of 100,000 at a few microseconds. `compare` must tell any two items apart, and not change while they are in.
 */
export interface SortedList<T> {
  readonly size: number;
  readonly first: T | undefined;
  add(item: T): void;
  /** False: it was not in. */
  remove(item: T): boolean;
  /** How many items go before it; the item itself need not be in. */
  rankOf(item: T): number;
  [Symbol.iterator](): Iterator<T>;
}

export function createSortedList<T>(compare: (a: T, b: T) => number): SortedList<T> {
  let chunks: T[][] = [];
  let size = 0;

  /** Index of the chunk whose last item is not before, or the last chunk. */
  function chunkFor(before: (item: T) => boolean): number {
    let low = 0;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const chunk = chunks[middle]!;
      if (before(chunk[chunk.length - 1]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    get size() {
      return size;
    },
    get first() {
      return chunks[0]?.[0];
    },
    add(item) {
      size++;
      if (chunks.length === 0) {
        chunks.push([item]);
        return;
      }
      const before = (other: T): boolean => compare(other, item) < 0;
      const index = chunkFor(before);
      const chunk = chunks[index]!;
      chunk.splice(within(chunk, before), 0, item);
      if (chunk.length > CHUNK) chunks.splice(index + 1, 0, chunk.splice(CHUNK >> 1));
    },
    remove(item) {
      if (size === 0) return false;
      const before = (other: T): boolean => compare(other, item) < 0;
      const index = chunkFor(before);
      const chunk = chunks[index]!;
      const place = within(chunk, before);
      if (chunk[place] !== item) return false;
      chunk.splice(place, 1);
      if (chunk.length === 0) chunks = chunks.filter((other) => other !== chunk);
      size--;
      return true;
    },
    rankOf(item) {
      if (size === 0) return 0;
      const before = (other: T): boolean => compare(other, item) < 0;
      const index = chunkFor(before);
      let rank = within(chunks[index]!, before);
      for (let chunk = 0; chunk < index; chunk++) rank += chunks[chunk]!.length;
      return rank;
    },
    *[Symbol.iterator]() {
      for (const chunk of chunks) yield* chunk;
    },
  };
}

function within<T>(chunk: readonly T[], before: (item: T) => boolean): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(chunk[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
