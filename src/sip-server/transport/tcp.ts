import { connect, createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Logger } from '../../base/logger.js';
import type { ListenOptions } from '../options.js';
import type { Listener } from './flow.js';
import { describeListener, hostPort, listenError } from './listener.js';
import type { LocalAddresses } from './local-address.js';
import { TcpConnection, type TcpConnectionDeps } from './tcp-connection.js';

/** One listening TCP socket, with the connections it accepted and those opened in its name. */
export interface TcpListener {
  readonly listener: Listener;
  /** A connection to that peer, living or new; undefined when there may be no more of them. */
  connectionTo(address: string, port: number): TcpConnection | undefined;
  /** The peer says it takes requests for that port over this connection (RFC 5923). */
  alias(connection: TcpConnection, port: number): void;
  readonly connections: number;
  close(): Promise<void>;
}

/** Counts connections over all listeners. */
export interface ConnectionCensus {
  /** Whether one more from (or to) that address may be; counts it. */
  admit(address: string, direction: 'in' | 'out'): boolean;
  left(address: string): void;
}

export interface TcpDeps extends Omit<TcpConnectionDeps, 'closed'> {
  readonly logger: Logger;
  readonly local: LocalAddresses;
  readonly census: ConnectionCensus;
}

/** Listens. Rejects with AppError PORT_IN_USE or ADDRESS_UNAVAILABLE. */
export async function openTcpListener(options: ListenOptions, deps: TcpDeps): Promise<TcpListener> {
  const server = createServer();
  await listen(server, options);
  return new OpenTcpListener(server, options, deps);
}

class OpenTcpListener implements TcpListener {
  readonly listener: Listener;
  private readonly alive = new Set<TcpConnection>();
  /** By `address:port`: the peer's own port, and those it gave as alias. */
  private readonly byPeer = new Map<string, TcpConnection>();
  private readonly connectionDeps: TcpConnectionDeps;
  private closing = false;

  constructor(
    private readonly server: Server,
    private readonly options: ListenOptions,
    private readonly deps: TcpDeps,
  ) {
    this.listener = describeListener(options, (server.address() as AddressInfo).port, deps.local);
    this.connectionDeps = { ...deps, closed: (connection) => this.forget(connection) };
    server.on('connection', (socket) => this.accept(socket));
    server.on('error', (error) =>
      deps.logger.warn({ listener: this.listener.name, error }, 'tcp listener error'),
    );
  }

  get connections(): number {
    return this.alive.size;
  }

  connectionTo(address: string, port: number): TcpConnection | undefined {
    const known = this.byPeer.get(hostPort(address, port));
    if (known?.open === true) return known;
    if (this.closing || port < 1 || port > 65535 || !this.deps.census.admit(address, 'out')) return undefined;
    const { host } = this.options;
    const wildcard = host === '0.0.0.0' || host === '::';
    const socket = connect({ host: address, port, ...(wildcard ? {} : { localAddress: host }) });
    return this.register(socket, 'out', address, port);
  }

  alias(connection: TcpConnection, port: number): void {
    // Without TLS the source address is all that speaks for the peer; the caller has compared it with the alias.
    const key = hostPort(connection.remoteAddress, port);
    if (this.byPeer.get(key)?.open !== true) this.byPeer.set(key, connection);
    connection.aliasPort = port;
  }

  close(): Promise<void> {
    this.closing = true;
    for (const connection of [...this.alive]) connection.close();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (
      remoteAddress === undefined ||
      remotePort === undefined ||
      !this.deps.census.admit(remoteAddress, 'in')
    ) {
      socket.destroy();
      return;
    }
    this.register(socket, 'in', remoteAddress, remotePort);
  }

  private register(socket: Socket, direction: 'in' | 'out', address: string, port: number): TcpConnection {
    const connection = new TcpConnection(
      socket,
      this.listener,
      direction,
      address,
      port,
      this.connectionDeps,
    );
    this.alive.add(connection);
    this.byPeer.set(hostPort(address, port), connection);
    return connection;
  }

  private forget(connection: TcpConnection): void {
    this.alive.delete(connection);
    this.deps.census.left(connection.remoteAddress);
    for (const port of [connection.remotePort, connection.aliasPort]) {
      if (port === undefined) continue;
      const key = hostPort(connection.remoteAddress, port);
      if (this.byPeer.get(key) === connection) this.byPeer.delete(key);
    }
  }
}

function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error): void => reject(listenError(options, error));
    server.once('error', refused);
    server.listen(
      {
        host: options.host,
        port: options.port,
        ipv6Only: isIPv6(options.host),
        exclusive: true,
        backlog: 1024,
      },
      () => {
        server.off('error', refused);
        resolve();
      },
    );
  });
}
