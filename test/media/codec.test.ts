import fc from 'fast-check';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { AppError } from '../../src/base/errors.js';
import { createAudioCache } from '../../src/media/audio-cache.js';
import { createComfortNoise } from '../../src/media/codec/comfort-noise.js';
import { createConcealer } from '../../src/media/codec/conceal.js';
import {
  A_TO_MU,
  decodeA,
  decodeMu,
  encodeA,
  encodeMu,
  MU_TO_A,
  translateInto,
} from '../../src/media/codec/g711.js';
import { createDtmfDetector } from '../../src/media/codec/goertzel.js';
import { createResampler, toMono8k } from '../../src/media/codec/resample.js';
import { readWav, wavHeader } from '../../src/media/codec/wav.js';

/** A generator of its own, so that a failure comes again. */
function createRandom(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function tone(hertz: number, rate: number, seconds: number, amplitude = 10_000): Int16Array {
  return Int16Array.from({ length: Math.round(rate * seconds) }, (_, index) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hertz * index) / rate)),
  );
}

function rms(pcm: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < pcm.length; index++) sum += pcm[index]! ** 2;
  return Math.sqrt(sum / Math.max(1, pcm.length));
}

function decibels(a: number, b: number): number {
  return 20 * Math.log10(Math.max(a, 1e-9) / b);
}

t.test('G.711', (t) => {
  t.test('the reference values of both laws', (t) => {
    // ITU-T G.191: the ends, zero, and a step in each law.
    t.same([...encodeMu(Int16Array.of(0, -1, 32_767, -32_768, 1000))], [0xff, 0x7f, 0x80, 0x00, 0xce]);
    t.same([...decodeMu(Uint8Array.of(0xff, 0x7f, 0x80, 0x00))], [0, 0, 32_124, -32_124]);
    t.same([...encodeA(Int16Array.of(0, -1, 32_767, -32_768, 1000))], [0xd5, 0x55, 0xaa, 0x2a, 0xfa]);
    t.same([...decodeA(Uint8Array.of(0xd5, 0x55, 0xaa, 0x2a))], [8, -8, 32_256, -32_256]);
    t.end();
  });

  t.test('every code comes back as itself, every sample within its step', (t) => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    t.same(
      [...encodeMu(decodeMu(codes))].map((code) => (code === 0x7f ? 0xff : code)),
      [...codes].map((code) => (code === 0x7f ? 0xff : code)),
      'but for the negative zero',
    );
    t.same([...encodeA(decodeA(codes))], [...codes]);
    const all = Int16Array.from({ length: 65_536 }, (_, index) => index - 32_768);
    for (const [name, back] of [
      ['mu', decodeMu(encodeMu(all))],
      ['a', decodeA(encodeA(all))],
    ] as const) {
      const worst = all.reduce(
        (most, sample, index) => Math.max(most, Math.abs(sample - back[index]!) / (Math.abs(sample) + 256)),
        0,
      );
      t.ok(worst < 0.035, `${name}: ${worst.toFixed(4)}`);
    }
    t.end();
  });

  t.test('from law to law as by way of PCM, in place too', (t) => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    t.same([...MU_TO_A], [...encodeA(decodeMu(codes))]);
    const bytes = codes.slice();
    translateInto(bytes, bytes, A_TO_MU);
    t.same([...bytes], [...encodeMu(decodeA(codes))]);
    t.end();
  });
  t.end();
});

/** A key's two tones, `twist` dB more in the column. */
function key(
  digit: string,
  ms: number,
  options: { level?: number; twist?: number; shift?: number } = {},
): Float64Array {
  const at = '123A456B789C*0#D'.indexOf(digit);
  const shift = 1 + (options.shift ?? 0);
  const row = [697, 770, 852, 941][at >> 2]! * shift;
  const column = [1209, 1336, 1477, 1633][at & 3]! * shift;
  const amplitude = 32_767 * 10 ** ((options.level ?? -12) / 20);
  const more = 10 ** ((options.twist ?? 0) / 20);
  return Float64Array.from(
    { length: ms * 8 },
    (_, index) =>
      amplitude *
      (Math.sin((2 * Math.PI * row * index) / 8000) + more * Math.sin((2 * Math.PI * column * index) / 8000)),
  );
}

