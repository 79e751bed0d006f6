/** A bounded set that forgets what was neither added nor asked for longest: two generations, the older of which goes as a whole. */
export interface RecentSet {
  add(value: string): void;
  has(value: string): boolean;
}

export function createRecentSet(generationSize: number): RecentSet {
  let young = new Set<string>();
  let old = new Set<string>();

  function add(value: string): void {
    if (young.has(value)) return;
    if (young.size >= generationSize) {
      old = young;
      young = new Set();
    }
    young.add(value);
  }

  return {
    add,
    has(value) {
      if (young.has(value)) return true;
      if (!old.has(value)) return false;
      add(value);
      return true;
    },
  };
}
