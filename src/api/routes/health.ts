import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { ApiPorts } from '../ports.js';

const HealthSchema = Type.Object({
  status: Type.String({ description: 'ok, degraded or draining' }),
  version: Type.String(),
  uptimeS: Type.Integer(),
  listeners: Type.Array(Type.String()),
  signalling: Type.String(),
  store: Type.String(),
  calls: Type.Integer(),
  planRevision: Type.Integer(),
  media: Type.Object({
    sessions: Type.Integer(),
    portsFree: Type.Integer(),
    workers: Type.Integer(),
    lateMs: Type.Number({
      description: 'Longest delay of a packet in the last 10 s; beyond 10 callers begin to hear it',
    }),
  }),
  queues: Type.Object(
    {
      waiting: Type.Integer(),
      callbacks: Type.Integer(),
      longestWaitMs: Type.Integer(),
      agents: Type.Object({ loggedIn: Type.Integer(), available: Type.Integer(), talking: Type.Integer() }),
    },
    { description: 'Over all queues' },
  ),
});

/** `GET /health`: open to all, for load balancers; 503 while draining or without signalling. */
export function healthRoutes(server: FastifyInstance, ports: ApiPorts): void {
  server.get(
    '/health',
    {
      config: { open: true },
      schema: {
        summary: 'Whether new calls are taken',
        tags: ['health'],
        response: { 200: HealthSchema, 503: HealthSchema },
      },
    },
    (_request, reply) => {
      const health = ports.health();
      void reply.status(health.status === 'draining' || health.signalling === 'down' ? 503 : 200);
      return health;
    },
  );
}
