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
