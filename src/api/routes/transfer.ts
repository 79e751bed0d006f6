import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { ApiPorts } from '../ports.js';
import { ErrorSchema } from '../schemas.js';

const TransferSchema = Type.Object(
  {
    who: Type.Union([Type.Literal('caller'), Type.Literal('callee')], {
      description: 'Who is sent on; the other one is let go once the target answers',
    }),
    to: Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[\\w+*#.-]+$',
      description: 'Extension or number, as the one who is let go would dial it',
    }),
  },
  { additionalProperties: false },
);

/** Sends a party of an answered call on to somebody else. */
export function transferRoutes(server: FastifyInstance, ports: ApiPorts): void {
  server.post<{ Params: { id: string }; Body: Static<typeof TransferSchema> }>(
    '/v1/calls/:id/transfer',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Transfer a party of a call',
        tags: ['calls'],
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        body: TransferSchema,
        response: {
          202: Type.Null({
            description: 'The target is being rung; if it does not answer, the two talk again',
          }),
          404: ErrorSchema,
          409: ErrorSchema,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const start = ports.calls.transfer(id, request.body);
      if (start.kind === 'ringing') return reply.status(202).send();
      if (start.reason === 'no-such-call')
        throw new AppError('NOT_FOUND', `no running call has the id ${id}`);
      throw new AppError('TRANSFER_REFUSED', `${request.body.to}: ${start.why}`);
    },
  );
}
