import { AppError } from '../../base/errors.js';
import { decodeA, decodeMu } from './g711.js';

export interface WavAudio {
  /** Samples a second. */
  readonly rate: number;
  readonly channels: number;
  /** Interleaved. */
  readonly pcm: Int16Array;
}

type Encoding = 'pcm' | 'float' | 'a-law' | 'mu-law';

/** What the head of a WAV file says. */
export interface WavFormat {
  readonly encoding: Encoding;
  readonly rate: number;
  readonly channels: number;
  /** Of one sample of one channel. */
  readonly bits: number;
  readonly dataOffset: number;
  /** A whole number of frames, and no more than there are. */
  readonly dataBytes: number;
}

const ENCODINGS: Readonly<Record<number, Encoding>> = { 1: 'pcm', 3: 'float', 6: 'a-law', 7: 'mu-law' };
const EXTENSIBLE = 0xfffe;
const BITS: Readonly<Record<Encoding, readonly number[]>> = {
  pcm: [8, 16, 24, 32],
  float: [32, 64],
  'a-law': [8],
  'mu-law': [8],
};
const MAX_CHANNELS = 8;
const MIN_RATE = 4000;
const MAX_RATE = 192_000;

function unreadable(name: string, cause: string): AppError {
  return new AppError('PROMPT_UNREADABLE', `${name} ${cause}`);
}

/**
 * The whole file as 16-bit PCM. `name` is the file's, for messages.
 * Throws AppError PROMPT_UNREADABLE.
 */
export function readWav(bytes: Uint8Array, name = 'the file'): WavAudio {
  const format = readWavFormat(bytes, name);
  return { rate: format.rate, channels: format.channels, pcm: decodeWav(bytes, format) };
}

/** Throws AppError PROMPT_UNREADABLE with what the file is instead, where that can be told. */
export function readWavFormat(bytes: Uint8Array, name: string): WavFormat {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || tag(bytes, 0) !== 'RIFF' || tag(bytes, 8) !== 'WAVE') {
    throw unreadable(
      name,
      `is no WAV file: ${guess(bytes)}; convert it with \`sox IN -r 8000 -c 1 OUT.wav\``,
    );
  }
  let format: Omit<WavFormat, 'dataOffset' | 'dataBytes'> | undefined;
  for (let offset = 12; offset + 8 <= bytes.length;) {
    const id = tag(bytes, offset);
    const size = view.getUint32(offset + 4, true);
    const body = offset + 8;
    if (id === 'fmt ') {
      format = readFormat(view, body, Math.min(size, bytes.length - body), name);
    } else if (id === 'data') {
      if (format === undefined) throw unreadable(name, 'has its data before its format; save it anew');
      const frame = (format.channels * format.bits) / 8;
      // A recorder that was cut off, or writes to a pipe, leaves 0 or the largest number here.
      const there = bytes.length - body;
      const length = size === 0 || size > there ? there : size;
      return { ...format, dataOffset: body, dataBytes: length - (length % frame) };
    }
    offset = body + size + (size & 1);
  }
  throw unreadable(name, format === undefined ? 'names no format; save it anew' : 'has no audio in it');
}

function readFormat(
  view: DataView,
  offset: number,
  size: number,
  name: string,
): Omit<WavFormat, 'dataOffset' | 'dataBytes'> {
  if (size < 16) throw unreadable(name, 'is cut off in its head; save it anew');
  let code = view.getUint16(offset, true);
  const channels = view.getUint16(offset + 2, true);
  const rate = view.getUint32(offset + 4, true);
  const bits = view.getUint16(offset + 14, true);
  // WAVE_FORMAT_EXTENSIBLE: the code proper begins the sub-format's GUID.
  if (code === EXTENSIBLE && size >= 26) code = view.getUint16(offset + 24, true);
  const encoding = ENCODINGS[code];
  if (encoding === undefined) {
    const known =
      code === 0x55
        ? 'MP3'
        : code === 0x31
          ? 'GSM'
          : code === 2 || code === 0x11
            ? 'ADPCM'
            : `0x${code.toString(16)}`;
    throw unreadable(name, `holds ${known} audio; save it as 16-bit PCM, A-law or mu-law`);
  }
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw unreadable(name, `has ${channels} channels; save it in mono or stereo`);
  }
  if (rate < MIN_RATE || rate > MAX_RATE) {
    throw unreadable(name, `has ${rate} samples a second; save it with 8,000 to 48,000`);
  }
  if (!BITS[encoding].includes(bits)) {
    throw unreadable(name, `has ${bits}-bit ${encoding} samples; save it as 16-bit PCM`);
  }
  return { encoding, rate, channels, bits };
}