function detect(parts: readonly (Float64Array | number)[], noise = 0, seed = 7): string {
  const random = createRandom(seed);
  const detector = createDtmfDetector();
  const samples = parts.flatMap((part) =>
    typeof part === 'number' ? Array.from({ length: part * 8 }, () => 0) : [...part],
  );
  // Sum of uniforms: near enough to Gaussian.
  const gauss = (): number => (random() + random() + random() + random() - 2) * Math.sqrt(3);
  const pcm = Int16Array.from(samples, (sample) =>
    Math.max(-32_768, Math.min(32_767, Math.round(sample + noise * gauss()))),
  );
  let digits = '';
  for (let from = 0; from < pcm.length; from += 160) {
    digits += detector.push(decodeMu(encodeMu(pcm.subarray(from, from + 160)))) ?? '';
  }
  return digits;
}

const ALL_KEYS = '123A456B789C*0#D';

t.test('DTMF in audio', (t) => {
  const dial = (digits: string, on: number, off: number, options = {}): (Float64Array | number)[] => [
    60,
    ...Array.from(digits).flatMap((digit) => [key(digit, on, options), off]),
  ];

  t.test('every key, short and long, soft and loud, with twist and off frequency', (t) => {
    t.equal(detect(dial(ALL_KEYS, 40, 40)), ALL_KEYS, '40 ms on, 40 ms off');
    t.equal(detect(dial(ALL_KEYS + ALL_KEYS, 100, 100)), ALL_KEYS + ALL_KEYS);
    t.equal(detect(dial('1111', 50, 45)), '1111', 'the same key again');
    for (const options of [
      { level: -8 },
      { level: -31 },
      { twist: 3.5 },
      { twist: -7 },
      { shift: 0.015 },
      { shift: -0.015 },
    ]) {
      t.equal(detect(dial(ALL_KEYS, 60, 60, options)), ALL_KEYS, JSON.stringify(options));
    }
    t.equal(detect(dial('5', 3000, 40)), '5', 'held down: once');
    for (let lead = 0; lead < 13; lead++) {
      const parts = [new Float64Array(lead * 8 + lead), ...dial('159D', 40, 40)];
      t.equal(detect(parts), '159D', `whatever the alignment: ${lead}`);
    }
    t.end();
  });

  t.test('through noise 15 dB below', (t) => {
    for (let seed = 1; seed <= 10; seed++) {
      const signal = rms(key('1', 100));
      t.equal(detect(dial(ALL_KEYS, 60, 60), signal * 10 ** (-15 / 20), seed), ALL_KEYS);
    }
    t.end();
  });

  t.test('what is no key: too short, broken off, twisted, off frequency, one tone', (t) => {
    t.equal(detect(dial(ALL_KEYS, 20, 60)), '', '20 ms');
    t.equal(detect([60, key('5', 60), 10, key('5', 60), 60]), '5', 'a gap of 10 ms is none');
    t.equal(detect(dial('1', 100, 60, { twist: 9 })), '');
    t.equal(detect(dial('1', 100, 60, { twist: -13 })), '');
    t.equal(detect(dial(ALL_KEYS, 100, 60, { shift: 0.04 })), '');
    const single = Float64Array.from(tone(770, 8000, 0.5));
    t.equal(detect([60, single, 60]), '');
    t.equal(detect([1000], 3000), '', 'noise');
    t.end();
  });

  t.test('voices and music are not taken for keys', (t) => {
    const random = createRandom(11);
    // Sung vowels: a gliding pitch with all its harmonics through three moving formants, in syllables; then chords.
    const voice = new Float64Array(8000 * 20);
    let phase = 0;
    for (let index = 0; index < voice.length; index++) {
      const syllable = Math.floor(index / 1600);
      const seed = createRandom(syllable + 1);
      const pitch = 90 + 160 * seed() + (40 * seed() * (index % 1600)) / 1600;
      const formants = [300 + 500 * seed(), 900 + 1300 * seed(), 2300 + 600 * seed()];
      phase += (2 * Math.PI * pitch) / 8000;
      let sample = 0;
      for (let harmonic = 1; harmonic * pitch < 3600; harmonic++) {
        let gain = 0.02;
        for (const formant of formants) gain += 1 / (1 + ((harmonic * pitch - formant) / 80) ** 2);
        sample += gain * Math.sin(harmonic * phase);
      }
      voice[index] = 4000 * sample * Math.sin((Math.PI * (index % 1600)) / 1600) + 50 * (random() - 0.5);
    }
    t.equal(detect([voice]), '');
    const chords = new Float64Array(8000 * 20);
    for (let index = 0; index < chords.length; index++) {
      const seed = createRandom(Math.floor(index / 2000) + 100);
      for (let voiceIndex = 0; voiceIndex < 3; voiceIndex++) {
        const note = 220 * 2 ** (Math.floor(seed() * 30) / 12);
        for (let harmonic = 1; harmonic < 4; harmonic++) {
          chords[index]! += (3000 / harmonic) * Math.sin((2 * Math.PI * note * harmonic * index) / 8000);
        }
      }
    }
    t.equal(detect([chords]), '');
    t.end();
  });
  t.end();
});

