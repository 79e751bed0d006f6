import type { Clock, Timer } from '../base/clock.js';
import type { EndCause } from '../model/index.js';
import { Bridge, type BridgedLeg, type BridgeListener, type LegBridge } from './bridge.js';
import type { Change, DialogEvents, IncomingRequest, Sdp } from '../signalling/index.js';
import { toldCause } from './cause.js';
import { startKeepAlive } from './keep-alive.js';
import type { AnsweredLeg } from './leg-attempt.js';
import { RelayBridge, type RelayedLeg, type RelayParts } from './relay-bridge.js';
import { isRelayed } from './relayed-session.js';
import { WaitingLeg } from './waiting-leg.js';

/** The partner of the caller: the leg that answered, and the bridge to it. What its dialog tells comes in here. */
export class Callee implements DialogEvents {
  readonly bridge: LegBridge;
  /** Who has the leg now that it is not ours any more. */
  #heir: DialogEvents | undefined;
  readonly #since: number;
  #keepAlive: Timer | undefined;
  #over = false;

  constructor(
    readonly leg: AnsweredLeg,
    caller: BridgedLeg,
    listener: BridgeListener,
    media: RelayParts | undefined,
    private readonly clock: Clock,
    /** Its offer has been answered already, by the caller's PRACK. */
    offerAnswered: boolean,
  ) {
    this.#since = clock.monotonic();
    const owesAnswer = leg.isOffer && !offerAnswered;
    if (!owesAnswer) leg.ack();
    const { dialog, session } = leg;
    const bridged: BridgedLeg = {
      session,
      change: (change) => dialog.change(change),
      request: (request) => dialog.request(request),
    };
    this.bridge =
      media !== undefined && isRelayed(caller.session) && isRelayed(session)
        ? new RelayBridge(
            media.engine,
            { ...operations(caller), session: caller.session },
            { ...operations(bridged), session },
            listener,
            media.playMusic,
          )
        : new Bridge(caller, bridged, listener, owesAnswer ? leg.ack : undefined);
  }

  /** Asks from now on whether it is still there. */
  watch(onGone: () => void): void {
    const everyMs = this.leg.trunk?.keepAliveMs;
    if (everyMs === undefined || this.#over) return;
    this.#keepAlive = startKeepAlive(this.leg.dialog, everyMs, this.clock, onGone);
  }

  /** It hung up, was hung up on, or went elsewhere. */
  get isOver(): boolean {
    return this.#over;
  }

  /** The two hear nothing of each other, until `rejoin`. */
  part(): void {
    if (this.bridge instanceof RelayBridge) this.bridge.part();
  }

  rejoin(): void {
    if (this.bridge instanceof RelayBridge) this.bridge.rejoin();
  }

  acknowledged(answer: Sdp | undefined): void {
    this.#events.acknowledged(answer);
  }

  change(change: Change): void {
    this.#events.change(change);
  }

  request(incoming: IncomingRequest): void {
    this.#events.request(incoming);
  }

  ended(cause: EndCause): void {
    this.#events.ended(cause);
  }

  get #events(): DialogEvents {
    return this.#heir ?? this.bridge.calleeEvents;
  }

  /** Takes the leg out alive. Undefined: it is gone. `onEnded` hears of its end until it is joined with somebody. */
  detach(onEnded: (cause: EndCause) => void): WaitingLeg | undefined {
    if (this.#over) return undefined;
    this.#over = true;
    this.#keepAlive?.clear();
    this.bridge.close();
    const { release, ...leg } = this.leg;
    const talkedMs = this.clock.monotonic() - this.#since;
    const waiting = new WaitingLeg(
      {
        ...leg,
        sdp: leg.session.media?.remote ?? leg.sdp,
        // What it talked here counts.
        ...(release === undefined ? {} : { release: (ms) => release(ms + talkedMs) }),
      },
      onEnded,
    );
    this.#heir = waiting;
    return waiting;
  }

  /** Lets go of it, with a BYE unless it went by itself. */
  end(cause: EndCause, hangUp: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#keepAlive?.clear();
    this.bridge.close();
    this.leg.session.close();
    this.leg.row.ended(cause);
    this.leg.release?.(this.clock.monotonic() - this.#since);
    if (hangUp) void this.leg.dialog.bye(toldCause(cause)).catch(() => undefined);
  }
}

function operations(leg: BridgedLeg): Pick<RelayedLeg, 'change' | 'request'> {
  return { change: (change) => leg.change(change), request: (request) => leg.request(request) };
}
