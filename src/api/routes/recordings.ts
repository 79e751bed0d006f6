import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { ApiPorts } from '../ports.js';
import { IdSchema, NameSchema, Time } from '../schemas.js';
import { AUDIO_RESPONSES, sendAudio } from '../send-audio.js';

const RecordingSchema = Type.Object({
  id: Type.String(),
  callId: Type.String({ description: 'Of the record of its call' }),
  what: Type.String({ description: '`both`: stereo, the caller left; `peer`: one side' }),
  reason: Type.String({ description: 'policy, on-demand or message' }),
  by: Type.Optional(Type.String({ description: 'Queue or rule that asked for it, or who did' })),
  startedAt: Time('Begun'),
  endedAt: Type.Optional(Time('Ended; absent while it runs')),
  durationMs: Type.Optional(Type.Integer()),
  bytes: Type.Optional(Type.Integer()),
  paused: Type.Array(Type.Object({ from: Time('Paused'), to: Time('Gone on') })),
});

/** Recordings of calls; listening to one takes an operator. */
export function recordingRoutes(server: FastifyInstance, ports: ApiPorts): void {
  const { recordings } = ports.voice;

  server.get<{ Querystring: { call?: string; limit: number; before?: string } }>(
    '/v1/recordings',
    {
      schema: {
        summary: 'Recordings of calls, newest first',
        tags: ['recordings'],
        querystring: Type.Object(
          {
            call: Type.Optional(NameSchema),
            limit: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
            before: Type.Optional(IdSchema),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            recordings: Type.Array(RecordingSchema),
            next: Type.Optional(Type.String({ description: '`before` of the next page' })),
          }),
        },
      },
    },
    (request) => {
      const { call, ...page } = request.query;
      if (call !== undefined) return { recordings: recordings.ofCall(call) };
      const found = recordings.list(page);
      return { recordings: found, ...(found.length === page.limit && { next: found.at(-1)?.id }) };
    },
  );

  server.get<{ Params: { id: string } }>(
    '/v1/recordings/:id/audio',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'What was said: WAV; 404 while it is still being recorded',
        tags: ['recordings'],
        params: Type.Object({ id: IdSchema }),
        response: AUDIO_RESPONSES,
      },
    },
    (request, reply) => {
      const { id } = request.params;
      const path = recordings.audio(id);
      if (path === undefined) throw new AppError('NOT_FOUND', `no recording has the id ${id}`);
      return sendAudio(request, reply, path);
    },
  );
}
