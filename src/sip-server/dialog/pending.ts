import type { ControlConnection } from '../control/connection.js';
import type { SipCommand } from '../control/commands.js';
import type { SentInfo } from '../transport/flow.js';
import type { ServerTransaction } from '../transaction/types.js';
import type { Dialog, Leg } from './dialog.js';
import type { ReliableProvisional } from './reliable.js';

/** A request received and handed to an application, until it is answered. */
export interface PendingRequest {
  /** What the application answers with. */
  readonly txnId: string;
  readonly tx: ServerTransaction;
  readonly app: ControlConnection;
  readonly kind: 'invite' | 'reinvite' | 'bye' | 'request';
  /** Monotonic milliseconds. */
  readonly since: number;
  /** Our tag on To; fixed by the first answer that carries one. */
  localTag: string;
  /** Set once there is one: for a new INVITE or SUBSCRIBE the first answer with a To tag makes it. */
  dialog: Dialog | undefined;
  leg: Leg | undefined;
  state: 'unanswered' | 'provisional' | 'final';
  /** The final response of an INVITE as sent, to echo it again. */
  final: { readonly sent: SentInfo; readonly raw: string } | undefined;
  /** A reliable provisional response that waits for its PRACK. */
  reliable: ReliableProvisional | undefined;
  /** RSeq used last (RFC 3262 §3). */
  rseq: number | undefined;
  /** RSeqs acknowledged or given up for a final answer: a late PRACK of one is still right. */
  rseqs: number[] | undefined;
  /** Answers that must wait for a PRACK. */
  waiting: { readonly app: ControlConnection; readonly command: SipCommand }[] | undefined;
  /** An UPDATE inside the early dialog, answered under the same transaction id. */
  earlyUpdate: ServerTransaction | undefined;
}

/** All requests the applications owe an answer, oldest first, by transaction id. */
export type PendingRequests = Map<string, PendingRequest>;

export function pendingRequest(
  given: Pick<PendingRequest, 'txnId' | 'tx' | 'app' | 'kind' | 'since' | 'localTag'> & {
    dialog?: Dialog | undefined;
    leg?: Leg | undefined;
  },
): PendingRequest {
  return {
    txnId: given.txnId,
    tx: given.tx,
    app: given.app,
    kind: given.kind,
    since: given.since,
    localTag: given.localTag,
    dialog: given.dialog,
    leg: given.leg,
    state: 'unanswered',
    final: undefined,
    reliable: undefined,
    rseq: undefined,
    rseqs: undefined,
    waiting: undefined,
    earlyUpdate: undefined,
  };
}
