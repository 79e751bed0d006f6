import type { Clock, Timer } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import type { VoicemailMessage } from '../../model/index.js';
import type { MessageHook, VoicemailRows } from '../ports.js';

/** Waits before the second and further tries; after the last the hook has failed. */
const RETRY_MS = [5000, 30_000, 120_000, 600_000, 3_600_000] as const;
const PATIENCE_MS = 30_000;
const AT_ONCE = 4;

/** Messages whose retries are held in memory; others wait for the next start. */
const MAX_WAITING = 1000;

export interface HookQueue {
  /** Tells the hook of a message, soon and until it takes it. */
  add(message: VoicemailMessage): void;
  /** Aborts what runs; what waits stays `pending` for the next start. */
  stop(): void;
}

export function createHookQueue(deps: {
  readonly hook: MessageHook;
  readonly rows: VoicemailRows;
  readonly pathOf: (message: VoicemailMessage) => string;
  readonly clock: Clock;
  readonly logger: Logger;
}): HookQueue {
  const { hook, rows, pathOf, clock, logger } = deps;
  const stopping = new AbortController();
  const ready: { readonly id: string; readonly tries: number }[] = [];
  const waits = new Set<Timer>();
  let running = 0;

  function next(): void {
    while (running < AT_ONCE && !stopping.signal.aborted) {
      const job = ready.shift();
      if (job === undefined) return;
      running++;
      void tell(job.id, job.tries).finally(() => {
        running--;
        next();
      });
    }
  }

  async function tell(id: string, tries: number): Promise<void> {
    const message = rows.get(id);
    // Deleted meanwhile, or told already.
    if (message?.hook !== 'pending') return;
    const slow = new AbortController();
    const timer = clock.after(PATIENCE_MS, () => slow.abort());
    const signal = AbortSignal.any([slow.signal, stopping.signal]);
    const reason = await inTime(hook, message, pathOf(message), signal);
    timer.clear();
    if (stopping.signal.aborted) return;
    if (reason === undefined) {
      await mark(id, 'told');
      return;
    }
    const delayMs = RETRY_MS[tries];
    const fields = { message: id, mailbox: message.mailbox, reason };
    if (delayMs === undefined) {
      logger.error({ ...fields, tries: tries + 1 }, 'hook of a message failed for good');
      await mark(id, 'failed');
      return;
    }
    logger.warn({ ...fields, againInMs: delayMs }, 'hook of a message failed');
    const wait = clock.after(delayMs, () => {
      waits.delete(wait);
      push(id, tries + 1);
    });
    waits.add(wait);
  }

  async function mark(id: string, state: 'told' | 'failed'): Promise<void> {
    try {
      await rows.patch(id, { hook: state });
    } catch (error) {
      logger.warn({ message: id, reason: String(error) }, 'hook of a message not noted');
    }
  }

  function push(id: string, tries: number): void {
    if (stopping.signal.aborted) return;
    if (ready.length + waits.size >= MAX_WAITING) {
      logger.warn({ message: id }, 'hook of a message waits for the next start: too many wait');
      return;
    }
    ready.push({ id, tries });
    next();
  }

  return {
    add: (message) => push(message.id, 0),
    stop() {
      stopping.abort();
      for (const wait of waits) wait.clear();
      waits.clear();
      ready.length = 0;
    },
  };
}

/** Why it failed; undefined: it was told. */
async function inTime(
  hook: MessageHook,
  message: VoicemailMessage,
  audio: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const given = new Promise<string>((resolve) => {
    signal.addEventListener('abort', () => resolve('it took too long'), { once: true });
  });
  const told = (async () => hook.deposited(message, audio, signal))().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  return Promise.race([told, given]);
}
