import type { EndCause } from '../model/index.js';
import type {
  Ack,
  Change,
  ChangeOutcome,
  Dialog,
  DialogEvents,
  IncomingRequest,
  RequestOutcome,
  Sdp,
} from '../signalling/index.js';
import { causeOfLeg } from './cause.js';
import { refusalOfChange } from './early-session.js';
import { answerByOurselves } from './in-dialog-requests.js';
import { offerBetween, type LegSession } from './leg-session.js';
import { relayInfo } from './relay-info.js';

/** A confirmed leg as the bridge uses it; `Dialog` and `CallerLeg` are such. */
export interface BridgedLeg {
  readonly session: LegSession;
  /** `offer` goes out as it is. */
  change(c: { offer?: Sdp }): Promise<ChangeOutcome>;
  request(
    r: Parameters<Dialog['request']>[0] & { method: 'INFO' | 'OPTIONS' | 'NOTIFY' },
  ): Promise<RequestOutcome>;
}

export interface BridgeListener {
  /** A leg is gone, whatever the reason; comes at most once a leg. */
  legEnded(party: 'caller' | 'callee', cause: EndCause): void;
  /** What the caller's session description is now, for a later partner. */
  callerSdp(sdp: Sdp): void;
  /** A key one of them pressed, where the media runs through us. */
  digit?(party: 'caller' | 'callee', key: string): void;
  /** A REFER; without it nobody is transferred. */
  refer?(party: 'caller' | 'callee', incoming: IncomingRequest): void;
}

/** What joins two answered legs: what either of them says goes here. */
export interface LegBridge {
  readonly callerEvents: DialogEvents;
  readonly calleeEvents: DialogEvents;
  /** The caller answered the callee's offer early, with a PRACK. */
  answerEarly(answer: Sdp | undefined): void;
  /** Lets go of both. */
  close(): void;
}

/**
 * Relays what two confirmed dialogs say to each other: changes of the session (hold, codec, offerless re-INVITE) and INFO.
 * A change that meets another one gets 491 (RFC 3261 §14.2). Of one side only its SDP passes, as the other leg's session has it.
 */
export class Bridge implements LegBridge {
  #changing = false;
  #over = false;
  /** The callee's ACK of an offerless INVITE, until the caller's answer is there. */
  #answerOwed: Ack | undefined;

  constructor(
    private readonly caller: BridgedLeg,
    private readonly callee: BridgedLeg,
    private readonly listener: BridgeListener,
    answerOwed: Ack | undefined,
  ) {
    this.#answerOwed = answerOwed;
  }

  /** Stops relaying; an ACK that is owed goes out without an answer. */
  close(): void {
    this.#over = true;
    this.#payAnswer(undefined);
  }

  readonly callerEvents: DialogEvents = {
    acknowledged: (answer) => {
      if (answer !== undefined) this.listener.callerSdp(answer);
      this.#payAnswer(answer);
    },
    change: (change) => this.#relayChange(change, 'caller'),
    request: (request) => this.#relayRequest(request, this.callee),
    ended: (cause) => this.listener.legEnded('caller', causeOfLeg(cause, 'caller')),
  };

  readonly calleeEvents: DialogEvents = {
    acknowledged: () => undefined,
    change: (change) => this.#relayChange(change, 'callee'),
    request: (request) => this.#relayRequest(request, this.caller),
    ended: (cause) => this.listener.legEnded('callee', causeOfLeg(cause, 'callee')),
  };

  /** The caller answered the callee's offer early, with a PRACK. */
  answerEarly(answer: Sdp | undefined): void {
    this.#payAnswer(answer);
  }

  #payAnswer(answer: Sdp | undefined): void {
    const owed = this.#answerOwed;
    this.#answerOwed = undefined;
    owed?.(answer);
  }

  #relayChange(change: Change, from: 'caller' | 'callee'): void {
    if (this.#over) {
      change.reject(500);
      return;
    }
    if (this.#changing || this.#answerOwed !== undefined) {
      change.reject(491);
      return;
    }
    this.#changing = true;
    void this.#carryChange(change, from)
      .catch(() => change.reject(500))
      .finally(() => {
        this.#changing = false;
      });
  }

  async #carryChange(change: Change, from: 'caller' | 'callee'): Promise<void> {
    const [own, peer] = from === 'caller' ? [this.caller, this.callee] : [this.callee, this.caller];
    const offer =
      change.offer === undefined ? undefined : offerBetween(own.session, peer.session, change.offer);
    if (offer === undefined && change.offer !== undefined) {
      // No codec that the trunks on both sides take.
      change.reject(488);
      return;
    }
    const outcome = await peer.change(offer === undefined ? {} : { offer: peer.session.offer(offer) });
    if (outcome.kind !== 'accepted') {
      change.reject(refusalOfChange(outcome));
      return;
    }
    if (from === 'caller' && change.offer !== undefined) this.listener.callerSdp(change.offer);
    if (from === 'callee') this.listener.callerSdp(outcome.sdp);
    const theirs =
      offer === undefined
        ? (offerBetween(peer.session, own.session, outcome.sdp) ?? outcome.sdp)
        : outcome.sdp;
    const answer = await change.accept(own.session.answer(theirs));
    outcome.ack(answer === undefined ? undefined : peer.session.answer(answer));
    if (from === 'caller' && change.offer === undefined && answer !== undefined)
      this.listener.callerSdp(answer);
  }

  #relayRequest(incoming: IncomingRequest, peer: BridgedLeg): void {
    const { method } = incoming.request;
    // Who sends its media straight to the other side could not be given another one without that side's help.
    if (method === 'REFER' && this.listener.refer !== undefined) incoming.respond({ status: 501 });
    else if (method !== 'INFO') answerByOurselves(incoming);
    else if (this.#over) incoming.respond({ status: 481 });
    else void relayInfo(incoming, peer).catch(() => incoming.respond({ status: 500 }));
  }
}
