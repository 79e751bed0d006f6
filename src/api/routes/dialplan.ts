import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { ApiPorts } from '../ports.js';
import {
  DiagnosticSchema,
  ErrorSchema,
  ExplanationSchema,
  ImaginedCallSchema,
  ReloadSchema,
  Time,
  type ImaginedCallInput,
} from '../schemas.js';

/** The dialplan in force, its revisions, and what it would do with a call. */
export function dialplanRoutes(server: FastifyInstance, ports: ApiPorts): void {
  server.get(
    '/v1/dialplan',
    {
      schema: {
        summary: 'The dialplan in force',
        tags: ['dialplan'],
        response: {
          200: Type.Object({
            revision: Type.Integer(),
            hash: Type.String({ description: 'SHA-256 over the files' }),
            loadedAt: Time('Took force'),
            files: Type.Array(Type.String()),
            numbers: Type.Integer(),
            extensions: Type.Integer(),
            tests: Type.Object({ passed: Type.Integer(), failed: Type.Integer() }),
            warnings: Type.Array(DiagnosticSchema),
          }),
        },
      },
    },
    () => ports.dialplan.current(),
  );

  server.post(
    '/v1/dialplan/reload',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Read settings and dialplan files again; all or nothing',
        tags: ['dialplan'],
        response: { 200: ReloadSchema, 422: ErrorSchema },
      },
    },
    () => ports.dialplan.reload(),
  );

  server.get(
    '/v1/dialplan/revisions',
    {
      schema: {
        summary: 'Dialplans that took force, newest first',
        tags: ['dialplan'],
        response: {
          200: Type.Object({
            revisions: Type.Array(
              Type.Object({
                number: Type.Integer(),
                hash: Type.String(),
                at: Time('Took force'),
                by: Type.String(),
                files: Type.Array(Type.String()),
                inForce: Type.Boolean(),
              }),
            ),
          }),
        },
      },
    },
    async () => ({ revisions: await ports.dialplan.revisions() }),
  );

  server.post<{ Params: { number: number } }>(
    '/v1/dialplan/revisions/:number/restore',
    {
      config: { role: 'admin' },
      schema: {
        summary: 'Put a revision back in force, until the files change or are reloaded',
        tags: ['dialplan'],
        params: Type.Object({ number: Type.Integer({ minimum: 1 }) }),
        response: { 200: ReloadSchema, 404: ErrorSchema, 422: ErrorSchema },
      },
    },
    (request) => ports.dialplan.restore(request.params.number),
  );

  server.post<{ Body: ImaginedCallInput }>(
    '/v1/explain',
    {
      schema: {
        summary: 'What would become of a call, and why',
        tags: ['dialplan'],
        body: ImaginedCallSchema,
        response: { 200: ExplanationSchema, 400: ErrorSchema },
      },
    },
    (request) => {
      const { at, ...call } = request.body;
      if (at === undefined) return ports.explain(call);
      const time = Date.parse(at);
      if (Number.isNaN(time)) throw new AppError('REQUEST_INVALID', `at: "${at}" is no ISO 8601 time`);
      return ports.explain({ ...call, at: time });
    },
  );
}
