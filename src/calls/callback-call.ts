import type { Timer } from '../base/clock.js';
import { newOrderedUuid } from '../base/ids.js';
import { legsToExtension, systemLegs, type CallerIdentity, type Leg, type Plan } from '../dialplan/index.js';
import type { Playing } from '../media/index.js';
import type { AgentRefusal, CallbackRecord, CallFacts, EndCause } from '../model/index.js';
import type {
  AgentOffer,
  CallbackPlacement,
  PlacementOutcome,
  QueueCallerEvents,
  QueueTicket,
  Ringing,
  RingOutcome,
} from '../queues/index.js';
import { agentIdentity, CALLED_FACT, refusalOf } from './agent-offer.js';
import type { CallEnvironment } from './call-environment.js';
import { causeOfLeg, COMPLETED_ELSEWHERE, systemCause } from './cause.js';
import type { ConnectOrder, ConnectStep } from './connect-step.js';
import type { AnsweredLeg } from './leg-attempt.js';
import { PairedCall, type PairedCallOwner } from './paired-call.js';
import type { MediaParts } from './ports.js';
import { loopMusic, RINGBACK } from './relay-parts.js';
import { isRelayed } from './relayed-session.js';
import { WaitingLeg } from './waiting-leg.js';

/** How long a caller's phone rings. Milliseconds. */
const CALLER_RING_MS = 60_000;

/** An agent who picked up is not kept longer without the caller's being rung: the queue has withdrawn the callback. Milliseconds. */
const PLACING_MS = 10_000;

/** Whom a callback is for. */
interface Promised {
  readonly agent: string;
  readonly queue: string;
  readonly number: string;
  /** The call in which it was promised. */
  readonly promisedIn: string;
}

/** What is there to make calls with. */
export interface CallbackHouse {
  readonly plan: Plan;
  readonly revision: number;
  readonly media: MediaParts;
}

/**
 * A call that keeps the promise to call back. Agent first: the agent is rung, hears ringing, and is joined with the caller; caller
 * first: the caller is rung, hears music, and waits for the agent. The queue is told each outcome once; whoever is on the line when it
 * fails is hung up on.
 */
export class CallbackCall implements PairedCallOwner, QueueCallerEvents<WaitingLeg> {
  readonly pair: PairedCall;
  /** Who waits on the line for the other one. */
  #agent: WaitingLeg | undefined;
  #caller: WaitingLeg | undefined;
  #ticket: QueueTicket | undefined;
  /** Of the attempt to reach the caller, as long as it is not told. */
  #placement: PlacementOutcome<WaitingLeg> | undefined;
  /** Tells the queue that the agent who rings first is not reached. */
  #missed: (() => void) | undefined;
  #guard: Timer | undefined;
  #sound: Playing | undefined;
  #over = false;

  constructor(
    private readonly env: CallEnvironment,
    private readonly house: CallbackHouse,
    private readonly promised: Promised,
  ) {
    const { queue, promisedIn, agent } = promised;
    const { plan, revision, media } = house;
    this.pair = new PairedCall(
      env,
      {
        facts: factsOf(env, promised),
        plan,
        revision,
        trace: [
          {
            kind: 'note',
            text: `callback of queue ${queue} by agent ${agent}, promised in call ${promisedIn}`,
          },
        ],
        media,
        ofQueue: true,
      },
      this,
    );
    this.pair.begin();
  }

  /** Agent first: the agent's phone rings; who picks up waits for `place`. */
  ringFirst(offer: AgentOffer, on: RingOutcome<WaitingLeg>): Ringing {
    return this.#ringAgent(offer, on, undefined);
  }

