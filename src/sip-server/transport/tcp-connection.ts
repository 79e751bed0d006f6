import type { Socket } from 'node:net';
import { createStreamFramer, type ParseLimits, type StreamFramer } from '../../sip/index.js';
import type { Connection, Flow, Listener } from './flow.js';
import type { TimerOwner, TimerWheel, WheelTimer } from './timer-wheel.js';

export interface TcpConnectionDeps {
  readonly wheel: TimerWheel;
  readonly limits: Partial<ParseLimits>;
  readonly idleMs: number;
  readonly slowMessageMs: number;
  readonly connectTimeoutMs: number;
  readonly maxQueuedBytes: number;
  /** One framed message. */
  message(bytes: Buffer, connection: TcpConnection): void;
  /** The framing is lost; the connection closes after this. */
  malformed(reason: string, connection: TcpConnection): void;
  /** Once, whoever closed it. */
  closed(connection: TcpConnection): void;
}

const PONG = Buffer.from('\r\n');
const CR = 13;
const LF = 10;

const KEEP_ALIVE_MS = 60_000;

let lastId = 0;

/**
 * One TCP connection, inbound or outbound: framing, keep-alive (RFC 5626 §4.4.1), and the limits on silence, slowness and on
 * what waits for a slow reader.
 */
export class TcpConnection implements Connection, TimerOwner {
  readonly id = ++lastId;
  /** The way back to this peer, one object for all its messages. */
  readonly flow: Flow;
  /** The port this peer takes requests for over this connection besides its own (RFC 5923). */
  aliasPort: number | undefined;
  /** `finishing`: what has been written may still leave. */
  private state: 'open' | 'finishing' | 'closed' = 'open';
  private readonly framer: StreamFramer;
  /** Nothing moved for too long, or no connection came about. */
  private readonly silence: WheelTimer;
  /** A message that does not get whole, or a first one that does not come. */
  private readonly slowness: WheelTimer;
  /** Told when what they wrote cannot be delivered any more. */
  private readonly waiting = new Set<() => void>();
  private connected: boolean;

  constructor(
    private readonly socket: Socket,
    readonly listener: Listener,
    readonly direction: 'in' | 'out',
    readonly remoteAddress: string,
    readonly remotePort: number,
    private readonly deps: TcpConnectionDeps,
  ) {
    this.flow = { transport: 'tcp', listener, remoteAddress, remotePort, connection: this };
    this.connected = direction === 'in';
    this.framer = createStreamFramer(deps.limits);
    this.silence = deps.wheel.timer(this, 'silence');
    this.slowness = deps.wheel.timer(this, 'slowness');
    this.silence.set(this.connected ? deps.idleMs : deps.connectTimeoutMs);
    if (direction === 'in') this.slowness.set(deps.slowMessageMs);
    socket.setNoDelay(true);
    // A peer that vanished without a word is found out before a call needs the connection.
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('connect', () => {
      this.connected = true;
      this.silence.set(deps.idleMs);
    });
    socket.on('data', (chunk) => this.read(chunk));
    // 'close' follows an error and does the work.
    socket.on('error', () => undefined);
    socket.on('end', () => this.finish());
    socket.on('close', () => this.close());
  }

  /** Usable for sending: connecting counts. */
  get open(): boolean {
    return this.state === 'open';
  }

  /** `failed` is called, later, when the bytes cannot have reached the peer. */
  send(bytes: Buffer, failed?: () => void): void {
    if (this.open && this.socket.writableLength + bytes.length > this.deps.maxQueuedBytes) this.close();
    if (!this.open) {
      if (failed !== undefined) queueMicrotask(failed);
      return;
    }
    if (this.connected) this.silence.set(this.deps.idleMs);
    if (failed === undefined) {
      this.socket.write(bytes);
      return;
    }
    this.waiting.add(failed);
    this.socket.write(bytes, (error) => {
      if (this.waiting.delete(failed) && error) failed();
    });
  }

  /** Closes at once; idempotent. Writers still waiting are told. */
  close(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.silence.clear();
    this.slowness.clear();
    this.socket.destroy();
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const failed of waiting) queueMicrotask(failed);
    this.deps.closed(this);
  }

  /** Lets what has been written leave, then closes. */
  finish(): void {
    if (this.state !== 'open') return;
    this.state = 'finishing';
    this.slowness.set(this.deps.slowMessageMs);
    this.socket.destroySoon();
  }

  onTimer(): void {
    this.close();
  }

  private read(chunk: Buffer): void {
    this.silence.set(this.deps.idleMs);
    let whole = false;
    for (const frame of this.framer.push(chunk)) {
      if (!this.open) return;
      if (!Buffer.isBuffer(frame)) {
        this.deps.malformed(frame.malformed, this);
        this.finish();
        return;
      }
      whole = true;
      if (isPing(frame)) this.send(PONG);
      else this.deps.message(frame, this);
    }
    if (!this.open) return;
    // A new deadline for each message, not for each byte: trickling a message in keeps no connection alive.
    if (this.framer.pending === 0) this.slowness.clear();
    else if (whole || !this.slowness.armed) this.slowness.set(this.deps.slowMessageMs);
  }
}

function isPing(frame: Buffer): boolean {
  return frame.length === 4 && frame[0] === CR && frame[1] === LF && frame[2] === CR && frame[3] === LF;
}
