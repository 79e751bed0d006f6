import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/logger.js';
import type { SipRequest, SipResponse } from '../../sip/index.js';
import type { TimerSettings } from '../options.js';
import type { Flow, SentInfo } from '../transport/flow.js';
import type { Path } from '../transport/path.js';
import type { TimerOwner, TimerWheel, WheelTimer } from '../transport/timer-wheel.js';
import { tryingBytes } from './build.js';
import { SentBytes } from './sent-bytes.js';
import type {
  RespondOptions,
  ServerTransaction,
  ServerTransactionEnd,
  ServerTransactionState,
} from './types.js';

/** What the table of server transactions holds. */
export interface ServerEntry {
  readonly key: string;
  /** The To tag of the request, and of the last response: a client of RFC 2543 is matched by them. */
  readonly requestToTag: string | undefined;
  readonly toTag: string | undefined;
  /** The same request once more, or (INVITE) its ACK. True: it must be passed up (the ACK of a 2xx). */
  receive(request: SipRequest): boolean;
  /** Forgets it without a callback. */
  discard(): void;
}

/** What a server transaction needs around it. */
export interface ServerEnvironment {
  readonly timers: TimerSettings;
  readonly wheel: TimerWheel;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A message left; `again`: it is a repetition. */
  sent(again: boolean): void;
  /** A 2xx to a request that lets its source in (INVITE, REGISTER). */
  accepted(tx: BaseServerTransaction): void;
  /** The entry leaves the table. */
  ended(entry: ServerEntry): void;
  /** The request is answered for good: another copy of it is no longer a merged one. */
  answered(tx: BaseServerTransaction): void;
  /** The entry takes the place of the one with the same key. */
  replaced(entry: ServerEntry): void;
}

let lastId = 0;

/** What INVITE and other server transactions share: the way back, the last response, and the end. */
export abstract class BaseServerTransaction implements ServerTransaction, ServerEntry, TimerOwner {
  readonly id = `s${(++lastId).toString(36)}`;
  abstract state: ServerTransactionState;
  onTerminated: ((why: ServerTransactionEnd) => void) | undefined;
  data: unknown;
  toTag: string | undefined;
  /** Key for requests that were merged, while this one counts as under way. */
  mergeKey: string | undefined;
  protected last: Buffer | undefined;
  protected readonly repeat: WheelTimer;
  protected readonly end: WheelTimer;
  private told = false;

  constructor(
    /** As in the table. */
    readonly key: string,
    readonly request: SipRequest,
    readonly flow: Flow,
    protected readonly path: Path,
    protected readonly env: ServerEnvironment,
  ) {
    this.repeat = env.wheel.timer(this, 'repeat');
    this.end = env.wheel.timer(this, 'end');
  }

  abstract receive(request: SipRequest): boolean;
  abstract respond(response: SipResponse, options?: RespondOptions): SentInfo | undefined;
  abstract onTimer(name: string): void;

  get requestToTag(): string | undefined {
    return this.request.toTag;
  }

  acknowledged(): void {
    // Only a 2xx to INVITE waits for it.
  }

  trying(): void {
    if (this.last !== undefined || (this.state !== 'trying' && this.state !== 'proceeding')) return;
    this.state = 'proceeding';
    this.transmit(tryingBytes(this.request));
  }

  discard(): void {
    this.told = true;
    this.terminate('done');
  }

  protected get reliable(): boolean {
    return this.path.transport === 'tcp';
  }

  /** Sends a response of the user; a final one that cannot be delivered ends the transaction for the user, not for the peer (RFC 6026 §8.5). */
  protected send(response: SipResponse): SentInfo {
    const bytes = response.toBuffer();
    const final = response.status >= 200;
    this.toTag = response.toTag;
    this.transmit(bytes, final ? () => this.tell('transport') : undefined);
    return new SentBytes(bytes, this.path, this.env.clock.now());
  }

  protected sendAgain(): void {
    if (this.last === undefined) return;
    this.env.sent(true);
    this.path.send(this.last);
  }

  /** The end as the user sees it; once. */
  protected tell(why: ServerTransactionEnd): void {
    if (this.told) return;
    this.told = true;
    this.onTerminated?.(why);
  }

  protected terminate(why: ServerTransactionEnd): void {
    if (this.state === 'terminated') return;
    this.state = 'terminated';
    this.repeat.clear();
    this.end.clear();
    this.last = undefined;
    this.env.ended(this);
    this.tell(why);
  }

  private transmit(bytes: Buffer, failed?: () => void): void {
    this.last = bytes;
    this.env.sent(false);
    this.path.send(bytes, failed);
  }
}
