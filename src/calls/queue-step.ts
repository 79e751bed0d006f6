import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Action, ActionResult } from '../dialplan/index.js';
import { announceCaller, spokenIn, waitRange } from '../ivr/index.js';
import type { Clip, MediaSession, Playing, PromptRequest } from '../media/index.js';
import type { CallFacts } from '../model/index.js';
import type { ConnectedFacts, Queues, QueueCallerEvents, QueueNews, QueueTicket } from '../queues/index.js';
import { CALLED_FACT } from './agent-offer.js';
import { COMPLETED_ELSEWHERE } from './cause.js';
import type { Activity } from './plan-run.js';
import type { MediaParts } from './ports.js';
import type { WaitingLeg } from './waiting-leg.js';

/** An agent whose caller did not have to wait so long hears nothing of it. */
const TOLD_FROM_MS = 5000;

export type QueueAction = Extract<Action, { kind: 'queue' }>;

/** What a caller's wait asks of the call. */
export interface QueueStepHost {
  /** The caller's session, the call answered. Undefined: the call has ended over it. */
  session(): Promise<MediaSession | undefined>;
  /** Told of the keys the caller presses, until given `undefined`. */
  listen(pressed: ((digit: string) => void) | undefined): void;
  /** An agent took the call: the two talk from now on. */
  join(agent: WaitingLeg, ticket: QueueTicket): void;
  /** Number to call back, in E.164, for what the caller entered; undefined: it is none. */
  numberFor(digits: string): string | undefined;
  note(text: string): void;
  done(result: ActionResult): void;
  fault(error: unknown): void;
}

export interface QueueStepSetting {
  readonly parts: MediaParts;
  readonly queues: Queues<WaitingLeg>;
  readonly facts: CallFacts;
  /** What the caller entered on the way. */
  readonly entered: Readonly<Record<string, string>>;
  readonly language: string;
  /** Of the queue; absent: the hold music. */
  readonly music: string | undefined;
  /** The queue's key to be called back; absent: none. */
  readonly callbackKey: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The wait in a queue: music, announcements, the offer of a callback, until an agent is there or the caller leaves. */
export class QueueStep implements Activity, QueueCallerEvents<WaitingLeg> {
  readonly legs = 0;
  readonly #abort = new AbortController();
  #ticket: QueueTicket | undefined;
  #session: MediaSession | undefined;
  #music: Playing | undefined;
  #musicClips: readonly Clip[] = [];
  /** Where the music goes on. Milliseconds. */
  #musicAt = 0;
  #speaking = false;
  #over = false;
  /** Picked up before the caller's 200 was out. */
  #early: WaitingLeg | undefined;

  constructor(
    private readonly action: QueueAction,
    private readonly setting: QueueStepSetting,
    private readonly host: QueueStepHost,
  ) {}

  start(): void {
    const { facts, entered, queues } = this.setting;
    const { action } = this;
    const name = action.callerName ?? facts.callerName;
    const number = facts.caller ?? facts.extension;
    const result = queues.enter(
      {
        queue: action.queue,
        callId: facts.callId,
        priority: action.priority,
        skills: action.skills,
        // Goes along to the agent, and to the callback, which shows the number that was called.
        facts: facts.direction === 'inbound' ? { [CALLED_FACT]: facts.dialed, ...entered } : entered,
        ...(number === undefined ? {} : { number }),
        ...(name === undefined ? {} : { name }),
        ...(action.maxWaitMs === undefined ? {} : { maxWaitMs: action.maxWaitMs }),
      },
      this,
    );
    if (result.kind === 'refused') {
      this.#over = true;
      this.host.note(`queue ${action.queue}: ${result.outcome}`);
      this.host.done({ kind: 'failed', outcome: result.outcome });
      return;
    }
    this.#ticket = result.ticket;
    void this.#wait().catch((error: unknown) => {
      if (!this.#over) this.host.fault(error);
    });
  }