/** The audio, or a part of it: `from` and `to` count bytes of the data, whole frames. */
export function decodeWav(bytes: Uint8Array, format: WavFormat, from = 0, to = format.dataBytes): Int16Array {
  const data = bytes.subarray(format.dataOffset + from, format.dataOffset + to);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (format.encoding) {
    case 'a-law':
      return decodeA(data);
    case 'mu-law':
      return decodeMu(data);
    case 'float':
      return format.bits === 32
        ? samples(data.length / 4, (index) => fromFloat(view.getFloat32(index * 4, true)))
        : samples(data.length / 8, (index) => fromFloat(view.getFloat64(index * 8, true)));
    case 'pcm':
      if (format.bits === 8) return samples(data.length, (index) => (data[index]! - 128) << 8);
      if (format.bits === 16) return samples(data.length / 2, (index) => view.getInt16(index * 2, true));
      if (format.bits === 24) return samples(data.length / 3, (index) => view.getInt16(index * 3 + 1, true));
      return samples(data.length / 4, (index) => view.getInt16(index * 4 + 2, true));
  }
}

function samples(count: number, at: (index: number) => number): Int16Array {
  const pcm = new Int16Array(count);
  for (let index = 0; index < pcm.length; index++) pcm[index] = at(index);
  return pcm;
}

function fromFloat(value: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(value * 32_767)));
}

function tag(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 4));
}

function guess(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty';
  const head = tag(bytes, 0);
  if (head.startsWith('ID3') || (bytes[0] === 0xff && (bytes[1]! & 0xe0) === 0xe0))
    return 'it looks like MP3';
  if (head === 'OggS') return 'it is Ogg (Opus or Vorbis)';
  if (head === 'fLaC') return 'it is FLAC';
  if (head === 'FORM') return 'it is AIFF';
  if (head === 'RF64' || head === 'RIFX') return `its form is ${head}`;
  if (tag(bytes, 4) === 'ftyp') return 'it looks like MP4 or M4A';
  return 'it does not begin with RIFF';
}

/** The 44 bytes before the samples (58 for G.711, which needs a `fact`). `dataBytes` up to 4 GiB. */
export function wavHeader(spec: {
  readonly rate: number;
  readonly channels: number;
  readonly encoding?: 'pcm16' | 'mu-law' | 'a-law';
  readonly dataBytes: number;
}): Uint8Array {
  const encoding = spec.encoding ?? 'pcm16';
  const linear = encoding === 'pcm16';
  const sampleBytes = linear ? 2 : 1;
  const formatBytes = linear ? 16 : 18;
  const length = linear ? 44 : 58;
  const header = new Uint8Array(length);
  const view = new DataView(header.buffer);
  const text = (offset: number, value: string): void => {
    for (let index = 0; index < 4; index++) header[offset + index] = value.charCodeAt(index);
  };
  const frame = spec.channels * sampleBytes;
  text(0, 'RIFF');
  view.setUint32(4, (length - 8 + spec.dataBytes) >>> 0, true);
  text(8, 'WAVE');
  text(12, 'fmt ');
  view.setUint32(16, formatBytes, true);
  view.setUint16(20, linear ? 1 : encoding === 'a-law' ? 6 : 7, true);
  view.setUint16(22, spec.channels, true);
  view.setUint32(24, spec.rate, true);
  view.setUint32(28, spec.rate * frame, true);
  view.setUint16(32, frame, true);
  view.setUint16(34, sampleBytes * 8, true);
  if (!linear) {
    text(38, 'fact');
    view.setUint32(42, 4, true);
    view.setUint32(46, Math.floor(spec.dataBytes / frame), true);
  }
  text(length - 8, 'data');
  view.setUint32(length - 4, spec.dataBytes, true);
  return header;
}
