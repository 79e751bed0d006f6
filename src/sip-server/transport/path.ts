import type { Listener } from './flow.js';
import type { TcpConnection } from './tcp-connection.js';
import type { TcpListener } from './tcp.js';
import type { UdpSocket } from './udp.js';

/** One way to one peer, chosen once for a transaction. Fits `SentInfo.flow`. */
export interface Path {
  readonly transport: 'udp' | 'tcp';
  readonly listener: Listener;
  readonly address: string;
  readonly port: number;
  /** `failed` is called at most once and never before this returns; without it a failure is silent. */
  send(bytes: Buffer, failed?: () => void): void;
}

export class UdpPath implements Path {
  readonly transport = 'udp';

  constructor(
    private readonly socket: UdpSocket,
    readonly address: string,
    readonly port: number,
  ) {}

  get listener(): Listener {
    return this.socket.listener;
  }

  send(bytes: Buffer, failed?: () => void): void {
    this.socket.send(bytes, this.port, this.address, failed);
  }
}

export class TcpPath implements Path {
  readonly transport = 'tcp';
  private connection: TcpConnection | undefined;

  /**
   * @param connection preferred while it is open
   * @param port where to open another one when it is not; undefined: nowhere
   */
  constructor(
    private readonly tcp: TcpListener,
    readonly address: string,
    private readonly openPort: number | undefined,
    connection: TcpConnection | undefined,
  ) {
    this.connection = connection;
  }

  get listener(): Listener {
    return this.tcp.listener;
  }

  get port(): number {
    return this.connection?.remotePort ?? this.openPort ?? 0;
  }

  send(bytes: Buffer, failed?: () => void): void {
    if (this.connection?.open !== true) {
      this.connection =
        this.openPort === undefined ? undefined : this.tcp.connectionTo(this.address, this.openPort);
    }
    if (this.connection !== undefined) this.connection.send(bytes, failed);
    else if (failed !== undefined) queueMicrotask(failed);
  }
}
