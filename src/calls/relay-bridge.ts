import type { MediaEngine, Playing } from '../media/index.js';
import type {
  Change,
  ChangeOutcome,
  Dialog,
  DialogEvents,
  IncomingRequest,
  RequestOutcome,
  Sdp,
} from '../signalling/index.js';
import type { BridgeListener, LegBridge } from './bridge.js';
import { causeOfLeg } from './cause.js';
import { refusalOfChange } from './early-session.js';
import { answerByOurselves, digitOfInfo } from './in-dialog-requests.js';
import { relayInfo } from './relay-info.js';
import { answerLocally, type RelayedSession } from './relayed-session.js';

/** A confirmed leg whose media runs through us. */
export interface RelayedLeg {
  readonly session: RelayedSession;
  /** `offer` goes out as it is. */
  change(c: { offer?: Sdp }): Promise<ChangeOutcome>;
  request(
    r: Parameters<Dialog['request']>[0] & { method: 'INFO' | 'OPTIONS' | 'NOTIFY' },
  ): Promise<RequestOutcome>;
}

/** What a relayed bridge needs of the media room. */
export interface RelayParts {
  readonly engine: Pick<MediaEngine, 'bridge' | 'unbridge'>;
  /** Begins to play to who is kept waiting; undefined: there is nothing to play. */
  readonly playMusic: (session: RelayedSession) => Promise<Playing | undefined>;
}

/** A media line that only the two sides can agree on: fax, video. */
const CARRIED_LINE = /^m=(?:image|video|application|message) (?!0[ /])/m;

type Party = 'caller' | 'callee';

/**
 * Two answered legs whose media runs through us. Each agrees with us by itself: a hold, a new address, another codec of one side is
 * nothing the other need hear of. What we only carry (fax, video) is asked of the other side first.
 */
export class RelayBridge implements LegBridge {
  #changing = false;
  #over = false;
  #parted = false;
  #music: Playing | undefined;

  constructor(
    private readonly engine: RelayParts['engine'],
    private readonly caller: RelayedLeg,
    private readonly callee: RelayedLeg,
    private readonly listener: BridgeListener,
    private readonly playMusic: RelayParts['playMusic'],
  ) {
    engine.bridge(caller.session.media, callee.session.media);
    caller.session.onDigit = (key) => listener.digit?.('caller', key);
    callee.session.onDigit = (key) => listener.digit?.('callee', key);
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.caller.session.onDigit = undefined;
    this.callee.session.onDigit = undefined;
    this.#music?.stop();
  }

  /** The two hear nothing of each other, nor music, until `rejoin`: one of them is being transferred. */
  part(): void {
    this.#parted = true;
    this.#music?.stop();
    this.#music = undefined;
    this.engine.unbridge(this.caller.session.media);
  }

  rejoin(): void {
    if (this.#over || !this.#parted) return;
    this.#parted = false;
    this.engine.bridge(this.caller.session.media, this.callee.session.media);
    for (const [own, peer] of [
      [this.caller, this.callee],
      [this.callee, this.caller],
    ] as const)
      if (own.session.media.held) void this.#held(own, peer).catch(() => undefined);
  }

  readonly callerEvents: DialogEvents = this.#events('caller');
  readonly calleeEvents: DialogEvents = this.#events('callee');

  /** Nothing is owed: our own offer was in the INVITE. */
  answerEarly(): void {
    return;
  }

  #events(party: Party): DialogEvents {
    return {
      acknowledged: (answer) => {
        this.#leg(party).session.acknowledged(answer);
      },
      change: (change) => this.#takeChange(change, party),
      request: (request) => this.#takeRequest(request, party),
      ended: (cause) => this.listener.legEnded(party, causeOfLeg(cause, party)),
    };
  }

  #leg(party: Party): RelayedLeg {
    return party === 'caller' ? this.caller : this.callee;
  }

  #takeChange(change: Change, party: Party): void {
    if (this.#over) return change.reject(500);
    if (this.#changing) return change.reject(491);
    this.#changing = true;
    const [own, peer] = party === 'caller' ? [this.caller, this.callee] : [this.callee, this.caller];
    void this.#agree(change, own, peer)
      .catch(() => change.reject(488))
      .finally(() => {
        this.#changing = false;
      });
  }

  async #agree(change: Change, own: RelayedLeg, peer: RelayedLeg): Promise<void> {
    const { offer } = change;
    const wasHeld = own.session.media.held;
    if (offer !== undefined && CARRIED_LINE.test(offer)) await this.#carry(change, offer, own, peer);
    else await answerLocally(change, own.session, peer.session.media.remote);
    if (!this.#over && own.session.media.held !== wasHeld) await this.#held(own, peer);
  }

  /** RFC 3264 §5: what the other side takes of it is what we can answer. */
  async #carry(change: Change, offer: Sdp, own: RelayedLeg, peer: RelayedLeg): Promise<void> {
    const outcome = await peer.change({ offer: peer.session.offer(offer) });
    if (outcome.kind !== 'accepted') {
      change.reject(refusalOfChange(outcome));
      return;
    }
    peer.session.heard(outcome.sdp);
    outcome.ack();
    own.session.takeOffer(offer);
    await change.accept(own.session.answer(outcome.sdp));
  }

  /** Who is on hold hears music, until the other side is back. */
  async #held(own: RelayedLeg, peer: RelayedLeg): Promise<void> {
    this.#music?.stop();
    this.#music = undefined;
    if (!own.session.media.held || this.#parted) return;
    const music = await this.playMusic(peer.session);
    // Meanwhile the call may be over, or the hold.
    if (this.#isWaiting(own)) this.#music = music;
    else music?.stop();
  }

  #isWaiting(own: RelayedLeg): boolean {
    return !this.#over && !this.#parted && own.session.media.held;
  }

  #takeRequest(incoming: IncomingRequest, party: Party): void {
    const [own, peer] = party === 'caller' ? [this.caller, this.callee] : [this.callee, this.caller];
    if (incoming.request.method === 'REFER' && this.listener.refer !== undefined) {
      this.listener.refer(party, incoming);
      return;
    }
    if (incoming.request.method !== 'INFO') {
      answerByOurselves(incoming);
      return;
    }
    const digit = digitOfInfo(incoming);
    if (digit === undefined) {
      if (this.#over) incoming.respond({ status: 481 });
      else void relayInfo(incoming, peer).catch(() => incoming.respond({ status: 500 }));
      return;
    }
    own.session.media.infoDigit(digit);
    if (!this.#parted) void peer.session.media.sendDigits(digit);
    incoming.respond({ status: 200 });
  }
}
