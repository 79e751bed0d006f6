import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.js';
import { newOrderedUuid } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { MediaSession, Recording } from '../media/index.js';
import type { CallRecordingRecord } from '../model/index.js';
import type { MediaParts } from './ports.js';

/** A recording is ended at this length. Milliseconds. */
const MAX_MS = 4 * 3_600_000;

/** Both sides of a call in a file. */
export class CallRecording {
  #paused: { from: number; to: number }[] = [];
  #pausedSince: number | undefined;
  #over = false;

  private constructor(
    private readonly recording: Recording,
    private readonly clock: Clock,
  ) {}

  /** Undefined where it cannot be written; the call goes on. */
  static async start(
    parts: MediaParts,
    env: { readonly clock: Clock; readonly logger: Logger },
    callId: string,
    session: MediaSession,
    why: Pick<CallRecordingRecord, 'reason' | 'by'> = { reason: 'policy' },
  ): Promise<CallRecording | undefined> {
    const { clock, logger } = env;
    const day = new Date(clock.now()).toISOString().slice(0, 10);
    const id = newOrderedUuid();
    const file = join('recordings', day, `${id}.wav`);
    const path = join(parts.settings().recordings, file);
    try {
      await mkdir(join(path, '..'), { recursive: true, mode: 0o750 });
    } catch (error) {
      logger.error({ callId, path, reason: String(error) }, 'call not recorded');
      return undefined;
    }
    if (session.closed) return undefined;
    const startedAt = clock.now();
    const recording = session.record({ path, what: 'both', maxMs: MAX_MS });
    const made = new CallRecording(recording, clock);
    const row = { id, callId, file, what: 'both' as const, ...why, startedAt };
    const keep = (fields: object): void => {
      parts.recordings?.put({ ...row, paused: made.#paused, ...fields }).catch((error: unknown) => {
        logger.error({ callId, reason: String(error) }, 'row of a recording not written');
      });
    };
    keep({});
    void recording.ended.then((end) => {
      made.#over = true;
      made.#endPause();
      if (end.kind === 'failed') logger.error({ callId, path, by: end.by }, 'recording failed');
      keep({ endedAt: clock.now(), durationMs: end.durationMs });
    });
    return made;
  }

  get isOver(): boolean {
    return this.#over;
  }

  get isPaused(): boolean {
    return this.#pausedSince !== undefined;
  }

  pause(): void {
    if (this.#over || this.isPaused) return;
    this.#pausedSince = this.clock.now();
    this.recording.pause();
  }

  resume(): void {
    this.#endPause();
    this.recording.resume();
  }

  stop(): void {
    this.recording.stop();
  }

  #endPause(): void {
    if (this.#pausedSince === undefined) return;
    this.#paused = [...this.#paused, { from: this.#pausedSince, to: this.clock.now() }];
    this.#pausedSince = undefined;
  }
}
