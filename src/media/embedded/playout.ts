import { createComfortNoise, type ComfortNoise } from '../codec/comfort-noise.js';
import { createConcealer } from '../codec/conceal.js';
import { decodeAInto, decodeMuInto } from '../codec/g711.js';
import type { Tap } from './tap.js';

/** 20 ms at 8 kHz. */
export const FRAME_SAMPLES = 160;
const SAMPLES_A_MS = 8;
/** Half a second; a power of two. */
const RING = 4096;
const MASK = RING - 1;
/** Packets wait so long for those before them. */
const FIRST_DELAY = 60 * SAMPLES_A_MS;
const LONGEST_DELAY = 200 * SAMPLES_A_MS;
/** In a row too late: the network is slower than we thought, or the sender's time jumped. */
const LATE_LIMIT = 3;
/** How often it is seen whether everything waits longer than it need. */
const TRIM_FRAMES = 100;
const NO_SAMPLES = new Int16Array(0);

/**
 * A jitter buffer: takes packets of G.711 as they come and gives 20 ms of sound each time it is asked, in order; what is missing is
 * concealed. Sender and reader may differ in pace: what piles up is cut, and after a pause it starts anew.
 */
export class Playout implements Tap {
  readonly #ring = new Int16Array(RING);
  readonly #have = new Uint8Array(RING);
  readonly #concealer = createConcealer();
  readonly #random: () => number;
  #noise: ComfortNoise | undefined;
  /** The sender said that it is silent now. */
  #silent = false;
  #scratch = NO_SAMPLES;
  #started = false;
  /** Timestamp that is read next. */
  #at = 0;
  /** Behind the newest sample that came. */
  #end = 0;
  #delay = FIRST_DELAY;
  #late = 0;
  #frames = 0;
  #leastAhead = RING;

  /** `random`: 0 ≤ x < 1, for comfort noise. */
  constructor(random: () => number) {
    this.#random = random;
  }

  noise(minusDbov: number): void {
    this.#noise ??= createComfortNoise(this.#random);
    this.#noise.setLevel(minusDbov);
    this.#silent = true;
  }

  audio(law: 'mu' | 'a', _sequence: number, timestamp: number, data: Uint8Array): void {
    const { length } = data;
    if (length === 0 || length > RING / 4) return;
    this.#silent = false;
    const ahead = (timestamp - this.#at) | 0;
    if (!this.#started || ahead > RING - length || ahead < -RING) this.#restart(timestamp);
    else if (ahead < 0) {
      if (++this.#late < LATE_LIMIT) return;
      this.#delay = Math.min(LONGEST_DELAY, this.#delay + FRAME_SAMPLES);
      this.#restart(timestamp);
    } else this.#late = 0;
    if (this.#scratch.length < length) this.#scratch = new Int16Array(Math.max(FRAME_SAMPLES, length));
    const pcm = this.#scratch.subarray(0, length);
    if (law === 'mu') decodeMuInto(pcm, data);
    else decodeAInto(pcm, data);
    for (let index = 0; index < length; index++) {
      const at = (timestamp + index) & MASK;
      this.#ring[at] = pcm[index]!;
      this.#have[at] = 1;
    }
    const end = (timestamp + length) >>> 0;
    if (((end - this.#end) | 0) > 0) this.#end = end;
  }

  /** The next 20 ms; valid until the next call. */
  pull(): Int16Array {
    if (!this.#started) return this.#missing();
    this.#trim();
    const frame = new Int16Array(FRAME_SAMPLES);
    let found = 0;
    for (let index = 0; index < FRAME_SAMPLES; index++) {
      const at = (this.#at + index) & MASK;
      if (this.#have[at] === 0) continue;
      this.#have[at] = 0;
      frame[index] = this.#ring[at]!;
      found++;
    }
    this.#at = (this.#at + FRAME_SAMPLES) >>> 0;
    // The sender pauses: its next packet begins a new line, with the same delay as ever.
    if (found === 0 && ((this.#at - this.#end) | 0) > LONGEST_DELAY) this.#started = false;
    return found * 2 > FRAME_SAMPLES ? this.#concealer.good(frame) : this.#missing();
  }

  #missing(): Int16Array {
    const frame = this.#concealer.lost();
    if (this.#silent) this.#noise?.fill(frame);
    return frame;
  }

  #restart(timestamp: number): void {
    this.#have.fill(0);
    this.#started = true;
    this.#late = 0;
    this.#at = (timestamp - this.#delay) >>> 0;
    this.#end = timestamp;
    this.#leastAhead = RING;
    this.#frames = 0;
  }

  /** A sender whose clock is faster than ours: a frame is left out now and then. */
  #trim(): void {
    const ahead = (this.#end - this.#at) | 0;
    if (ahead > 0) this.#leastAhead = Math.min(this.#leastAhead, ahead);
    if (++this.#frames < TRIM_FRAMES) return;
    if (this.#leastAhead < RING && this.#leastAhead > this.#delay + 2 * FRAME_SAMPLES) {
      for (let index = 0; index < FRAME_SAMPLES; index++) this.#have[(this.#at + index) & MASK] = 0;
      this.#at = (this.#at + FRAME_SAMPLES) >>> 0;
    }
    this.#frames = 0;
    this.#leastAhead = RING;
  }
}
