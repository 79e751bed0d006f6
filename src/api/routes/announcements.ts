import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { AnnouncementRecord } from '../../model/index.js';
import type { ApiPorts } from '../ports.js';
import { ErrorSchema, IdSchema, Time } from '../schemas.js';

const LANGUAGE = '^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$';
const Text = () => Type.String({ minLength: 1, maxLength: 1000 });

const PromptSchema = Type.Union([
  Type.Object(
    {
      say: Type.Union([
        Text(),
        Type.Object(
          {},
          { patternProperties: { [LANGUAGE]: Text() }, additionalProperties: false, maxProperties: 20 },
        ),
      ]),
    },
    { additionalProperties: false, description: 'A text, or one for each language' },
  ),
  Type.Object(
    { file: Type.String({ minLength: 1, maxLength: 200 }) },
    { additionalProperties: false, description: 'A file among the prompts' },
  ),
]);
type PromptInput = { readonly say: string | Readonly<Record<string, string>> } | { readonly file: string };

const AnnouncementSchema = Type.Object({
  id: Type.String(),
  did: Type.Optional(Type.String({ description: 'Absent: all calls' })),
  prompt: Type.Object(
    {
      say: Type.Optional(Type.Union([Type.String(), Type.Record(Type.String(), Type.String())])),
      file: Type.Optional(Type.String()),
    },
    { description: '`say`, a text or one for each language, or `file`' },
  ),
  since: Time('From'),
  until: Type.Optional(Time('Ends by itself; absent: when it is switched off')),
  who: Type.String(),
  endedAt: Type.Optional(Time('Switched off')),
  endedBy: Type.Optional(Type.String()),
});

interface NewBody {
  readonly did?: string;
  readonly prompt: PromptInput;
  readonly since?: number;
  readonly until?: number;
}

/** Emergency announcements: what callers hear ahead of the plan, until ops switch it off. */
export function announcementRoutes(server: FastifyInstance, ports: ApiPorts): void {
  const { announcements } = ports.voice;

  server.get(
    '/v1/announcements',
    {
      schema: {
        summary: 'Announcements that are on, or will be',
        tags: ['announcements'],
        response: { 200: Type.Object({ announcements: Type.Array(AnnouncementSchema) }) },
      },
    },
    () => ({ announcements: announcements.current().map(show) }),
  );

  server.get(
    '/v1/announcements/history',
    {
      schema: {
        summary: 'Who switched what on and off: the last 200, newest first',
        tags: ['announcements'],
        response: { 200: Type.Object({ announcements: Type.Array(AnnouncementSchema) }) },
      },
    },
    () => ({ announcements: announcements.history().map(show) }),
  );

  server.post<{ Body: NewBody }>(
    '/v1/announcements',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Have callers hear this ahead of everything else',
        tags: ['announcements'],
        body: Type.Object(
          {
            did: Type.Optional(
              Type.String({
                pattern: '^\\+?[0-9]{2,18}$',
                description: 'A number of the dialplan; all calls when left out',
              }),
            ),
            prompt: PromptSchema,
            since: Type.Optional(Time('From; now when left out')),
            until: Type.Optional(Time('Ends by itself')),
          },
          { additionalProperties: false },
        ),
        response: {
          201: Type.Object({
            announcement: AnnouncementSchema,
            warnings: Type.Array(Type.String(), { description: 'Why callers may not hear it' }),
          }),
          400: ErrorSchema,
        },
      },
    },
    async (request, reply) => {
      const { prompt, ...rest } = request.body;
      const { announcement, warnings } = await announcements.switchOn({
        ...rest,
        prompt: 'say' in prompt ? { kind: 'say', text: prompt.say } : { kind: 'file', file: prompt.file },
        who: request.who,
      });
      return reply.status(201).send({ announcement: show(announcement), warnings });
    },
  );

  server.delete<{ Params: { id: string } }>(
    '/v1/announcements/:id',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Switch an announcement off',
        tags: ['announcements'],
        params: Type.Object({ id: IdSchema }),
        response: { 204: Type.Null({ description: 'Off' }), 404: ErrorSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!(await announcements.switchOff(id, request.who)))
        throw new AppError('NOT_FOUND', `no announcement that is on has the id ${id}`);
      return reply.status(204).send();
    },
  );
}

/** The prompt in the form in which it came. */
function show({ prompt, ...rest }: AnnouncementRecord) {
  return { ...rest, prompt: prompt.kind === 'say' ? { say: prompt.text } : { file: prompt.file } };
}
