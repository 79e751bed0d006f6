import type { Clock } from '../../base/clock.js';
import { randomHex } from '../../base/ids.js';
import type { SipRequest, SipResponse } from '../../sip/index.js';
import type { Flow } from '../transport/flow.js';
import type { Path } from '../transport/path.js';
import { cancelRequest } from './build.js';
import { ClientCancel } from './client-cancel.js';
import { ClientInvite } from './client-invite.js';
import type { ClientEnvironment, ClientMachine, ClientOwner } from './client-machine.js';
import { ClientNonInvite } from './client-non-invite.js';
import { clientKey, MAGIC_COOKIE } from './match.js';
import { SentBytes } from './sent-bytes.js';
import type { ClientFailure, ClientTransaction, ClientTransactionState, ClientUser } from './types.js';

/** Where a request may go, best first: a path that is given, or addresses of which each becomes one when its turn comes. */
export interface Route {
  /** The path to the next one, or undefined when none is left. `bytes`: what the request takes, its Via included. */
  next(sizeOf: (path: Path) => number): Path | undefined;
  /** Whether another try is possible. */
  readonly more: boolean;
}

export type Located = { readonly route: Route } | { readonly failure: ClientFailure };

export interface ClientTransactionDeps {
  readonly env: ClientEnvironment;
  readonly clock: Clock;
}

let lastId = 0;

/** A request and its tries: a new state machine with a new branch for each address, until one answers (RFC 3263 §4.3). */
export class OutgoingRequest implements ClientTransaction, ClientOwner {
  readonly id = `c${(++lastId).toString(36)}`;
  data: unknown;
  private machine: ClientMachine | undefined;
  private route: Route | undefined;
  private branch = '';
  private cancelling: ClientCancel | undefined;
  /** A 1xx beyond 100 went up: the call is taking shape there, so a 503 is no reason to begin anew elsewhere. */
  private underWay = false;
  private over = false;
  private silent = false;

  constructor(
    readonly request: SipRequest,
    private readonly user: ClientUser,
    private readonly deps: ClientTransactionDeps,
  ) {}

  get state(): ClientTransactionState {
    return this.machine?.state ?? (this.over ? 'terminated' : 'resolving');
  }

  /** DNS (or an IP literal) has told where to. */
  located(where: Located): void {
    if (this.over) return;
    if ('failure' in where) this.fail(where.failure);
    else {
      this.route = where.route;
      this.tryNext('transport');
    }
  }

  response(response: SipResponse, flow: Flow): void {
    const { status } = response;
    if (status === 503 && !this.underWay && this.cancelling === undefined && this.route?.more === true) {
      // The machine that got it lives on to acknowledge its repetitions.
      this.tryNext('transport');
      return;
    }
    if (status < 200) {
      if (status > 100) this.underWay = true;
      this.sendCancel();
    } else {
      this.over = true;
      this.cancelling?.obsolete();
    }
    this.user.response(response, flow);
  }

  timedOut(): void {
    this.afterFailure('timeout');
  }

  transportFailed(): void {
    this.afterFailure('transport');
  }

  cancel(extraHeaders: Iterable<readonly [string, string]> = []): ClientTransaction | undefined {
    if (this.over || this.cancelling !== undefined || this.request.method !== 'INVITE') return undefined;
    if (this.machine === undefined) {
      this.fail('cancelled');
      return undefined;
    }
    this.cancelling = new ClientCancel(cancelRequest(this.request, extraHeaders));
    if (this.machine.state === 'proceeding') this.sendCancel();
    return this.cancelling;
  }

  terminate(): void {
    this.over = true;
    this.silent = true;
    this.cancelling?.obsolete();
    this.machine?.terminate();
  }

  private sendCancel(): void {
    const { machine, cancelling } = this;
    if (cancelling === undefined || cancelling.sent || !(machine instanceof ClientInvite)) return;
    cancelling.send(clientKey(this.branch, 'CANCEL'), machine.path, this.deps.env);
    machine.cancelled();
  }

  private afterFailure(why: 'timeout' | 'transport'): void {
    if (this.over) return;
    if (this.cancelling === undefined && !this.underWay && this.route?.more === true) this.tryNext(why);
    else this.fail(why);
  }

  /** @param otherwise what it comes to when no address is left */
  private tryNext(otherwise: ClientFailure): void {
    const { request, deps } = this;
    const path = this.route?.next((candidate) => this.stamp(candidate).length);
    if (path === undefined) {
      this.fail(otherwise);
      return;
    }
    const bytes = this.stamp(path);
    const key = clientKey(this.branch, request.method);
    const Machine = request.method === 'INVITE' ? ClientInvite : ClientNonInvite;
    this.machine = new Machine(key, request, bytes, path, this, deps.env);
    this.machine.start();
    this.user.sent?.(new SentBytes(bytes, path, deps.clock.now()), request, this);
  }

  /** Puts our Via on top, in place of one of an earlier try, and gives the message. */
  private stamp(path: Path): Buffer {
    const { headers } = this.request;
    if (this.branch !== '') headers.deleteFirst('Via');
    this.branch = newBranch();
    headers.prepend('Via', viaFor(path, this.branch));
    return this.request.toBuffer();
  }

  private fail(why: ClientFailure): void {
    this.over = true;
    this.cancelling?.obsolete();
    // Never before `send` has returned.
    queueMicrotask(() => {
      if (!this.silent) this.user.failed(why);
    });
  }
}

export function newBranch(): string {
  return MAGIC_COOKIE + randomHex(10);
}

export function viaFor(path: Path, branch: string): string {
  const sentBy = path.listener.sentByFor(path.address);
  return path.transport === 'udp'
    ? `SIP/2.0/UDP ${sentBy};branch=${branch};rport`
    : `SIP/2.0/TCP ${sentBy};branch=${branch}`;
}
