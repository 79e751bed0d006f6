// The hold music: sixteen bars of plucked chords with a quiet melody, computed note by note. No recording and no other's tune is in it.

const BEATS_A_MINUTE = 80;
const BARS = 16;

/** A chord a bar, as semitones above A3 (220 Hz): within what a telephone carries. */
const CHORDS = {
  C: [3, 7, 10, 15],
  Am: [0, 3, 7, 12],
  F: [-4, 0, 3, 8],
  G: [-2, 2, 5, 10],
  Em: [-5, 2, 7, 10],
  Dm: [-7, 0, 5, 8],
};
const PROGRESSION = 'C Am F G C Em F G Am Em F C Dm Am F G'.split(' ');
/** Which string of the chord each eighth takes. */
const PATTERN = [0, 2, 1, 3, 2, 1, 3, 2];
/** Bar, beat, semitone above A3, beats it lasts. */
const MELODY = [
  [0, 0, 19, 2],
  [0, 2.5, 17, 1.5],
  [1, 0, 15, 3],
  [2, 1, 12, 1],
  [2, 2, 15, 2],
  [3, 0, 17, 3],
  [4, 0, 19, 1.5],
  [4, 2, 22, 2],
  [5, 0, 19, 3],
  [6, 1, 15, 1],
  [6, 2, 17, 2],
  [7, 0, 14, 3],
  [8, 0, 15, 2],
  [8, 2.5, 12, 1.5],
  [9, 0, 10, 3],
  [10, 1, 12, 1],
  [10, 2, 15, 2],
  [11, 0, 19, 3],
  [12, 0, 17, 1.5],
  [12, 2, 20, 2],
  [13, 0, 19, 3],
  [14, 1, 15, 1],
  [14, 2, 12, 2],
  [15, 0, 14, 3],
];

/** One round, −1 to 1: its end goes over into its beginning, since what still sounds there is laid over the start. */
export function holdMusic(rate) {
  const beat = (60 / BEATS_A_MINUTE) * rate;
  const length = Math.round(BARS * 4 * beat);
  const sound = new Float64Array(length);
  const add = (at, semitones, seconds, loudness, brightness) => {
    const hertz = 220 * 2 ** (semitones / 12);
    const from = Math.round(at);
    const samples = Math.round(seconds * rate);
    for (let index = 0; index < samples; index++) {
      const time = index / rate;
      const attack = Math.min(1, time / 0.006);
      const release = Math.min(1, (samples - index) / (0.08 * rate));
      let sample = 0;
      // A plucked string: the higher the partial, the sooner it is gone.
      for (let partial = 1; partial <= 6 && partial * hertz < 3400; partial++) {
        const decay = Math.exp(-time * (1.6 + 1.1 * partial));
        const stretched = partial * hertz * (1 + 0.00015 * partial * partial);
        sample += brightness ** (partial - 1) * decay * Math.sin(2 * Math.PI * stretched * time);
      }
      sound[(from + index) % length] += loudness * attack * release * sample;
    }
  };

  PROGRESSION.forEach((name, bar) => {
    const chord = CHORDS[name];
    const start = bar * 4 * beat;
    PATTERN.forEach((string, eighth) => {
      add(start + (eighth * beat) / 2, chord[string], 1.6, eighth === 0 ? 0.5 : 0.36, 0.45);
    });
    // Beneath it the chord swells and goes.
    for (const semitones of chord) {
      const hertz = 220 * 2 ** (semitones / 12);
      const samples = Math.round(5 * beat);
      for (let index = 0; index < samples; index++) {
        const swell = Math.sin((Math.PI * index) / samples) ** 2;
        const place = (Math.round(start) + index) % length;
        sound[place] += 0.07 * swell * Math.sin((2 * Math.PI * hertz * index) / rate);
      }
    }
  });
  for (const [bar, at, semitones, beats] of MELODY) {
    add((bar * 4 + at) * beat, semitones, (beats * beat) / rate + 0.6, 0.42, 0.35);
  }
  const peak = sound.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  return sound.map((sample) => sample / peak);
}
