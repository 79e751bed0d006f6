import { encodeAInto, encodeMuInto } from '../codec/g711.js';
import type { DigitsOut } from './event-out.js';

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = '123A456B789C*0#D';
/** Each of the two; together they stay well below the limit. */
const AMPLITUDE = 6000;
const RATE = 8000;
/** Rise and fall against clicks. */
const RAMP = 40;

/** DTMF as it sounds (ITU-T Q.23), for peers that took no events. Samples are made as they are asked for. */
export class ToneOut {
  readonly op: number;
  readonly #digits: string;
  readonly #toneSamples: number;
  readonly #gapSamples: number;
  #index = 0;
  #at = 0;

  constructor(options: DigitsOut) {
    this.op = options.op;
    this.#digits = options.digits.toUpperCase().replace(/[^0-9*#A-D]/g, '');
    this.#toneSamples = Math.round((options.toneMs * RATE) / 1000);
    this.#gapSamples = Math.round((options.gapMs * RATE) / 1000);
  }

  get done(): boolean {
    return this.#index >= this.#digits.length;
  }

  fill(target: Uint8Array, law: 'mu' | 'a'): void {
    const pcm = new Int16Array(target.length);
    for (let sample = 0; sample < pcm.length && !this.done; sample++) {
      pcm[sample] = this.#sample();
      if (++this.#at < this.#toneSamples + this.#gapSamples) continue;
      this.#at = 0;
      this.#index++;
    }
    if (law === 'mu') encodeMuInto(target, pcm);
    else encodeAInto(target, pcm);
  }

  #sample(): number {
    if (this.#at >= this.#toneSamples) return 0;
    const key = KEYS.indexOf(this.#digits[this.#index]!);
    const phase = (2 * Math.PI * this.#at) / RATE;
    const ramp = Math.min(1, this.#at / RAMP, (this.#toneSamples - this.#at) / RAMP);
    return AMPLITUDE * ramp * (Math.sin(phase * ROWS[key >> 2]!) + Math.sin(phase * COLUMNS[key & 3]!));
  }
}
