import type { Clock } from '../../base/clock.js';
import { randomHex } from '../../base/ids.js';
import {
  parseMessage,
  SipResponse,
  type ParseLimits,
  type ParseOutcome,
  type SipRequest,
  type Via,
} from '../../sip/index.js';
import type { Gate } from '../gate/gate.js';
import { take, type Bucket } from '../gate/source-table.js';
import type { Flow, SentInfo } from '../transport/flow.js';
import type { Transport } from '../transport/transport.js';
import { statelessTag } from './build.js';
import type { ClientMachine } from './client-machine.js';
import { clientKey, isRfc2543Key, MAGIC_COOKIE, mergeKey, serverKey } from './match.js';
import { screenRequest } from './screen-request.js';
import { SentBytes } from './sent-bytes.js';
import { ServerInvite } from './server-invite.js';
import { ServerNonInvite } from './server-non-invite.js';
import type { BaseServerTransaction, ServerEntry, ServerEnvironment } from './server-transaction.js';
import { stampVia } from './stamp-via.js';
import type { TransactionUser } from './types.js';

/** The living transactions. */
export interface TransactionTable {
  readonly servers: Map<string, ServerEntry>;
  /** Requests under way, or answered with a 2xx to INVITE, by `mergeKey`. */
  readonly merged: Map<string, BaseServerTransaction>;
  readonly clients: Map<string, ClientMachine>;
}

export interface IncomingCounters {
  received: number;
  sent: number;
  malformed: number;
  absorbed: number;
  overload: number;
}

export interface IncomingDeps {
  readonly table: TransactionTable;
  readonly env: ServerEnvironment;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly transport: Transport;
  readonly limits: Partial<ParseLimits>;
  readonly supported: ReadonlySet<string>;
  readonly maxTransactions: number;
  /** Server header of answers made here. */
  readonly server: string | undefined;
  readonly counters: IncomingCounters;
  readonly user: TransactionUser;
}

/** What arrives: parsed, matched to its transaction, and passed up when it is new. */
export interface Incoming {
  receive(bytes: Buffer, flow: Flow): void;
  brokenStream(reason: string, flow: Flow): void;
  sendStateless(response: SipResponse, flow: Flow): SentInfo;
}

/** Answers to what is malformed; beyond it silence, so that nobody is made to shout at a forged source. */
const MALFORMED_ANSWERS_PER_S = 100;
const OVERLOAD_RETRY_AFTER_S = 5;

export function createIncoming(deps: IncomingDeps): Incoming {
  return new Receiver(deps);
}

class Receiver implements Incoming {
  private readonly malformedAnswers: Bucket;

  constructor(private readonly deps: IncomingDeps) {
    this.malformedAnswers = {
      tokens: MALFORMED_ANSWERS_PER_S,
      filledAt: deps.clock.monotonic(),
    };
  }

  receive(bytes: Buffer, flow: Flow): void {
    this.deps.counters.received++;
    const outcome = parseMessage(bytes, this.deps.limits, flow.transport === 'udp' ? 'datagram' : 'stream');
    switch (outcome.kind) {
      case 'message':
        if (outcome.message.kind === 'request') this.receiveRequest(outcome.message, flow);
        else this.receiveResponse(outcome.message, flow);
        break;
      case 'keep-alive':
        break;
      case 'malformed':
        this.receiveMalformed(outcome, flow);
        break;
    }
  }

  brokenStream(reason: string, flow: Flow): void {
    this.countMalformed(reason, flow);
  }

  sendStateless(response: SipResponse, flow: Flow): SentInfo {
    return this.sendBy(response.topVia, response, flow);
  }

  /** @param via what the way back is read from: that of a malformed request may be one that no response of ours could have */
  private sendBy(via: Via, response: SipResponse, flow: Flow): SentInfo {
    const bytes = response.toBuffer();
    const path = this.deps.transport.pathForResponse(via, flow);
    this.deps.counters.sent++;
    path?.send(bytes);
    const sentTo = path ?? {
      transport: flow.transport,
      address: flow.remoteAddress,
      port: flow.remotePort,
      listener: flow.listener,
    };
    return new SentBytes(bytes, sentTo, this.deps.clock.now());
  }

  private receiveResponse(response: SipResponse, flow: Flow): void {
    const via = response.topVia;
    const { branch } = via;
    const method = response.cseq.method;
    const machine = branch === undefined ? undefined : this.deps.table.clients.get(clientKey(branch, method));
    if (machine !== undefined) machine.receive(response, flow);
    // RFC 3261 §18.1.2: what we did not ask for is dropped; a 2xx that comes late still needs its ACK.
    else if (branch?.startsWith(MAGIC_COOKIE) === true && this.deps.transport.isOurs(via, flow))
      this.deps.user.strayResponse(response, flow);
  }

