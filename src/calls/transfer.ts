import {
  redirectedLegs,
  systemLegs,
  type CallerIdentity,
  type Leg,
  type Plan,
  type Redirected,
} from '../dialplan/index.js';
import type { Playing } from '../media/index.js';
import type { CallFacts, EndCause } from '../model/index.js';
import type { DialogEvents, IncomingRequest } from '../signalling/index.js';
import { escapeUser, type Replaces } from '../sip/index.js';
import type { CallEnvironment } from './call-environment.js';
import type { CallLegs } from './call-legs.js';
import { toldCause } from './cause.js';
import type { ConnectStep } from './connect-step.js';
import type { AnsweredLeg, EarlyProgress } from './leg-attempt.js';
import { otherParty, type Party } from './live-call.js';
import { statusOfOutcome } from './outcome.js';
import { ReferSubscription, referTarget } from './refer.js';
import { RINGBACK } from './relay-parts.js';
import type { MediaLoss, SessionOpener } from './session-opener.js';
import type { TransferSide } from './transfer-side.js';
import type { WaitingLeg } from './waiting-leg.js';

/** A call whose two parties can be given others to talk to. */
export interface TransferHost {
  readonly id: string;
  readonly facts: CallFacts;
  readonly plan: Plan;
  readonly legs: CallLegs;
  /** Undefined: there is no media engine. */
  readonly opener: SessionOpener | undefined;
  /** Undefined: it does not talk, or not through us. */
  side(who: Party): TransferSide | undefined;
  /** The two hear nothing of each other, until `rejoin`. */
  part(): void;
  rejoin(): void;
  /** The leg takes this one's place, who is given back to be told and hung up on, unless it has gone by itself. */
  replace(
    who: Party,
    leg: AnsweredLeg,
    why: string,
  ): { readonly events: DialogEvents; readonly gone: WaitingLeg | undefined };
  /** The transfer failed and this one, who ordered it, has hung up meanwhile: the other is left alone. */
  abandoned(who: Party, cause: EndCause): void;
  /** A leg's media is lost. */
  mediaLost(why: MediaLoss): void;
  note(text: string): void;
}

/** What came of an order of the API. */
export type TransferStart =
  | { readonly kind: 'ringing' }
  | {
      readonly kind: 'refused';
      readonly reason: 'no-such-call' | 'not-connected' | 'busy' | 'not-allowed';
      readonly why: string;
    };

/** How long a target rings. Milliseconds. */
const RING_MS = 60_000;

/** Characters of a target that a trace shows. */
const MAX_SHOWN = 64;

interface Running {
  /** Who ordered it, and is let go when the target answers. */
  readonly by: Party;
  readonly byLabel: string;
  readonly target: string;
  readonly subscription: ReferSubscription | undefined;
  sound: Playing | undefined;
  ring: ConnectStep | undefined;
  /** Who ordered it has hung up already. */
  left: EndCause | undefined;
}

/** How a leg ends whose partner goes on with somebody else. */
export function transferredCause(by: Party): EndCause {
  return { sip: 200, q850: 16, by, kind: 'transferred', text: 'Transferred' };
}

/** The transfers of one call: by REFER (RFC 3515, RFC 5589) of a party, or by order of the API. One at a time. */
export class Transfers {
  #running: Running | undefined;
  #isFirst = true;

  constructor(
    private readonly env: Pick<CallEnvironment, 'media' | 'settings' | 'named'>,
    private readonly host: TransferHost,
  ) {}

