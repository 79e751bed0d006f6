import type { Clip } from '../engine.js';

type ToneName = Extract<Clip, { kind: 'tone' }>['tone'];

interface Cadence {
  /** Sounding together, in Hz. */
  readonly hertz: readonly number[];
  /** On and off in turn, in milliseconds; a 0 ends it: on for good. */
  readonly steps: readonly number[];
}

/** The North American tones, which most ears know (ITU-T E.180 lists each country's). */
const CADENCES: Readonly<Record<ToneName, Cadence>> = {
  beep: { hertz: [1000], steps: [0] },
  ringback: { hertz: [440, 480], steps: [2000, 4000] },
  busy: { hertz: [480, 620], steps: [500, 500] },
  congestion: { hertz: [480, 620], steps: [250, 250] },
};

/** All tones together, in dB below full scale; −19 dBm0 or so. */
const PEAK = 32_767 * 10 ** (-16 / 20);
/** Neither begins nor ends with a click. */
const RAMP = 40;

/** A tone at 8 kHz, from the beginning of its cadence. */
export function renderTone(tone: ToneName, ms: number): Int16Array {
  const { hertz, steps } = CADENCES[tone];
  const pcm = new Int16Array(Math.max(0, Math.round(ms * 8)));
  const on = (steps[0] ?? 0) * 8 || pcm.length;
  const period = on + (steps[1] ?? 0) * 8;
  for (let index = 0; index < pcm.length; index++) {
    const place = period === 0 ? index : index % period;
    if (place >= on) continue;
    const left = Math.min(on - place, pcm.length - index);
    const gain = Math.min(1, place / RAMP, left / RAMP);
    let sum = 0;
    for (const frequency of hertz) sum += Math.sin((2 * Math.PI * frequency * index) / 8000);
    pcm[index] = Math.round((sum / hertz.length) * gain * PEAK);
  }
  return pcm;
}
