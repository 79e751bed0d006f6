import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { ApiPorts } from '../ports.js';
import { ErrorSchema } from '../schemas.js';

const SuperviseSchema = Type.Object(
  {
    extension: Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[\\w*#.-]+$',
      description: 'Of the supervisor, in the tenant of the call',
    }),
    mode: Type.Union([Type.Literal('listen'), Type.Literal('whisper'), Type.Literal('barge')], {
      description: 'Who hears the supervisor: nobody, the agent, or both',
    }),
  },
  { additionalProperties: false },
);

const RecordSchema = Type.Object(
  { what: Type.Union([Type.Literal('start'), Type.Literal('stop')]) },
  { additionalProperties: false },
);

const Params = Type.Object({ id: Type.String({ maxLength: 64 }) });

const WHY = {
  'not-connected': 'the two do not talk through us',
  busy: 'somebody supervises the call already',
  'no-such-extension': 'there is no such extension with a phone',
} as const;

/** Lets a supervisor hear an answered call, and records it. */
export function superviseRoutes(server: FastifyInstance, ports: ApiPorts): void {
  server.post<{ Params: { id: string }; Body: Static<typeof SuperviseSchema> }>(
    '/v1/calls/:id/supervise',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Listen to a call, whisper to its agent, or barge in',
        tags: ['calls'],
        params: Params,
        body: SuperviseSchema,
        response: {
          202: Type.Null({ description: 'The supervisor’s phone rings' }),
          404: ErrorSchema,
          409: ErrorSchema,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const start = ports.calls.supervise(id, request.body);
      if (start.kind === 'ringing') return reply.status(202).send();
      if (start.reason === 'no-such-call') throw noSuchCall(id);
      throw new AppError('SUPERVISION_REFUSED', `${request.body.extension}: ${WHY[start.reason]}`);
    },
  );

  server.post<{ Params: { id: string }; Body: Static<typeof RecordSchema> }>(
    '/v1/calls/:id/recording',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Begin or end the recording of a call',
        tags: ['calls'],
        params: Params,
        body: RecordSchema,
        response: {
          204: Type.Null({ description: 'Done, or so already' }),
          404: ErrorSchema,
          409: ErrorSchema,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const done = ports.calls.record(id, request.body.what);
      if (done === 'done') return reply.status(204).send();
      if (done === 'no-such-call') throw noSuchCall(id);
      throw new AppError('RECORDING_REFUSED', `call ${id}: ${WHY[done]}`);
    },
  );
}

function noSuchCall(id: string): AppError {
  return new AppError('NOT_FOUND', `no running call has the id ${id}`);
}
