import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { wavHeader } from '../codec/wav.js';
import type { RecordEnd, RecordSpec } from '../engine.js';
import type { Paced, Pacer } from './pacer.js';
import { FRAME_SAMPLES, Playout } from './playout.js';
import type { Stream } from './stream.js';

const FRAME_MS = 20;
const RATE = 8000;
const HEADER_BYTES = 44;
/** Written a second at a time. */
const CHUNK_FRAMES = 50;
/** Seconds that may wait for a disk before it counts as failed. */
const MOST_WAITING = 30;
/** Root mean square below which nobody speaks: −40 dB of full scale. */
const SILENCE_RMS = 330;

export interface RecorderDeps {
  readonly pacer: Pacer;
  readonly stream: Stream;
  readonly random: () => number;
  /** Told once, when the file is in its place, or is not to be. */
  readonly ended: (end: RecordEnd) => void;
  readonly failed: (cause: unknown) => void;
}

/** One recording: pulls what is heard (and said) every 20 ms, and writes it. Memory is bounded however slow the disk. */
export class Recorder implements Paced {
  readonly #spec: RecordSpec;
  readonly #deps: RecorderDeps;
  readonly #heard: Playout;
  readonly #said: Playout | undefined;
  readonly #part: string;
  #chunk: Int16Array;
  #frames = 0;
  /** Frames altogether, and of those the last ones that were silent. */
  #total = 0;
  #silent = 0;
  #paused = false;
  #over = false;
  #waiting = 0;
  #bytes = 0;
  readonly #opened: Promise<FileHandle>;
  #work: Promise<FileHandle>;

  constructor(spec: RecordSpec, deps: RecorderDeps) {
    this.#spec = spec;
    this.#deps = deps;
    this.#part = `${spec.path}.part`;
    this.#heard = new Playout(deps.random);
    this.#said = spec.what === 'both' ? new Playout(deps.random) : undefined;
    this.#chunk = this.#newChunk();
    this.#opened = open(this.#part, 'w');
    this.#work = this.#opened.then(async (file) => {
      await file.write(this.#header(0));
      return file;
    });
    this.#work.catch((error: unknown) => this.#fail(error));
    deps.stream.heard.add(this.#heard);
    if (this.#said !== undefined) deps.stream.said.add(this.#said);
    deps.pacer.add(this);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  tick(): number {
    if (this.#over) return 0;
    const heard = this.#heard.pull();
    const said = this.#said?.pull();
    if (this.#paused) return FRAME_MS;
    const { maxMs, silenceMs = 0 } = this.#spec;
    const base = this.#frames * FRAME_SAMPLES;
    if (said === undefined) {
      this.#chunk.set(heard, base);
    } else {
      for (let index = 0; index < FRAME_SAMPLES; index++) {
        this.#chunk[(base + index) * 2] = heard[index]!;
        this.#chunk[(base + index) * 2 + 1] = said[index]!;
      }
    }
    this.#frames++;
    this.#total++;
    this.#silent = isSilent(heard) ? this.#silent + 1 : 0;
    if (this.#frames >= CHUNK_FRAMES) this.#flush();
    if (silenceMs > 0 && this.#silent * FRAME_MS >= silenceMs) this.stop('silence');
    else if (this.#total * FRAME_MS >= maxMs) this.stop('max');
    return FRAME_MS;
  }

  /** The file is finished in its own time; `ended` tells. */
  stop(by: RecordEnd['by'], key?: string): void {
    if (this.#over) return;
    this.#finish();
    const silent = by === 'silence' ? this.#silent : 0;
    const durationMs = (this.#total - silent) * FRAME_MS;
    this.#flush();
    const dataBytes = this.#bytes - silent * FRAME_SAMPLES * 2 * this.#channels;
    this.#work
      .then(async (file) => {
        await file.truncate(HEADER_BYTES + dataBytes);
        await file.write(this.#header(dataBytes), 0, HEADER_BYTES, 0);
        await file.datasync();
        await file.close();
        await rename(this.#part, this.#spec.path);
        this.#deps.ended({ kind: 'recorded', by, durationMs, ...(key !== undefined && { key }) });
      })
      .catch((error: unknown) => this.#lose(error));
  }

  get #channels(): number {
    return this.#said === undefined ? 1 : 2;
  }

  #newChunk(): Int16Array {
    return new Int16Array(CHUNK_FRAMES * FRAME_SAMPLES * this.#channels);
  }

  #header(dataBytes: number): Uint8Array {
    return wavHeader({ rate: RATE, channels: this.#channels, dataBytes });
  }

  #flush(): void {
    if (this.#frames === 0) return;
    const samples = this.#chunk.subarray(0, this.#frames * FRAME_SAMPLES * this.#channels);
    const bytes = new Uint8Array(samples.buffer, 0, samples.byteLength);
    const at = HEADER_BYTES + this.#bytes;
    this.#bytes += bytes.length;
    this.#chunk = this.#newChunk();
    this.#frames = 0;
    if (++this.#waiting > MOST_WAITING) return this.#fail(new Error('the disk does not keep up'));
    const work = this.#work.then(async (file) => {
      for (let done = 0; done < bytes.length;) {
        done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
      }
      this.#waiting--;
      return file;
    });
    work.catch((error: unknown) => this.#fail(error));
    this.#work = work;
  }

  #finish(): void {
    this.#over = true;
    const { pacer, stream } = this.#deps;
    pacer.remove(this);
    stream.heard.remove(this.#heard);
    if (this.#said !== undefined) stream.said.remove(this.#said);
  }

  /** While it records. */
  #fail(error: unknown): void {
    if (this.#over) return;
    this.#finish();
    this.#lose(error);
  }

  #lose(error: unknown): void {
    this.#deps.failed(error);
    this.#deps.ended({ kind: 'failed', by: 'disk', durationMs: this.#total * FRAME_MS });
    // Not `#work`: a write that failed has no file to give.
    void this.#opened.then((file) => file.close()).catch(() => undefined);
    void unlink(this.#part).catch(() => undefined);
  }
}

function isSilent(frame: Int16Array): boolean {
  let energy = 0;
  for (let index = 0; index < frame.length; index++) energy += frame[index]! * frame[index]!;
  return energy < SILENCE_RMS * SILENCE_RMS * frame.length;
}
