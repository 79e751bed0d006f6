import type { SipResponse } from '../../sip/index.js';
import type { Flow } from '../transport/flow.js';
import { ClientMachine } from './client-machine.js';
import type { ClientTransactionState } from './types.js';

/** Non-INVITE client transaction: RFC 3261 §17.1.2. `repeat` runs Timer E; `end` runs F and K. */
export class ClientNonInvite extends ClientMachine {
  state: ClientTransactionState = 'trying';

  receive(response: SipResponse, flow: Flow): void {
    if (this.state !== 'trying' && this.state !== 'proceeding') return;
    if (response.status < 200) this.state = 'proceeding';
    else {
      this.state = 'completed';
      this.repeat.clear();
      this.letGo();
      this.end.set(this.reliable ? 0 : this.env.timers.t4Ms);
    }
    this.owner?.response(response, flow);
    if (response.status >= 200) this.owner = undefined;
  }

  onTimer(name: string): void {
    if (name === 'repeat') {
      this.sendAgain();
      const { t2Ms } = this.env.timers;
      this.gapMs = this.state === 'proceeding' ? t2Ms : Math.min(2 * this.gapMs, t2Ms);
      this.repeat.set(this.gapMs);
      return;
    }
    const waited = this.state !== 'completed';
    this.terminate();
    if (waited) this.owner?.timedOut();
  }
}
