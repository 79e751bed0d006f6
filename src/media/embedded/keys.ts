/** Keys that wait for an input, and for how long. */
const MOST_KEPT = 32;
const KEPT_MS = 10_000;
/** The same digit by two ways within this is one key. */
const TWO_WAYS_MS = 500;

/** The keys a peer presses: each counts once, and those that nothing took wait for the next input (type-ahead). Times are monotonic. */
export class Keys {
  #kept: { readonly digit: string; readonly at: number }[] = [];
  #last = { digit: '', by: '', at: -Infinity };

  /** Whether it is a key, or one that came already by another way: some phones send an event and INFO, or a tone besides. */
  counts(digit: string, by: 'rfc4733' | 'info' | 'in-band', at: number): boolean {
    const { digit: lastDigit, by: lastBy, at: lastAt } = this.#last;
    if (lastDigit === digit && lastBy !== by && at - lastAt < TWO_WAYS_MS) return false;
    this.#last = { digit, by, at };
    return true;
  }

  /** For the next input. */
  keep(digit: string, at: number): void {
    this.#kept.push({ digit, at });
    if (this.#kept.length > MOST_KEPT) this.#kept.shift();
  }

  /** Those that are not too old, oldest first. What is not asked for stays. */
  *take(now: number): Generator<string> {
    this.#kept = this.#kept.filter(({ at }) => now - at <= KEPT_MS);
    for (let next = this.#kept.shift(); next !== undefined; next = this.#kept.shift()) yield next.digit;
  }

  forget(): void {
    this.#kept = [];
  }
}