  private receiveRequest(request: SipRequest, flow: Flow): void {
    const via = request.topVia;
    const { method } = request;
    const { table, user } = this.deps;
    if (method === 'ACK') {
      const invite = table.servers.get(serverKey(request, via, 'INVITE'));
      if (invite === undefined || !isAckOf(request, invite) || invite.receive(request)) {
        stampVia(request, via, flow);
        user.ack(request, flow);
      }
      return;
    }
    const key = serverKey(request, via, method);
    const known = table.servers.get(key);
    if (known !== undefined && (!isRfc2543Key(key) || known.requestToTag === request.toTag)) {
      this.deps.counters.absorbed++;
      known.receive(request);
      return;
    }
    stampVia(request, via, flow);
    this.deps.transport.noteAlias(via, flow);
    if (this.isFull(flow)) {
      this.refuseForOverload(request, flow);
      return;
    }
    this.begin(key, request, via, flow);
  }

  /** Suspect sources have half of the room at most, so that a flood of theirs shuts out no trunk. */
  private isFull(flow: Flow): boolean {
    const { table, gate, maxTransactions } = this.deps;
    const { size } = table.servers;
    if (2 * size < maxTransactions) return false;
    return size >= maxTransactions || (gate.active && !gate.isTrusted(flow.remoteAddress));
  }

  /** A request nobody has seen yet. */
  private begin(key: string, request: SipRequest, via: Via, flow: Flow): void {
    const { table, env, transport, user } = this.deps;
    const path = transport.pathForResponse(via, flow);
    if (path === undefined) return;
    if (request.method === 'CANCEL') {
      const cancel = new ServerNonInvite(key, request, flow, path, env);
      table.servers.set(key, cancel);
      const meant = table.servers.get(serverKey(request, via, 'INVITE'));
      user.cancel(cancel, meant instanceof ServerInvite ? meant : undefined);
      return;
    }
    const Transaction = request.method === 'INVITE' ? ServerInvite : ServerNonInvite;
    const tx = new Transaction(key, request, flow, path, env);
    const refusal = this.screen(tx);
    table.servers.set(key, tx);
    if (refusal === undefined) passUp(tx, user);
    else {
      if (this.deps.server !== undefined) refusal.headers.add('Server', this.deps.server);
      tx.respond(refusal);
    }
  }

  private screen(tx: BaseServerTransaction): SipResponse | undefined {
    const { request } = tx;
    if (request.toTag === undefined) {
      const { merged } = this.deps.table;
      const mergeWith = mergeKey(request);
      // RFC 3261 §8.2.2.2: the same request over another way, as when a proxy before us forked it. One that has failed is over, so
      // that a client may try us again.
      if (merged.has(mergeWith)) {
        return SipResponse.reply(request, 482, undefined, randomHex(8));
      }
      merged.set(mergeWith, tx);
      tx.mergeKey = mergeWith;
    }
    return screenRequest(request, this.deps.supported, () => randomHex(8));
  }

  private refuseForOverload(request: SipRequest, flow: Flow): void {
    this.deps.counters.overload++;
    if (request.method === 'CANCEL') return;
    const response = SipResponse.reply(request, 503, undefined, statelessTag(request));
    response.headers.add('Retry-After', String(OVERLOAD_RETRY_AFTER_S));
    this.sendStateless(response, flow);
  }

  private receiveMalformed(outcome: Extract<ParseOutcome, { kind: 'malformed' }>, flow: Flow): void {
    this.countMalformed(outcome.reason, flow);
    const { status, partial, reason } = outcome;
    if (status === undefined || partial === undefined || partial.method === 'ACK') return;
    const now = this.deps.clock.monotonic();
    if (!take(this.malformedAnswers, now, MALFORMED_ANSWERS_PER_S, MALFORMED_ANSWERS_PER_S)) return;
    const via = partial.topVia;
    stampVia(partial, via, flow);
    const response = SipResponse.reply(partial, status, undefined, statelessTag(partial));
    if (this.deps.server !== undefined) response.headers.add('Server', this.deps.server);
    response.headers.add('Warning', `399 - "${reason.replace(/[^ !#-[\]-~]/g, ' ')}"`);
    this.sendBy(via, response, flow);
  }

  private countMalformed(reason: string, flow: Flow): void {
    this.deps.counters.malformed++;
    if (this.deps.user.malformed === undefined) return;
    const address = flow.remoteAddress;
    if (this.deps.gate.isTrusted(address)) return;
    const count = this.deps.gate.malformed(address);
    if (count > 0) this.deps.user.malformed(address, reason, count);
  }
}

/** A fault of the user must not leave the peer waiting, nor the transaction in the table for ever. */
function passUp(tx: BaseServerTransaction, user: TransactionUser): void {
  try {
    user.request(tx);
  } catch (error) {
    tx.respond(SipResponse.reply(tx.request, 500, undefined, randomHex(8)));
    throw error;
  }
}

function isAckOf(ack: SipRequest, invite: ServerEntry): boolean {
  // RFC 3261 §17.2.3: without a branch the To tag must be that of our response.
  return !isRfc2543Key(invite.key) || invite.toTag === ack.toTag;
}