  /** The caller hung up, or the call ends for another reason. */
  cancel(): void {
    if (this.#over) return;
    this.#stop();
    this.#ticket?.leave('abandoned');
    this.#early?.hangUp(COMPLETED_ELSEWHERE);
  }

  async #wait(): Promise<void> {
    const session = await this.host.session();
    if (session === undefined || this.#over) return;
    this.#session = session;
    if (this.#early !== undefined) {
      this.#take(this.#early);
      return;
    }
    const { parts, music, language } = this.setting;
    const file = music ?? parts.settings().holdMusic;
    this.#musicClips = await parts.prompts.resolve({ kind: 'file', file }, language);
    if (this.#isWaiting()) {
      this.#playMusic();
      this.host.listen((digit) => this.#pressed(digit));
    }
  }

  #isWaiting(): boolean {
    return !this.#over;
  }

  #playMusic(): void {
    if (this.#session === undefined || this.#speaking || this.#musicClips.length === 0) return;
    const from = this.#musicAt;
    const playing = this.#session.play(this.#musicClips, { times: 0, fromMs: from });
    this.#music = playing;
    void playing.ended.then(({ playedMs }) => {
      this.#musicAt = from + playedMs;
    });
  }

  /** Says something over the music, which goes on afterwards. */
  async #speak(run: (session: MediaSession) => Promise<void>): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.#speaking || this.#over) return;
    this.#speaking = true;
    this.#music?.stop();
    await this.#music?.ended;
    try {
      await run(session);
    } finally {
      this.#speaking = false;
      if (this.#isWaiting()) this.#playMusic();
    }
  }

  // What the queue says.

  offered(agent: string): void {
    this.host.note(`queue ${this.action.queue}: agent ${agent} is rung`);
  }

  announce({ position, wait }: QueueNews): void {
    const spoken = spokenIn(this.setting.language);
    const range = wait === undefined ? undefined : waitRange(wait.atLeastMs, wait.atMostMs);
    const prompt: readonly PromptRequest[] = [
      ...(position === undefined ? [] : spoken.position(position)),
      ...spoken.expectedWait(range),
    ];
    if (prompt.length > 0) this.#say(prompt);
  }

  callbackOffered(): void {
    this.#offer(false);
  }

  #say(prompt: readonly PromptRequest[]): void {
    const { parts, language } = this.setting;
    void this.#speak(async (session) => {
      await parts.ivr.play(session, { prompt, language }, this.#abort.signal);
    }).catch((error: unknown) => this.host.fault(error));
  }

  connected(agent: string, waiting: WaitingLeg, facts: ConnectedFacts): void {
    if (this.#over) {
      waiting.hangUp(COMPLETED_ELSEWHERE);
      return;
    }
    this.host.note(
      `queue ${this.action.queue}: agent ${agent} took the call after ${Math.round(facts.waitedMs / 1000)} s`,
    );
    this.#early = waiting;
    if (this.#session === undefined) return;
    void this.#tellAgent(waiting, facts)
      .catch((error: unknown) =>
        this.setting.logger.warn({ reason: String(error) }, 'agent not told of a call'),
      )
      .then(() => {
        if (this.#isWaiting()) this.#take(waiting);
      });
  }

  left(outcome: 'timeout' | 'empty'): void {
    if (this.#over) return;
    this.host.note(`queue ${this.action.queue}: ${outcome}`);
    this.#stop();
    this.host.done({ kind: 'failed', outcome, answered: true });
  }

  /** "Sales, waited two minutes", while the caller still hears music. */
  async #tellAgent({ leg, isOver }: WaitingLeg, { waitedMs }: ConnectedFacts): Promise<void> {
    const session = leg.session.media;
    const { parts, language } = this.setting;
    if (session === undefined || isOver || waitedMs < TOLD_FROM_MS) return;
    await parts.ivr.play(
      session,
      { prompt: announceCaller({ waitedMs, language }), language },
      this.#abort.signal,
    );
  }

  #take(waiting: WaitingLeg): void {
    const ticket = this.#ticket;
    this.#stop();
    if (ticket === undefined) return;
    if (waiting.isOver) {
      // The agent hung up while hearing who calls: the conversation is over before it began.
      ticket.ended();
      this.host.done({ kind: 'failed', outcome: 'timeout', answered: true });
    } else this.host.join(waiting, ticket);
  }

  #stop(): void {
    this.#over = true;
    this.host.listen(undefined);
    this.#abort.abort();
    this.#music?.stop();
  }

  // What the caller presses.

  #pressed(digit: string): void {
    if (digit === this.setting.callbackKey && !this.#speaking) this.#offer(true);
  }

  #offer(asked: boolean): void {
    void this.#speak((session) => this.#offerCallback(session, asked)).catch((error: unknown) =>
      this.host.fault(error),
    );
  }

  async #offerCallback(session: MediaSession, asked: boolean): Promise<void> {
    const { parts, language, facts } = this.setting;
    const { signal } = this.#abort;
    const accept = (digits: string): string | undefined => this.host.numberFor(digits);
    const end = await parts.ivr.offerCallback(
      session,
      { asked, accept, language, ...(facts.caller === undefined ? {} : { caller: facts.caller }) },
      signal,
    );
    if (end.kind !== 'callback' || this.#ticket === undefined || this.#over) return;
    const taken = await this.#ticket.takeCallback(end.number);
    if (taken.kind === 'refused') return;
    this.host.note(`queue ${this.action.queue}: will be called back at ${end.number}`);
    this.#stop();
    await parts.ivr.play(
      session,
      { prompt: { kind: 'system', name: 'callback-promised' }, language },
      new AbortController().signal,
    );
    this.host.done({ kind: 'over' });
  }
}
