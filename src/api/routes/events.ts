import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../base/errors.js';
import type { ApiPorts, CallEventView } from '../ports.js';
import { CallSchema, ErrorSchema } from '../schemas.js';

/** Streams open at once. */
export const MAX_STREAMS = 50;

/** Bytes that may wait for a slow reader; one that lets more gather is sent away, and comes back when it can. */
export const MAX_WAITING_BYTES = 262_144;

/** A comment so often keeps proxies from closing a silent stream, and shows who has gone. Milliseconds. */
const BEAT_MS = 15_000;

/** Calls as they go, as Server-Sent Events. */
export function eventRoutes(server: FastifyInstance, ports: ApiPorts): void {
  const streams = new Set<ServerResponse>();
  let stopListening: (() => void) | undefined;
  let beat: NodeJS.Timeout | undefined;

  const write = (stream: ServerResponse, text: string): void => {
    if (stream.writableLength > MAX_WAITING_BYTES) {
      leave(stream);
      stream.destroy();
    } else stream.write(text);
  };
  const leave = (stream: ServerResponse): void => {
    streams.delete(stream);
    if (streams.size > 0) return;
    stopListening?.();
    stopListening = undefined;
    clearInterval(beat);
  };
  const tell = ({ kind, call }: CallEventView): void => {
    // Written once, however many listen.
    const text = `event: call.${kind}\ndata: ${JSON.stringify(call)}\n\n`;
    for (const stream of [...streams]) write(stream, text);
  };

  server.addHook('preClose', () => {
    for (const stream of [...streams]) {
      leave(stream);
      stream.end();
    }
  });

  server.get(
    '/v1/events',
    {
      // A HEAD would open a stream that nobody reads.
      exposeHeadRoute: false,
      schema: {
        summary: 'Calls as they go, as Server-Sent Events',
        description:
          'Events `call.started`, `call.ringing`, `call.answered`, `call.ended` and `call.emergency`, each with the call as data. ' +
          'Nothing is repeated after a break: read `/v1/calls` then. A reader that is too slow is disconnected.',
        tags: ['calls'],
        response: {
          200: {
            description: 'The stream; `data` of each event:',
            content: { 'text/event-stream': { schema: CallSchema } },
          },
          503: ErrorSchema,
        },
      },
    },
    (request, reply) => {
      if (streams.size >= MAX_STREAMS)
        throw new AppError('TOO_MANY_STREAMS', `${MAX_STREAMS} streams are open`);
      reply.hijack();
      const stream = reply.raw;
      stream.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        connection: 'keep-alive',
        'x-accel-buffering': 'no',
      });
      stream.write(': calls as they go\n\n');
      if (streams.size === 0) {
        stopListening = ports.events.subscribe(tell);
        beat = setInterval(() => {
          for (const one of [...streams]) write(one, ': still here\n\n');
        }, BEAT_MS);
        beat.unref();
      }
      streams.add(stream);
      stream.on('close', () => leave(stream));
      stream.on('error', () => leave(stream));
      request.raw.on('error', () => leave(stream));
    },
  );
}
