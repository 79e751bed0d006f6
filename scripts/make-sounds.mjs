// `node scripts/make-sounds.mjs`: makes the sounds that ship with the project anew, in prompts/: what is spoken from the table in
// src/media/prompts/system-texts.ts (where espeak-ng is installed), and the music by the arithmetic in scripts/make-music.mjs.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { holdMusic } from './make-music.mjs';
import { build, checkNode, install } from './prepare.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
checkNode();
install(root);
build(root);
const { SAMPLE_TEXTS, SYSTEM_TEXTS } = await import('../dist/media/prompts/system-texts.js');
const { saidFile } = await import('../dist/media/prompts/say-text.js');
const { encodeMu } = await import('../dist/media/codec/g711.js');
const { readWav, wavHeader } = await import('../dist/media/codec/wav.js');
const { toMono8k } = await import('../dist/media/codec/resample.js');

const RATE = 8000;
/** Of the voice itself, without its pauses: dB below full scale. */
const SPEECH_LEVEL = -20;
const SPEECH_PEAK = -3;
const MUSIC_LEVEL = -27;

write('music/hold.wav', atLevel(Float64Array.from(holdMusic(RATE)), MUSIC_LEVEL, -8));
if (spawnSync('espeak-ng', ['--version']).error === undefined) speakAll();
else console.error('espeak-ng is not installed: what is spoken stays as it was.');

function speakAll() {
  const folder = mkdtempSync(join(tmpdir(), 'sounds-'));
  const wanted = new Map([
    ...Object.entries(SYSTEM_TEXTS).map(([name, text]) => [`en/system/${name}.wav`, text]),
    ...SAMPLE_TEXTS.map((text) => [`en/said/${saidFile(text)}`, text]),
  ]);
  for (const [file, text] of wanted) {
    const wav = join(folder, 'spoken.wav');
    // A little slower than espeak-ng's own pace, and a little lower: it is heard through a telephone.
    const result = spawnSync('espeak-ng', ['-v', 'en-us', '-s', '155', '-p', '42', '-w', wav, text]);
    if (result.status !== 0) throw new Error(`espeak-ng failed at "${text}": ${result.stderr}`);
    const pcm = Float64Array.from(toMono8k(readWav(readFileSync(wav))), (sample) => sample / 32768);
    write(file, atLevel(trimmed(pcm), SPEECH_LEVEL, SPEECH_PEAK));
  }
  rmSync(folder, { recursive: true });
  for (const kind of ['system', 'said']) {
    for (const file of readdirSync(join(root, 'prompts', 'en', kind))) {
      if (!wanted.has(`en/${kind}/${file}`)) rmSync(join(root, 'prompts', 'en', kind, file));
    }
  }
}

/** Without the silence around it, but for 20 ms before and 60 ms behind, with soft edges. */
function trimmed(pcm) {
  const floor = 0.004;
  let from = pcm.findIndex((sample) => Math.abs(sample) > floor);
  let to = pcm.findLastIndex((sample) => Math.abs(sample) > floor);
  if (from < 0) throw new Error('nothing is heard');
  from = Math.max(0, from - RATE * 0.02);
  to = Math.min(pcm.length, to + RATE * 0.06);
  const part = pcm.slice(from, to);
  const edge = RATE * 0.008;
  for (let index = 0; index < edge; index++) {
    part[index] *= index / edge;
    part[part.length - 1 - index] *= index / edge;
  }
  return part;
}

/** Brought to a level of the parts that sound; peaks beyond `peak` are bent, not cut. */
function atLevel(pcm, level, peak) {
  let energy = 0;
  let count = 0;
  for (let from = 0; from + 160 <= pcm.length; from += 160) {
    let sum = 0;
    for (let index = from; index < from + 160; index++) sum += pcm[index] ** 2;
    if (sum / 160 < 1e-5) continue;
    energy += sum;
    count += 160;
  }
  const gain = 10 ** (level / 20) / Math.sqrt(energy / count);
  const most = 10 ** (peak / 20);
  const knee = most * 0.7;
  return pcm.map((sample) => {
    const loud = Math.abs(sample * gain);
    const bent = loud <= knee ? loud : knee + (most - knee) * Math.tanh((loud - knee) / (most - knee));
    return Math.sign(sample) * bent;
  });
}

function write(file, samples) {
  const path = join(root, 'prompts', file);
  mkdirSync(dirname(path), { recursive: true });
  const bytes = encodeMu(Int16Array.from(samples, (sample) => Math.round(sample * 32767)));
  const header = wavHeader({ rate: RATE, channels: 1, encoding: 'mu-law', dataBytes: bytes.length });
  writeFileSync(path, Buffer.concat([header, bytes]));
}
