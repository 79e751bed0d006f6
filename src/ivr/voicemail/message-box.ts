import { mkdir, rename, rm, stat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import type { MailboxCounts, VoicemailMessage } from '../../model/index.js';
import type { MessageWaiting, VoicemailRows } from '../ports.js';
import type { HookQueue } from './hook-queue.js';
import type { MessageFiles } from './message-files.js';
import type { VoicemailSettings } from './settings.js';

/** What a recording takes: 8 kHz, 16 bit. */
const BYTES_PER_MS = 16;

/** Room for less than this is none. */
const LEAST_ROOM_MS = 5000;

/** Who leaves a message. */
export type MessageOrigin = Pick<VoicemailMessage, 'callId' | 'caller' | 'callerName' | 'did'>;

/** A message that is being left. */
export interface Draft {
  readonly message: VoicemailMessage;
  readonly path: string;
  /** Path of another try; `replace` puts it in the place of the first. */
  readonly take: string;
  /** False: it could not be, and the first stays. */
  replace(): Promise<boolean>;
  /** It is a message now: counted, told, seen. Never rejects; without its row it is found again at the next start. */
  keep(durationMs: number): Promise<VoicemailMessage>;
  /** Nothing of it stays. Never rejects. */
  drop(): Promise<void>;
}

/** The messages of all mailboxes: rows, files, limits, and who is told of them. */
export interface MessageBox {
  /** How long a message may be; 0: the mailbox is full. Counts the drafts of now. */
  roomMs(mailbox: string): number;
  begin(mailbox: string, origin: MessageOrigin): Promise<Draft | undefined>;
  /** Counts that phones show. */
  counts(mailbox: string): MailboxCounts;
  /** False where there is none. Rejects with STORE_UNWRITABLE. */
  mark(id: string, state: 'new' | 'saved'): Promise<boolean>;
  /** Rejects with STORE_UNWRITABLE; says how many there were. */
  remove(ids: readonly string[]): Promise<number>;
  /** Tells phones how many messages there are. */
  announce(mailbox: string): void;
}

export function createMessageBox(deps: {
  readonly rows: VoicemailRows;
  readonly files: MessageFiles;
  readonly hooks: HookQueue | undefined;
  readonly waiting: MessageWaiting;
  readonly settings: VoicemailSettings;
  readonly newId: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
}): MessageBox {
  const { rows, files, hooks, settings, logger } = deps;
  const drafts = new Map<string, number>();

  function countDraft(mailbox: string, by: 1 | -1): void {
    const count = (drafts.get(mailbox) ?? 0) + by;
    if (count <= 0) drafts.delete(mailbox);
    else drafts.set(mailbox, count);
  }

  function announce(mailbox: string): void {
    try {
      const counts = rows.counts(mailbox);
      deps.waiting.changed(mailbox, { new: counts.new, saved: counts.saved });
    } catch (error) {
      logger.warn({ mailbox, reason: String(error) }, 'phones were not told of messages');
    }
  }

  function draftOf(message: VoicemailMessage): Draft {
    const path = files.pathOf(message.mailbox, message.id);
    const take = files.takeOf(message.mailbox, message.id);
    let open = true;
    const close = (): void => {
      if (open) countDraft(message.mailbox, -1);
      open = false;
    };
    return {
      message,
      path,
      take,
      async replace() {
        try {
          await rename(take, path);
          return true;
        } catch (error) {
          logger.error({ path: take, reason: String(error) }, 'second try of a message lost');
          return false;
        }
      },
      async keep(durationMs) {
        const bytes = await stat(path).then(
          (file) => file.size,
          () => Math.round(durationMs * BYTES_PER_MS),
        );
        const hook = hooks === undefined ? 'told' : 'pending';
        const kept: VoicemailMessage = { ...message, state: 'new', durationMs, bytes, hook };
        await rm(take, { force: true }).catch(() => undefined);
        try {
          await rows.put(kept);
          hooks?.add(kept);
        } catch (error) {
          const fields = { mailbox: kept.mailbox, message: kept.id, path, reason: String(error) };
          logger.error(fields, 'row of a message not written; the next start finds its file');
        }
        close();
        announce(kept.mailbox);
        return kept;
      },
      async drop() {
        close();
        try {
          await files.remove(message.mailbox, message.id);
          await rows.remove([message.id]);
        } catch (error) {
          logger.warn({ message: message.id, reason: String(error) }, 'draft of a message not deleted');
        }
      },
    };
  }

  return {
    counts: (mailbox) => rows.counts(mailbox),
    roomMs(mailbox) {
      const counts = rows.counts(mailbox);
      const messages = counts.new + counts.saved + (drafts.get(mailbox) ?? 0);
      const ms = Math.floor((settings.maxBytes - counts.bytes) / BYTES_PER_MS);
      return messages >= settings.maxMessages || ms < LEAST_ROOM_MS ? 0 : ms;
    },
    async begin(mailbox, origin) {
      countDraft(mailbox, 1);
      const message: VoicemailMessage = {
        id: deps.newId(),
        mailbox,
        state: 'recording',
        at: deps.clock.now(),
        durationMs: 0,
        bytes: 0,
        hook: 'pending',
        ...origin,
      };
      try {
        await mkdir(files.folderOf(mailbox), { recursive: true, mode: 0o750 });
      } catch (error) {
        countDraft(mailbox, -1);
        logger.error({ mailbox, reason: String(error) }, 'no message can be kept');
        return undefined;
      }
      // Not waited for: it tells the next start whose a cut-off recording is.
      rows.put(message).catch((error: unknown) => {
        logger.warn({ mailbox, reason: String(error) }, 'draft of a message not noted');
      });
      return draftOf(message);
    },
    async mark(id, state) {
      const message = rows.get(id);
      if (message === undefined || message.state === 'recording') return false;
      if (message.state !== state) await rows.patch(id, { state });
      return true;
    },
    async remove(ids) {
      const messages = ids
        .map((id) => rows.get(id))
        .filter((one) => one !== undefined && one.state !== 'recording') as VoicemailMessage[];
      // The file first: a row without one goes at the next start, a file without its row would come back as a new message.
      const gone: string[] = [];
      for (const { id, mailbox } of messages) {
        try {
          await files.remove(mailbox, id);
          gone.push(id);
        } catch (error) {
          logger.error({ message: id, reason: String(error) }, 'message not deleted');
        }
      }
      if (gone.length > 0) await rows.remove(gone);
      return gone.length;
    },
    announce,
  };
}
