/**
 * DTMF in audio, within the limits of ITU-T Q.24: 40 ms are heard, 20 ms are not, an interruption of 10 ms is no new digit. Blocks of
 * 102 samples (12.75 ms, in whose bins the eight tones lie apart) overlap by half.
 */
export interface DtmfDetector {
  /** 8 kHz, any length. The digits that began in it, mostly none. */
  push(pcm: Int16Array): string | undefined;
}

const BLOCK = 102;
const HOP = 51;
const ROWS = [697, 770, 852, 941] as const;
const COLUMNS = [1209, 1336, 1477, 1633] as const;
const KEYS = ['123A', '456B', '789C', '*0#D'] as const;

/** Mean square of a block below which nothing is looked for: −42 dBm0 or so, well under Q.24's −29 dBm a tone. */
const FLOOR = 4000;
/** The column may be 4 dB louder than the row, and 8 dB softer; a block sees up to 2 dB more than there is. */
const COLUMN_LOUDER = 3.98;
const ROW_LOUDER = 10;
/** A tone is 8 dB above the others of its group. */
const ABOVE_OTHERS = 6.31;
/** The two tones carry so much of all energy in the block: a voice has more beside them (talk-off). */
const SHARE = 0.82;
/** The same where they are looked for, before it is known how far they are off: ±1.5 % are still theirs. */
const COARSE_SHARE = 0.55;
const OFF_FREQUENCY = 0.012;
/** So many blocks in turn: 32 ms of steady tone. */
const HITS = 4;
/** So many without it end a digit: a gap of 23 ms or more. */
const MISSES = 5;

const coefficientsAt = (shift: number): number[] =>
  [...ROWS, ...COLUMNS].map((hertz) => 2 * Math.cos((2 * Math.PI * hertz * shift) / 8000));
const EXACT = coefficientsAt(1);
const BELOW = coefficientsAt(1 - OFF_FREQUENCY);
const ABOVE = coefficientsAt(1 + OFF_FREQUENCY);

export function createDtmfDetector(): DtmfDetector {
  const block = new Float64Array(BLOCK);
  const energies = new Float64Array(8);
  let filled = 0;
  let candidate = '';
  let hits = 0;
  let misses = 0;
  /** The digit that is being pressed. */
  let down = '';

  /** The energy of a tone that may be a little off its frequency. */
  const nearby = (tone: number, exact: number): number =>
    Math.max(exact, energyAt(block, BELOW[tone]!), energyAt(block, ABOVE[tone]!));

  /** The digit of a full block, or ''. */
  const classify = (): string => {
    let total = 0;
    for (let index = 0; index < BLOCK; index++) total += block[index]! * block[index]!;
    if (total < FLOOR * BLOCK) return '';
    for (let tone = 0; tone < 8; tone++) energies[tone] = energyAt(block, EXACT[tone]!);
    const row = strongest(energies, 0);
    const column = strongest(energies, 4);
    const low = energies[row]!;
    const high = energies[column]!;
    if (high > low * COLUMN_LOUDER || low > high * ROW_LOUDER) return '';
    for (let tone = 0; tone < 8; tone++) {
      const group = tone < 4 ? low : high;
      if (tone !== row && tone !== column && energies[tone]! * ABOVE_OTHERS > group) return '';
    }
    // A pure pair of tones has an energy of `pure` in its two bins.
    const pure = (total * BLOCK) / 2;
    if (low + high < COARSE_SHARE * pure) return '';
    if (low + high < SHARE * pure && nearby(row, low) + nearby(column, high) < SHARE * pure) return '';
    return KEYS[row]![column - 4]!;
  };

  /** The digit that begins with this block, or ''. */
  const follow = (seen: string): string => {
    if (seen !== '' && seen === down) {
      misses = 0;
      return '';
    }
    if (down !== '' && ++misses >= MISSES) down = '';
    hits = seen !== '' && seen === candidate ? hits + 1 : 1;
    candidate = seen;
    if (seen === '' || hits < HITS) return '';
    down = seen;
    misses = 0;
    return seen;
  };

  return {
    push: (pcm) => {
      let digits = '';
      for (let index = 0; index < pcm.length; index++) {
        block[filled++] = pcm[index]!;
        if (filled < BLOCK) continue;
        digits += follow(classify());
        block.copyWithin(0, HOP);
        filled = BLOCK - HOP;
      }
      return digits === '' ? undefined : digits;
    },
  };
}

/** Goertzel's filter over the whole block. */
function energyAt(block: Float64Array, coefficient: number): number {
  let s1 = 0;
  let s2 = 0;
  for (let index = 0; index < BLOCK; index++) {
    const s0 = block[index]! + coefficient * s1 - s2;
    s2 = s1;
    s1 = s0;
  }
  return s1 * s1 + s2 * s2 - coefficient * s1 * s2;
}

function strongest(energies: Float64Array, from: number): number {
  let best = from;
  for (let tone = from + 1; tone < from + 4; tone++) if (energies[tone]! > energies[best]!) best = tone;
  return best;
}
