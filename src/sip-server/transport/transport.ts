import { isIPv4, isIPv6 } from 'node:net';
import type { Via } from '../../sip/index.js';
import type { Gate } from '../gate/gate.js';
import { prefix64 } from '../gate/source-table.js';
import type { ListenOptions, SipServerSettings } from '../options.js';
import type { Flow, Listener } from './flow.js';
import { createLocalAddresses, type LocalAddresses } from './local-address.js';
import { TcpPath, UdpPath, type Path } from './path.js';
import { TcpConnection } from './tcp-connection.js';
import { openTcpListener, type ConnectionCensus, type TcpListener } from './tcp.js';
import type { TimerWheel } from './timer-wheel.js';
import { openUdpSocket, type UdpSocket } from './udp.js';

/** An address to send to, as DNS or an IP literal gave it. */
export interface Target {
  readonly transport: 'udp' | 'tcp';
  readonly address: string;
  readonly port: number;
}

export interface TransportDeps {
  readonly settings: SipServerSettings;
  readonly gate: Gate;
  readonly wheel: TimerWheel;
  /** One datagram, or one framed message of a stream, that the gate let pass. */
  readonly received: (bytes: Buffer, flow: Flow) => void;
  /** A stream that lost its framing. */
  readonly brokenStream: (reason: string, flow: Flow) => void;
}

/** All sockets: UDP and TCP, IPv4 and IPv6 (RFC 3261 §18). */
export interface Transport {
  /** Binds every listener or none. Throws AppError PORT_IN_USE or ADDRESS_UNAVAILABLE. */
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly listeners: readonly Listener[];
  readonly connections: number;
  /** Whether some listener can reach targets of that kind. */
  reaches(transport: 'udp' | 'tcp', family: 4 | 6): boolean;
  /** A path to a target, from the named listener if one of that name fits the target. */
  pathTo(target: Target, listener?: string): Path | undefined;
  /** A path back over the very socket or connection a message came by. */
  pathBack(flow: Flow): Path | undefined;
  /** A path for the response to a request (RFC 3261 §18.2.2, RFC 3581). */
  pathForResponse(via: Via, flow: Flow): Path | undefined;
  /** Whether a response with this Via on top answers a request of ours (RFC 3261 §18.1.2). */
  isOurs(via: Via, flow: Flow): boolean;
  /** Lets requests for the sent-by of this Via use the connection it came over, when it asks for that (RFC 5923). */
  noteAlias(via: Via, flow: Flow): void;
}

export function createTransport(deps: TransportDeps): Transport {
  return new Sockets(deps);
}

class Sockets implements Transport {
  private readonly udp = new Map<Listener, UdpSocket>();
  private readonly tcp = new Map<Listener, TcpListener>();
  private readonly local: LocalAddresses;
  private readonly census: ConnectionCensus;
  listeners: readonly Listener[] = [];

  constructor(private readonly deps: TransportDeps) {
    this.local = createLocalAddresses(() => deps.settings.clock.monotonic());
    this.census = createCensus(deps);
  }

  get connections(): number {
    let count = 0;
    for (const tcp of this.tcp.values()) count += tcp.connections;
    return count;
  }

