import type { SipRequest } from '../../sip/index.js';
import type { Path } from '../transport/path.js';
import type { ClientEnvironment, ClientOwner } from './client-machine.js';
import { ClientNonInvite } from './client-non-invite.js';
import type { ClientTransaction, ClientTransactionState } from './types.js';

let lastId = 0;

/**
 * A CANCEL, which waits for the first 1xx of its INVITE and then goes the same way (RFC 3261 §9.1). Its own outcome tells nobody
 * anything: what counts is the final response to the INVITE.
 */
export class ClientCancel implements ClientTransaction, ClientOwner {
  readonly id = `x${(++lastId).toString(36)}`;
  data: unknown;
  private machine: ClientNonInvite | undefined;
  private over = false;

  constructor(readonly request: SipRequest) {}

  get sent(): boolean {
    return this.machine !== undefined;
  }

  get state(): ClientTransactionState {
    return this.machine?.state ?? (this.over ? 'terminated' : 'resolving');
  }

  send(key: string, path: Path, env: ClientEnvironment): void {
    if (this.over) return;
    this.machine = new ClientNonInvite(key, this.request, this.request.toBuffer(), path, this, env);
    this.machine.start();
  }

  /** The INVITE is over: one that has not left will not leave; one that has runs to its end. */
  obsolete(): void {
    if (this.machine === undefined) this.over = true;
  }

  cancel(): undefined {
    return undefined;
  }

  terminate(): void {
    this.over = true;
    this.machine?.terminate();
  }

  response(): void {
    // See above.
  }

  timedOut(): void {
    // See above.
  }

  transportFailed(): void {
    // See above.
  }
}
