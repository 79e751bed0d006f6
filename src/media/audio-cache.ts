import { stat, readFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '../base/errors.js';
import { A_SILENCE, encodeAInto, encodeMuInto, MU_SILENCE } from './codec/g711.js';
import { createResampler, toMono } from './codec/resample.js';
import { renderTone } from './codec/tone.js';
import { decodeWav, readWavFormat } from './codec/wav.js';
import type { Clip } from './engine.js';

/** A clip as it goes on the wire, in both laws; a byte is a sample at 8 kHz. Shared with workers without a copy. */
export interface EncodedClip {
  readonly mu: SharedArrayBuffer;
  readonly a: SharedArrayBuffer;
  readonly ms: number;
}

export interface AudioCache {
  /** Read and encoded once; a file that changed is read anew. Rejects: AppError PROMPT_UNREADABLE. */
  get(clip: Clip): Promise<EncodedClip>;
}

export interface AudioCacheOptions {
  /** What the encoded clips may take together; what was not asked for longest goes first. */
  readonly maxBytes: number;
}

/** Of source audio at a time: some milliseconds of work, then others have their turn. */
const SLICE_BYTES = 16_384;
/** Half an hour of 48 kHz stereo. */
const MAX_FILE_BYTES = 400 * 1024 * 1024;
const MAX_CLIP_MS = 3_600_000;
/** At most so many files are converted at a time: each holds its source in memory. */
const MAX_CONVERSIONS = 2;

interface Entry {
  /** Of a file: what tells that it is still the same. */
  readonly stamp: string;
  readonly work: Promise<EncodedClip>;
  bytes: number;
}

export function createAudioCache({ maxBytes }: AudioCacheOptions): AudioCache {
  /** In the order of use, the oldest first. */
  const entries = new Map<string, Entry>();
  let total = 0;
  let converting = 0;
  const waiting: (() => void)[] = [];

  const forget = (key: string, entry: Entry): void => {
    if (entries.get(key) !== entry) return;
    entries.delete(key);
    total -= entry.bytes;
  };

  const remember = (key: string, stamp: string, work: Promise<EncodedClip>): Promise<EncodedClip> => {
    const entry: Entry = { stamp, work, bytes: 0 };
    const before = entries.get(key);
    if (before !== undefined) forget(key, before);
    entries.set(key, entry);
    work.then(
      (clip) => {
        if (entries.get(key) !== entry) return;
        entry.bytes = 2 * clip.mu.byteLength;
        total += entry.bytes;
        for (const [oldKey, old] of entries) {
          if (total <= maxBytes) break;
          if (old.bytes > 0) forget(oldKey, old);
        }
      },
      () => forget(key, entry),
    );
    return work;
  };

  const oneOfFew = async (work: () => Promise<EncodedClip>): Promise<EncodedClip> => {
    if (converting >= MAX_CONVERSIONS) await new Promise<void>((resolve) => waiting.push(resolve));
    else converting++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) converting--;
      else next();
    }
  };

  const cached = (key: string, stamp: string, work: () => Promise<EncodedClip>): Promise<EncodedClip> => {
    const known = entries.get(key);
    if (known?.stamp !== stamp) return remember(key, stamp, work());
    entries.delete(key);
    entries.set(key, known);
    return known.work;
  };

  return {
    get: async (clip) => {
      switch (clip.kind) {
        case 'file': {
          const stamp = await fileStamp(clip.path);
          return cached(`file ${clip.path}`, stamp, () => oneOfFew(() => convert(clip.path)));
        }
        case 'tone': {
          const ms = boundedMs(clip.ms);
          return cached(`tone ${clip.tone} ${ms}`, '', () =>
            Promise.resolve(encode(renderTone(clip.tone, ms))),
          );
        }
        case 'silence': {
          const ms = boundedMs(clip.ms);
          return cached(`silence ${ms}`, '', () => Promise.resolve(silence(ms)));
        }
      }
    },
  };
}

function boundedMs(ms: number): number {
  return Math.min(MAX_CLIP_MS, Math.max(0, Math.round(ms)));
}

function unreadable(path: string, why: string, cause: unknown): AppError {
  return new AppError('PROMPT_UNREADABLE', `${path} ${why}`, { cause });
}

async function fileStamp(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    if (size > MAX_FILE_BYTES)
      throw unreadable(path, 'is larger than 400 MiB; cut it into pieces', undefined);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw unreadable(path, faultText(error), error);
  }
}

function faultText(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'is not there';
  if (code === 'EACCES') return 'may not be read by the user who runs Trunkline';
  if (code === 'EISDIR') return 'is a folder';
  return `cannot be read (${code ?? String(error)})`;
}

/** Reads and encodes in slices, between which the event loop turns. */
async function convert(path: string): Promise<EncodedClip> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw unreadable(path, faultText(error), error);
  }
  const format = readWavFormat(bytes, path);
  const frame = (format.channels * format.bits) / 8;
  const frames = format.dataBytes / frame;
  if (frames / format.rate > MAX_CLIP_MS / 1000) {
    throw unreadable(path, 'is longer than an hour; cut it into pieces', undefined);
  }
  const most = Math.ceil((frames * 8000) / format.rate) + 1;
  const mu = new Uint8Array(most);
  const a = new Uint8Array(most);
  let length = 0;
  const add = (pcm: Int16Array): void => {
    const part = pcm.length > most - length ? pcm.subarray(0, most - length) : pcm;
    encodeMuInto(mu.subarray(length), part);
    encodeAInto(a.subarray(length), part);
    length += part.length;
  };

  const resampler = createResampler(format.rate);
  const slice = Math.max(frame, SLICE_BYTES - (SLICE_BYTES % frame));
  for (let from = 0; from < format.dataBytes; from += slice) {
    if (from > 0) await nextTurn();
    const pcm = decodeWav(bytes, format, from, Math.min(from + slice, format.dataBytes));
    add(resampler.push(toMono(pcm, format.channels)));
  }
  add(resampler.end());
  return shared(mu.subarray(0, length), a.subarray(0, length));
}

function encode(pcm: Int16Array): EncodedClip {
  const mu = new Uint8Array(pcm.length);
  const a = new Uint8Array(pcm.length);
  encodeMuInto(mu, pcm);
  encodeAInto(a, pcm);
  return shared(mu, a);
}

function silence(ms: number): EncodedClip {
  return shared(new Uint8Array(ms * 8).fill(MU_SILENCE), new Uint8Array(ms * 8).fill(A_SILENCE));
}

function shared(mu: Uint8Array, a: Uint8Array): EncodedClip {
  const clip = {
    mu: new SharedArrayBuffer(mu.length),
    a: new SharedArrayBuffer(a.length),
    ms: mu.length / 8,
  };
  new Uint8Array(clip.mu).set(mu);
  new Uint8Array(clip.a).set(a);
  return clip;
}
