/** What hears a stream's G.711 as it passes. `data` is the sender's: copy what is to stay. */
export interface Tap {
  audio(law: 'mu' | 'a', sequence: number, timestamp: number, data: Uint8Array): void;
  /** The peer falls silent, and tells how loud its silence is (RFC 3389), in −dBov. */
  noise?(minusDbov: number): void;
}

const NO_TAPS: readonly Tap[] = [];

/** Who listens to one direction of a stream. May be added and removed while audio passes. */
export class Taps implements Tap {
  #taps = NO_TAPS;

  /** False: nobody listens, and nothing need be prepared for it. */
  get any(): boolean {
    return this.#taps.length > 0;
  }

  add(tap: Tap): void {
    this.#taps = [...this.#taps, tap];
  }

  remove(tap: Tap): void {
    this.#taps = this.#taps.filter((other) => other !== tap);
  }

  audio(law: 'mu' | 'a', sequence: number, timestamp: number, data: Uint8Array): void {
    for (const tap of this.#taps) tap.audio(law, sequence, timestamp, data);
  }

  noise(minusDbov: number): void {
    for (const tap of this.#taps) tap.noise?.(minusDbov);
  }
}
