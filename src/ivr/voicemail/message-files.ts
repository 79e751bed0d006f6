import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of the folder that looks like a message's. */
export interface FoundFile {
  readonly mailbox: string;
  readonly id: string;
  readonly path: string;
  /** `part`: a crash cut it off. `take`: a second try that was not kept. */
  readonly kind: 'message' | 'part' | 'take';
}

/** Where the sounds of messages are: `FOLDER/MAILBOX/ID.wav`. */
export interface MessageFiles {
  folderOf(mailbox: string): string;
  pathOf(mailbox: string, id: string): string;
  /** Of another try at the same message, which replaces the first once it is kept. */
  takeOf(mailbox: string, id: string): string;
  /** Deletes a message's files; what is not there is passed over. */
  remove(mailbox: string, id: string): Promise<void>;
  /** All that are there, mailbox by mailbox. */
  scan(): AsyncIterable<FoundFile>;
}

const ID = /^[0-9a-f-]{8,64}$/;

export function createMessageFiles(folder: string): MessageFiles {
  const folderOf = (mailbox: string): string => join(folder, nameOfFolder(mailbox));
  const pathOf = (mailbox: string, id: string): string => join(folderOf(mailbox), `${id}.wav`);
  const takeOf = (mailbox: string, id: string): string => join(folderOf(mailbox), `${id}.take`);
  return {
    folderOf,
    pathOf,
    takeOf,
    async remove(mailbox, id) {
      const [path, take] = [pathOf(mailbox, id), takeOf(mailbox, id)];
      for (const one of [path, `${path}.part`, take, `${take}.part`]) await rm(one, { force: true });
    },
    async *scan() {
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        const mailbox = entry.isDirectory() ? mailboxOfFolder(entry.name) : undefined;
        if (mailbox === undefined) continue;
        for (const name of await readdir(join(folder, entry.name))) {
          const found = /^(.+?)(\.wav|\.wav\.part|\.take|\.take\.part)$/.exec(name);
          const [, id, ending] = found ?? [];
          if (id === undefined || !ID.test(id)) continue;
          const kind = ending === '.wav' ? 'message' : ending === '.wav.part' ? 'part' : 'take';
          yield { mailbox, id, path: join(folder, entry.name, name), kind };
        }
      }
    },
  };
}

/** A mailbox's name (it may hold `/`, as of a tenant, or be `..`) as one of a folder, and back. */
function nameOfFolder(mailbox: string): string {
  return mailbox.replace(/[^A-Za-z0-9_-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

function mailboxOfFolder(name: string): string | undefined {
  try {
    const mailbox = decodeURIComponent(name);
    return nameOfFolder(mailbox) === name ? mailbox : undefined;
  } catch {
    return undefined;
  }
}
