import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import reference from '@scalar/fastify-api-reference';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { AppError, ERRORS } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { createGuard, type ApiKey, type Role } from './auth.js';
import type { ApiPorts } from './ports.js';
import { announcementRoutes } from './routes/announcements.js';
import { callRoutes } from './routes/calls.js';
import { dialplanRoutes } from './routes/dialplan.js';
import { eventRoutes } from './routes/events.js';
import { healthRoutes } from './routes/health.js';
import { hoursRoutes } from './routes/hours.js';
import { mailboxRoutes } from './routes/mailboxes.js';
import { networkRoutes } from './routes/network.js';
import { agentRoutes, queueRoutes } from './routes/queues.js';
import { recordingRoutes } from './routes/recordings.js';
import { recordRoutes } from './routes/records.js';
import { surveyRoutes } from './routes/surveys.js';
import { superviseRoutes } from './routes/supervise.js';
import { transferRoutes } from './routes/transfer.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Least role that may call the route; `viewer` when left out. */
    role?: Role;
    /** No key is asked for. */
    open?: boolean;
  }
  interface FastifyRequest {
    /** Name of the API key; `api` where there are none. */
    who: string;
  }
}

export interface ApiOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Asked at each request, so that a reload takes force. */
  readonly keys: () => readonly ApiKey[];
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface Api {
  /** Resolves with the URL it listens on; throws `PORT_IN_USE` or `ADDRESS_UNAVAILABLE`. */
  start(): Promise<string>;
  stop(): Promise<void>;
  /** For tests and for the reference page: the OpenAPI 3.1 document. */
  openapi(): Promise<object>;
}

const MAX_BODY_BYTES = 1_048_576;
const REQUESTS_PER_MINUTE = 1200;
/** Names in a path have at most 128 characters; of those outside of ASCII each byte takes three. */
const MAX_PARAM_LENGTH = 1200;

/** The REST API: every route has a schema, errors come from the catalogue, the reference page is at /docs. */
export function createApi(options: ApiOptions, ports: ApiPorts, logger: Logger): Api {
  const server = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    ajv: { customOptions: { removeAdditional: false } },
  });
  const guard = createGuard(options.keys);
  let ready: Promise<void> | undefined;

  const prepare = () => (ready ??= build());

  async function build(): Promise<void> {
    await server.register(rateLimit, { max: REQUESTS_PER_MINUTE, timeWindow: '1 minute' });
    await server.register(swagger, { openapi: openapiInfo(options) });
    server.decorateRequest('who', 'api');
    server.addHook('onRequest', (request, _reply, done) => {
      const { open, role } = request.routeOptions.config;
      if (open !== true && !request.url.startsWith('/docs')) request.who = guard(request, role ?? 'viewer');
      done();
    });
    answerErrors(server, logger);
    await server.register((routes, _options, done) => {
      healthRoutes(routes, ports);
      callRoutes(routes, ports);
      transferRoutes(routes, ports);
      superviseRoutes(routes, ports);
      recordRoutes(routes, ports);
      dialplanRoutes(routes, ports);
      hoursRoutes(routes, ports, options.now);
      eventRoutes(routes, ports);
      networkRoutes(routes, ports);
      queueRoutes(routes, ports, options.now);
      agentRoutes(routes, ports);
      mailboxRoutes(routes, ports);
      announcementRoutes(routes, ports);
      surveyRoutes(routes, ports);
      recordingRoutes(routes, ports);
      routes.get('/openapi.json', { schema: { hide: true } }, () => server.swagger());
      done();
    });
    await server.register(reference, { routePrefix: '/docs' });
    await server.ready();
  }

  return {
    start: async () => {
      await prepare();
      try {
        return await server.listen({ host: options.host, port: options.port });
      } catch (error) {
        throw listenError(error, options);
      }
    },
    stop: () => server.close(),
    openapi: async () => {
      await prepare();
      return server.swagger();
    },
  };
}

function openapiInfo(options: ApiOptions) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Trunkline',
      description: 'Control API of the Trunkline SIP server',
      version: options.version,
    },
    ...(options.keys().length > 0 && {
      components: { securitySchemes: { key: { type: 'http' as const, scheme: 'bearer' } } },
      security: [{ key: [] }],
    }),
  };
}

function answerErrors(server: FastifyInstance, logger: Logger): void {
  server.setNotFoundHandler((request) => {
    throw new AppError('NOT_FOUND', `${request.method} ${request.url.slice(0, 200)} is no route of this API`);
  });
  server.setErrorHandler((error: FastifyError | AppError, request, reply) => {
    if (error instanceof AppError) {
      // 503: an expected want of something, such as of places for streams; 500 and the like are faults.
      if (error.status === 503) logger.warn({ why: error.message, url: request.url }, 'API request refused');
      else if (error.status >= 500) logger.error({ err: error, url: request.url }, 'API request failed');
      return reply.status(error.status).send(faultBody(error));
    }
    const status = error.statusCode ?? 500;
    if (status < 500)
      return reply.status(status).send(faultBody(new AppError('REQUEST_INVALID', error.message)));
    logger.error({ err: error, url: request.url }, 'API request failed');
    const { remedy } = ERRORS.INTERNAL;
    return reply
      .status(500)
      .send({ error: { code: 'INTERNAL', message: 'something failed inside', remedy } });
  });
}

function faultBody({ code, message, remedy, diagnostics }: AppError) {
  return { error: { code, message, remedy, ...(diagnostics.length > 0 && { diagnostics }) } };
}

function listenError(error: unknown, { host, port }: ApiOptions): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE')
    return new AppError('PORT_IN_USE', `api.listen: ${host}:${port} is taken`, { cause: error });
  if (code === 'EADDRNOTAVAIL' || code === 'EACCES') {
    return new AppError('ADDRESS_UNAVAILABLE', `api.listen: ${host}:${port} cannot be used (${code})`, {
      cause: error,
    });
  }
  return error;
}
