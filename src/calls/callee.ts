import type { Clock, Timer } from '../base/clock.js';
import type { EndCause } from '../model/index.js';
import { Bridge, type BridgedLeg, type BridgeListener, type LegBridge } from './bridge.js';
import { toldCause } from './cause.js';
import { startKeepAlive } from './keep-alive.js';
import type { AnsweredLeg } from './leg-attempt.js';
import { RelayBridge, type RelayedLeg, type RelayParts } from './relay-bridge.js';
import { isRelayed } from './relayed-session.js';

/** The partner of the caller: the leg that answered, and the bridge to it. */
export class Callee {
  readonly bridge: LegBridge;
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
