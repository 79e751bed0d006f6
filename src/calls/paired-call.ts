import type { Clock } from '../base/clock.js';
import { newOrderedUuid } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import type { Plan } from '../dialplan/index.js';
import type { CallFacts, EndCause, TraceEntry } from '../model/index.js';
import type { AgentOffer, Ringing, RingOutcome } from '../queues/index.js';
import type { DialogEvents } from '../signalling/index.js';
import type { Replaces } from '../sip/index.js';
import { answerCodecs } from './answer-codecs.js';
import type { CallEnvironment } from './call-environment.js';
import { CallLegs } from './call-legs.js';
import { CallLimits } from './call-limits.js';
import { fitTogether } from './call-media.js';
import { Callee } from './callee.js';
import { causeOfLeg, systemCause, toldCause } from './cause.js';
import type { ConnectListener, ConnectOrder, ConnectStep } from './connect-step.js';
import type { AnsweredLeg } from './leg-attempt.js';
import { otherParty, type LiveCall, type Party } from './live-call.js';
import { OnDemandRecording } from './on-demand-recording.js';
import type { MediaParts, RunningCall } from './ports.js';
import { CallRecorder, type RecordPatch } from './recorder.js';
import { relayPartsOf } from './relay-parts.js';
import { SessionOpener, type MediaLoss } from './session-opener.js';
import { showCall } from './show-call.js';
import { Supervision } from './supervision.js';
import { TalkCodes } from './talk-codes.js';
import { bridgedLeg, sideOf, type TransferSide } from './transfer-side.js';
import { transferredCause, Transfers } from './transfer.js';
import type { WaitingLeg } from './waiting-leg.js';

/** What such a call is made of. */
export interface PairedCallSpec {
  readonly facts: CallFacts;
  readonly plan: Plan;
  readonly revision: number;
  readonly trace: readonly TraceEntry[];
  readonly media: MediaParts;
  /** Of the legs that come from another call; absent: one of its own. */
  readonly opener?: SessionOpener;
  /** Queues know by themselves that the agent talks. */
  readonly ofQueue?: boolean;
}

/** What whoever made the call hears and does. */
export interface PairedCallOwner {
  ended?(cause: EndCause): void;
  /** One of the two was transferred. */
  replaced?(): void;
  ringAgent?(offer: AgentOffer, on: RingOutcome<WaitingLeg>): Ringing;
}

/** Hops of a call of our own (RFC 3261 §8.1.1.6). */
const MAX_FORWARDS = 70;

/**
 * A call that no INVITE began: both legs were dialled by us, or are what is left of calls that were transferred. Its media runs through
 * us; no plan steers it. Whatever happens, it ends by `end`, once.
 */
export class PairedCall implements LiveCall {
  readonly id: string;
  readonly facts: CallFacts;
  readonly plan: Plan;
  readonly chain: readonly string[];
  readonly legs: CallLegs;
  readonly opener: SessionOpener;
  readonly transfers: Transfers;
  readonly supervision: Supervision;
  readonly onDemand: OnDemandRecording;
  readonly #codes: TalkCodes;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly #media: MediaParts;
  readonly #recorder: CallRecorder;
  readonly #rings = new Set<ConnectStep>();
  #state: RunningCall['state'] = 'ringing';
  #first: WaitingLeg | undefined;
  #callee: Callee | undefined;
  #limits: CallLimits | undefined;
  #busy: (() => void)[] = [];
  #destination: string | undefined;
  #answeredAt: number | undefined;
  /** When the first leg was joined. Monotonic. */
  #joinedSince: number | undefined;

  constructor(
    private readonly env: CallEnvironment,
    private readonly spec: PairedCallSpec,
    private readonly owner: PairedCallOwner = {},
  ) {
    const { facts, plan, media } = spec;
    this.id = facts.callId;
    this.facts = facts;
    this.plan = plan;
    this.chain = [facts.dialed];
    this.clock = env.clock;
    this.logger = env.logger;
    this.#media = media;
    this.opener = spec.opener ?? new SessionOpener(media, env.clock, this.id, () => undefined);
    this.opener.handTo((why) => this.mediaLost(why));
    this.#recorder = new CallRecorder(env.records, env.clock, env.logger, this.id);
    const about = { facts, plan, maxForwards: MAX_FORWARDS };
    this.legs = new CallLegs(env, this, about, this.#recorder, (_peer, change) => change.reject(500));
    this.transfers = new Transfers(env, this);
    this.supervision = new Supervision(media, this, () => this.#callee?.part());
    this.onDemand = new OnDemandRecording(media, env, this);
    this.#codes = new TalkCodes(env, this);
    this.#recorder.open({
      facts,
      // No INVITE came in.
      sipCallId: '',
      sourceAddress: '',
      planRevision: spec.revision,
      trace: spec.trace,
    });
  }