t.test('lost packets', (t) => {
  t.test('a voice goes on at its pitch, fades within 60 ms, and comes back without a jump', (t) => {
    const concealer = createConcealer();
    const frame = (index: number): Int16Array =>
      tone(200, 8000, 1, 8000).slice(index * 160, index * 160 + 160);
    for (let index = 0; index < 5; index++) {
      const good = frame(index);
      t.equal(concealer.good(good), good, 'untouched while nothing is missing');
    }
    const first = concealer.lost();
    t.ok(decibels(rms(first.map((sample, index) => sample - frame(5)[index]!)), rms(frame(5))) < -12);
    const second = concealer.lost();
    const third = concealer.lost();
    const fourth = concealer.lost();
    t.ok(rms(first) > rms(second) && rms(second) > rms(third));
    t.equal(rms(fourth), 0);
    const back = concealer.good(frame(9));
    t.ok(Math.abs(back[0]!) < 1000, 'blended in from silence');
    t.same([...back.subarray(60)], [...frame(9).subarray(60)]);
    t.equal(concealer.good(frame(10)).length, 160);
    t.end();
  });

  t.test('lost before anything came: silence', (t) => {
    t.equal(rms(createConcealer().lost()), 0);
    t.end();
  });

  t.test('comfort noise has the level it was told', (t) => {
    const noise = createComfortNoise(createRandom(5));
    const pcm = new Int16Array(8000);
    for (const level of [40, 60]) {
      noise.setLevel(level);
      noise.fill(pcm);
      t.ok(Math.abs(decibels(rms(pcm), 32_768) + level) < 1.5, `${level}: ${decibels(rms(pcm), 32_768)}`);
    }
    noise.setLevel(0);
    noise.fill(pcm);
    t.ok(decibels(rms(pcm), 32_768) < -28, 'never loud');
    t.end();
  });
  t.end();
});

function wav(options: {
  code: number;
  channels?: number;
  rate?: number;
  bits: number;
  data: Uint8Array;
  extensible?: boolean;
  before?: Uint8Array;
  size?: number;
}): Buffer {
  const { code, channels = 1, rate = 8000, bits, data, extensible = false } = options;
  const format = Buffer.alloc(extensible ? 40 : 16);
  format.writeUInt16LE(extensible ? 0xfffe : code, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(rate, 4);
  format.writeUInt32LE((rate * channels * bits) / 8, 8);
  format.writeUInt16LE((channels * bits) / 8, 12);
  format.writeUInt16LE(bits, 14);
  if (extensible) {
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(code, 24);
  }
  const head = (id: string, size: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.write(id, 'latin1');
    bytes.writeUInt32LE(size, 4);
    return bytes;
  };
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    ...(options.before === undefined ? [] : [head('LIST', options.before.length), options.before]),
    head('fmt ', format.length),
    format,
    head('data', options.size ?? data.length),
    data,
  ]);
  return Buffer.concat([head('RIFF', body.length), body]);
}

