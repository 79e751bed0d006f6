/**
 * Fills gaps where packets are missing (after ITU-T G.711 Appendix I, with less state): the last pitch period goes on and fades away
 * within 60 ms, and what comes after blends in. Frames of 20 ms at 8 kHz.
 */
export interface Concealer {
  /** A frame that came. Returns what to play: the frame itself, or after a gap a copy whose beginning is blended. */
  good(pcm: Int16Array): Int16Array;
  /** What to play for a frame that is missing. A new array each time. */
  lost(): Int16Array;
}

const FRAME = 160;
const HISTORY = 480;
/** In samples: a pitch of 200 down to 50 Hz. */
const SHORTEST = 40;
const LONGEST = 160;
const WINDOW = 160;
const FADE = 480;
const BLEND = 40;

export function createConcealer(): Concealer {
  const history = new Int16Array(HISTORY);
  let period = 0;
  let missing = 0;
  let phase = 0;

  const remember = (frame: Int16Array): void => {
    const kept = frame.length > HISTORY ? frame.subarray(frame.length - HISTORY) : frame;
    history.copyWithin(0, kept.length);
    history.set(kept, HISTORY - kept.length);
  };

  /** The continuation at full loudness, then fading with the samples missing so far. */
  const next = (into: Int16Array): void => {
    for (let index = 0; index < into.length; index++) {
      const gain = Math.max(0, 1 - missing / FADE);
      into[index] = Math.round(history[HISTORY - period + phase]! * gain);
      phase = (phase + 1) % period;
      missing++;
    }
  };

  return {
    good: (pcm) => {
      let played = pcm;
      if (missing > 0) {
        played = pcm.slice();
        const tail = new Int16Array(Math.min(BLEND, pcm.length));
        next(tail);
        for (let index = 0; index < tail.length; index++) {
          const weight = (index + 1) / (tail.length + 1);
          played[index] = Math.round(pcm[index]! * weight + tail[index]! * (1 - weight));
        }
        missing = 0;
      }
      remember(pcm);
      return played;
    },
    lost: () => {
      const frame = new Int16Array(FRAME);
      if (missing === 0) {
        period = findPeriod(history);
        phase = 0;
      }
      if (missing < FADE) next(frame);
      else missing += FRAME;
      return frame;
    },
  };
}

/** The lag at which the end of the history is most like itself. */
function findPeriod(history: Int16Array): number {
  const from = HISTORY - WINDOW;
  let best = SHORTEST;
  let bestLikeness = -Infinity;
  for (let lag = SHORTEST; lag <= LONGEST; lag++) {
    let product = 0;
    let energy = 1;
    // Every second sample is enough to tell, and halves the work.
    for (let index = from; index < HISTORY; index += 2) {
      const before = history[index - lag]!;
      product += history[index]! * before;
      energy += before * before;
    }
    const likeness = product / Math.sqrt(energy);
    if (likeness > bestLikeness) {
      bestLikeness = likeness;
      best = lag;
    }
  }
  return best;
}
