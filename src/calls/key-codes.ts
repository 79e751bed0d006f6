import type { Clock } from '../base/clock.js';

/** A code whose next key does not come in this time is forgotten. Milliseconds. */
const GAP_MS = 4000;

/** Codes of several keys pressed during a conversation, such as `*6`; any other key is none of its business. */
export class KeyCodes {
  #pressed = '';
  #at = 0;

  constructor(
    private readonly clock: Pick<Clock, 'monotonic'>,
    /** What each code does; none begins with another one. */
    private readonly codes: Readonly<Record<string, () => void>>,
  ) {}

  press(key: string): void {
    const now = this.clock.monotonic();
    const before = now - this.#at > GAP_MS ? '' : this.#pressed;
    this.#at = now;
    // A key that fits no code may begin one.
    const pressed = this.#begins(before + key) ? before + key : this.#begins(key) ? key : '';
    const run = Object.hasOwn(this.codes, pressed) ? this.codes[pressed] : undefined;
    this.#pressed = run === undefined ? pressed : '';
    run?.();
  }

  #begins(keys: string): boolean {
    return Object.keys(this.codes).some((code) => code.startsWith(keys));
  }
}
