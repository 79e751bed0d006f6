/**
 * Of the embedded media engine. There is no DSCP here: Node's UDP sockets have no way to set it. The system marks what leaves the port range:
 * `nft add rule inet mangle output udp sport 16384-32767 ip dscp set ef` (in a table `mangle` with an output chain of type route).
 */
export interface EmbeddedOptions {
  /** First and last UDP port, both inclusive; RTP takes the even ones, RTCP the odd ones above. Default 16384–32767. */
  readonly ports?: { readonly min: number; readonly max: number };
  /** Threads. Default: half the cores, at least 1. */
  readonly workers?: number;
  /** How long a port rests after its session closed. Milliseconds; default 30,000. */
  readonly quarantineMs?: number;
  /**
   * How long after the peer's address is signalled its packets may show that it is another (behind NAT). Milliseconds; 0: never; default
   * 10,000.
   */
  readonly learnMs?: number;
  /** For sessions that name none. Milliseconds; 0: never; default 60,000. */
  readonly rtpTimeoutMs?: number;
  /** Default: threads, except when running from TypeScript sources, as under tests. */
  readonly thread?: boolean;
}

export type EmbeddedSettings = Required<EmbeddedOptions>;

const DEFAULT_PORTS = { min: 16_384, max: 32_767 };
const DEFAULT_QUARANTINE_MS = 30_000;
const DEFAULT_LEARN_MS = 10_000;
const DEFAULT_RTP_TIMEOUT_MS = 60_000;

export function embeddedSettings(options: EmbeddedOptions, cores: number): EmbeddedSettings {
  return {
    ports: options.ports ?? DEFAULT_PORTS,
    workers: Math.max(1, Math.floor(options.workers ?? cores / 2)),
    quarantineMs: options.quarantineMs ?? DEFAULT_QUARANTINE_MS,
    learnMs: options.learnMs ?? DEFAULT_LEARN_MS,
    rtpTimeoutMs: options.rtpTimeoutMs ?? DEFAULT_RTP_TIMEOUT_MS,
    thread: options.thread ?? !import.meta.url.endsWith('.ts'),
  };
}
