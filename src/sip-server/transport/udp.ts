import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Logger } from '../../base/logger.js';
import type { ListenOptions } from '../options.js';
import type { Listener } from './flow.js';
import { describeListener, hostPort, listenError } from './listener.js';
import type { LocalAddresses } from './local-address.js';

/** One UDP socket. */
export interface UdpSocket {
  readonly listener: Listener;
  /** `failed` is told, later, when the kernel refuses the datagram; without it a loss is silent, as on the network. */
  send(bytes: Buffer, port: number, address: string, failed?: () => void): void;
  close(): Promise<void>;
}

export interface UdpDeps {
  readonly logger: Logger;
  readonly local: LocalAddresses;
  readonly receiveBufferBytes: number;
  readonly received: (bytes: Buffer, address: string, port: number, listener: Listener) => void;
}

/** Datagrams the process may hold for a kernel that does not take them; beyond it they are lost, as on the network. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
/** Asking for the queue's size costs a call into the runtime, so not at every datagram. */
const QUEUE_CHECK_EVERY = 64;

/** Binds. Rejects with AppError PORT_IN_USE or ADDRESS_UNAVAILABLE. */
export async function openUdpSocket(options: ListenOptions, deps: UdpDeps): Promise<UdpSocket> {
  const { logger, received } = deps;
  const family = isIPv6(options.host) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // An IPv6 wildcard must not take IPv4 too: each family has a listener of its own.
    ipv6Only: family === 6,
    recvBufferSize: deps.receiveBufferBytes,
    // Addresses are literal always: the default look-up would put each send off to a later turn.
    lookup: (host, _options, done) => done(null, host, family),
  });
  await bind(socket, options);
  warnOfSmallBuffer(socket, options, deps);
  const listener = describeListener(options, socket.address().port, deps.local);
  socket.on('message', (bytes, from) => received(bytes, from.address, from.port, listener));
  // A failed receive (an ICMP error on some systems) concerns one peer, not the socket.
  socket.on('error', (error) => logger.debug({ listener: listener.name, error }, 'udp socket error'));

  let sends = 0;
  let closed = false;
  return {
    listener,
    send(bytes, port, address, failed) {
      if (closed || (++sends % QUEUE_CHECK_EVERY === 0 && socket.getSendQueueSize() > MAX_QUEUED_BYTES)) {
        if (failed !== undefined) queueMicrotask(failed);
        return;
      }
      try {
        if (failed === undefined) socket.send(bytes, 0, bytes.length, port, address);
        else {
          socket.send(bytes, 0, bytes.length, port, address, (error) => {
            if (error === null) return;
            logger.debug(
              { listener: listener.name, to: hostPort(address, port), error },
              'datagram not sent',
            );
            failed();
          });
        }
      } catch (error) {
        // Port 0 or an address of the other family, from a hostile Via.
        logger.debug({ listener: listener.name, error }, 'datagram not sent');
        if (failed !== undefined) queueMicrotask(failed);
      }
    },
    close: () =>
      new Promise((resolve) => {
        closed = true;
        socket.close(() => resolve());
      }),
  };
}

function bind(socket: Socket, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const refused = (error: Error): void => {
      socket.close();
      reject(listenError(options, error));
    };
    socket.once('error', refused);
    socket.bind({ address: options.host, port: options.port, exclusive: true }, () => {
      socket.off('error', refused);
      resolve();
    });
  });
}

function warnOfSmallBuffer(socket: Socket, options: ListenOptions, deps: UdpDeps): void {
  // Linux reports twice of what it grants, for its own book-keeping (socket(7)).
  const granted = socket.getRecvBufferSize() / (process.platform === 'linux' ? 2 : 1);
  if (granted >= deps.receiveBufferBytes) return;
  deps.logger.warn(
    {
      listener: options.name,
      wantedBytes: deps.receiveBufferBytes,
      grantedBytes: granted,
      remedy: `sysctl -w net.core.rmem_max=${deps.receiveBufferBytes}`,
    },
    'the kernel caps the UDP receive buffer; bursts may be lost',
  );
}