  /** Caller first, the caller being on the line. */
  ringAgent(offer: AgentOffer, on: RingOutcome<WaitingLeg>): Ringing {
    if (this.#caller !== undefined) return this.#ringAgent(offer, on, this.#caller);
    on.failed('unreachable');
    return NOTHING_RINGS;
  }

  #ringAgent(offer: AgentOffer, on: RingOutcome<WaitingLeg>, near: WaitingLeg | undefined): Ringing {
    const isFirst = near === undefined;
    const shown: CallerIdentity = {
      ...agentIdentity(offer),
      ...(offer.number === undefined ? {} : { mode: 'number', number: offer.number }),
    };
    const legs = legsToExtension(this.house.plan, offer.agent, tenantOf(offer.queue), shown);
    let isOver = false;
    const settle = (): boolean => {
      const isOpen = !isOver;
      isOver = true;
      if (isFirst) this.#missed = undefined;
      return isOpen;
    };
    const fail = (outcome: AgentRefusal, cause: EndCause): void => {
      if (settle()) on.failed(outcome);
      if (isFirst) this.pair.end(cause);
    };
    if (legs.length === 0) {
      fail('unreachable', systemCause('unreachable', 480));
      return NOTHING_RINGS;
    }
    if (isFirst) this.#missed = () => fail('unreachable', COMPLETED_ELSEWHERE);
    const ring = this.pair.ring(order(legs, offer.forMs, shown), near, {
      progress: (progress) => progress.answerOffer?.(),
      answered: (leg) => {
        const waiting: WaitingLeg = new WaitingLeg(leg, (cause) => this.#agentLeft(waiting, cause));
        if (settle() && this.#accept(waiting, isFirst, on)) return waiting;
        waiting.hangUp(COMPLETED_ELSEWHERE);
        if (isFirst) this.pair.end(COMPLETED_ELSEWHERE);
        return waiting;
      },
      failed: ({ outcome }, cause) => fail(refusalOf(outcome), cause),
    });
    return {
      cancel: () => {
        if (!settle()) return;
        ring.cancel(COMPLETED_ELSEWHERE);
        if (isFirst) this.pair.end(COMPLETED_ELSEWHERE);
      },
    };
  }

  #accept(waiting: WaitingLeg, isFirst: boolean, on: RingOutcome<WaitingLeg>): boolean {
    if (isFirst) this.#agentIsThere(waiting);
    return on.answered(waiting);
  }

  #agentIsThere(waiting: WaitingLeg): void {
    this.#agent = waiting;
    this.#sound = waiting.leg.session.media?.play(RINGBACK, { times: 0 });
    this.#guard = this.env.clock.after(PLACING_MS, () => this.pair.end(COMPLETED_ELSEWHERE));
  }

  #agentLeft(waiting: WaitingLeg, cause: EndCause): void {
    // Caller first: the queue looks for another one, or the caller is told of it below.
    if (this.#agent !== waiting || this.#over) return;
    this.#fail('agent-gone');
    this.pair.end(causeOfLeg(cause, 'caller'));
  }

