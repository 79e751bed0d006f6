import { mkdir } from 'node:fs/promises';
import type { Timer } from '../../base/clock.js';
import type { MailboxCounts, VoicemailMessage } from '../../model/index.js';
import { guarded } from '../guarded.js';
import type { Dialogue, IvrDeps, MessageHook, MessageWaiting, StateValues, VoicemailRows } from '../ports.js';
import { deposit, type DepositEnd, type DepositSpec } from './deposit.js';
import { createHookQueue } from './hook-queue.js';
import { createMessageBox } from './message-box.js';
import { createMessageFiles } from './message-files.js';
import { createPinGuard } from './pin-guard.js';
import { reconcile } from './reconcile.js';
import { retrieve, type RetrieveEnd, type RetrieveSpec } from './retrieve.js';
import { resolveVoicemailSettings, type VoicemailOptions } from './settings.js';

const SWEEP_EVERY_MS = 3_600_000;

export interface VoicemailDeps extends IvrDeps {
  /** `voicemail/` in the data folder; made where it is missing. */
  readonly folder: string;
  readonly rows: VoicemailRows;
  readonly state: StateValues;
  readonly waiting: MessageWaiting;
  /** Absent: nobody is told. */
  readonly hook?: MessageHook;
  /** Ids that sort in the order of time: `newOrderedUuid`. */
  readonly newId: () => string;
  readonly options?: VoicemailOptions;
}

/** Mailboxes: by phone, and for the API. */
export interface Voicemail {
  /** Brings files and rows together after a crash, tells the hook what it missed. Before any call; never rejects. */
  start(): Promise<void>;
  /** Dialogues are ended by their signals; what was being told is told again at the next start. */
  stop(): void;
  /** `voicemail:`, and `record: message` with `to:` (`review: false`, its prompt as the greeting). */
  readonly deposit: Dialogue<DepositSpec, DepositEnd>;
  readonly retrieve: Dialogue<RetrieveSpec, RetrieveEnd>;
  counts(mailbox: string): MailboxCounts;
  /** Those that hold messages. */
  mailboxes(): readonly string[];
  /** Oldest first. */
  list(mailbox: string): readonly VoicemailMessage[];
  get(id: string): VoicemailMessage | undefined;
  /** The WAV of a message. */
  audio(id: string): { readonly path: string; readonly bytes: number } | undefined;
  /** False: there is no such message. Rejects: AppError STORE_UNWRITABLE. */
  mark(id: string, state: 'new' | 'saved'): Promise<boolean>;
  /** False: there is no such message. Rejects: AppError STORE_UNWRITABLE. */
  remove(id: string): Promise<boolean>;
  /** Deletes messages past their time now; says how many. Runs by itself each hour. */
  sweep(): Promise<number>;
}

export function createVoicemail(deps: VoicemailDeps): Voicemail {
  const { rows, clock, logger, hook } = deps;
  const settings = resolveVoicemailSettings(deps.options ?? {});
  const files = createMessageFiles(deps.folder);
  const pathOf = (message: VoicemailMessage): string => files.pathOf(message.mailbox, message.id);
  const hooks = hook === undefined ? undefined : createHookQueue({ hook, rows, pathOf, clock, logger });
  const box = createMessageBox({ ...deps, files, hooks, settings });
  const pins = createPinGuard({
    state: deps.state,
    clock,
    attempts: settings.pinAttempts,
    lockMs: settings.pinLockMs,
  });
  let timer: Timer | undefined;
  let stopped = false;

  function visible(id: string): VoicemailMessage | undefined {
    const message = rows.get(id);
    return message?.state === 'recording' ? undefined : message;
  }

  async function sweep(): Promise<number> {
    if (settings.keepMs === undefined) return 0;
    let total = 0;
    for (;;) {
      const old = rows.olderThan(clock.now() - settings.keepMs);
      const count = old.length === 0 ? 0 : await box.remove(old.map((message) => message.id));
      for (const mailbox of new Set(old.map((message) => message.mailbox))) box.announce(mailbox);
      total += count;
      if (count === 0) return total;
    }
  }

  function sweepLater(): void {
    timer = clock.after(SWEEP_EVERY_MS, () => {
      sweep()
        .catch((error: unknown) => logger.warn({ reason: String(error) }, 'old messages not deleted'))
        .finally(() => {
          if (!stopped) sweepLater();
        });
    });
  }

  return {
    async start() {
      try {
        await mkdir(deps.folder, { recursive: true, mode: 0o750 });
        const done = await reconcile({ rows, files, logger });
        if (done.finished + done.found + done.dropped > 0)
          logger.warn(done, 'messages of the last run were put in order');
        await sweep();
      } catch (error) {
        logger.error({ folder: deps.folder, reason: String(error) }, 'messages could not be put in order');
      }
      if (hooks !== undefined) for (const message of rows.untold()) hooks.add(message);
      sweepLater();
    },
    stop() {
      stopped = true;
      timer?.clear();
      hooks?.stop();
    },
    deposit: (session, spec, signal) =>
      guarded(logger, () => deposit({ ...deps, box, settings }, session, spec, signal)),
    retrieve: (session, spec, signal) =>
      guarded(logger, () => retrieve({ ...deps, box, files, pins }, session, spec, signal)),
    counts: (mailbox) => rows.counts(mailbox),
    mailboxes: () => rows.mailboxes(),
    list: (mailbox) => rows.list(mailbox),
    get: visible,
    audio(id) {
      const message = visible(id);
      return message === undefined ? undefined : { path: pathOf(message), bytes: message.bytes };
    },
    async mark(id, state) {
      const message = visible(id);
      if (message === undefined || !(await box.mark(id, state))) return false;
      box.announce(message.mailbox);
      return true;
    },
    async remove(id) {
      const message = visible(id);
      if (message === undefined || (await box.remove([id])) === 0) return false;
      box.announce(message.mailbox);
      return true;
    },
    sweep,
  };
}
