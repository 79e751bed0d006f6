import type { Socket } from 'node:net';
import { MessageChannel, Worker } from 'node:worker_threads';
import { AppError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import { ChannelSocket } from './control/channel-socket.js';
import { channelLink, memoryChannels, portChannel } from './control/channel.js';
import type { ControlListenerOptions } from './control/listener.js';
import type { GateRules } from './gate/rules.js';
import type { MalformedReport } from './malformed-reports.js';
import { createSipServer, type ServerStats } from './server.js';
import {
  listenerFacts,
  type FromWorker,
  type ListenerFacts,
  type ToWorker,
  type WorkerServerOptions,
} from './worker-messages.js';

export interface SipWorkerOptions extends WorkerServerOptions {
  /** Opens a TCP port for further applications as well; needs `secret`. */
  readonly control?: ControlListenerOptions;
  readonly logger?: Logger;
  /** See `ServerOptions`. */
  readonly onMalformed?: (reports: readonly MalformedReport[]) => void;
  /** The thread has died; its dialogs are gone. */
  readonly failed?: (error: Error) => void;
  /**
   * Above some 200 calls a second the thread sleeps so long each time it has handed over what it had, so that more can be handled in one
   * turn: about a seventh less CPU for some milliseconds of delay. 0: never. Default 2.
   */
  readonly gatherMs?: number;
  /** Default: a thread, except when running from TypeScript sources, as under tests. */
  readonly thread?: boolean;
}

/** The SIP server in a thread of its own, and the application's side of it. */
export interface SipWorker {
  /** For drachtio-srf in listen mode: `server.emit('connection', socket)`. */
  readonly socket: Socket;
  readonly listeners: readonly ListenerFacts[];
  readonly control: { readonly address: string; readonly port: number } | undefined;
  /** Rejects with AppError on rules that make no sense. */
  setGate(rules: GateRules): Promise<void>;
  /** New requests get 503 with Retry-After; dialogs go on. */
  drain(): void;
  stats(): Promise<ServerStats>;
  stop(): Promise<void>;
}

const DEFAULT_GATHER_MS = 2;

/** Starts the server. Rejects with AppError PORT_IN_USE or ADDRESS_UNAVAILABLE, having bound nothing. */
export async function startSipWorker(options: SipWorkerOptions): Promise<SipWorker> {
  const thread = options.thread ?? !import.meta.url.endsWith('.ts');
  return thread ? startInThread(options) : startInProcess(options);
}

async function startInProcess(options: SipWorkerOptions): Promise<SipWorker> {
  const server = createSipServer(options);
  const [ours, theirs] = memoryChannels();
  await server.start();
  try {
    const control = options.control === undefined ? undefined : await server.listen(options.control);
    server.attachLink(channelLink(ours));
    return {
      socket: new ChannelSocket(theirs),
      listeners: server.listeners.map(listenerFacts),
      control: control && { address: control.address, port: control.port },
      setGate: (rules) => {
        server.setGate(rules);
        return Promise.resolve();
      },
      drain: () => server.drain(),
      stats: () => Promise.resolve(server.stats),
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function startInThread(options: SipWorkerOptions): Promise<SipWorker> {
  const { control, logger = silentLogger, failed } = options;
  // Functions cannot cross.
  const data = {
    ...options,
    control: undefined,
    logger: undefined,
    failed: undefined,
    onMalformed: undefined,
    thread: undefined,
    gatherMs: undefined,
  };
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { options: data, port: port2, control, gatherMs: options.gatherMs ?? DEFAULT_GATHER_MS },
    transferList: [port2],
    name: 'sip-server',
  });
  const post = (message: ToWorker): void => worker.postMessage(message);
  const answers = new Map<number, { done: (stats?: ServerStats) => void; refused: (error: Error) => void }>();
  let lastId = 0;
  let stopping = false;
  const ask = (make: (id: number) => ToWorker): Promise<ServerStats | undefined> =>
    new Promise((resolve, reject) => {
      const id = ++lastId;
      answers.set(id, { done: resolve, refused: reject });
      post(make(id));
    });

  const started = await new Promise<Extract<FromWorker, { kind: 'started' }>>((resolve, reject) => {
    const gone = (error: Error): void => {
      reject(error);
      for (const answer of answers.values()) answer.refused(error);
      answers.clear();
      if (!stopping) failed?.(error);
      stopping = true;
    };
    worker.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'started':
          return resolve(message);
        case 'failed':
          stopping = true;
          void worker.terminate();
          return reject(new AppError(message.code, message.message));
        case 'log':
          return logger[message.level](message.fields, message.event);
        case 'malformed':
          return options.onMalformed?.(message.reports);
        case 'done':
          answers.get(message.id)?.done();
          break;
        case 'stats':
          answers.get(message.id)?.done(message.stats);
          break;
        case 'refused':
          answers.get(message.id)?.refused(new AppError(message.code, message.message));
          break;
      }
      answers.delete(message.id);
    });
    worker.once('error', gone);
    worker.once('exit', (code) =>
      gone(new AppError('SIGNALLING_UNAVAILABLE', `the SIP server's thread has ended (${code})`)),
    );
  });

  return {
    socket: new ChannelSocket(portChannel(port1)),
    listeners: started.listeners,
    control: started.control,
    setGate: async (rules) => {
      await ask((id) => ({ kind: 'gate', id, rules }));
    },
    drain: () => post({ kind: 'drain' }),
    stats: async () => (await ask((id) => ({ kind: 'stats', id })))!,
    stop: async () => {
      if (stopping) return;
      stopping = true;
      await ask((id) => ({ kind: 'stop', id })).catch(() => undefined);
      await worker.terminate();
    },
  };
}
