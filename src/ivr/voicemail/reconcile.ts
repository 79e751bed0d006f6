import { rm, stat } from 'node:fs/promises';
import type { Logger } from '../../base/logger.js';
import type { VoicemailMessage } from '../../model/index.js';
import type { VoicemailRows } from '../ports.js';
import { SHORTEST_MESSAGE_MS } from '../record-message.js';
import type { FoundFile, MessageFiles } from './message-files.js';
import { measureWav, mendWav, type WavMeasure } from './wav-file.js';

export interface Reconciled {
  /** Messages that a crash cut off and that are whole again. */
  readonly finished: number;
  /** Files that had no row: messages again. */
  readonly found: number;
  /** Rows and drafts without a sound: deleted. */
  readonly dropped: number;
}

/**
 * Brings files and rows together at a start, before any call: after a crash a message may have one without the other. What was said is
 * kept where it can be; nothing is deleted when the folder looks as if its disk were missing.
 */
export async function reconcile(deps: {
  readonly rows: VoicemailRows;
  readonly files: MessageFiles;
  readonly logger: Logger;
}): Promise<Reconciled> {
  const { rows, files, logger } = deps;
  const onDisk = await scanned(files);
  const done = { finished: 0, found: 0, dropped: 0 };
  const known = new Set<string>();
  const messages = [...allRows(rows)];
  if (messages.some((message) => message.state !== 'recording') && onDisk.size === 0) {
    logger.error(
      { messages: messages.length },
      'no message has its file: is the disk of the voicemail there?',
    );
    return done;
  }
  for (const message of messages) {
    known.add(message.id);
    const found = onDisk.get(keyOf(message)) ?? [];
    if (message.state !== 'recording') {
      if (found.some((file) => file.kind === 'message')) continue;
      logger.warn({ message: message.id, mailbox: message.mailbox }, 'message without its file deleted');
      await rows.remove([message.id]);
      done.dropped++;
      continue;
    }
    const measure = await rescued(files, message, found);
    if (measure === undefined) {
      await files.remove(message.mailbox, message.id);
      await rows.remove([message.id]);
      done.dropped++;
    } else {
      await rows.put({ ...message, ...measure, state: 'new' });
      done.finished++;
    }
  }
  for (const found of onDisk.values()) {
    const first = found[0]!;
    if (!known.has(first.id)) {
      const measure = await rescued(files, first, found);
      if (measure === undefined) {
        await files.remove(first.mailbox, first.id);
        done.dropped++;
        continue;
      }
      const { mailbox, id } = first;
      const at = Math.round((await stat(files.pathOf(mailbox, id))).mtimeMs - measure.durationMs);
      await rows.put({ id, mailbox, state: 'new', at, ...measure, hook: 'pending' });
      done.found++;
    }
    for (const file of found) if (file.kind !== 'message') await rm(file.path, { force: true });
  }
  return done;
}

/** The sound of a message whose end nobody noted; undefined: there is none, or less than a second. */
async function rescued(
  files: MessageFiles,
  message: Pick<VoicemailMessage, 'mailbox' | 'id'>,
  found: readonly FoundFile[],
): Promise<WavMeasure | undefined> {
  const path = files.pathOf(message.mailbox, message.id);
  const whole = found.some((file) => file.kind === 'message');
  const part = found.find((file) => file.kind === 'part');
  const measure = whole
    ? await measureWav(path)
    : part === undefined
      ? undefined
      : await mendWav(part.path, path);
  return measure !== undefined && measure.durationMs >= SHORTEST_MESSAGE_MS ? measure : undefined;
}

async function scanned(files: MessageFiles): Promise<Map<string, FoundFile[]>> {
  const found = new Map<string, FoundFile[]>();
  for await (const file of files.scan()) {
    const list = found.get(keyOf(file)) ?? [];
    list.push(file);
    found.set(keyOf(file), list);
  }
  return found;
}

function* allRows(rows: VoicemailRows): Iterable<VoicemailMessage> {
  for (let after = ''; ;) {
    const page = rows.page(after);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

function keyOf(message: { readonly mailbox: string; readonly id: string }): string {
  return JSON.stringify([message.mailbox, message.id]);
}
