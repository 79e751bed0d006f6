import type { SipRequest, SipResponse } from '../../sip/index.js';
import type { Flow, SentInfo } from '../transport/flow.js';
import type { Path } from '../transport/path.js';
import { BaseServerTransaction, type ServerEnvironment } from './server-transaction.js';
import type { RespondOptions, ServerTransactionState } from './types.js';

/**
 * INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1.
 * `repeat` runs the automatic 100, then Timer G or the repetition of a 2xx (RFC 3261 §13.3.1.4); `end` runs H, I and L.
 */
export class ServerInvite extends BaseServerTransaction {
  state: ServerTransactionState = 'proceeding';
  private gapMs = 0;
  /** Whose 2xx went out: ours waits for its ACK; a relayed one is repeated by the UAS beyond. */
  private waitingForAck = false;

  constructor(key: string, request: SipRequest, flow: Flow, path: Path, env: ServerEnvironment) {
    super(key, request, flow, path, env);
    this.repeat.set(env.timers.tryingMs);
  }

  receive(request: SipRequest): boolean {
    if (request.method === 'ACK') return this.receiveAck();
    switch (this.state) {
      case 'proceeding':
        if (this.last === undefined) this.trying();
        else this.sendAgain();
        break;
      case 'completed':
        this.sendAgain();
        break;
      default:
      // Accepted: the 2xx is repeated by its own timer. Confirmed: nothing is owed any more.
    }
    return false;
  }

  respond(response: SipResponse, options?: RespondOptions): SentInfo | undefined {
    const { status } = response;
    if (this.state === 'accepted' && options?.relayed === true && status >= 200 && status < 300) {
      // A proxy passes every 2xx of a fork on (RFC 6026 §7.1).
      return this.send(response);
    }
    if (this.state !== 'proceeding') return undefined;
    const info = this.send(response);
    this.repeat.clear();
    if (status < 200) return info;
    const { t1Ms, timeoutMs } = this.env.timers;
    this.gapMs = t1Ms;
    this.end.set(timeoutMs);
    if (status < 300) {
      this.state = 'accepted';
      this.waitingForAck = options?.relayed !== true;
      if (this.waitingForAck) this.repeat.set(t1Ms);
      this.env.accepted(this);
    } else {
      this.state = 'completed';
      this.env.answered(this);
      if (!this.reliable) this.repeat.set(t1Ms);
    }
    return info;
  }

  override acknowledged(): void {
    if (this.state !== 'accepted') return;
    this.waitingForAck = false;
    this.repeat.clear();
    this.last = undefined;
  }

  onTimer(name: string): void {
    switch (this.state) {
      case 'proceeding':
        this.trying();
        break;
      case 'accepted':
        if (name === 'repeat') this.repeatLater();
        else this.terminate(this.waitingForAck ? 'ack-timeout' : 'done');
        break;
      case 'completed':
        if (name === 'repeat') this.repeatLater();
        else this.terminate('timeout');
        break;
      default:
        this.terminate('done');
    }
  }

  private receiveAck(): boolean {
    switch (this.state) {
      case 'completed':
        this.state = 'confirmed';
        this.repeat.clear();
        // Timer I: absorb further ACKs; over a reliable transport there are none.
        if (this.reliable) this.terminate('done');
        else this.end.set(this.env.timers.t4Ms);
        return false;
      case 'accepted':
        return true;
      default:
        return false;
    }
  }

  private repeatLater(): void {
    this.sendAgain();
    this.gapMs = Math.min(2 * this.gapMs, this.env.timers.t2Ms);
    this.repeat.set(this.gapMs);
  }
}
