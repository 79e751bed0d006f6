/** Any rate to 8 kHz mono, piece by piece. */
export interface Resampler {
  /** Mono samples at the source's rate; returns those at 8 kHz that are complete. */
  push(pcm: Int16Array): Int16Array;
  /** The rest. */
  end(): Int16Array;
}

const TARGET = 8000;
/** −6 dB here; with the width below 3.4 kHz passes whole, and from 4 kHz on nothing is left (−60 dB) that could fold back. */
const CUTOFF = 3700;
/** Of the filter to each side, in periods of 8 kHz. */
const HALF_WIDTH = 24;
const KAISER_BETA = 5.65;
/** Rates without a small ratio to 8 kHz are treated by the nearest of so many phases. */
const MAX_PHASES = 640;

interface Filter {
  /** Distance of two results, in steps of 1/`phases` of a source sample. */
  readonly stride: number;
  readonly phases: number;
  readonly taps: number;
  /** `taps` weights a phase. */
  readonly weights: Float32Array;
}

/** `rate`: of the source, 4,000 up to 192,000. */
export function createResampler(rate: number): Resampler {
  if (rate === TARGET) return { push: (pcm) => pcm, end: () => new Int16Array(0) };
  const { stride, phases, taps, weights } = designFilter(rate);
  const before = taps >> 1;
  // Silence before the beginning, so that the first result lies on the first sample.
  let buffer = new Float32Array(before);
  /** Of the next result, from the start of the buffer plus `before`, in steps. */
  let position = 0;

  const run = (): Int16Array => {
    const ready = buffer.length - taps;
    const count = ready < 0 ? 0 : Math.max(0, Math.floor((ready * phases - position) / stride) + 1);
    const result = new Int16Array(count);
    for (let index = 0; index < count; index++) {
      const first = Math.floor(position / phases);
      const row = (position - first * phases) * taps;
      let sum = 0;
      for (let tap = 0; tap < taps; tap++) sum += buffer[first + tap]! * weights[row + tap]!;
      result[index] = sum > 32_767 ? 32_767 : sum < -32_768 ? -32_768 : Math.round(sum);
      position += stride;
    }
    const used = Math.min(buffer.length, Math.floor(position / phases));
    buffer = buffer.slice(used);
    position -= used * phases;
    return result;
  };
  const add = (samples: ArrayLike<number>): void => {
    const joined = new Float32Array(buffer.length + samples.length);
    joined.set(buffer);
    joined.set(samples, buffer.length);
    buffer = joined;
  };

  return {
    push: (pcm) => {
      add(pcm);
      return run();
    },
    end: () => {
      add(new Float32Array(taps - before - 1));
      return run();
    },
  };
}

/** Windowed sinc in phases (Kaiser). */
function designFilter(rate: number): Filter {
  const divisor = gcd(rate, TARGET);
  const exact = TARGET / divisor <= MAX_PHASES;
  const phases = exact ? TARGET / divisor : MAX_PHASES;
  const stride = exact ? rate / divisor : Math.round((rate * MAX_PHASES) / TARGET);
  // Going up, the source's own band is the narrower one.
  const band = Math.min(TARGET, rate);
  const cutoff = (CUTOFF * band) / TARGET / rate;
  const half = Math.ceil((HALF_WIDTH * rate) / band);
  const taps = 2 * half;
  const weights = new Float32Array(phases * taps);
  const windowScale = bessel(KAISER_BETA);
  for (let phase = 0; phase < phases; phase++) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const distance = tap - half - phase / phases;
      const place = distance / half;
      const window =
        place * place >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - place * place)) / windowScale;
      const angle = 2 * Math.PI * cutoff * distance;
      const weight = window * (Math.abs(angle) < 1e-9 ? 1 : Math.sin(angle) / angle);
      weights[phase * taps + tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < taps; tap++) weights[phase * taps + tap]! /= sum;
  }
  return { stride, phases, taps, weights };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Modified Bessel function of the first kind, order 0. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; k < 40; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** One channel as the mean of all. */
export function toMono(pcm: Int16Array, channels: number): Int16Array {
  if (channels === 1) return pcm;
  const mono = new Int16Array(Math.floor(pcm.length / channels));
  for (let index = 0; index < mono.length; index++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += pcm[index * channels + channel]!;
    mono[index] = Math.round(sum / channels);
  }
  return mono;
}

/** All at once: for short audio. */
export function toMono8k(audio: {
  readonly rate: number;
  readonly channels: number;
  readonly pcm: Int16Array;
}): Int16Array {
  const resampler = createResampler(audio.rate);
  const body = resampler.push(toMono(audio.pcm, audio.channels));
  const rest = resampler.end();
  if (rest.length === 0) return body;
  const whole = new Int16Array(body.length + rest.length);
  whole.set(body);
  whole.set(rest, body.length);
  return whole;
}