function bytesOf(count: number, size: number, write: (buffer: Buffer, index: number) => void): Buffer {
  const buffer = Buffer.alloc(count * size);
  for (let index = 0; index < count; index++) write(buffer, index);
  return buffer;
}

t.test('WAV', (t) => {
  const source = tone(440, 8000, 0.05);
  const n = source.length;
  const at = (index: number): number => source[index]!;

  t.test('every usual form is read', (t) => {
    const forms: Record<string, { file: Buffer; within: number }> = {
      '8 bit': {
        file: wav({ code: 1, bits: 8, data: bytesOf(n, 1, (b, i) => b.writeUInt8((at(i) >> 8) + 128, i)) }),
        within: 256,
      },
      '16 bit': { file: wav({ code: 1, bits: 16, data: Buffer.from(source.buffer) }), within: 0 },
      '24 bit': {
        file: wav({ code: 1, bits: 24, data: bytesOf(n, 3, (b, i) => b.writeIntLE(at(i) * 256, i * 3, 3)) }),
        within: 0,
      },
      '32 bit': {
        file: wav({
          code: 1,
          bits: 32,
          data: bytesOf(n, 4, (b, i) => b.writeInt32LE(at(i) * 65_536, i * 4)),
        }),
        within: 0,
      },
      float: {
        file: wav({
          code: 3,
          bits: 32,
          data: bytesOf(n, 4, (b, i) => b.writeFloatLE(at(i) / 32_767, i * 4)),
        }),
        within: 1,
      },
      double: {
        file: wav({
          code: 3,
          bits: 64,
          data: bytesOf(n, 8, (b, i) => b.writeDoubleLE(at(i) / 32_767, i * 8)),
        }),
        within: 1,
      },
      'A-law': { file: wav({ code: 6, bits: 8, data: encodeA(source) }), within: 300 },
      'mu-law': { file: wav({ code: 7, bits: 8, data: encodeMu(source) }), within: 300 },
      extensible: {
        file: wav({ code: 1, bits: 16, data: Buffer.from(source.buffer), extensible: true }),
        within: 0,
      },
      'other chunks first': {
        file: wav({ code: 1, bits: 16, data: Buffer.from(source.buffer), before: Buffer.alloc(33 + 1) }),
        within: 0,
      },
      'cut off': {
        file: wav({ code: 1, bits: 16, data: Buffer.from(source.buffer), size: 0xffff_ffff }),
        within: 0,
      },
    };
    for (const [name, { file, within }] of Object.entries(forms)) {
      const read = readWav(file, name);
      t.equal(read.pcm.length, n, name);
      t.ok(
        read.pcm.every((sample, index) => Math.abs(sample - at(index)) <= within),
        name,
      );
    }
    const stereo = readWav(wav({ code: 1, bits: 16, channels: 2, rate: 44_100, data: Buffer.alloc(401) }));
    t.match(stereo, { channels: 2, rate: 44_100 });
    t.equal(stereo.pcm.length, 200, 'whole frames only');
    t.end();
  });

  t.test('what we write is read again', (t) => {
    const pcm = Buffer.from(source.buffer);
    const linear = Buffer.concat([wavHeader({ rate: 8000, channels: 2, dataBytes: pcm.length }), pcm]);
    t.match(readWav(linear), { rate: 8000, channels: 2 });
    t.same([...readWav(linear).pcm], [...source]);
    const mu = encodeMu(source);
    const packed = Buffer.concat([
      wavHeader({ rate: 8000, channels: 1, encoding: 'mu-law', dataBytes: mu.length }),
      mu,
    ]);
    t.same([...readWav(packed).pcm], [...decodeMu(mu)]);
    t.end();
  });

  t.test('what cannot be read says what it is and what to do', (t) => {
    const cases: [string, Uint8Array][] = [
      ['looks like MP3', Buffer.from('ID3\x03 and so on and on')],
      ['is Ogg', Buffer.from('OggS...............')],
      ['is empty', Buffer.alloc(0)],
      ['does not begin with RIFF', Buffer.from('hello, this is a text')],
      ['holds MP3 audio', wav({ code: 0x55, bits: 16, data: Buffer.from(source.buffer) })],
      ['holds GSM audio', wav({ code: 0x31, bits: 16, data: Buffer.from(source.buffer) })],
      ['12-bit', wav({ code: 1, bits: 12, data: Buffer.from(source.buffer) })],
      ['0 channels', wav({ code: 1, bits: 16, channels: 0, data: Buffer.from(source.buffer) })],
      ['1 samples a second', wav({ code: 1, bits: 16, rate: 1, data: Buffer.from(source.buffer) })],
      ['no audio in it', wav({ code: 1, bits: 16, data: Buffer.from(source.buffer) }).subarray(0, 36)],
      ['names no format', Buffer.from('RIFF\0\0\0\0WAVE')],
    ];
    for (const [words, file] of cases) {
      try {
        readWav(file, 'welcome.wav');
        t.fail(words);
      } catch (error) {
        t.ok(error instanceof AppError && error.code === 'PROMPT_UNREADABLE', words);
        t.match(String(error), words);
        t.match(String(error), 'welcome.wav');
      }
    }
    const whole = wav({ code: 1, bits: 16, channels: 2, data: Buffer.from(source.buffer) });
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(whole.length - 1), fc.nat(255), (length, place, value) => {
        const damaged = Buffer.from(whole.subarray(0, length));
        if (place < length) damaged[place] = value;
        try {
          readWav(damaged);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
        }
      }),
    );
    t.end();
  });
  t.end();
});

