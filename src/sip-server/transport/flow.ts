/** A socket we listen on, as others see it. */
export interface Listener {
  readonly name: string;
  readonly transport: 'udp' | 'tcp';
  /** The address bound, perhaps a wildcard. */
  readonly address: string;
  /** The port bound (never 0 once started). */
  readonly port: number;
  /** `host:port` for Via and Contact: as advertised, else the address bound, else (wildcard) the machine's first one. */
  readonly sentBy: string;
  /** `sentBy` as seen by that peer: for a wildcard listener the local address nearest to it. */
  sentByFor(remoteAddress: string): string;
  /** `udp/127.0.0.1:5060` */
  readonly url: string;
}

/** One TCP connection. */
export interface Connection {
  /** Unique in this process. */
  readonly id: number;
  /** False once either side has closed it. */
  readonly open: boolean;
  /** Who opened it. */
  readonly direction: 'in' | 'out';
}

/** Where a message came from, and the way back: all that is needed to answer or to reach the same peer again. */
export interface Flow {
  readonly transport: 'udp' | 'tcp';
  readonly listener: Listener;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly connection?: Connection;
}

/** What left, and where to. */
export interface SentInfo {
  /** The exact text. */
  readonly raw: string;
  readonly bytes: number;
  readonly flow: {
    readonly transport: 'udp' | 'tcp';
    readonly address: string;
    readonly port: number;
    /** The socket it left through. */
    readonly listener: Listener;
  };
  /** Milliseconds since the epoch. */
  readonly at: number;
}
