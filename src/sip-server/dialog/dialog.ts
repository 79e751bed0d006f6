import type { Timer } from '../../base/clock.js';
import type { AppMessage } from '../control/app-message.js';
import type { ControlConnection } from '../control/connection.js';
import type { SipCommand } from '../control/commands.js';
import type { ClientTransaction } from '../transaction/types.js';
import type { Flow, Listener } from '../transport/flow.js';
import type { PendingRequest } from './pending.js';
import type { ClientCall } from './client-call.js';
import type { SessionTimerState } from './session-timer.js';

/** Forks of one request that are kept apart. */
export const MAX_FORKS = 32;

/** The id applications know a dialog by: of the Call-ID and the From tag of the request that made it, for UAS and UAC alike. */
export function dialogId(callId: string, creatorTag: string): string {
  return `${callId};from-tag=${creatorTag}`;
}

/** An INVITE of theirs that we have answered with a 2xx, until its ACK comes. */
export interface AwaitedAck {
  readonly cseq: number;
  readonly pending: PendingRequest;
}

/** What is needed to send the ACK of a 2xx once more (RFC 3261 §13.2.2.4). */
export interface SentAck {
  readonly cseq: number;
  /** What the application put into it, if anything. */
  readonly message: AppMessage | undefined;
}

/** One dialog of RFC 3261 §12: the two tags. A UAC has one for each fork that answered. */
export class Leg {
  state: 'early' | 'confirmed' | 'ended' = 'early';
  /** CSeq of the last request of ours. */
  localSeq: number;
  /** CSeq of the last request of theirs; -1: none yet. */
  remoteSeq = -1;
  remoteTarget: string;
  routeSet: readonly string[];
  /** Where the peer was last seen. */
  flow: Flow | undefined;
  /** The peer sits behind a NAT that rewrites its address: its Contact leads nowhere. */
  behindNat = false;

  awaitedAck: AwaitedAck | undefined;
  /** CSeq of an INVITE of ours whose 2xx the application has not acknowledged yet. */
  ackDue: number | undefined;
  sentAck: SentAck | undefined;
  /** An INVITE or UPDATE of ours without a final answer yet. */
  offerOut: ClientCall | undefined;
  /** An INVITE of theirs inside the dialog that the application has not answered yet. */
  inviteIn: PendingRequest | undefined;
  /** An UPDATE of theirs that the application has not answered yet. */
  updateIn: PendingRequest | undefined;
  /** A BYE the application sent before the ACK of our 2xx had come (RFC 3261 §15). */
  heldBye: { readonly app: ControlConnection; readonly command: SipCommand } | undefined;
  /** Requests of the application that wait for an INVITE of the server's own. */
  queue: { readonly app: ControlConnection; readonly command: SipCommand }[] | undefined;
  /** Sends the first of `queue`. */
  drainQueue: (() => void) | undefined;
  /** RSeq of the last reliable provisional response received (RFC 3262 §4). */
  lastRSeq: number | undefined;
  /** The dialog is to be ended by a BYE of the server as soon as its 2xx has been acknowledged, for this reason. */
  endAfterAck: { readonly text: string; readonly timer: Timer } | undefined;

  /** They sent BYE before their 2xx reached us. */
  endedByPeer = false;

  constructor(
    readonly remoteTag: string,
    /** To (or, for a UAS, From) as it stands in messages, with its tag. */
    readonly remoteParty: string,
    target: string,
    routeSet: readonly string[],
    localSeq: number,
  ) {
    this.remoteTarget = target;
    this.routeSet = routeSet;
    this.localSeq = localSeq;
  }
}

/** What an application addresses by one dialog id: one leg, or the forks of an INVITE of ours. */
export class Dialog {
  readonly legs: Leg[] = [];
  confirmed: Leg | undefined;
  ended = false;
  /** Requests of theirs that the application has not answered yet. */
  readonly pending: PendingRequest[] = [];
  /** A subscription's end, monotonic milliseconds (RFC 6665 §4.1.2). */
  expiresAt: number | undefined;
  sessionTimer: SessionTimerState | undefined;
  /** Authorization and Proxy-Authorization of the INVITE: its ACK repeats them. */
  credentials: readonly (readonly [string, string])[] | undefined;
  /** Our INVITE or SUBSCRIBE that made it. */
  opening: ClientTransaction | undefined;
  /** More than one fork was heard of. */
  forked = false;
  /** CSeq of the request of ours that made it; 0 for a UAS. */
  firstSeq = 0;
  /** Contact value we give in this dialog. */
  localContact: string | undefined;
  /** Unacknowledged reliable provisional responses received, in the order of delivery. */
  unpracked: { readonly leg: Leg; readonly rseq: number; readonly cseq: number }[] | undefined;

  constructor(
    readonly id: string,
    readonly role: 'uas' | 'uac',
    readonly kind: 'INVITE' | 'SUBSCRIBE',
    readonly callId: string,
    readonly localTag: string,
    /** Our From (UAC) or To (UAS) with its tag. */
    readonly localParty: string,
    readonly listener: Listener,
    public owner: ControlConnection,
  ) {}

  /** The application owes that request no answer any more. */
  drop(pending: PendingRequest): void {
    const index = this.pending.indexOf(pending);
    if (index !== -1) this.pending.splice(index, 1);
  }

  leg(remoteTag: string): Leg | undefined {
    for (const leg of this.legs) if (leg.remoteTag === remoteTag) return leg;
    return undefined;
  }

  /** The leg a request of the application goes to. */
  get current(): Leg | undefined {
    return this.confirmed ?? this.legs.at(-1);
  }
}
