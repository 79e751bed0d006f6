import type { Database } from 'better-sqlite3';
import { AppError } from '../base/errors.js';

/** Marks the file as ours (`TRNK`), so that another program's database is not taken for an empty one. */
export const APPLICATION_ID = 0x54524e4b;

/** Forward only: a number once released never changes; what follows is appended. */
const MIGRATIONS: readonly { readonly version: number; readonly sql: string }[] = [
  {
    version: 1,
    sql: `
      -- \`number\` is the order of time: calls are numbered as they begin. Indexes end in it, so each lists newest first.
      CREATE TABLE calls (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL, direction TEXT NOT NULL, sip_call_id TEXT NOT NULL,
        trunk TEXT, extension TEXT, source_address TEXT NOT NULL,
        caller_raw TEXT NOT NULL, caller TEXT, caller_name TEXT,
        dialed_raw TEXT NOT NULL, dialed TEXT NOT NULL, did TEXT, rule TEXT, plan_revision INTEGER NOT NULL,
        setup_at INTEGER NOT NULL, ring_at INTEGER, answer_at INTEGER, end_at INTEGER, pdd_ms INTEGER,
        cause_sip INTEGER, cause_q850 INTEGER, cause_text TEXT, cause_by TEXT, cause_kind TEXT,
        codecs TEXT, destination TEXT, last_step TEXT, tenant TEXT, trace TEXT NOT NULL
      );
      CREATE INDEX calls_by_caller ON calls (caller) WHERE caller IS NOT NULL;
      CREATE INDEX calls_by_called ON calls (coalesce(did, dialed));
      CREATE INDEX calls_by_trunk ON calls (trunk) WHERE trunk IS NOT NULL;
      -- A start after a crash finds what was open without reading the whole table.
      CREATE INDEX calls_open ON calls (end_at) WHERE end_at IS NULL;
      -- From call \`number\` on, up to the next row here, all calls were set up in this slot of time. An index of setup_at in a
      -- hundredth of its cost, right even where the clock was set back.
      CREATE TABLE call_slots (number INTEGER PRIMARY KEY, slot INTEGER NOT NULL);
      CREATE INDEX call_slots_by_slot ON call_slots (slot);

      -- Clustered by the number of the call: always appended to. \`id\` is null where it is RECORD/SEQUENCE.
      CREATE TABLE legs (
        call INTEGER NOT NULL, sequence INTEGER NOT NULL, id TEXT, kind TEXT NOT NULL,
        target TEXT NOT NULL, uri TEXT NOT NULL, number TEXT, sip_call_id TEXT,
        started_at INTEGER NOT NULL, ring_at INTEGER, answer_at INTEGER, end_at INTEGER,
        cause_sip INTEGER, cause_q850 INTEGER, cause_text TEXT, cause_by TEXT, cause_kind TEXT, codecs TEXT,
        PRIMARY KEY (call, sequence)
      ) WITHOUT ROWID;

      CREATE TABLE revisions (
        number INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL, files TEXT NOT NULL
      );
      -- Files by their content: a revision that changes one file of twenty stores one.
      CREATE TABLE revision_files (hash TEXT PRIMARY KEY, body BLOB NOT NULL);

      CREATE TABLE bans (
        address TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL, times INTEGER NOT NULL,
        reason TEXT NOT NULL, by TEXT NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE registrations (
        device TEXT NOT NULL, contact TEXT NOT NULL, expires_at INTEGER NOT NULL, binding TEXT NOT NULL,
        PRIMARY KEY (device, contact)
      ) WITHOUT ROWID;
      CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    `,
  },
  {
    version: 2,
    sql: `
      -- Messages in mailboxes. Ids sort in the order of time.
      CREATE TABLE voicemail (
        id TEXT PRIMARY KEY, mailbox TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL, bytes INTEGER NOT NULL,
        call_id TEXT, caller TEXT, caller_name TEXT, did TEXT, hook TEXT NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX voicemail_by_mailbox ON voicemail (mailbox, id);
      CREATE INDEX voicemail_untold ON voicemail (id) WHERE hook = 'pending';

      CREATE TABLE survey_answers (
        id TEXT PRIMARY KEY, survey TEXT NOT NULL, call_id TEXT NOT NULL, at INTEGER NOT NULL, digits TEXT NOT NULL,
        caller TEXT, did TEXT, queue TEXT, agent TEXT
      ) WITHOUT ROWID;
      CREATE INDEX survey_answers_by_time ON survey_answers (at);
      CREATE INDEX survey_answers_by_call ON survey_answers (call_id);

      -- \`prompt\` is JSON.
      CREATE TABLE announcements (
        id TEXT PRIMARY KEY, did TEXT, prompt TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER,
        who TEXT NOT NULL, ended_at INTEGER, ended_by TEXT
      ) WITHOUT ROWID;

      CREATE TABLE recordings (
        id TEXT PRIMARY KEY, call_id TEXT NOT NULL, file TEXT NOT NULL, what TEXT NOT NULL, reason TEXT NOT NULL, by TEXT,
        started_at INTEGER NOT NULL, ended_at INTEGER, duration_ms INTEGER, bytes INTEGER, paused TEXT NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX recordings_by_call ON recordings (call_id);
      CREATE INDEX recordings_by_time ON recordings (started_at);
      CREATE INDEX recordings_open ON recordings (id) WHERE ended_at IS NULL;
    `,
  },
  {
    version: 3,
    sql: `
      -- What happened in queues; \`queue-event-rows.ts\` says which columns a kind has.
      CREATE TABLE queue_events (
        number INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, queue TEXT, call_id TEXT, caller TEXT, agent TEXT,
        outcome TEXT, ms INTEGER, hold_ms INTEGER, position INTEGER, agents INTEGER, score REAL, flags INTEGER NOT NULL
      );
      CREATE INDEX queue_events_by_time ON queue_events (at);
      -- Who came again.
      CREATE INDEX queue_events_entered ON queue_events (queue, caller, at) WHERE kind = 'entered' AND caller IS NOT NULL;

      -- \`record\` is JSON.
      CREATE TABLE queue_callbacks (
        id TEXT PRIMARY KEY, state TEXT NOT NULL, ended_at INTEGER, record TEXT NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX queue_callbacks_ended ON queue_callbacks (ended_at);
      CREATE TABLE queue_agents (agent TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
    `,
  },
];

/** The schema this version of Trunkline writes. */
export const SCHEMA_VERSION = MIGRATIONS.at(-1)!.version;

/** Brings the schema up to date, each step in a transaction of its own. Throws STORE_TOO_NEW, or STORE_DAMAGED for a foreign file. */
export function migrate(database: Database, path: string): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version > SCHEMA_VERSION) {
    throw new AppError(
      'STORE_TOO_NEW',
      `${path} has schema ${version}; this Trunkline knows schemas up to ${SCHEMA_VERSION}`,
    );
  }
  const owner = database.pragma('application_id', { simple: true }) as number;
  const empty = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (owner !== APPLICATION_ID && !empty) {
    throw new AppError('STORE_DAMAGED', `${path} is the database of another program`);
  }
  for (const migration of MIGRATIONS) {
    if (migration.version <= version) continue;
    database.transaction(() => {
      database.exec(migration.sql);
      database.pragma(`application_id = ${APPLICATION_ID}`);
      database.pragma(`user_version = ${migration.version}`);
    })();
  }
}