  /** Rings the caller. The outcome is told once, unless it is cancelled. */
  place(
    { callback, agent, order: who }: CallbackPlacement<WaitingLeg>,
    on: PlacementOutcome<WaitingLeg>,
  ): Ringing {
    this.#guard?.clear();
    if (this.#over || (who === 'agent-first' && this.#agent?.isOver !== false)) {
      on.failed('agent-gone');
      this.pair.end(systemCause('agent-gone', 480));
      return NOTHING_RINGS;
    }
    this.#placement = on;
    const ring = this.#ringCaller(callback, agent);
    return {
      cancel: () => {
        if (this.#placement === undefined) return;
        this.#placement = undefined;
        ring?.cancel(COMPLETED_ELSEWHERE);
        this.pair.end(COMPLETED_ELSEWHERE);
      },
    };
  }

  #ringCaller(callback: CallbackRecord, agent: string): ConnectStep | undefined {
    const { number, facts, queue } = callback;
    const shown = facts[CALLED_FACT];
    const tenant = tenantOf(queue);
    const found = systemLegs(this.house.plan, number, {
      ...(tenant === undefined ? {} : { tenant }),
      ...(shown !== undefined && /^\+\d{3,15}$/.test(shown) ? { shown } : {}),
    });
    if (found.kind === 'refused') {
      this.pair.note(`${number} cannot be called back for agent ${agent}: ${found.why}`);
      this.#fail('unreachable');
      this.pair.end(systemCause('unreachable', 480, found.why));
      return undefined;
    }
    this.pair.trace(found.trace);
    return this.pair.ring(order(found.legs, CALLER_RING_MS, { mode: 'keep', headers: [] }), this.#agent, {
      progress: (progress) => progress.answerOffer?.(),
      answered: (leg) => this.#reached(leg),
      failed: ({ outcome }, cause) => {
        this.#fail(refusalOf(outcome));
        this.pair.end(cause);
      },
    });
  }

  #reached(leg: AnsweredLeg): WaitingLeg {
    const waiting = new WaitingLeg(leg, (cause) => this.pair.end(causeOfLeg(cause, 'callee')));
    this.#caller = waiting;
    const placement = this.#placement;
    this.#placement = undefined;
    this.#ticket = placement?.answered(this.pair.id, this);
    if (this.#ticket === undefined) this.pair.end(COMPLETED_ELSEWHERE);
    else if (this.#agent === undefined) void this.#playMusic(waiting).catch(() => undefined);
    return waiting;
  }

  async #playMusic({ leg }: WaitingLeg): Promise<void> {
    const { media, plan } = this.house;
    const file = plan.queues.get(this.promised.queue)?.music ?? media.settings().holdMusic;
    if (!isRelayed(leg.session)) return;
    const playing = await loopMusic(media, leg.session, file);
    if (this.#isTalking()) playing?.stop();
    else this.#sound = playing;
  }

  #isTalking(): boolean {
    return this.#over || this.pair.show().state !== 'ringing';
  }

  // What the queue says of the caller.

  connected(agent: string, connection: WaitingLeg): void {
    const caller = this.#caller;
    if (this.#over || caller === undefined || caller.isOver || connection.isOver) {
      connection.hangUp(COMPLETED_ELSEWHERE);
      this.#ticket?.ended();
      this.pair.end(systemCause('agent-gone', 480));
      return;
    }
    this.pair.note(`agent ${agent} and the caller talk`);
    this.#sound?.stop();
    // The call owns both from now on.
    this.#agent = undefined;
    this.#caller = undefined;
    caller.join(this.pair.connect(connection, caller.leg));
  }

  left(outcome: 'timeout' | 'empty'): void {
    this.pair.note(`queue ${this.promised.queue}: ${outcome}`);
    this.pair.end(systemCause(outcome, 480));
  }

  // PairedCallOwner

  replaced(): void {
    this.#ticket?.ended({ transferred: true });
  }

  ended(cause: EndCause): void {
    this.#over = true;
    this.#guard?.clear();
    this.#sound?.stop();
    this.#fail('unreachable');
    this.#missed?.();
    this.#agent?.hangUp(cause);
    this.#caller?.hangUp(cause);
    this.#ticket?.leave('abandoned');
    this.#ticket?.ended({ transferred: cause.kind === 'transferred' });
  }

  #fail(outcome: AgentRefusal | 'agent-gone'): void {
    const placement = this.#placement;
    this.#placement = undefined;
    placement?.failed(outcome);
  }
}

export const NOTHING_RINGS: Ringing = { cancel: () => undefined };

function order(legs: readonly Leg[], forMs: number, identity: CallerIdentity): ConnectOrder {
  return { step: { verb: 'callback' }, groups: [{ legs, forMs }], stopOnDecline: true, identity };
}

/** The tenant stands before the name of a queue. */
function tenantOf(queue: string): string | undefined {
  const cut = queue.lastIndexOf('/');
  return cut === -1 ? undefined : queue.slice(0, cut);
}

/** The agent calls the number, as it were. */
function factsOf(env: CallEnvironment, { agent, queue, number }: Promised): CallFacts {
  const tenant = tenantOf(queue);
  return {
    callId: newOrderedUuid(),
    direction: 'internal',
    dialed: number,
    dialedRaw: number,
    caller: agent,
    callerRaw: agent,
    anonymous: false,
    headers: {},
    at: env.clock.now(),
    seed: Math.floor(env.random() * 0x7fff_ffff),
    ...(tenant === undefined ? {} : { tenant }),
  };
}
