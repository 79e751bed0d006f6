import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { ApiPorts, HoursOverrideView } from '../ports.js';
import { ErrorSchema, Time } from '../schemas.js';

const OverrideSchema = Type.Object({
  hours: Type.String(),
  verdict: Type.Union([Type.Literal('open'), Type.Literal('closed'), Type.Literal('holiday')]),
  until: Type.Optional(Time('Ends by itself; absent: when it is lifted')),
  since: Time('Set'),
  who: Type.String(),
});

const ParamsSchema = Type.Object({ name: Type.String({ minLength: 1, maxLength: 128 }) });

/** Longest an override with an end may last; one without lasts until it is lifted. */
const MAX_AHEAD_MS = 366 * 86_400_000;

/** Hours opened or closed by hand, in place of what the dialplan says. */
export function hoursRoutes(server: FastifyInstance, ports: ApiPorts, now: () => number): void {
  const current = (name: string): HoursOverrideView => {
    const found = ports.hours.list().find(({ hours }) => hours === name);
    if (found === undefined) throw new AppError('NOT_FOUND', `hours "${name}" have no override`);
    return found;
  };

  server.get(
    '/v1/hours/overrides',
    {
      schema: {
        summary: 'Overrides of hours that are in force',
        tags: ['dialplan'],
        response: { 200: Type.Object({ overrides: Type.Array(OverrideSchema) }) },
      },
    },
    () => ({ overrides: ports.hours.list() }),
  );

  server.get<{ Params: { name: string } }>(
    '/v1/hours/:name/override',
    {
      schema: {
        summary: 'The override of these hours',
        tags: ['dialplan'],
        params: ParamsSchema,
        response: { 200: OverrideSchema, 404: ErrorSchema },
      },
    },
    (request) => current(request.params.name),
  );

  server.put<{ Params: { name: string }; Body: { verdict: HoursOverrideView['verdict']; until?: number } }>(
    '/v1/hours/:name/override',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Open or close these hours by hand; survives reloads and restarts',
        tags: ['dialplan'],
        params: ParamsSchema,
        body: Type.Object(
          { verdict: OverrideSchema.properties.verdict, until: Type.Optional(Time('Ends by itself')) },
          { additionalProperties: false },
        ),
        response: { 200: OverrideSchema, 400: ErrorSchema, 404: ErrorSchema },
      },
    },
    (request) => {
      const { name } = request.params;
      const { verdict, until } = request.body;
      if (until !== undefined && (until <= now() || until > now() + MAX_AHEAD_MS))
        throw new AppError('REQUEST_INVALID', 'until: a time ahead of now, within a year, is expected');
      const known = ports.hours.set({
        hours: name,
        verdict,
        who: request.who,
        ...(until === undefined ? {} : { until }),
      });
      if (!known) throw new AppError('NOT_FOUND', `the dialplan has no hours "${name}"`);
      return current(name);
    },
  );

  server.delete<{ Params: { name: string } }>(
    '/v1/hours/:name/override',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Lift the override: the dialplan counts again',
        tags: ['dialplan'],
        params: ParamsSchema,
        response: { 204: Type.Null({ description: 'Lifted' }), 404: ErrorSchema },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      if (!ports.hours.clear(name)) throw new AppError('NOT_FOUND', `hours "${name}" have no override`);
      return reply.status(204).send();
    },
  );
}
