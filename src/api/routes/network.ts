import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { AppError } from '../../base/errors.js';
import type { ApiPorts } from '../ports.js';
import { ErrorSchema, Time } from '../schemas.js';

const RegistrationSchema = Type.Object({
  device: Type.String(),
  extension: Type.String(),
  contact: Type.String(),
  source: Type.String({ description: 'Observed address' }),
  userAgent: Type.Optional(Type.String()),
  registeredAt: Time('Registered'),
  expiresAt: Time('Expires'),
});

const TrunkSchema = Type.Object({
  name: Type.String(),
  kind: Type.String(),
  networks: Type.Array(Type.String(), { description: 'Addresses its requests come from, names resolved' }),
  destinations: Type.Array(Type.Object({ uri: Type.String(), down: Type.Boolean() })),
});

const BanSchema = Type.Object({
  address: Type.String(),
  since: Time('Banned'),
  until: Time('Ends'),
  times: Type.Integer({ description: 'How often it has been banned' }),
  reason: Type.String(),
  by: Type.String(),
});

/** Who is connected: registrations and trunks; and who is kept out: bans and border counters. */
export function networkRoutes(server: FastifyInstance, ports: ApiPorts): void {
  server.get(
    '/v1/registrations',
    {
      schema: {
        summary: 'Devices that are registered',
        tags: ['network'],
        response: { 200: Type.Object({ registrations: Type.Array(RegistrationSchema) }) },
      },
    },
    () => ({ registrations: ports.registrations() }),
  );

  server.get(
    '/v1/trunks',
    {
      schema: {
        summary: 'Trunks and the health of their destinations',
        tags: ['network'],
        response: { 200: Type.Object({ trunks: Type.Array(TrunkSchema) }) },
      },
    },
    () => ({ trunks: ports.trunks() }),
  );

  server.get(
    '/v1/border',
    {
      schema: {
        summary: 'Border verdicts by code since the start, and bans',
        tags: ['border'],
        response: {
          200: Type.Object({
            verdicts: Type.Record(
              Type.String(),
              Type.Object({ refused: Type.Integer(), observed: Type.Integer() }),
            ),
            bans: Type.Array(BanSchema),
          }),
        },
      },
    },
    () => ({ verdicts: ports.borderCounters(), bans: ports.bans.list() }),
  );

  server.delete<{ Params: { address: string } }>(
    '/v1/border/bans/:address',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Lift a ban',
        tags: ['border'],
        params: Type.Object({ address: Type.String({ maxLength: 64 }) }),
        response: { 204: Type.Null(), 404: ErrorSchema },
      },
    },
    async (request, reply) => {
      const { address } = request.params;
      if (!ports.bans.lift(address)) throw new AppError('NOT_FOUND', `${address} is not banned`);
      return reply.status(204).send();
    },
  );
}
