import { decodeAInto, decodeMuInto } from '../codec/g711.js';
import { createDtmfDetector } from '../codec/goertzel.js';
import type { Tap } from './tap.js';

/** Longer packets than this are no speech. */
const MOST_SAMPLES = 1024;

/** Hears digits in the audio of a peer that took no telephone-event. */
export function createInBandTap(digit: (digit: string) => void): Tap {
  const detector = createDtmfDetector();
  const pcm = new Int16Array(MOST_SAMPLES);
  let expected = -1;
  return {
    audio: (law, sequence, _timestamp, data) => {
      if (data.length > MOST_SAMPLES || (expected >= 0 && ((sequence - expected) << 16) >> 16 < 0)) return;
      expected = (sequence + 1) & 0xffff;
      const samples = pcm.subarray(0, data.length);
      if (law === 'mu') decodeMuInto(samples, data);
      else decodeAInto(samples, data);
      for (const found of detector.push(samples) ?? '') digit(found);
    },
  };
}