  /** A party wants to be replaced. */
  refer(by: Party, incoming: IncomingRequest): void {
    const { host } = this;
    const target = referTarget(incoming.request);
    const side = host.side(by);
    if (target === undefined) incoming.respond({ status: 400 });
    else if (side === undefined || this.env.media === undefined) incoming.respond({ status: 501 });
    else if (this.#running !== undefined) incoming.respond({ status: 491 });
    else if (target.replaces !== undefined) this.#attended(by, side, target.replaces, incoming);
    else this.#blind(by, side, target.user ?? '', incoming);
  }

  /** The party `who` is sent on to what is dialled as `to`; the other one is let go when that answers. */
  order(who: Party, to: string): TransferStart {
    const by = otherParty(who);
    const side = this.host.side(by);
    if (side === undefined || this.host.side(who) === undefined)
      return refused('not-connected', 'the two do not talk through us');
    if (this.#running !== undefined) return refused('busy', 'a transfer is under way');
    const found = this.#resolve(side, to) ?? this.#resolveAsSystem(to);
    if (found.kind === 'refused') return refused('not-allowed', found.why);
    this.#ring(by, side, to, found.legs, undefined);
    return { kind: 'ringing' };
  }

  /** This one parks the other: its hanging up does not end the call, until `release`. False: a transfer is under way. */
  keep(by: Party): boolean {
    if (this.#running !== undefined) return false;
    const byLabel = this.host.side(by)?.label ?? '';
    const nothing = { subscription: undefined, sound: undefined, ring: undefined, left: undefined };
    this.#running = { by, byLabel, target: 'parking', ...nothing };
    return true;
  }

  /** The other one was not parked. */
  release(): void {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    if (running.left === undefined) this.host.rejoin();
    else this.host.abandoned(running.by, running.left);
  }

  /** A party hung up. True: the call goes on all the same, since the other is being sent on. */
  left(who: Party, cause: EndCause): boolean {
    const running = this.#running;
    if (running === undefined) return false;
    if (running.by === who) {
      running.left = cause;
      running.subscription?.stop();
      return true;
    }
    this.stop(cause);
    return false;
  }

  /** The call ends, or who was to be sent on has gone. */
  stop(cause: EndCause): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.sound?.stop();
    running.ring?.cancel(toldCause(cause));
    running.subscription?.tell(487);
  }

  #blind(by: Party, side: TransferSide, dialled: string, incoming: IncomingRequest): void {
    const found = this.#resolve(side, dialled);
    if (found === undefined || found.kind === 'refused') {
      const why = found?.why ?? 'a trunk may not';
      this.host.note(`not transferred to ${shown(dialled)} by ${side.label}: ${why}`);
      incoming.respond({ status: found === undefined ? 603 : 403 });
      return;
    }
    const subscription = this.#accept(side, incoming);
    subscription.tell(100);
    this.#ring(by, side, dialled, found.legs, subscription);
  }

  /** RFC 5589 §7: who talks at the other end of the dialog named is joined with who talks at the other end of this one. */
  #attended(by: Party, side: TransferSide, replaces: Replaces, incoming: IncomingRequest): void {
    const { host } = this;
    const found = this.env.named(replaces);
    const consulted = found?.call.side(found.who);
    const isOwn = consulted !== undefined && isSamePeer(side, consulted);
    const kept = found === undefined ? undefined : found.call.side(otherParty(found.who));
    if (found === undefined || found.call.id === host.id || !isOwn || kept === undefined) {
      host.note(`not transferred by ${side.label}: it names no call of its own`);
      incoming.respond({ status: 481 });
      return;
    }
    const subscription = this.#accept(side, incoming);
    host.part();
    const taken = found.call.handOver(otherParty(found.who), (why) => host.mediaLost(why));
    if (taken === undefined) {
      subscription.tell(481);
      host.rejoin();
      return;
    }
    const why = `transferred to ${kept.label} by ${side.label}`;
    host.note(`${why}, who talked to both (call ${found.call.id})`);
    const { events, gone } = host.replace(by, taken.leg, why);
    taken.join(events);
    farewell(subscription, gone, by);
  }

  #accept(side: TransferSide, incoming: IncomingRequest): ReferSubscription {
    const subscription = new ReferSubscription(incoming, (r) => side.request(r), this.#isFirst);
    this.#isFirst = false;
    incoming.respond({ status: 202, headers: subscription.acceptance });
    return subscription;
  }

