import type { SipRequest, SipResponse } from '../../sip/index.js';
import type { GateRules } from '../gate/rules.js';
import type { Flow, Listener, SentInfo } from '../transport/flow.js';

/** Whoever sits above the transactions: dialogs, proxy, the control protocol. Must not throw. */
export interface TransactionUser {
  /** A new request, outside or inside a dialog. For INVITE no 100 has been sent: call `tx.trying()`, or the layer does after 200 ms. */
  request(tx: ServerTransaction): void;
  /** An ACK that belongs to a 2xx (it matched no failed INVITE). */
  ack(ack: SipRequest, flow: Flow): void;
  /** A CANCEL and the INVITE it means, while that can still be cancelled or has just been answered. `undefined`: answer 481. */
  cancel(cancel: ServerTransaction, invite: ServerTransaction | undefined): void;
  /** A response of no living client transaction, e.g. a 2xx repeated after Timer M (re-ACK it). */
  strayResponse(response: SipResponse, flow: Flow): void;
  /** A source that is not trusted sent `count` times, since it was told of before, what is no SIP message; bans may score it. */
  malformed?(address: string, reason: string, count: number): void;
}

export type ServerTransactionState =
  'trying' | 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated';

/** Why a server transaction is over for its user. `ack-timeout`: nobody acknowledged the 2xx in 64 × T1. */
export type ServerTransactionEnd = 'done' | 'timeout' | 'transport' | 'ack-timeout';

export interface RespondOptions {
  /** A proxy's 2xx: the UAS beyond repeats it, so we do not. */
  readonly relayed?: boolean;
}

export interface ServerTransaction {
  /** Unique in this process. */
  readonly id: string;
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly state: ServerTransactionState;
  /** Sends; a 2xx to INVITE is repeated until `acknowledged()`. Undefined: a final response is out already, nothing was sent. */
  respond(response: SipResponse, options?: RespondOptions): SentInfo | undefined;
  /** Sends 100 Trying, once, if nothing has been sent yet. */
  trying(): void;
  /** The ACK of the 2xx has come: stops repeating it. */
  acknowledged(): void;
  /** Called once. The transaction may live on, unseen, to absorb retransmissions. */
  onTerminated?: ((why: ServerTransactionEnd) => void) | undefined;
  /** The user's own. */
  data?: unknown;
}

export type ClientTransactionState =
  'resolving' | 'calling' | 'trying' | 'proceeding' | 'accepted' | 'completed' | 'terminated';

/** `cancelled`: cancel() came before anything had been sent. */
export type ClientFailure = 'timeout' | 'transport' | 'dns' | 'cancelled';

/** The callbacks of one client transaction. `sent` may come before `send()` returns; the others never do. */
export interface ClientUser {
  /** For each try (a failover sends anew, with another branch). */
  sent?(info: SentInfo, request: SipRequest, tx: ClientTransaction): void;
  /** Every 1xx and the final response; for INVITE also every further 2xx, repeated or from another fork (RFC 6026). */
  response(response: SipResponse, flow: Flow): void;
  /** Instead of a final response, once. */
  failed(why: ClientFailure): void;
}

export interface ClientTransaction {
  /** Unique in this process; stays the same over failover. */
  readonly id: string;
  /** As sent last: with our Via on top. */
  readonly request: SipRequest;
  readonly state: ClientTransactionState;
  /**
   * INVITE only. Sends CANCEL, or waits for a 1xx to do so (RFC 3261 §9.1); no failover after it. The INVITE ends with its final
   * response, or with `failed('timeout')` 64 × T1 after the CANCEL. Returns the CANCEL's transaction; undefined when there is
   * nothing to cancel (a final response has come, cancelled before, or nothing was sent, which ends in `failed('cancelled')`).
   */
  cancel(extraHeaders?: Iterable<readonly [name: string, value: string]>): ClientTransaction | undefined;
  /** Forgets it at once: no callback follows. */
  terminate(): void;
  /** The user's own. */
  data?: unknown;
}

/** Where a request goes. First match: `flow`, `nextHop`, the topmost Route, the Request-URI. */
export interface Destination {
  /** A SIP URI, resolved by RFC 3263. */
  readonly nextHop?: string | undefined;
  /** The very peer (and connection) a message came from. */
  readonly flow?: Flow | undefined;
  /** Name of the listener to send from; default: the first that fits transport, family and interface. */
  readonly listener?: string | undefined;
}

export type SendOutcome = SentInfo | { readonly error: 'transport' | 'dns' };

/** Counters since the start; plain data. */
export interface TransactionStats {
  readonly received: number;
  readonly sent: number;
  readonly malformed: number;
  /** Requests that a server transaction absorbed as repeated. */
  readonly absorbed: number;
  /** Requests and responses we repeated. */
  readonly retransmitted: number;
  /** Requests answered 503 for want of room. */
  readonly overload: number;
  /** Living transactions. */
  readonly server: number;
  readonly client: number;
  readonly connections: number;
  /** Datagrams, messages or connections the gate dropped (or would drop), by reason. */
  readonly gate: Readonly<Record<string, number>>;
}

export interface TransactionLayer {
  /** Binds every listener or none; throws AppError PORT_IN_USE or ADDRESS_UNAVAILABLE. */
  start(): Promise<void>;
  /** Closes the sockets and forgets every transaction without callbacks. */
  stop(): Promise<void>;
  readonly listeners: readonly Listener[];
  /**
   * Adds our Via (new branch, rport), sends, retransmits, and fails over to the next address on transport error, timeout or 503 (RFC 3263
   * §4.3). The request belongs to the layer from here on: clone it before sending it twice. To an IP address it leaves before this returns.
   */
  send(request: SipRequest, to: Destination, user: ClientUser): ClientTransaction;
  /** The ACK of a 2xx and stateless forwards: no transaction, no retransmission. To an IP address `done` is called before this returns. */
  sendDirect(request: SipRequest, to: Destination, done?: (sent: SendOutcome) => void): void;
  /** Answers by its Via (RFC 3261 §18.2.2) without a transaction. */
  sendStatelessResponse(response: SipResponse, flow: Flow): SentInfo;
  /** Throws AppError on a CIDR that is none. */
  setGate(rules: GateRules): void;
  readonly stats: TransactionStats;
}
