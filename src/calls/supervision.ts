import { legsToExtension, type CallerIdentity, type Plan } from '../dialplan/index.js';
import type { Mix } from '../media/index.js';
import type { CallFacts, EndCause } from '../model/index.js';
import type { DialogEvents } from '../signalling/index.js';
import { answerCodecs } from './answer-codecs.js';
import type { CallLegs } from './call-legs.js';
import { COMPLETED_ELSEWHERE, systemCause, toldCause } from './cause.js';
import type { ConnectStep } from './connect-step.js';
import { endUnwanted, type AnsweredLeg } from './leg-attempt.js';
import type { Party } from './live-call.js';
import type { MediaParts } from './ports.js';
import { isRelayed, type RelayedSession } from './relayed-session.js';
import type { SessionOpener } from './session-opener.js';
import type { TransferSide } from './transfer-side.js';
import { WaitingLeg } from './waiting-leg.js';

/** `listen`: hears both, unheard. `whisper`: is heard by the agent alone. `barge`: by both. */
export type SupervisorMode = 'listen' | 'whisper' | 'barge';

export interface SupervisionOrder {
  /** Of the supervisor, its tenant before it. */
  readonly extension: string;
  readonly mode: SupervisorMode;
}

export type SupervisionStart =
  | { readonly kind: 'ringing' }
  | {
      readonly kind: 'refused';
      readonly reason: 'no-such-call' | 'not-connected' | 'busy' | 'no-such-extension';
    };

/** The conversation a supervisor hears. */
export interface SupervisedCall {
  readonly facts: CallFacts;
  readonly plan: Plan;
  readonly legs: CallLegs;
  readonly opener: SessionOpener | undefined;
  side(who: Party): TransferSide | undefined;
  rejoin(): void;
  note(text: string): void;
}

/** How long the supervisor's phone rings. Milliseconds. */
const RING_MS = 20_000;
const SUPERVISED: EndCause = systemCause('supervision-ended', 480);
const MODE_OF_KEY: Readonly<Record<string, SupervisorMode>> = { '1': 'listen', '2': 'whisper', '3': 'barge' };
const G711 = /^PCM[UA]\b/i;

/** A supervisor with two who talk: rung, then mixed with them, until the supervisor or one of the two hangs up. One at a time. */
export class Supervision {
  #ring: ConnectStep | undefined;
  #leg: WaitingLeg | undefined;
  #mix: Mix | undefined;
  #mode: SupervisorMode = 'listen';

  constructor(
    private readonly parts: MediaParts | undefined,
    private readonly call: SupervisedCall,
    /** The bridge of the two lets go of their media, until `rejoin`. */
    private readonly part: () => void,
  ) {}

  start({ extension, mode }: SupervisionOrder): SupervisionStart {
    const { call, parts } = this;
    const near = call.side('caller');
    if (parts === undefined || near === undefined || call.side('callee') === undefined)
      return { kind: 'refused', reason: 'not-connected' };
    if (this.#ring !== undefined || this.#leg !== undefined) return { kind: 'refused', reason: 'busy' };
    const identity: CallerIdentity = { mode: 'keep', name: `${mode}: ${near.label}`, headers: [] };
    const legs = legsToExtension(call.plan, extension, call.facts.tenant, identity);
    if (legs.length === 0 || call.opener === undefined)
      return { kind: 'refused', reason: 'no-such-extension' };
    this.#mode = mode;
    this.#ring = call.legs.connect(
      {
        step: { verb: 'supervise' },
        groups: [{ legs, forMs: RING_MS }],
        stopOnDecline: true,
        identity,
      },
      call.opener.sessionsNear(near.session.media),
      { offer: undefined, takesReliable: false },
      {
        progress: (progress) => progress.answerOffer?.(),
        answered: (leg) => this.#answered(leg, extension, parts),
        failed: ({ outcome }) => {
          this.#ring = undefined;
          call.note(`supervisor ${extension}: ${outcome}`);
        },
      },
    );
    this.#ring.start();
    return { kind: 'ringing' };
  }

  /** The supervisor is let go; the two are bridged again where they still talk. */
  stop(): void {
    this.#ring?.cancel(toldCause(COMPLETED_ELSEWHERE));
    this.#ring = undefined;
    const leg = this.#leg;
    this.#leg = undefined;
    leg?.hangUp(SUPERVISED);
    this.#unmix();
  }

  #answered(leg: AnsweredLeg, extension: string, parts: MediaParts): DialogEvents {
    this.#ring = undefined;
    const { session } = leg;
    if (!isRelayed(session)) return endUnwanted(leg, SUPERVISED);
    leg.row.answered(answerCodecs(leg.sdp));
    const waiting = new WaitingLeg(leg, () => {
      if (this.#leg !== waiting) return;
      this.#leg = undefined;
      this.call.note(`supervisor ${extension} left`);
      this.#unmix();
    });
    this.#leg = waiting;
    session.onDigit = (key) => {
      const mode = Object.hasOwn(MODE_OF_KEY, key) ? MODE_OF_KEY[key] : undefined;
      if (mode === undefined || this.#mix === undefined) return;
      this.call.note(`supervisor ${extension}: ${mode}`);
      this.#mode = mode;
      this.#seat(session);
    };
    this.call.note(`supervisor ${extension}: ${this.#mode}`);
    void this.#join(waiting, session, parts).catch(() => this.stop());
    return waiting;
  }

  /** A mix decodes G.711 alone: who talks in another codec is asked for it first. */
  async #join(waiting: WaitingLeg, session: RelayedSession, parts: MediaParts): Promise<void> {
    for (const who of ['caller', 'callee'] as const) {
      const side = this.call.side(who);
      if (side === undefined || !(await speaksG711(side))) {
        if (this.#leg === waiting) this.stop();
        return;
      }
    }
    const [caller, callee] = [this.call.side('caller'), this.call.side('callee')];
    if (this.#leg !== waiting || caller === undefined || callee === undefined) return;
    this.part();
    const mix = parts.engine.mix();
    this.#mix = mix;
    mix.set({ session: caller.session.media });
    mix.set({ session: callee.session.media });
    this.#seat(session);
  }

  #seat({ media }: RelayedSession): void {
    const agent = this.#agent?.session.media;
    const heardBy =
      this.#mode === 'barge' ? 'all' : this.#mode === 'listen' || agent === undefined ? 'none' : [agent];
    this.#mix?.set({ session: media, heardBy });
  }

  /** The one who works here: who was called, unless only the caller is a phone of ours. */
  get #agent(): TransferSide | undefined {
    const [caller, callee] = [this.call.side('caller'), this.call.side('callee')];
    return callee?.extension === undefined && caller?.extension !== undefined ? caller : callee;
  }

  #unmix(): void {
    const mix = this.#mix;
    if (mix === undefined) return;
    this.#mix = undefined;
    mix.close();
    this.call.rejoin();
  }
}

async function speaksG711({ session, change }: TransferSide): Promise<boolean> {
  const { codec } = await session.media.stats();
  if (codec === undefined || G711.test(codec)) return !session.media.closed;
  const outcome = await change({ offer: session.offer(undefined) });
  if (outcome.kind !== 'accepted') return false;
  outcome.ack();
  if (session.media.closed) return false;
  session.heard(outcome.sdp);
  return true;
}
