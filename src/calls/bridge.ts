import type { EndCause } from '../model/index.js';
import type {
  Ack,
  Change,
  ChangeOutcome,
  Dialog,
  DialogEvents,
  Headers,
  IncomingRequest,
  RequestOutcome,
  Sdp,
} from '../signalling/index.js';
import { causeOfLeg } from './cause.js';
import { refusalOfChange } from './early-session.js';

/** A confirmed leg as the bridge uses it; `Dialog` and `CallerLeg` are such. */
export interface BridgedLeg {
  change(c: { offer?: Sdp }): Promise<ChangeOutcome>;
  request(r: Parameters<Dialog['request']>[0] & { method: 'INFO' | 'OPTIONS' }): Promise<RequestOutcome>;
}

export interface BridgeListener {
  /** A leg is gone, whatever the reason; comes at most once a leg. */
  legEnded(party: 'caller' | 'callee', cause: EndCause): void;
  /** What the caller's session description is now, for a later partner. */
  callerSdp(sdp: Sdp): void;
}

/** What a dialog of ours takes (RFC 3261 §20.5). */
const ALLOW: Headers = [['Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK']];

/** Headers of an INFO that go along: its package and what its body is for (RFC 6086). */
const INFO_HEADERS = ['Info-Package', 'Content-Disposition', 'Recv-Info'];

/**
 * Relays what two confirmed dialogs say to each other: changes of the session (hold, codec, offerless re-INVITE) and INFO.
 * A change that meets another one gets 491 (RFC 3261 §14.2). SDP passes as it is; nothing else of one side does.
 */
export class Bridge {
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
    change: (change) => this.#relayChange(change, this.callee, 'caller'),
    request: (request) => this.#relayRequest(request, this.callee),
    ended: (cause) => this.listener.legEnded('caller', causeOfLeg(cause, 'caller')),
  };

  readonly calleeEvents: DialogEvents = {
    acknowledged: () => undefined,
    change: (change) => this.#relayChange(change, this.caller, 'callee'),
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

  #relayChange(change: Change, peer: BridgedLeg, from: 'caller' | 'callee'): void {
    if (this.#over) {
      change.reject(500);
      return;
    }
    if (this.#changing || this.#answerOwed !== undefined) {
      change.reject(491);
      return;
    }
    this.#changing = true;
    void this.#carryChange(change, peer, from)
      .catch(() => change.reject(500))
      .finally(() => {
        this.#changing = false;
      });
  }

  async #carryChange(change: Change, peer: BridgedLeg, from: 'caller' | 'callee'): Promise<void> {
    const outcome = await peer.change(change.offer === undefined ? {} : { offer: change.offer });
    if (outcome.kind !== 'accepted') {
      change.reject(refusalOfChange(outcome));
      return;
    }
    if (from === 'caller' && change.offer !== undefined) this.listener.callerSdp(change.offer);
    if (from === 'callee') this.listener.callerSdp(outcome.sdp);
    const answer = await change.accept(outcome.sdp);
    outcome.ack(answer);
    if (from === 'caller' && change.offer === undefined && answer !== undefined)
      this.listener.callerSdp(answer);
  }

  #relayRequest(incoming: IncomingRequest, peer: BridgedLeg): void {
    const { method } = incoming.request;
    switch (method) {
      case 'INFO':
        void this.#relayInfo(incoming, peer).catch(() => incoming.respond({ status: 500 }));
        return;
      case 'OPTIONS':
        incoming.respond({ status: 200, headers: ALLOW });
        return;
      case 'SUBSCRIBE':
        incoming.respond({ status: 489 });
        return;
      case 'NOTIFY':
        incoming.respond({ status: 481 });
        return;
      default:
        incoming.respond({ status: 405, headers: ALLOW });
    }
  }

  async #relayInfo(incoming: IncomingRequest, peer: BridgedLeg): Promise<void> {
    if (this.#over) {
      incoming.respond({ status: 481 });
      return;
    }
    const { request } = incoming;
    const headers: [string, string][] = [];
    for (const name of INFO_HEADERS) {
      const value = request.headers.get(name);
      if (value !== undefined) headers.push([name, value]);
    }
    const type = request.headers.get('Content-Type');
    const { body } = request;
    const outcome = await peer.request({
      method: 'INFO',
      headers,
      ...(type === undefined || body === '' ? {} : { body: { type, text: body } }),
    });
    switch (outcome.kind) {
      case 'response':
        incoming.respond({ status: outcome.response.status });
        return;
      case 'unreachable':
        incoming.respond({ status: 408 });
        return;
      case 'gone':
        incoming.respond({ status: 481 });
        return;
    }
  }
}
