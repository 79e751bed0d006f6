import type { SipResponse } from '../../sip/index.js';
import type { Flow } from '../transport/flow.js';
import { ackBytes } from './build.js';
import { ClientMachine } from './client-machine.js';
import type { ClientTransactionState } from './types.js';

/**
 * INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2.
 * `repeat` runs Timer A; `end` runs B, D and M, and the wait for the end of a cancelled one (§9.1).
 */
export class ClientInvite extends ClientMachine {
  state: ClientTransactionState = 'calling';
  private ack: Buffer | undefined;

  receive(response: SipResponse, flow: Flow): void {
    const { status } = response;
    switch (this.state) {
      case 'calling':
      case 'proceeding':
        this.repeat.clear();
        if (status < 200) {
          if (this.state === 'calling') this.end.clear();
          this.state = 'proceeding';
        } else if (status < 300) {
          this.state = 'accepted';
          this.end.set(this.env.timers.timeoutMs);
          this.letGo();
        } else this.complete(response);
        this.owner?.response(response, flow);
        if (status >= 300) this.owner = undefined;
        break;
      case 'accepted':
        // Repeated, or from another fork: the owner tells them apart.
        if (status >= 200 && status < 300) this.owner?.response(response, flow);
        break;
      case 'completed':
        if (status >= 300) this.sendAck(true);
        break;
      default:
    }
  }

  /** A CANCEL has left: without a final response in 64 × T1 the INVITE counts as cancelled (RFC 3261 §9.1). */
  cancelled(): void {
    if (this.state === 'proceeding') this.end.set(this.env.timers.timeoutMs);
  }

  onTimer(name: string): void {
    if (name === 'repeat') {
      this.sendAgain();
      this.gapMs *= 2;
      this.repeat.set(this.gapMs);
      return;
    }
    const waited = this.state === 'calling' || this.state === 'proceeding';
    this.terminate();
    if (waited) this.owner?.timedOut();
  }

  private complete(response: SipResponse): void {
    this.state = 'completed';
    if (this.request !== undefined) this.ack = ackBytes(this.request, response);
    this.letGo();
    this.sendAck(false);
    // Timer D. Over a reliable transport no response is repeated.
    this.end.set(this.reliable ? 0 : this.env.timers.completedMs);
  }

  private sendAck(again: boolean): void {
    if (this.ack === undefined) return;
    this.env.sent(again);
    this.path.send(this.ack);
  }
}
