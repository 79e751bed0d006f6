import type { Timer } from '../base/clock.js';
import { legsToExtension } from '../dialplan/index.js';
import { spokenIn } from '../ivr/index.js';
import type { Clip, Playing } from '../media/index.js';
import type { EndCause } from '../model/index.js';
import type { Sdp } from '../signalling/index.js';
import type { CallEnvironment } from './call-environment.js';
import { COMPLETED_ELSEWHERE, systemCause, toldCause } from './cause.js';
import type { ConnectStep } from './connect-step.js';
import { otherParty, type LiveCall, type Party } from './live-call.js';
import { pairAfter, type PairedCall, type PairedCallOwner } from './paired-call.js';
import type { PickUp } from './pickup.js';
import type { MediaParts } from './ports.js';
import { loopMusic } from './relay-parts.js';
import { isRelayed } from './relayed-session.js';
import type { TransferSide } from './transfer-side.js';
import type { WaitingLeg } from './waiting-leg.js';

const FIRST_SLOT = 701;
const LAST_SLOT = 720;
/** So long somebody is parked before the phone that did it rings, and so long it rings. Milliseconds. */
const PATIENCE_MS = 120_000;
const RING_BACK_MS = 30_000;

const NO_SLOT: readonly Clip[] = [{ kind: 'tone', tone: 'congestion', ms: 1500 }];

/** Whether an extension that dials this asks for who is parked there. */
export function isSlot(dialed: string): boolean {
  return /^7\d\d$/.test(dialed) && Number(dialed) >= FIRST_SLOT && Number(dialed) <= LAST_SLOT;
}

/** Where those wait whom a phone has parked, until another one dials their slot. Each tenant has slots of its own. */
export class ParkingLot {
  /** By tenant and slot; undefined: the slot is being told. */
  readonly #slots = new Map<string, Parked | undefined>();

  /** Who is parked there. */
  at(slot: string, tenant: string | undefined): PickUp | undefined {
    return this.#slots.get(keyOf(slot, tenant));
  }

  /** The phone `by` parks whom it talks to: it hears the slot, and is let go. */
  async park(env: CallEnvironment, call: LiveCall, by: Party): Promise<void> {
    const parker = call.side(by);
    const stays = call.side(otherParty(by));
    const { media: parts } = env;
    const { tenant } = call.facts;
    if (parts === undefined || parker?.extension === undefined || stays === undefined) return;
    const slot = this.#freeSlot(tenant);
    if (slot === undefined || !call.transfers.keep(by)) {
      parker.session.media.play(NO_SLOT);
      return;
    }
    const key = keyOf(slot, tenant);
    this.#slots.set(key, undefined);
    call.part();
    const music = await loopMusic(parts, stays.session, parts.settings().holdMusic);
    const { language } = parts.settings();
    const prompt = spokenIn(language).digits(slot);
    // Who hangs up while hearing it has parked all the same.
    await parts.ivr.play(parker.session.media, { prompt, language }, new AbortController().signal);
    const free = (): void => void this.#slots.delete(key);
    const parked = stays.session.media.closed
      ? undefined
      : moveTo(slot, { env, call, by, parts, stays, extension: parker.extension, free });
    music?.stop();
    if (parked !== undefined) {
      this.#slots.set(key, parked);
      return;
    }
    free();
    call.transfers.release();
  }

  #freeSlot(tenant: string | undefined): string | undefined {
    for (let slot = FIRST_SLOT; slot <= LAST_SLOT; slot++)
      if (!this.#slots.has(keyOf(String(slot), tenant))) return String(slot);
    return undefined;
  }
}