  async start(): Promise<void> {
    const listeners: Listener[] = [];
    try {
      for (const options of this.deps.settings.listen) listeners.push(await this.open(options));
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.listeners = listeners;
  }

  async stop(): Promise<void> {
    const closing = [...this.udp.values(), ...this.tcp.values()].map((socket) => socket.close());
    this.udp.clear();
    this.tcp.clear();
    this.listeners = [];
    await Promise.all(closing);
  }

  reaches(transport: 'udp' | 'tcp', family: 4 | 6): boolean {
    return this.listeners.some(
      (listener) => listener.transport === transport && familyOf(listener.address) === family,
    );
  }

  pathTo(target: Target, name?: string): Path | undefined {
    const listener = this.listenerFor(target, name);
    if (listener === undefined) return undefined;
    const udp = this.udp.get(listener);
    if (udp !== undefined) return new UdpPath(udp, target.address, target.port);
    const tcp = this.tcp.get(listener);
    return tcp && new TcpPath(tcp, target.address, target.port, undefined);
  }

  pathBack(flow: Flow): Path | undefined {
    const udp = this.udp.get(flow.listener);
    if (udp !== undefined) return new UdpPath(udp, flow.remoteAddress, flow.remotePort);
    const tcp = this.tcp.get(flow.listener);
    if (tcp === undefined) return undefined;
    // A peer that closed its connection can be called back only where it listens, which its source port need not be.
    const port = flow.connection?.direction === 'out' ? flow.remotePort : undefined;
    return new TcpPath(tcp, flow.remoteAddress, port, connectionOf(flow));
  }

  pathForResponse(via: Via, flow: Flow): Path | undefined {
    const sentByPort = via.port ?? 5060;
    const tcp = this.tcp.get(flow.listener);
    if (tcp !== undefined) return new TcpPath(tcp, flow.remoteAddress, sentByPort, connectionOf(flow));
    const udp = this.udp.get(flow.listener);
    if (udp === undefined) return undefined;
    const maddr = via.params.get('maddr');
    if (maddr !== undefined) {
      const address = stripBrackets(maddr);
      if (familyOf(address) === familyOf(flow.listener.address)) return new UdpPath(udp, address, sentByPort);
    }
    const symmetric = via.rport !== undefined || this.deps.settings.forceRport;
    return new UdpPath(udp, flow.remoteAddress, symmetric ? flow.remotePort : sentByPort);
  }

  isOurs(via: Via, flow: Flow): boolean {
    const sentBy = `${via.host}:${via.port ?? 5060}`;
    return this.listeners.some((listener) => {
      const ours = listener.sentByFor(flow.remoteAddress);
      return ours === sentBy || ours === via.host || listener.sentBy === sentBy;
    });
  }

  noteAlias(via: Via, flow: Flow): void {
    if (
      flow.transport !== 'tcp' ||
      !via.params.has('alias') ||
      stripBrackets(via.host) !== flow.remoteAddress
    )
      return;
    const connection = connectionOf(flow);
    if (connection !== undefined) this.tcp.get(flow.listener)?.alias(connection, via.port ?? 5060);
  }

  /** The first listener that fits: the named one, one on the peer's own network, a wildcard, any of the family. */
  private listenerFor(target: Target, name: string | undefined): Listener | undefined {
    const family = familyOf(target.address);
    const fitting = this.listeners.filter(
      (listener) => listener.transport === target.transport && familyOf(listener.address) === family,
    );
    // Where a message came in on is known by its address: a registration is called from there.
    const named =
      name === undefined
        ? undefined
        : fitting.find(({ name: own, address, port }) => own === name || `${address}:${port}` === name);
    if (named !== undefined || fitting.length < 2) return named ?? fitting[0];
    const nearest = this.local.towards(target.address);
    return (
      fitting.find(({ address }) => address === nearest || address === '0.0.0.0' || address === '::') ??
      fitting[0]
    );
  }

  private async open(options: ListenOptions): Promise<Listener> {
    const { settings, gate, wheel, received, brokenStream } = this.deps;
    const { logger } = settings;
    if (options.transport === 'udp') {
      const socket = await openUdpSocket(options, {
        logger,
        local: this.local,
        receiveBufferBytes: settings.udpReceiveBufferBytes,
        received: (bytes, remoteAddress, remotePort, listener) => {
          if (gate.admit(bytes, remoteAddress))
            received(bytes, { transport: 'udp', listener, remoteAddress, remotePort });
        },
      });
      this.udp.set(socket.listener, socket);
      return socket.listener;
    }
    const tcp = await openTcpListener(options, {
      logger,
      local: this.local,
      census: this.census,
      wheel,
      limits: settings.limits,
      idleMs: settings.idleConnectionMs,
      slowMessageMs: settings.slowMessageMs,
      connectTimeoutMs: settings.connectTimeoutMs,
      maxQueuedBytes: settings.maxQueuedBytes,
      message: (bytes, connection) => {
        if (gate.admit(bytes, connection.remoteAddress)) received(bytes, connection.flow);
      },
      malformed: (reason, connection) => brokenStream(reason, connection.flow),
    });
    this.tcp.set(tcp.listener, tcp);
    return tcp.listener;
  }
}

/**
 * Strangers have half of the room, those who were let in before (they registered, or called) 7/8 of it, the rest is for trunks and for
 * connections of our own: whoever commands many addresses shuts out nobody we know. An IPv6 peer counts by its /64.
 */
function createCensus({ settings, gate }: TransportDeps): ConnectionCensus {
  const perPeer = new Map<string, number>();
  const { maxConnections, maxConnectionsPerAddress } = settings;
  let all = 0;
  const room = (address: string): number => {
    if (gate.isTrusted(address) || !gate.active) return maxConnections;
    return Math.ceil(maxConnections * (gate.isEstablished(address) ? 7 / 8 : 1 / 2));
  };
  return {
    admit(address, direction) {
      const peer = peerOf(address);
      const here = perPeer.get(peer) ?? 0;
      if (all >= maxConnections) return false;
      if (direction === 'in') {
        if (!gate.admitConnection(address) || all >= room(address)) return false;
        if (here >= maxConnectionsPerAddress && !gate.isTrusted(address)) return false;
      }
      all++;
      perPeer.set(peer, here + 1);
      return true;
    },
    left(address) {
      const peer = peerOf(address);
      const here = perPeer.get(peer) ?? 0;
      all--;
      if (here > 1) perPeer.set(peer, here - 1);
      else perPeer.delete(peer);
    },
  };
}

function peerOf(address: string): string {
  return address.includes(':') ? prefix64(address) : address;
}

function connectionOf(flow: Flow): TcpConnection | undefined {
  return flow.connection instanceof TcpConnection ? flow.connection : undefined;
}

/** 4 or 6; a host name counts as neither. */
function familyOf(address: string): 4 | 6 | undefined {
  if (isIPv6(address)) return 6;
  return isIPv4(address) ? 4 : undefined;
}

function stripBrackets(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
