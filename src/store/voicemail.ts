import type { Database } from 'better-sqlite3';
import type { MailboxCounts, VoicemailMessage } from '../model/index.js';
import { type Cell, text } from './columns.js';
import type { GroupCommit } from './group-commit.js';

/** Most messages read at once. */
const MAX_PAGE = 1000;

/** Messages of all mailboxes; their sounds are files elsewhere. Reads see what was written by promises that have resolved. */
export interface VoicemailRepository {
  /** Oldest first, drafts left out; at most 1,000. */
  list(mailbox: string): readonly VoicemailMessage[];
  get(id: string): VoicemailMessage | undefined;
  counts(mailbox: string): MailboxCounts;
  /** Mailboxes that hold messages. */
  mailboxes(): readonly string[];
  /** In the order of their ids, behind `after`: drafts as well; at most 1,000. */
  page(after: string): readonly VoicemailMessage[];
  /** Up to 1,000 messages left before this time. */
  olderThan(before: number): readonly VoicemailMessage[];
  /** Up to 1,000 whose hook waits, oldest first. */
  untold(): readonly VoicemailMessage[];
  /** Adds or replaces. Resolves when it is on disk; rejects with STORE_UNWRITABLE. */
  put(message: VoicemailMessage): Promise<void>;
  /** Changes these alone; what is not there is passed over. Rejects with STORE_UNWRITABLE. */
  patch(id: string, fields: Partial<Pick<VoicemailMessage, 'state' | 'hook'>>): Promise<void>;
  /** What is not there is passed over. Rejects with STORE_UNWRITABLE. */
  remove(ids: readonly string[]): Promise<void>;
}

interface MessageRow {
  readonly id: string;
  readonly mailbox: string;
  readonly state: string;
  readonly at: number;
  readonly duration_ms: number;
  readonly bytes: number;
  readonly call_id: string | null;
  readonly caller: string | null;
  readonly caller_name: string | null;
  readonly did: string | null;
  readonly hook: string;
}

const COLUMNS = 'id, mailbox, state, at, duration_ms, bytes, call_id, caller, caller_name, did, hook';

export function createVoicemailRepository(database: Database, group: GroupCommit): VoicemailRepository {
  const select = (rest: string): string => `SELECT ${COLUMNS} FROM voicemail ${rest}`;
  const ofMailbox = database.prepare<[string], MessageRow>(
    select(`WHERE mailbox = ? AND state <> 'recording' ORDER BY id LIMIT ${MAX_PAGE}`),
  );
  const one = database.prepare<[string], MessageRow>(select('WHERE id = ?'));
  const behind = database.prepare<[string], MessageRow>(select(`WHERE id > ? ORDER BY id LIMIT ${MAX_PAGE}`));
  const old = database.prepare<[number], MessageRow>(
    select(`WHERE at < ? AND state <> 'recording' LIMIT ${MAX_PAGE}`),
  );
  const untold = database.prepare<[], MessageRow>(
    select(`WHERE hook = 'pending' AND state <> 'recording' ORDER BY id LIMIT ${MAX_PAGE}`),
  );
  const counts = database.prepare<[string], { state: string; count: number; bytes: number }>(
    `SELECT state, count(*) AS count, sum(bytes) AS bytes FROM voicemail WHERE mailbox = ? GROUP BY state`,
  );
  const mailboxes = database
    .prepare<[], string>(`SELECT DISTINCT mailbox FROM voicemail WHERE state <> 'recording' ORDER BY mailbox`)
    .pluck();
  const upsert = database.prepare<Cell[]>(
    `INSERT OR REPLACE INTO voicemail (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const patch = database.prepare<Cell[]>(
    'UPDATE voicemail SET state = coalesce(?, state), hook = coalesce(?, hook) WHERE id = ?',
  );
  const remove = database.prepare<[string]>('DELETE FROM voicemail WHERE id = ?');

  return {
    list: (mailbox) => ofMailbox.all(mailbox).map(toMessage),
    get(id) {
      const row = one.get(id);
      return row === undefined ? undefined : toMessage(row);
    },
    counts(mailbox) {
      const rows = counts.all(mailbox);
      const of = (state: string): number => rows.find((row) => row.state === state)?.count ?? 0;
      const kept = rows.filter((row) => row.state !== 'recording');
      return { new: of('new'), saved: of('saved'), bytes: kept.reduce((sum, row) => sum + row.bytes, 0) };
    },
    mailboxes: () => mailboxes.all(),
    page: (after) => behind.all(after).map(toMessage),
    olderThan: (before) => old.all(before).map(toMessage),
    untold: () => untold.all().map(toMessage),
    put: (message) =>
      group.run(() => {
        upsert.run(
          message.id,
          message.mailbox,
          message.state,
          message.at,
          message.durationMs,
          message.bytes,
          text(message.callId),
          text(message.caller),
          text(message.callerName),
          text(message.did),
          message.hook,
        );
      }),
    patch: (id, { state, hook }) => group.run(() => void patch.run(text(state), text(hook), id)),
    remove: (ids) =>
      group.run(() => {
        for (const id of ids) remove.run(id);
      }),
  };
}

function toMessage(row: MessageRow): VoicemailMessage {
  return {
    id: row.id,
    mailbox: row.mailbox,
    state: row.state as VoicemailMessage['state'],
    at: row.at,
    durationMs: row.duration_ms,
    bytes: row.bytes,
    ...(row.call_id !== null && { callId: row.call_id }),
    ...(row.caller !== null && { caller: row.caller }),
    ...(row.caller_name !== null && { callerName: row.caller_name }),
    ...(row.did !== null && { did: row.did }),
    hook: row.hook as VoicemailMessage['hook'],
  };
}