/** Takes the other one out of the call, which ends, into one of its own. Undefined: it has gone. */
function moveTo(
  slot: string,
  of: {
    readonly env: CallEnvironment;
    readonly call: LiveCall;
    readonly by: Party;
    readonly parts: MediaParts;
    readonly stays: TransferSide;
    readonly extension: string;
    readonly free: () => void;
  },
): Parked | undefined {
  const { env, call, by, parts, stays, extension, free } = of;
  const { tenant, caller } = call.facts;
  const who = otherParty(by);
  const why = `parked on ${slot} by ${extension}`;
  call.note(why);
  const owner: PairedCallOwner = {};
  const number = stays.shown.number ?? (who === 'caller' ? caller : undefined);
  const pair = pairAfter(env, call, {
    stays: {
      leg: {
        label: stays.label,
        ...(number === undefined ? {} : { number }),
        ...(stays.extension === undefined ? {} : { extension: stays.extension }),
      },
    },
    leg: { label: slot, number: slot },
    why,
    media: parts,
    owner,
  });
  const leg = call.handOver(who, (lost) => pair.mediaLost(lost));
  if (leg === undefined) {
    pair.end(systemCause('not-parked', 480));
    return undefined;
  }
  const parked = new Parked(env, pair, leg, parts, { extension, tenant, free });
  owner.ended = (cause) => parked.ended(cause);
  return parked;
}

/** Somebody who is parked: hears music, until taken; after a while the phone that did it rings. */
class Parked implements PickUp {
  readonly #timer: Timer;
  #music: Playing | undefined;
  #ring: ConnectStep | undefined;
  #isTaken = false;
  #isOver = false;

  constructor(
    env: CallEnvironment,
    private readonly pair: PairedCall,
    private readonly leg: WaitingLeg,
    parts: MediaParts,
    private readonly about: {
      readonly extension: string;
      readonly tenant: string | undefined;
      readonly free: () => void;
    },
  ) {
    leg.part(0, (cause) => pair.end(cause));
    this.#timer = env.clock.after(PATIENCE_MS, () => this.#ringBack());
    const { session } = leg.leg;
    if (!isRelayed(session)) return;
    void loopMusic(parts, session, parts.settings().holdMusic).then((music) => {
      this.#music = music;
      if (this.#isTaken || this.#isOver) music?.stop();
    });
  }

  get callId(): string {
    return this.pair.id;
  }

  take(waiting: WaitingLeg, agreed: Sdp): Promise<void> {
    if (this.#isTaken || this.#isOver || waiting.isOver) waiting.hangUp(COMPLETED_ELSEWHERE);
    else waiting.join(this.#join({ ...waiting.leg, sdp: agreed }));
    return Promise.resolve();
  }

  mediaLost(why: Parameters<PickUp['mediaLost']>[0]): void {
    this.pair.mediaLost(why);
  }

  #join(leg: WaitingLeg['leg']): ReturnType<PairedCall['connect']> {
    this.#isTaken = true;
    this.#timer.clear();
    this.#music?.stop();
    this.#ring?.cancel(toldCause(COMPLETED_ELSEWHERE));
    this.#ring = undefined;
    this.about.free();
    this.pair.note(`taken by ${leg.label}`);
    return this.pair.connect(this.leg, leg);
  }

  #ringBack(): void {
    const { extension, tenant } = this.about;
    const identity = { mode: 'keep', name: `parked: ${this.leg.leg.label}`, headers: [] } as const;
    const legs = legsToExtension(this.pair.plan, extension, tenant, identity);
    this.pair.note(`nobody took the call: ${extension} is rung`);
    this.#ring = this.pair.ring(
      { step: { verb: 'park' }, groups: [{ legs, forMs: RING_BACK_MS }], stopOnDecline: true, identity },
      this.leg,
      {
        progress: (progress) => progress.answerOffer?.(),
        answered: (leg) => {
          this.#ring = undefined;
          return this.#join(leg);
        },
        failed: (_, cause) => this.pair.end(cause),
      },
    );
  }

  /** Its call is over. */
  ended(cause: EndCause): void {
    this.#isOver = true;
    this.#timer.clear();
    this.#music?.stop();
    if (this.#isTaken) return;
    this.about.free();
    this.leg.hangUp(toldCause(cause));
  }
}

function keyOf(slot: string, tenant: string | undefined): string {
  return `${tenant ?? ''}/${slot}`;
}
