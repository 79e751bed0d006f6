import { systemClock, type Clock } from '../base/clock.js';
import { silentLogger, type Logger } from '../base/logger.js';
import type { ParseLimits } from '../sip/index.js';

/** One address to listen on. */
export interface ListenOptions {
  /** What routes and log lines call it; unique. */
  readonly name: string;
  readonly transport: 'udp' | 'tcp';
  /** An IPv4 or IPv6 address (no brackets); `0.0.0.0` and `::` mean every one of its family. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** What Via and Contact say instead of the address bound: `host` or `host:port`, for a server behind a static NAT. */
  readonly advertise?: string;
}

/** Timers of RFC 3261 §17 (Table 4), in milliseconds. */
export interface TimerSettings {
  /** Round-trip estimate; the first retransmission. */
  readonly t1Ms: number;
  /** Largest gap between retransmissions of a non-INVITE request or an INVITE response. */
  readonly t2Ms: number;
  /** Longest a message stays in the network. */
  readonly t4Ms: number;
  /** Timers B, F, H, J, L and M: 64 × T1 unless set. */
  readonly timeoutMs: number;
  /** Timer D: how long the ACK of a failed INVITE is repeated over UDP, at least 32 s. */
  readonly completedMs: number;
  /** An INVITE not answered by then gets 100 Trying (§17.2.1). */
  readonly tryingMs: number;
}

/** Options both halves of the SIP server share; everything but `listen` has a default. */
export interface SipServerOptions {
  readonly listen: readonly ListenOptions[];
  /** Requests longer than this leave over TCP where a TCP listener exists (RFC 3261 §18.1.1 says 1300). Default: no such limit. */
  readonly maxUdpBytes?: number;
  /** User-Agent and Server header of messages the server makes itself. */
  readonly userAgent?: string;
  readonly limits?: Partial<ParseLimits>;
  readonly timers?: Partial<TimerSettings>;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Uniform in [0, 1): SRV weights. */
  readonly random?: () => number;
  /** Receive buffer asked of the kernel for each UDP socket. Default 4 MiB. */
  readonly udpReceiveBufferBytes?: number;
  /** `address` or `address:port` of name servers; default: the system's. */
  readonly dnsServers?: readonly string[];
  /** Server transactions alive at once; past it requests get a stateless 503; those of sources the gate
   * does not trust from half of it on. Default 200,000. */
  readonly maxTransactions?: number;
  /** TCP connections alive at once. Default 2,000. */
  readonly maxConnections?: number;
  /** TCP connections alive at once from one address the gate does not trust. Default 50. */
  readonly maxConnectionsPerAddress?: number;
  /** Closes a TCP connection on which nothing moved for so long. Default 10 minutes. */
  readonly idleConnectionMs?: number;
  /** Closes a TCP connection that has not brought a whole message in so long since its first byte (or since it was accepted). Default 15 s. */
  readonly slowMessageMs?: number;
  /** Gives up on a TCP connection attempt. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** Bytes that may wait for a slow TCP peer before the connection is dropped. Default 1 MiB. */
  readonly maxQueuedBytes?: number;
  /** Option tags accepted in Require (RFC 3261 §8.2.2.3). */
  readonly supported?: readonly string[];
  /** Answers to the source port even when the request carries no `rport` (RFC 3581). Default false. */
  readonly forceRport?: boolean;
}

/** The options with every default filled in. */
export interface SipServerSettings {
  readonly listen: readonly ListenOptions[];
  readonly maxUdpBytes: number;
  readonly userAgent: string | undefined;
  readonly limits: Partial<ParseLimits>;
  readonly timers: TimerSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly udpReceiveBufferBytes: number;
  readonly dnsServers: readonly string[] | undefined;
  readonly maxTransactions: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly idleConnectionMs: number;
  readonly slowMessageMs: number;
  readonly connectTimeoutMs: number;
  readonly maxQueuedBytes: number;
  readonly supported: ReadonlySet<string>;
  readonly forceRport: boolean;
}

const DEFAULT_T1_MS = 500;
const DEFAULT_SUPPORTED = ['100rel', 'timer', 'replaces', 'path', 'norefersub'];

/** Fills in the defaults. */
export function resolveOptions(options: SipServerOptions): SipServerSettings {
  const t1Ms = options.timers?.t1Ms ?? DEFAULT_T1_MS;
  return {
    listen: options.listen,
    maxUdpBytes: options.maxUdpBytes ?? Number.POSITIVE_INFINITY,
    userAgent: options.userAgent,
    limits: options.limits ?? {},
    timers: {
      t1Ms,
      t2Ms: options.timers?.t2Ms ?? 4000,
      t4Ms: options.timers?.t4Ms ?? 5000,
      timeoutMs: options.timers?.timeoutMs ?? 64 * t1Ms,
      completedMs: options.timers?.completedMs ?? Math.max(32_000, 64 * t1Ms),
      tryingMs: options.timers?.tryingMs ?? 200,
    },
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
    random: options.random ?? Math.random,
    udpReceiveBufferBytes: options.udpReceiveBufferBytes ?? 4 * 1024 * 1024,
    dnsServers: options.dnsServers,
    maxTransactions: options.maxTransactions ?? 200_000,
    maxConnections: options.maxConnections ?? 2000,
    maxConnectionsPerAddress: options.maxConnectionsPerAddress ?? 50,
    idleConnectionMs: options.idleConnectionMs ?? 600_000,
    slowMessageMs: options.slowMessageMs ?? 15_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 5000,
    maxQueuedBytes: options.maxQueuedBytes ?? 1024 * 1024,
    supported: new Set((options.supported ?? DEFAULT_SUPPORTED).map((tag) => tag.toLowerCase())),
    forceRport: options.forceRport ?? false,
  };
}