  /** The world is told of it. */
  begin(): void {
    this.env.began(this);
    this.env.event('started', this);
    this.logger.info({ callId: this.id, dialed: this.facts.dialed }, 'call of our own started');
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  show(): RunningCall {
    let legs = (this.#first === undefined ? 0 : 1) + (this.#callee === undefined ? 0 : 1);
    for (const ring of this.#rings) legs += ring.legs;
    return showCall(this.facts, {
      state: this.#state,
      legs,
      destination: this.#destination,
      answeredAt: this.#answeredAt,
    });
  }

  note(text: string): void {
    this.#recorder.trace([{ kind: 'note', text }]);
  }

  trace(entries: readonly TraceEntry[]): void {
    this.#recorder.trace(entries);
  }

  /** Rings somebody who is to talk to `near`, or (undefined) who comes first. Ends with the call. */
  ring(order: ConnectOrder, near: WaitingLeg | undefined, on: ConnectListener): ConnectStep {
    const session = near?.leg.session.media;
    const ring: ConnectStep = this.legs.connect(
      order,
      this.opener.sessionsNear(session),
      { offer: session?.remote, takesReliable: false },
      {
        progress: (progress) => on.progress(progress),
        answered: (leg) => {
          this.#rings.delete(ring);
          leg.row.answered(answerCodecs(leg.sdp));
          return on.answered(leg);
        },
        failed: (result, cause) => {
          this.#rings.delete(ring);
          on.failed(result, cause);
        },
      },
    );
    this.#rings.add(ring);
    ring.start();
    return ring;
  }

  /** The two talk from now on. What the leg's dialog tells is to come to what is returned. */
  connect(first: WaitingLeg, leg: AnsweredLeg): DialogEvents {
    this.#first = first;
    this.#joinedSince = this.clock.monotonic();
    this.#destination = leg.label;
    leg.row.answered(answerCodecs(leg.sdp));
    const callee: Callee = new Callee(
      leg,
      bridgedLeg(first.leg),
      {
        legEnded: (party, cause) => this.#legEnded(party, cause, callee),
        callerSdp: () => undefined,
        refer: (party, incoming) => this.transfers.refer(party, incoming),
        digit: (party, key) => this.#codes.pressed(party, key),
      },
      relayPartsOf(this.#media),
      this.clock,
      false,
    );
    this.#callee = callee;
    first.join(callee.bridge.callerEvents);
    if (this.spec.ofQueue !== true) this.#noteBusy([first.leg.extension, leg.extension]);
    this.#limits?.stop();
    this.#limits = new CallLimits(this.clock, bridgedLeg(first.leg), first.leg.trunk, (cause) =>
      this.end(cause),
    );
    this.#limits.start(callee);
    this.#talks(answerCodecs(leg.sdp));
    void this.#agree(first, leg).catch((error: unknown) => {
      this.logger.error({ callId: this.id, err: error }, 'call failed by a fault');
      this.end(systemCause('fault', 500));
    });
    return callee;
  }

  #talks(codecs: string): void {
    if (this.#state !== 'ringing') {
      if (this.#destination !== undefined) this.#recorder.update({ destination: this.#destination });
      return;
    }
    this.#state = 'answered';
    this.#answeredAt = this.clock.now();
    const patch: RecordPatch = { answerAt: this.#answeredAt };
    if (codecs !== '') patch.codecs = codecs;
    if (this.#destination !== undefined) patch.destination = this.#destination;
    // Both have answered us: nobody waits for the disk.
    this.#recorder
      .answered(patch)
      .catch((error: unknown) => this.logger.error({ callId: this.id, err: error }, 'record not written'));
    this.env.event('answered', this);
  }

  /** Each agreed with us by itself: where that does not go together, the first is asked for what the other has. */
  async #agree(first: WaitingLeg, leg: AnsweredLeg): Promise<void> {
    const { session, dialog } = first.leg;
    const theirs = leg.session.media?.remote ?? leg.sdp;
    if (session.media?.remote === undefined || fitTogether(session.media.remote, theirs)) return;
    const outcome = await dialog.change({ offer: session.offer(theirs) });
    if (outcome.kind !== 'accepted') {
      if (!first.isOver && !this.hasEnded) this.end(systemCause('not-joined', 488));
      return;
    }
    outcome.ack();
    if (!session.media.closed) session.heard(outcome.sdp);
  }

  #noteBusy(extensions: readonly (string | undefined)[]): void {
    for (const end of this.#busy.splice(0)) end();
    for (const extension of extensions)
      if (extension !== undefined) this.#busy.push(this.env.busy.begin(extension));
  }

  #legEnded(party: Party, cause: EndCause, callee: Callee): void {
    if (this.hasEnded || this.#callee !== callee) return;
    if (!this.transfers.left(party, cause)) {
      this.end(cause);
      return;
    }
    if (party === 'caller') {
      this.#first?.hangUp(cause, this.#talkedMs());
      return;
    }
    callee.end(cause, false);
    this.#first?.part(this.#talkedMs(), (end) => this.end(causeOfLeg(end, 'caller')));
  }

  ringAgent(offer: AgentOffer, on: RingOutcome<WaitingLeg>): Ringing | undefined {
    return this.hasEnded ? undefined : this.owner.ringAgent?.(offer, on);
  }

  /** Who rings here was promised a call, or takes one over. */
  ringingAt(): undefined {
    return undefined;
  }

  partyNamedBy(replaces: Replaces): Party | undefined {
    if (this.#first?.leg.dialog.isNamedBy(replaces) === true) return 'caller';
    return this.#callee?.leg.dialog.isNamedBy(replaces) === true ? 'callee' : undefined;
  }

  handOver(who: Party, lost: (why: MediaLoss) => void): WaitingLeg | undefined {
    const leg = this.#takeOut(who);
    if (leg === undefined) return undefined;
    this.opener.handTo(lost);
    this.end(transferredCause(otherParty(who)));
    return leg;
  }

  // TransferHost

  side(who: Party): TransferSide | undefined {
    const side = who === 'callee' ? this.#callee : this.#first;
    return side === undefined || side.isOver || this.#callee === undefined ? undefined : sideOf(side.leg);
  }

  part(): void {
    this.supervision.stop();
    this.#callee?.part();
  }

  rejoin(): void {
    this.#callee?.rejoin();
  }

  replace(who: Party, leg: AnsweredLeg): { events: DialogEvents; gone: WaitingLeg | undefined } {
    const gone = this.#takeOut(who);
    const stays = this.#takeOut(otherParty(who));
    if (stays === undefined) throw new Error('nobody is left to be joined');
    this.owner.replaced?.();
    return { events: this.connect(stays, leg), gone };
  }

  abandoned(_who: Party, cause: EndCause): void {
    this.end(cause);
  }

  mediaLost(why: MediaLoss): void {
    this.end({ sip: 503, q850: why === 'rtp-timeout' ? 41 : 38, by: 'system', kind: why });
  }

  /** Takes a leg out that is alive. */
  #takeOut(who: Party): WaitingLeg | undefined {
    this.supervision.stop();
    if (who === 'callee') return this.#callee?.detach(() => undefined);
    const first = this.#first;
    this.#first = undefined;
    if (first === undefined || first.isOver) return undefined;
    first.part(this.#talkedMs());
    return first;
  }

  #talkedMs(): number {
    const since = this.#joinedSince;
    this.#joinedSince = this.clock.monotonic();
    return since === undefined ? 0 : this.#joinedSince - since;
  }

  /** Ends the call: legs, timers, record. The first cause counts. */
  end(cause: EndCause): void {
    if (this.hasEnded) return;
    this.#state = 'ended';
    this.transfers.stop(cause);
    this.supervision.stop();
    this.onDemand.stop();
    for (const ring of this.#rings) ring.cancel(toldCause(cause));
    this.#rings.clear();
    this.#limits?.stop();
    this.#callee?.end(cause, true);
    this.#first?.hangUp(cause, this.#talkedMs());
    for (const end of this.#busy.splice(0)) end();
    const patch: RecordPatch = { endAt: this.clock.now(), cause };
    if (this.#destination !== undefined) patch.destination = this.#destination;
    this.#recorder.close(patch);
    this.env.ended(this);
    this.env.event('ended', this);
    this.owner.ended?.(cause);
    const { kind, sip, by } = cause;
    this.logger.info({ callId: this.id, cause: kind, sip, by }, 'call ended');
  }
}

/** What is left of a call whose caller transferred its callee: it goes on as a call of its own. */
export function pairAfter(
  env: CallEnvironment,
  before: Pick<LiveCall, 'id' | 'facts' | 'plan' | 'opener' | 'note'>,
  found: {
    readonly stays: { readonly leg: Pick<AnsweredLeg, 'label' | 'number' | 'extension'> };
    readonly leg: Pick<AnsweredLeg, 'label' | 'number'>;
    readonly why: string;
    readonly media: MediaParts;
    readonly owner?: PairedCallOwner;
  },
): PairedCall {
  const { stays, leg, why, media } = found;
  const { tenant, site } = before.facts;
  const caller = stays.leg.number ?? stays.leg.label;
  const dialed = leg.number ?? leg.label;
  const facts: CallFacts = {
    callId: newOrderedUuid(),
    direction: 'internal',
    dialed,
    dialedRaw: dialed,
    caller,
    callerRaw: caller,
    anonymous: false,
    headers: {},
    at: env.clock.now(),
    seed: Math.floor(env.random() * 0x7fff_ffff),
    ...(stays.leg.extension === undefined ? {} : { extension: stays.leg.extension }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(site === undefined ? {} : { site }),
  };
  const pair = new PairedCall(
    env,
    {
      facts,
      plan: before.plan,
      revision: env.plan()?.revision ?? 0,
      trace: [{ kind: 'note', text: `goes on from call ${before.id}: ${why}` }],
      media,
      ...(before.opener === undefined ? {} : { opener: before.opener }),
    },
    found.owner,
  );
  before.note(`goes on as call ${pair.id}`);
  pair.begin();
  return pair;
}