t.test('resampling to 8 kHz', (t) => {
  const rates = [4000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 12_347];

  t.test('tones survive, and what would fold back is gone', (t) => {
    for (const rate of rates) {
      for (const hertz of [300, 1000, 3300]) {
        if (hertz > rate * 0.42) continue;
        const result = toMono8k({ rate, channels: 1, pcm: tone(hertz, rate, 0.5) });
        const middle = result.subarray(400, 3600);
        t.ok(Math.abs(result.length - 4000) <= 1, `${rate}: ${result.length}`);
        t.ok(Math.abs(decibels(rms(middle), 10_000 / Math.SQRT2)) < 0.5, `${rate} ${hertz}`);
        const expected = tone(hertz, 8000, 0.5).subarray(400, 3600);
        if (rate !== 12_347) {
          t.ok(
            decibels(rms(middle.map((sample, index) => sample - expected[index]!)), rms(expected)) < -38,
            'in place',
          );
        }
      }
      for (const hertz of [4100, 4700, 6000, 7600, 9000, 15_000]) {
        if (hertz >= rate / 2) continue;
        const result = toMono8k({ rate, channels: 1, pcm: tone(hertz, rate, 0.5) });
        const alias = decibels(rms(result.subarray(400, 3600)), 10_000 / Math.SQRT2);
        t.ok(alias < -45, `${rate} ${hertz}: ${alias.toFixed(0)} dB`);
      }
    }
    t.end();
  });

  t.test('piece by piece as in one go, and stereo as the mean', (t) => {
    const pcm = tone(700, 44_100, 0.3);
    const whole = [...toMono8k({ rate: 44_100, channels: 1, pcm })];
    const resampler = createResampler(44_100);
    const parts: number[] = [];
    for (let from = 0, size = 1; from < pcm.length; from += size, size = (size * 7 + 3) % 977 || 1) {
      parts.push(...resampler.push(pcm.slice(from, from + size)));
    }
    t.same([...parts, ...resampler.end()], whole);
    const stereo = Int16Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? 1000 : -400));
    t.same([...new Set(toMono8k({ rate: 8000, channels: 2, pcm: stereo }))], [300]);
    t.same([...toMono8k({ rate: 16_000, channels: 1, pcm: new Int16Array(0) })], []);
    t.end();
  });
  t.end();
});

