import type { Database } from 'better-sqlite3';
import type { SurveyAnswer } from '../model/index.js';
import { type Cell, text } from './columns.js';
import type { GroupCommit } from './group-commit.js';

const MAX_PAGE = 500;

/** Which answers; all conditions hold together. */
export interface SurveyQuery {
  readonly survey?: string;
  readonly queue?: string;
  readonly agent?: string;
  /** At this time or later, in milliseconds since the epoch. */
  readonly since?: number;
  /** Before this time. */
  readonly until?: number;
}

/** Answers to surveys. */
export interface SurveyAnswerRepository {
  /** Resolves when it is on disk; rejects with STORE_UNWRITABLE. */
  add(answer: SurveyAnswer): Promise<void>;
  /** Newest first, at most 500; `before`: the id of the last one of the page before. */
  list(
    query: SurveyQuery,
    page?: { readonly before?: string; readonly limit?: number },
  ): readonly SurveyAnswer[];
  /** How often each answer was given. */
  distribution(query: SurveyQuery): ReadonlyMap<string, number>;
  ofCall(callId: string): readonly SurveyAnswer[];
  /** Deletes those before this time; says how many. */
  sweep(before: number): Promise<number>;
}

interface AnswerRow {
  readonly id: string;
  readonly survey: string;
  readonly call_id: string;
  readonly at: number;
  readonly digits: string;
  readonly caller: string | null;
  readonly did: string | null;
  readonly queue: string | null;
  readonly agent: string | null;
}

const COLUMNS = 'id, survey, call_id, at, digits, caller, did, queue, agent';

/** Each condition holds where its parameter is given. */
const WHERE = `(:survey IS NULL OR survey = :survey) AND (:queue IS NULL OR queue = :queue) AND (:agent IS NULL OR agent = :agent)
  AND at >= :since AND at < :until`;

export function createSurveyAnswerRepository(database: Database, group: GroupCommit): SurveyAnswerRepository {
  const insert = database.prepare<Cell[]>(
    `INSERT INTO survey_answers (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
  );
  const page = database.prepare<[object], AnswerRow>(
    `SELECT ${COLUMNS} FROM survey_answers WHERE ${WHERE} AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit`,
  );
  const distribution = database.prepare<[object], { digits: string; count: number }>(
    `SELECT digits, count(*) AS count FROM survey_answers WHERE ${WHERE} GROUP BY digits ORDER BY digits LIMIT 1000`,
  );
  const ofCall = database.prepare<[string], AnswerRow>(
    `SELECT ${COLUMNS} FROM survey_answers WHERE call_id = ? ORDER BY id LIMIT 100`,
  );
  const sweep = database.prepare<[number]>('DELETE FROM survey_answers WHERE at < ?');

  return {
    add: (answer) =>
      group.run(() => {
        insert.run(
          answer.id,
          answer.survey,
          answer.callId,
          answer.at,
          answer.digits,
          text(answer.caller),
          text(answer.did),
          text(answer.queue),
          text(answer.agent),
        );
      }),
    list: (query, { before, limit } = {}) =>
      page
        .all({
          ...parameters(query),
          before: before ?? null,
          limit: Math.min(Math.max(limit ?? 50, 1), MAX_PAGE),
        })
        .map(toAnswer),
    distribution: (query) =>
      new Map(distribution.all(parameters(query)).map((row) => [row.digits, row.count])),
    ofCall: (callId) => ofCall.all(callId).map(toAnswer),
    sweep: (before) => group.run(() => sweep.run(before).changes),
  };
}

function parameters(query: SurveyQuery): Readonly<Record<string, Cell>> {
  return {
    survey: query.survey ?? null,
    queue: query.queue ?? null,
    agent: query.agent ?? null,
    since: query.since ?? 0,
    until: query.until ?? Number.MAX_SAFE_INTEGER,
  };
}

function toAnswer(row: AnswerRow): SurveyAnswer {
  return {
    id: row.id,
    survey: row.survey,
    callId: row.call_id,
    at: row.at,
    digits: row.digits,
    ...(row.caller !== null && { caller: row.caller }),
    ...(row.did !== null && { did: row.did }),
    ...(row.queue !== null && { queue: row.queue }),
    ...(row.agent !== null && { agent: row.agent }),
  };
}