  /** By the rules of who orders it: an extension may send a call to whom it could call itself. Undefined: it is none. */
  #resolve({ extension }: TransferSide, dialled: string): Redirected | undefined {
    if (extension === undefined) return undefined;
    const { plan, facts } = this.host;
    const identity: CallerIdentity = { mode: 'keep', headers: [] };
    const about = facts.tenant === undefined ? {} : { tenant: facts.tenant };
    return redirectedLegs(plan, about, extension, dialled, { identity });
  }

  #resolveAsSystem(dialled: string): Redirected {
    const { plan, facts } = this.host;
    const { site, tenant } = facts;
    const dialler = { ...(site === undefined ? {} : { site }), ...(tenant === undefined ? {} : { tenant }) };
    return systemLegs(plan, dialled, dialler);
  }

  #ring(
    by: Party,
    side: TransferSide,
    target: string,
    found: readonly Leg[],
    subscription: ReferSubscription | undefined,
  ): void {
    const { host } = this;
    const { opener } = host;
    const stays = host.side(otherParty(by));
    if (stays === undefined || opener === undefined) {
      subscription?.tell(500);
      return;
    }
    const running: Running = {
      by,
      byLabel: side.label,
      target: shown(target),
      subscription,
      sound: undefined,
      ring: undefined,
      left: undefined,
    };
    this.#running = running;
    host.part();
    running.sound = stays.session.media.play(RINGBACK, { times: 0 });
    const referredBy = this.#referredBy(side);
    const legs = found.map((leg) => (leg.to.kind === 'device' ? toPhone(leg, stays, referredBy) : leg));
    running.ring = host.legs.connect(
      {
        step: { verb: 'transfer' },
        groups: [{ legs, forMs: RING_MS }],
        stopOnDecline: true,
        identity: { mode: 'keep', headers: [] },
      },
      opener.sessionsNear(stays.session.media),
      { offer: stays.session.media.remote, takesReliable: false },
      {
        progress: (progress) => this.#progress(running, stays, progress),
        answered: (leg) => this.#answered(running, leg),
        failed: ({ outcome, status }) => this.#failed(running, outcome, status ?? statusOfOutcome(outcome)),
      },
    );
    running.ring.start();
  }

  #referredBy({ extension }: TransferSide): CallerIdentity['headers'] {
    if (extension === undefined) return [];
    const user = escapeUser(extension.slice(extension.lastIndexOf('/') + 1));
    // RFC 3892
    return [['Referred-By', `<sip:${user}@${this.env.settings().domain}>`]];
  }

  #progress(running: Running, stays: TransferSide, progress: EarlyProgress): void {
    progress.answerOffer?.();
    if (running !== this.#running) return;
    if (progress.status > 100 && progress.status < 200) running.subscription?.tell(progress.status);
    const heard = progress.sdp === undefined ? undefined : progress.peer?.session.media;
    if (heard === undefined) return;
    running.sound?.stop();
    this.env.media?.engine.bridge(stays.session.media, heard);
  }

  #answered(running: Running, leg: AnsweredLeg): DialogEvents {
    this.#running = undefined;
    running.sound?.stop();
    const why = `transferred to ${running.target} by ${running.byLabel}`;
    this.host.note(why);
    const { events, gone } = this.host.replace(running.by, leg, why);
    farewell(running.subscription, gone, running.by);
    return events;
  }

  #failed(running: Running, outcome: string, status: number): void {
    if (running !== this.#running) return;
    this.#running = undefined;
    running.sound?.stop();
    this.host.note(`not transferred to ${running.target} by ${running.byLabel}: ${outcome}`);
    running.subscription?.tell(status);
    if (running.left === undefined) this.host.rejoin();
    else this.host.abandoned(running.by, running.left);
  }
}

/** Who ordered it is told, and then hung up on (RFC 5589 §6.1), unless it is faster. */
function farewell(
  subscription: ReferSubscription | undefined,
  gone: WaitingLeg | undefined,
  by: Party,
): void {
  subscription?.tell(200);
  const told = subscription?.told ?? Promise.resolve();
  void told.then(() => gone?.hangUp(transferredCause(by)));
}

/** The phone that rings shows who waits, not who transfers. */
function toPhone(leg: Leg, stays: TransferSide, referredBy: CallerIdentity['headers']): Leg {
  return { ...leg, identity: { ...stays.shown, headers: [...stays.shown.headers, ...referredBy] } };
}

/** Two legs of one phone, or of one trunk: nobody else's call can be taken over. */
function isSamePeer(one: TransferSide, other: TransferSide): boolean {
  if (one.extension !== undefined || other.extension !== undefined) return one.extension === other.extension;
  return one.trunk !== undefined && one.trunk === other.trunk;
}

function shown(target: string): string {
  return target.slice(0, MAX_SHOWN);
}

function refused(
  reason: Extract<TransferStart, { kind: 'refused' }>['reason'],
  why: string,
): Extract<TransferStart, { kind: 'refused' }> {
  return { kind: 'refused', reason, why };
}
