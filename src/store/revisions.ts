import type { Database } from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { GroupCommit } from './group-commit.js';

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** Largest file read back, unzipped: what the database holds is not trusted to be small. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;

export interface RevisionSummary {
  readonly number: number;
  readonly hash: string;
  /** When it took force, in milliseconds since the epoch. */
  readonly at: number;
  /** Who put it in force: `start`, `file`, `signal`, or the name of an API key. */
  readonly who: string;
  readonly files: readonly string[];
}

export interface Revision extends RevisionSummary {
  /** Text by path, relative to the dialplan's folder. */
  readonly contents: ReadonlyMap<string, string>;
}

export interface NewRevision {
  /** Hash of the whole plan. */
  readonly hash: string;
  readonly who: string;
  readonly files: ReadonlyMap<string, string> | Readonly<Record<string, string>>;
}

/** Each plan that took force. */
export interface RevisionRepository {
  /** Its number. A plan with the hash of the latest revision is that revision: nothing is written. */
  save(revision: NewRevision): Promise<number>;
  /** Newest first. */
  list(page?: { readonly before?: number; readonly limit?: number }): readonly RevisionSummary[];
  get(number: number): Promise<Revision | undefined>;
  latest(): RevisionSummary | undefined;
}

interface RevisionRow {
  readonly number: number;
  readonly hash: string;
  readonly at: number;
  readonly who: string;
  /** JSON of `[path, hash of the file]` pairs. */
  readonly files: string;
}

export function createRevisionRepository(
  database: Database,
  group: GroupCommit,
  now: () => number,
): RevisionRepository {
  const columns = 'number, hash, at, who, files';
  const selectLatest = database.prepare<[], RevisionRow>(
    `SELECT ${columns} FROM revisions ORDER BY number DESC LIMIT 1`,
  );
  const selectOne = database.prepare<[number], RevisionRow>(
    `SELECT ${columns} FROM revisions WHERE number = ?`,
  );
  const selectPage = database.prepare<[number, number], RevisionRow>(
    `SELECT ${columns} FROM revisions WHERE number < ? ORDER BY number DESC LIMIT ?`,
  );
  const insert = database.prepare('INSERT INTO revisions (hash, at, who, files) VALUES (?, ?, ?, ?)');
  const insertFile = database.prepare(
    'INSERT INTO revision_files (hash, body) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  const hasFile = database.prepare('SELECT 1 FROM revision_files WHERE hash = ?').pluck();
  const selectFile = database
    .prepare<[string], Buffer>('SELECT body FROM revision_files WHERE hash = ?')
    .pluck();

  return {
    async save(revision) {
      const latest = selectLatest.get();
      if (latest?.hash === revision.hash) return latest.number;
      const files = revision.files instanceof Map ? [...revision.files] : Object.entries(revision.files);
      const names: [path: string, hash: string][] = [];
      const bodies: [hash: string, body: Buffer][] = [];
      for (const [path, text] of files as [string, string][]) {
        const hash = createHash('sha256').update(text).digest('hex');
        names.push([path, hash]);
        // Zipping a large CSV takes a while: off this thread, and not again when it is there.
        if (hasFile.get(hash) === undefined) bodies.push([hash, await zip(text)]);
      }
      return group.run(() => {
        for (const [hash, body] of bodies) insertFile.run(hash, body);
        return Number(insert.run(revision.hash, now(), revision.who, JSON.stringify(names)).lastInsertRowid);
      });
    },
    list: (page = {}) =>
      selectPage
        .all(page.before ?? Number.MAX_SAFE_INTEGER, Math.min(Math.max(page.limit ?? 50, 1), 500))
        .map(summaryOf),
    async get(number) {
      const row = selectOne.get(number);
      if (row === undefined) return undefined;
      const contents = new Map<string, string>();
      for (const [path, hash] of namesOf(row)) {
        const body = selectFile.get(hash);
        if (body !== undefined) {
          contents.set(path, (await unzip(body, { maxOutputLength: MAX_FILE_BYTES })).toString('utf8'));
        }
      }
      return { ...summaryOf(row), contents };
    },
    latest() {
      const row = selectLatest.get();
      return row === undefined ? undefined : summaryOf(row);
    },
  };
}

function namesOf(row: RevisionRow): readonly (readonly [path: string, hash: string])[] {
  return JSON.parse(row.files) as [string, string][];
}

function summaryOf(row: RevisionRow): RevisionSummary {
  return {
    number: row.number,
    hash: row.hash,
    at: row.at,
    who: row.who,
    files: namesOf(row).map(([path]) => path),
  };
}