t.test('the cache of encoded clips', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'clips-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const put = (name: string, pcm: Int16Array, rate = 8000, channels = 1): string => {
    const path = join(folder, name);
    const bytes = Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength);
    writeFileSync(path, Buffer.concat([wavHeader({ rate, channels, dataBytes: bytes.length }), bytes]));
    return path;
  };

  t.test('a file is encoded in both laws once, and anew when it changed', async (t) => {
    const cache = createAudioCache({ maxBytes: 1_000_000 });
    const pcm = tone(500, 8000, 0.5);
    const path = put('a.wav', pcm);
    const [one, two] = await Promise.all([
      cache.get({ kind: 'file', path }),
      cache.get({ kind: 'file', path }),
    ]);
    t.equal(one, two, 'asked for twice at a time: one work');
    t.equal(one.ms, 500);
    t.same([...new Uint8Array(one.mu)], [...encodeMu(pcm)]);
    t.same([...new Uint8Array(one.a)], [...encodeA(pcm)]);
    put('a.wav', tone(500, 8000, 0.25));
    utimesSync(path, 1, 1);
    t.equal((await cache.get({ kind: 'file', path })).ms, 250);
  });

  t.test('tones and silence', async (t) => {
    const cache = createAudioCache({ maxBytes: 1_000_000 });
    const beep = await cache.get({ kind: 'tone', tone: 'beep', ms: 200 });
    t.equal(beep.ms, 200);
    const peak = Math.max(...decodeMu(new Uint8Array(beep.mu)));
    t.ok(peak > 3000 && peak < 8000, String(peak));
    const busy = decodeMu(new Uint8Array((await cache.get({ kind: 'tone', tone: 'busy', ms: 1000 })).mu));
    t.ok(rms(busy.subarray(0, 4000)) > 1000 && rms(busy.subarray(4000)) === 0, 'half a second on, half off');
    const silence = await cache.get({ kind: 'silence', ms: 60 });
    t.equal(silence.mu.byteLength, 480);
    t.equal(rms(decodeMu(new Uint8Array(silence.mu))), 0);
    t.equal((await cache.get({ kind: 'silence', ms: -5 })).ms, 0);
  });

  t.test('what was not used longest goes first, and the bound holds', async (t) => {
    const cache = createAudioCache({ maxBytes: 40_000 });
    const clip = (ms: number) => ({ kind: 'silence', ms }) as const;
    const first = await cache.get(clip(1000));
    await cache.get(clip(1001));
    t.equal(await cache.get(clip(1000)), first);
    await cache.get(clip(1002));
    t.equal(await cache.get(clip(1000)), first, 'used lately');
    t.not(await cache.get(clip(1001)), await cache.get(clip(1002)));
    const large = await cache.get(clip(60_000));
    t.equal(large.ms, 60_000, 'larger than all of it: given, not kept');
    t.not(await cache.get(clip(60_000)), large);
  });

  t.test('failures say why, and are not kept', async (t) => {
    const cache = createAudioCache({ maxBytes: 40_000 });
    const path = join(folder, 'later.wav');
    await t.rejects(cache.get({ kind: 'file', path }), {
      code: 'PROMPT_UNREADABLE',
      message: /later\.wav is not there/,
    });
    await t.rejects(cache.get({ kind: 'file', path: folder }), { code: 'PROMPT_UNREADABLE' });
    writeFileSync(path, 'not audio at all');
    await t.rejects(cache.get({ kind: 'file', path }), { message: /is no WAV file/ });
    put('later.wav', tone(500, 8000, 0.1));
    t.equal((await cache.get({ kind: 'file', path })).ms, 100);
  });

  t.test('a long file does not hold up the event loop', async (t) => {
    const path = put('long.wav', new Int16Array(48_000 * 2 * 20).fill(1000), 48_000, 2);
    const cache = createAudioCache({ maxBytes: 10_000_000 });
    await cache.get({ kind: 'file', path: put('warm.wav', tone(440, 48_000, 0.5), 48_000) });
    let turns = 0;
    let going = true;
    const turn = (): void => {
      turns++;
      if (going) setImmediate(turn);
    };
    turn();
    const clip = await cache.get({ kind: 'file', path });
    going = false;
    t.equal(clip.ms, 20_000);
    // Of 3.8 MB in slices of 32 KB: others had their turn between any two.
    t.ok(turns > 110, String(turns));
  });
  t.end();
});
