/** The sound of a line on which nobody speaks (RFC 3389), so that silence is not taken for a dead call. */
export interface ComfortNoise {
  /** Level of a comfort-noise packet: its first byte, in −dBov (RFC 3389 §3.1). Its spectrum is not heeded. */
  setLevel(minusDbov: number): void;
  fill(target: Int16Array): void;
}

const DEFAULT_LEVEL = 65;
const FULL_SCALE = 32_768;

/** `random`: 0 up to 1. */
export function createComfortNoise(random: () => number): ComfortNoise {
  let peak = peakOf(DEFAULT_LEVEL);
  let smoothed = 0;
  return {
    setLevel: (minusDbov) => {
      // Louder than −30 dBov is no noise of a line.
      peak = peakOf(Math.min(127, Math.max(30, minusDbov)));
    },
    fill: (target) => {
      for (let index = 0; index < target.length; index++) {
        smoothed = 0.6 * smoothed + 0.4 * (random() * 2 - 1);
        target[index] = Math.round(smoothed * peak);
      }
    },
  };
}

/** dBov is relative to a full-scale square wave; the smoothed uniform noise has a root mean square of 0.2887 of its range. */
function peakOf(minusDbov: number): number {
  return (FULL_SCALE * 10 ** (-minusDbov / 20)) / 0.2887;
}
