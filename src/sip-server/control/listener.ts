import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { AppError } from '../../base/errors.js';
import type { Logger } from '../../base/logger.js';

export interface ControlListenerOptions {
  /** Default 127.0.0.1: whoever reaches this port steers the server. */
  readonly host?: string;
  /** Default 9022; 0 takes a free one. */
  readonly port?: number;
}

export interface ControlListener {
  readonly address: string;
  readonly port: number;
  /** Closes the port and every connection. */
  stop(): Promise<void>;
}

export const DEFAULT_CONTROL_PORT = 9022;
const DEFAULT_CONTROL_HOST = '127.0.0.1';
const MAX_CONTROL_CONNECTIONS = 256;

/** Listens for applications. Throws AppError PORT_IN_USE or ADDRESS_UNAVAILABLE. */
export async function listenForControl(
  options: ControlListenerOptions,
  logger: Logger,
  attach: (socket: Socket) => void,
): Promise<ControlListener> {
  const host = options.host ?? DEFAULT_CONTROL_HOST;
  const port = options.port ?? DEFAULT_CONTROL_PORT;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    attach(socket);
  });
  server.maxConnections = MAX_CONTROL_CONNECTIONS;
  await listening(server, host, port);
  server.on('error', (error) => logger.error({ err: error }, 'control listener failed'));
  const bound = server.address() as AddressInfo;
  return {
    address: bound.address,
    port: bound.port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'ADDRESS_UNAVAILABLE';
      reject(new AppError(code, `control listener tcp/${host}:${port}: ${error.message}`, { cause: error }));
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}
