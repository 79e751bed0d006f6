import { parentPort, workerData } from 'node:worker_threads';
import { AppError, type ErrorCode } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { channelLink, portChannel } from './control/channel.js';
import { blockingSleep, createGather } from './control/gather.js';
import { createSipServer, type SipServer } from './server.js';
import { listenerFacts, type FromWorker, type ToWorker, type WorkerData } from './worker-messages.js';

/** The SIP server in a thread of its own. Started by `startSipWorker` only: importing it elsewhere does nothing. */

const post = (message: FromWorker): void => parentPort?.postMessage(message);

/** Log lines are written in the main thread. */
function postingLogger(bound: object): Logger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => {
    return (fields: object, event: string): void =>
      post({ kind: 'log', level, fields: plain({ ...bound, ...fields }), event });
  };
  return {
    debug: () => undefined,
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => postingLogger({ ...bound, ...fields }),
  };
}

/** Errors as text: not everything in one can be cloned. */
function plain(fields: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error
        ? (value.stack ?? value.message)
        : typeof value === 'object'
          ? JSON.stringify(value)
          : value,
    ]),
  );
}

function codeOf(error: unknown): { code: ErrorCode; message: string } {
  return error instanceof AppError
    ? { code: error.code, message: error.message }
    : { code: 'SIGNALLING_UNAVAILABLE', message: error instanceof Error ? error.message : String(error) };
}

async function run(data: WorkerData): Promise<void> {
  const server = createSipServer({
    ...data.options,
    logger: postingLogger({}),
    onMalformed: (reports) => post({ kind: 'malformed', reports }),
  });
  parentPort?.on('message', (message: ToWorker) => handle(server, message));
  try {
    await server.start();
    const control = data.control === undefined ? undefined : await server.listen(data.control);
    const gather = createGather({
      pauseMs: data.gatherMs,
      monotonic: () => performance.now(),
      sleep: blockingSleep(),
    });
    server.attachLink(channelLink(portChannel(data.port), gather));
    post({
      kind: 'started',
      listeners: server.listeners.map(listenerFacts),
      control: control && { address: control.address, port: control.port },
    });
  } catch (error) {
    await server.stop();
    post({ kind: 'failed', ...codeOf(error) });
  }
}

function handle(server: SipServer, message: ToWorker): void {
  switch (message.kind) {
    case 'gate':
      try {
        server.setGate(message.rules);
        return post({ kind: 'done', id: message.id });
      } catch (error) {
        return post({ kind: 'refused', id: message.id, ...codeOf(error) });
      }
    case 'stats':
      return post({ kind: 'stats', id: message.id, stats: server.stats });
    case 'drain':
      return server.drain();
    case 'stop':
      void server.stop().finally(() => post({ kind: 'done', id: message.id }));
  }
}

if (isSipWorker(workerData)) void run(workerData);

function isSipWorker(data: unknown): data is WorkerData {
  return (
    parentPort !== null && typeof data === 'object' && data !== null && 'port' in data && 'options' in data
  );
}
