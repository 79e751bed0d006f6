import { rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import { measureWav, mendWav } from '../ivr/index.js';
import type { CallRecordingRecord } from '../model/index.js';
import { pathInside } from './path-inside.js';

/** A while after the start, which has enough to do, and each hour. Milliseconds. */
const FIRST_MS = 60_000;
const EVERY_MS = 3_600_000;
/** A recording without an end is over at this age at the latest: none is longer. Milliseconds. */
const LONGEST_MS = 86_400_000;

export interface RetentionDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absolute path of the folder that recordings' files are relative to. */
  readonly folder: string;
  /** Absent: recordings stay. */
  readonly keepRecordingsMs: number | undefined;
  readonly keepAnswersMs: number;
  /** Room `store`. */
  readonly recordings: {
    open(): readonly CallRecordingRecord[];
    olderThan(before: number): readonly CallRecordingRecord[];
    put(recording: CallRecordingRecord): Promise<void>;
    remove(ids: readonly string[]): Promise<void>;
  };
  readonly surveyAnswers: { sweep(before: number): Promise<number> };
}

/** Lets go of recordings and answers when their time is over, and makes whole what a crash cut off. */
export interface Retention {
  /** Ends recordings that the last run left open. Before any call; never rejects. */
  recover(): Promise<void>;
  start(): void;
  stop(): void;
  /** Deletes what is past its time now. Rejects: STORE_UNWRITABLE. */
  sweep(): Promise<void>;
}

export function createRetention(deps: RetentionDeps): Retention {
  const { clock, logger, folder, recordings } = deps;
  let timer: Timer | undefined;

  async function recoverOne(recording: CallRecordingRecord): Promise<void> {
    const path = pathInside(folder, recording.file);
    if (path === undefined) return recordings.remove([recording.id]);
    const measure = (await measureWav(path)) ?? (await mendWav(`${path}.part`, path));
    if (measure === undefined) {
      logger.warn({ recording: recording.id, callId: recording.callId }, 'nothing is left of a recording');
      return recordings.remove([recording.id]);
    }
    const { durationMs, bytes } = measure;
    const pausedMs = recording.paused.reduce((sum, { from, to }) => sum + to - from, 0);
    const endedAt = recording.startedAt + durationMs + pausedMs;
    await recordings.put({ ...recording, durationMs, bytes, endedAt });
  }

  /** The file first: a row without one tells of what was there, a file without its row nobody would find. */
  async function remove(old: readonly CallRecordingRecord[]): Promise<number> {
    const gone: string[] = [];
    for (const { id, file } of old) {
      const path = pathInside(folder, file);
      try {
        if (path !== undefined) {
          for (const one of [path, `${path}.part`]) await rm(one, { force: true });
          // Of its day, once nothing is in it any more.
          await rmdir(dirname(path)).catch(() => undefined);
        }
        gone.push(id);
      } catch (error) {
        logger.error({ recording: id, reason: String(error) }, 'recording not deleted');
      }
    }
    if (gone.length > 0) await recordings.remove(gone);
    return gone.length;
  }

  async function sweepRecordings(keepMs: number): Promise<number> {
    const now = clock.now();
    for (let total = 0; ;) {
      const old = recordings
        .olderThan(now - keepMs)
        .filter(({ endedAt, startedAt }) => endedAt !== undefined || startedAt < now - LONGEST_MS);
      const count = await remove(old);
      total += count;
      if (count === 0) return total;
    }
  }

  async function sweep(): Promise<void> {
    const { keepRecordingsMs, keepAnswersMs } = deps;
    const deleted = {
      recordings: keepRecordingsMs === undefined ? 0 : await sweepRecordings(keepRecordingsMs),
      answers: await deps.surveyAnswers.sweep(clock.now() - keepAnswersMs),
    };
    if (deleted.recordings + deleted.answers > 0) logger.info(deleted, 'past their time: deleted');
  }

  function later(delayMs: number): void {
    timer = clock.after(delayMs, () => {
      later(EVERY_MS);
      sweep().catch((error: unknown) =>
        logger.warn({ reason: String(error) }, 'what is past its time was not deleted'),
      );
    });
  }

  return {
    async recover() {
      try {
        let count = 0;
        for (let last: string | undefined; ;) {
          const left = recordings.open();
          // What could not be put in order would come again for ever.
          if (left.length === 0 || left[0]!.id === last) break;
          last = left[0]!.id;
          for (const recording of left) await recoverOne(recording);
          count += left.length;
        }
        if (count > 0) logger.warn({ recordings: count }, 'recordings of the last run were put in order');
      } catch (error) {
        logger.error({ reason: String(error) }, 'recordings could not be put in order');
      }
    },
    start: () => later(FIRST_MS),
    stop: () => timer?.clear(),
    sweep,
  };
}
