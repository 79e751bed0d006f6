import type { SipRequest, SipResponse } from '../../sip/index.js';
import type { Flow, SentInfo } from '../transport/flow.js';
import type { Path } from '../transport/path.js';
import { Absorber } from './absorber.js';
import { BaseServerTransaction, type ServerEnvironment } from './server-transaction.js';
import type { ServerTransactionState } from './types.js';

/**
 * Non-INVITE server transaction: RFC 3261 §17.2.2.
 * `repeat` runs the 100 of RFC 4320 §4.2; `end` bounds the wait for an answer. Once
 * answered, an absorber takes its place for Timer J, and for the user it is over.
 */
export class ServerNonInvite extends BaseServerTransaction {
  state: ServerTransactionState = 'trying';

  constructor(key: string, request: SipRequest, flow: Flow, path: Path, env: ServerEnvironment) {
    super(key, request, flow, path, env);
    const { t1Ms, t2Ms, timeoutMs } = env.timers;
    // By then the client's Timer E has grown to T2, so that a 100 spares repetitions and causes none.
    this.repeat.set(Math.max(t1Ms, t2Ms - t1Ms));
    this.end.set(timeoutMs);
  }

  receive(): boolean {
    if (this.state === 'proceeding') this.sendAgain();
    return false;
  }

  respond(response: SipResponse): SentInfo | undefined {
    if (this.state !== 'trying' && this.state !== 'proceeding') return undefined;
    this.repeat.clear();
    const info = this.send(response);
    if (response.status < 200) {
      this.state = 'proceeding';
      return info;
    }
    this.state = 'completed';
    this.end.clear();
    if (response.status < 300 && this.request.method === 'REGISTER') this.env.accepted(this);
    this.env.answered(this);
    const { key, requestToTag, toTag, last, path, env } = this;
    // Timer J is zero over a reliable transport.
    if (this.reliable || last === undefined) env.ended(this);
    else env.replaced(new Absorber(key, requestToTag, toTag, last, path, env));
    this.last = undefined;
    queueMicrotask(() => this.tell('done'));
    return info;
  }

  onTimer(name: string): void {
    if (name === 'repeat') this.trying();
    else this.terminate('timeout');
  }
}
