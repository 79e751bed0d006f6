import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { ApiPorts } from '../ports.js';
import { CallSchema, ErrorSchema } from '../schemas.js';

/** Running calls: list and hang up. */
export function callRoutes(server: FastifyInstance, ports: ApiPorts): void {
  server.get(
    '/v1/calls',
    {
      schema: {
        summary: 'Running calls',
        tags: ['calls'],
        response: { 200: Type.Object({ calls: Type.Array(CallSchema) }) },
      },
    },
    () => ({ calls: ports.calls.list() }),
  );

  server.delete<{ Params: { id: string } }>(
    '/v1/calls/:id',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Hang up a call',
        tags: ['calls'],
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 204: Type.Null({ description: 'The call is being ended' }), 404: ErrorSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!ports.calls.hangUp(id)) throw new AppError('NOT_FOUND', `no running call has the id ${id}`);
      return reply.status(204).send();
    },
  );
}
