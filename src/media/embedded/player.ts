import { A_SILENCE, MU_SILENCE } from '../codec/g711.js';
import type { WireClip } from './messages.js';

const BYTES_A_MS = 8;

/** Walks through a list of clips, some milliseconds at a time. */
export class Player {
  readonly op: number;
  readonly #clips: readonly WireClip[];
  readonly #totalMs: number;
  #left: number;
  #index = 0;
  /** Bytes into the clip. */
  #at = 0;
  #played = 0;

  /** `times` 0: for ever. A list without any sound is played once. */
  constructor(op: number, clips: readonly WireClip[], times: number, fromMs: number) {
    this.op = op;
    this.#clips = clips;
    this.#totalMs = clips.reduce((sum, clip) => sum + lengthOf(clip), 0) / BYTES_A_MS;
    this.#left = times <= 0 ? Infinity : times;
    if (this.#totalMs <= 0) this.#left = 0;
    else this.#seek(fromMs);
  }

  get playedMs(): number {
    return Math.round(this.#played / BYTES_A_MS);
  }

  get done(): boolean {
    return this.#left <= 0;
  }

  /** Fills `target` from its start; what the clips do not reach is silence. */
  fill(target: Uint8Array, law: 'mu' | 'a'): void {
    let filled = 0;
    while (filled < target.length && this.#left > 0) {
      const clip = this.#clips[this.#index]!;
      const length = lengthOf(clip);
      const take = Math.min(length - this.#at, target.length - filled);
      if (clip.kind === 'silence') {
        target.fill(law === 'mu' ? MU_SILENCE : A_SILENCE, filled, filled + take);
      } else if (take > 0) {
        target.set(new Uint8Array(law === 'mu' ? clip.mu : clip.a, this.#at, take), filled);
      }
      filled += take;
      this.#at += take;
      this.#played += take;
      if (this.#at >= length) this.#advance();
    }
    if (filled < target.length) target.fill(law === 'mu' ? MU_SILENCE : A_SILENCE, filled);
  }

  #advance(): void {
    this.#at = 0;
    if (++this.#index < this.#clips.length) return;
    this.#index = 0;
    this.#left--;
  }

  #seek(fromMs: number): void {
    let skip = (Math.max(0, Math.floor(fromMs)) % this.#totalMs) * BYTES_A_MS;
    while (skip > 0) {
      const length = lengthOf(this.#clips[this.#index]!);
      if (skip < length) {
        this.#at = Math.floor(skip);
        return;
      }
      skip -= length;
      this.#index = (this.#index + 1) % this.#clips.length;
    }
  }
}

function lengthOf(clip: WireClip): number {
  return clip.kind === 'silence' ? Math.max(0, Math.round(clip.ms)) * BYTES_A_MS : clip.mu.byteLength;
}
