import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { VoicemailMessage } from '../../model/index.js';
import type { ApiPorts } from '../ports.js';
import { ErrorSchema, IdSchema, NameSchema, Time } from '../schemas.js';
import { AUDIO_RESPONSES, sendAudio } from '../send-audio.js';

const MailboxSchema = Type.Object({
  name: Type.String(),
  new: Type.Integer(),
  saved: Type.Integer(),
  bytes: Type.Integer(),
  inPlan: Type.Boolean({ description: 'False: it only holds messages that were left under a plan before' }),
});

const StateSchema = Type.Union([Type.Literal('new'), Type.Literal('saved')]);

const MessageSchema = Type.Object({
  id: Type.String(),
  mailbox: Type.String(),
  state: StateSchema,
  at: Time('Left'),
  durationMs: Type.Integer(),
  bytes: Type.Integer(),
  callId: Type.Optional(Type.String({ description: 'Of the record of its call' })),
  caller: Type.Optional(Type.String()),
  callerName: Type.Optional(Type.String()),
  did: Type.Optional(Type.String()),
  hook: Type.String({ description: 'Whether somebody was told of it: pending, told or failed' }),
});

const ParamsSchema = Type.Object({ id: IdSchema });
interface Params {
  Params: { id: string };
}

/** Mailboxes and their messages; listening to one takes an operator. */
export function mailboxRoutes(server: FastifyInstance, ports: ApiPorts): void {
  const { mailboxes, messages } = ports.voice;
  const unknown = (id: string): AppError => new AppError('NOT_FOUND', `no message has the id ${id}`);
  const known = (id: string): VoicemailMessage => {
    const message = messages.get(id);
    if (message === undefined) throw unknown(id);
    return message;
  };

  server.get<{ Querystring: { limit: number; after?: string } }>(
    '/v1/mailboxes',
    {
      schema: {
        summary: 'Mailboxes and how many messages they hold, by name',
        tags: ['messages'],
        querystring: Type.Object(
          {
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
            after: Type.Optional(Type.String({ maxLength: 128, description: '`next` of the answer before' })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({ mailboxes: Type.Array(MailboxSchema), next: Type.Optional(Type.String()) }),
        },
      },
    },
    (request) => mailboxes.list(request.query),
  );

  server.get<{ Params: { name: string } }>(
    '/v1/mailboxes/:name/messages',
    {
      schema: {
        summary: 'A mailbox with its messages, oldest first',
        description: 'At most 1,000 messages. The mailbox of a tenant is `tenant%2Fname` in the path.',
        tags: ['messages'],
        params: Type.Object({ name: NameSchema }),
        response: {
          200: Type.Object({ mailbox: MailboxSchema, messages: Type.Array(MessageSchema) }),
          404: ErrorSchema,
        },
      },
    },
    (request) => {
      const { name } = request.params;
      const mailbox = mailboxes.get(name);
      if (mailbox === undefined) throw new AppError('NOT_FOUND', `there is no mailbox "${name}"`);
      return { mailbox, messages: mailboxes.messages(name) };
    },
  );

  server.get<Params>(
    '/v1/messages/:id',
    {
      schema: {
        summary: 'A message',
        tags: ['messages'],
        params: ParamsSchema,
        response: { 200: MessageSchema, 404: ErrorSchema },
      },
    },
    (request) => known(request.params.id),
  );

  server.get<Params>(
    '/v1/messages/:id/audio',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'What was said: WAV, 8 kHz, 16 bit, mono',
        description: 'Ranges are understood. Hearing it here leaves the message new.',
        tags: ['messages'],
        params: ParamsSchema,
        response: AUDIO_RESPONSES,
      },
    },
    (request, reply) => {
      const { id } = request.params;
      const path = messages.audio(id);
      if (path === undefined) throw unknown(id);
      return sendAudio(request, reply, path);
    },
  );

  server.patch<Params & { Body: { state: 'new' | 'saved' } }>(
    '/v1/messages/:id',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Mark a message as new or saved; phones are told',
        tags: ['messages'],
        params: ParamsSchema,
        body: Type.Object({ state: StateSchema }, { additionalProperties: false }),
        response: { 200: MessageSchema, 404: ErrorSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      if (!(await messages.mark(id, request.body.state))) throw unknown(id);
      return known(id);
    },
  );

  server.delete<Params>(
    '/v1/messages/:id',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Delete a message, sound and all',
        tags: ['messages'],
        params: ParamsSchema,
        response: { 204: Type.Null({ description: 'Deleted' }), 404: ErrorSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!(await messages.remove(id))) throw unknown(id);
      return reply.status(204).send();
    },
  );
}
