import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { ApiPorts } from '../ports.js';
import {
  ErrorSchema,
  LegSchema,
  RecordQuerySchema,
  RecordSchema,
  TraceSchema,
  type RecordQueryInput,
} from '../schemas.js';

/** Call records, newest first, and one with its attempts and its trace. */
export function recordRoutes(server: FastifyInstance, ports: ApiPorts): void {
  server.get<{ Querystring: RecordQueryInput }>(
    '/v1/records',
    {
      schema: {
        summary: 'Call records, newest first',
        tags: ['records'],
        querystring: RecordQuerySchema,
        response: {
          200: Type.Object({
            records: Type.Array(RecordSchema),
            next: Type.Optional(Type.String({ description: 'Cursor of the next page' })),
          }),
        },
      },
    },
    (request) => ports.records.list(request.query),
  );

  server.get<{ Params: { id: string } }>(
    '/v1/records/:id',
    {
      schema: {
        summary: 'A call record with its attempts and its trace',
        tags: ['records'],
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: {
          200: Type.Object({ record: RecordSchema, legs: Type.Array(LegSchema), trace: TraceSchema }),
          404: ErrorSchema,
        },
      },
    },
    async (request) => {
      const { id } = request.params;
      const found = await ports.records.get(id);
      if (found === undefined) throw new AppError('NOT_FOUND', `no record has the id ${id}`);
      return { ...found, trace: JSON.parse(found.record.trace) as unknown };
    },
  );
}
