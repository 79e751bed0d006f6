import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { parseDurationMs } from '../../base/duration.js';
import { AppError } from '../../base/errors.js';
import type { AgentChange, AgentView, QueueView } from '../../model/index.js';
import type { ApiPorts, ApiQueues } from '../ports.js';
import { AgentSchema, QueueSchema, StatisticsQuerySchema, StatisticsSchema } from '../queue-schemas.js';
import { ErrorSchema, IdSchema, NameSchema, Time } from '../schemas.js';

const MAX_CALLERS = 1000;

interface StatisticsInput {
  readonly from: number;
  readonly to?: number;
  readonly interval?: string;
  readonly queue?: string;
  readonly agent?: string;
  readonly repeat?: string;
}

/** As the schema of each change has it. */
interface AgentBody {
  readonly queues?: readonly string[];
  readonly reason?: string;
}

/** Queues as they are, their figures, and callbacks. */
export function queueRoutes(server: FastifyInstance, ports: ApiPorts, now: () => number): void {
  const callersShown = (fallback: number) =>
    Type.Object(
      {
        callers: Type.Integer({
          minimum: 0,
          maximum: MAX_CALLERS,
          default: fallback,
          description: 'How many callers of a queue are shown',
        }),
      },
      { additionalProperties: false },
    );
  const firstOf = (queue: QueueView, callers: number) => ({
    ...queue,
    callers: queue.callers.slice(0, callers),
  });

  server.get<{ Querystring: { callers: number } }>(
    '/v1/queues',
    {
      schema: {
        summary: 'All queues as they are now',
        tags: ['queues'],
        querystring: callersShown(20),
        response: {
          200: Type.Object({ at: Time('Now'), queues: Type.Array(QueueSchema) }),
        },
      },
    },
    (request) => {
      const { at, queues } = ports.queues.snapshot();
      return { at, queues: queues.map((queue) => firstOf(queue, request.query.callers)) };
    },
  );

  server.get<{ Params: { name: string }; Querystring: { callers: number } }>(
    '/v1/queues/:name',
    {
      schema: {
        summary: 'A queue as it is now, with its agents',
        description:
          'The queue of a tenant is `tenant%2Fname` in the path. One named `statistics` is found in `/v1/queues` only.',
        tags: ['queues'],
        params: Type.Object({ name: NameSchema }),
        querystring: callersShown(MAX_CALLERS),
        response: {
          200: Type.Object({ at: Time('Now'), queue: QueueSchema, agents: Type.Array(AgentSchema) }),
          404: ErrorSchema,
        },
      },
    },
    (request) => {
      const { name } = request.params;
      const { at, queues, agents } = ports.queues.snapshot();
      const queue = queues.find((one) => one.name === name);
      if (queue === undefined) throw new AppError('NOT_FOUND', `there is no queue "${name}"`);
      return {
        at,
        queue: firstOf(queue, request.query.callers),
        agents: agents.filter((agent) => agent.queues.some((one) => one.name === name)),
      };
    },
  );

  server.get<{ Querystring: StatisticsInput }>(
    '/v1/queues/statistics',
    {
      schema: {
        summary: 'Figures of queues and agents',
        description: 'What each figure means stands in docs/queues.md. At most 2,000 intervals.',
        tags: ['queues'],
        querystring: StatisticsQuerySchema,
        response: { 200: StatisticsSchema, 400: ErrorSchema },
      },
    },
    (request) => {
      const { from, to, interval, repeat, queue, agent } = request.query;
      const everyMs = interval === undefined ? undefined : parseDurationMs(interval);
      const repeatWindowMs = repeat === undefined ? undefined : parseDurationMs(repeat);
      return ports.queues.statistics({
        since: from,
        until: to ?? now(),
        ...(everyMs !== undefined && { everyMs }),
        ...(repeatWindowMs !== undefined && { repeatWindowMs }),
        ...(queue !== undefined && { queue }),
        ...(agent !== undefined && { agent }),
      });
    },
  );

  server.delete<{ Params: { id: string } }>(
    '/v1/callbacks/:id',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Cancel a callback that still waits',
        description: 'Those that wait stand among the callers of their queue.',
        tags: ['queues'],
        params: Type.Object({ id: IdSchema }),
        response: { 204: Type.Null({ description: 'Cancelled' }), 404: ErrorSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!ports.queues.cancelCallback(id))
        throw new AppError('NOT_FOUND', `no callback that waits has the id ${id}`);
      return reply.status(204).send();
    },
  );
}

/** Agents: what they are doing, and the same as their phone codes do. */
export function agentRoutes(server: FastifyInstance, ports: ApiPorts): void {
  server.get(
    '/v1/agents',
    {
      schema: {
        summary: 'Agents of all queues as they are now',
        tags: ['agents'],
        response: {
          200: Type.Object({ at: Time('Now'), agents: Type.Array(AgentSchema) }),
        },
      },
    },
    () => {
      const { at, agents } = ports.queues.snapshot();
      return { at, agents };
    },
  );

  const QueuesBody = Type.Object(
    {
      queues: Type.Optional(
        Type.Array(NameSchema, { maxItems: 200, description: 'All of the agent’s when left out' }),
      ),
    },
    { additionalProperties: false },
  );
  const PauseBody = Type.Object(
    { reason: Type.String({ minLength: 1, maxLength: 64, pattern: '^[^\\x00-\\x1f\\x7f]+$' }) },
    { additionalProperties: false },
  );

  /** One change of an agent; answered with the agent as it is then. */
  function change(
    word: string,
    summary: string,
    body: object | undefined,
    apply: (agents: ApiQueues['agents'], extension: string, body: AgentBody) => AgentChange,
  ): void {
    server.post<{ Params: { extension: string }; Body: AgentBody | null }>(
      `/v1/agents/:extension/${word}`,
      {
        config: { role: 'operator' },
        // No body says the same as an empty one.
        preValidation: (request, _reply, done) => {
          request.body ??= {};
          done();
        },
        schema: {
          summary,
          tags: ['agents'],
          params: Type.Object({ extension: NameSchema }),
          ...(body !== undefined && { body }),
          response: { 200: AgentSchema, 400: ErrorSchema, 404: ErrorSchema },
        },
      },
      (request) => {
        const { extension } = request.params;
        return agentOf(apply(ports.queues.agents, extension, request.body ?? {}), extension);
      },
    );
  }

  change('login', 'Log an agent in, in these queues or in all', QueuesBody, (agents, extension, body) =>
    agents.login(extension, body.queues),
  );
  change('logout', 'Log an agent out, of these queues or of all', QueuesBody, (agents, extension, body) =>
    agents.logout(extension, body.queues),
  );
  change(
    'pause',
    'Pause an agent; a conversation goes on, a ring is taken back',
    PauseBody,
    (agents, extension, { reason = '' }) => agents.pause(extension, reason),
  );
  change('resume', 'End a pause, a rest, or wrap-up', undefined, (agents, extension) =>
    agents.resume(extension),
  );
}

function agentOf(answer: AgentChange, extension: string): AgentView {
  if (answer.kind === 'done') return answer.agent;
  throw answer.reason === 'not-an-agent'
    ? new AppError('NOT_FOUND', `extension "${extension}" is no agent of a queue`)
    : new AppError('REQUEST_INVALID', `queues: extension "${extension}" is no agent of one of them`);
}
