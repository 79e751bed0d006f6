import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { ApiPorts, SurveyQuery } from '../ports.js';
import { ErrorSchema, IdSchema, NameSchema, Time } from '../schemas.js';

const AnswerSchema = Type.Object({
  id: Type.String(),
  callId: Type.String({ description: 'Of the record of its call' }),
  at: Time('Given'),
  digits: Type.String(),
  caller: Type.Optional(Type.String()),
  did: Type.Optional(Type.String()),
  queue: Type.Optional(Type.String()),
  agent: Type.Optional(Type.String()),
});

interface AnswersQuery {
  readonly from?: number;
  readonly to?: number;
  readonly queue?: string;
  readonly agent?: string;
  readonly limit: number;
  readonly before?: string;
}

/** What callers answered. */
export function surveyRoutes(server: FastifyInstance, ports: ApiPorts): void {
  const { surveys } = ports.voice;
  server.get<{ Params: { name: string }; Querystring: AnswersQuery }>(
    '/v1/surveys/:name/answers',
    {
      schema: {
        summary: 'Answers to a survey, newest first, and how often each was given',
        tags: ['surveys'],
        params: Type.Object({ name: NameSchema }),
        querystring: Type.Object(
          {
            from: Type.Optional(Time('Given at or after')),
            to: Type.Optional(Time('Given before')),
            queue: Type.Optional(NameSchema),
            agent: Type.Optional(NameSchema),
            limit: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
            before: Type.Optional(IdSchema),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            distribution: Type.Record(Type.String(), Type.Integer(), {
              description: 'Number of answers by what was pressed, over all pages',
            }),
            answers: Type.Array(AnswerSchema),
            next: Type.Optional(Type.String({ description: '`before` of the next page' })),
          }),
          404: ErrorSchema,
        },
      },
    },
    (request) => {
      const { name } = request.params;
      const { from, to, queue, agent, ...page } = request.query;
      const query: SurveyQuery = {
        survey: name,
        ...(from !== undefined && { since: from }),
        ...(to !== undefined && { until: to }),
        ...(queue !== undefined && { queue }),
        ...(agent !== undefined && { agent }),
      };
      const answers = surveys.answers(query, page);
      if (answers.length === 0 && !surveys.has(name) && surveys.distribution({ survey: name }).size === 0)
        throw new AppError('NOT_FOUND', `there is no survey "${name}"`);
      return {
        distribution: Object.fromEntries(surveys.distribution(query)),
        answers,
        ...(answers.length === page.limit && { next: answers.at(-1)?.id }),
      };
    },
  );
}
