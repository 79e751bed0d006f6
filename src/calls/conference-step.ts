import type { Clock } from '../base/clock.js';
import type { Action, ActionResult } from '../dialplan/index.js';
import type { Clip, MediaSession, Playing, PromptRequest } from '../media/index.js';
import type { ConferenceRooms, RoomSeat } from './conference-rooms.js';
import { KeyCodes } from './key-codes.js';
import type { Activity } from './plan-run.js';
import type { MediaParts } from './ports.js';

export type ConferenceAction = Extract<Action, { kind: 'conference' }>;

/** What a stay in a conference room asks of its call. */
export interface ConferenceStepHost {
  /** The caller's session, the call answered; opened near the other one if it is not open yet. Undefined: the call has ended over it. */
  session(near: MediaSession | undefined): Promise<MediaSession | undefined>;
  /** Told of the keys the caller presses, until given `undefined`. */
  listen(pressed: ((digit: string) => void) | undefined): void;
  /** Pauses recordings of the call while the PIN is entered; what it returns resumes them. */
  hide(): () => void;
  /** The call is recorded already. */
  readonly isRecorded: boolean;
  recordCall(what: 'start' | 'stop'): Promise<void>;
  note(text: string): void;
  done(result: ActionResult): void;
  fault(error: unknown): void;
}

export interface ConferenceStepSetting {
  readonly parts: Pick<MediaParts, 'ivr' | 'prompts' | 'settings'>;
  readonly rooms: ConferenceRooms;
  readonly language: string;
  readonly clock: Clock;
}

const BEEP: Clip = { kind: 'tone', tone: 'beep', ms: 150 };
const ON: readonly Clip[] = [BEEP];
const OFF: readonly Clip[] = [BEEP, { kind: 'silence', ms: 100 }, BEEP];

/** A caller's stay in a conference room: the PIN at the door, music while nobody else is there, keys, until the caller leaves. */
export class ConferenceStep implements Activity {
  readonly legs = 0;
  readonly #abort = new AbortController();
  #seat: RoomSeat | undefined;
  #over = false;
  #isAlone = false;
  /** What the caller hears alone; each one is counted, since clips are resolved while the room changes. */
  #music: Playing | undefined;
  #musicTurn = 0;

  constructor(
    private readonly action: ConferenceAction,
    private readonly setting: ConferenceStepSetting,
    private readonly host: ConferenceStepHost,
  ) {}

  start(): void {
    void this.#enter().catch((error: unknown) => {
      if (!this.#over) this.host.fault(error);
    });
  }

  /** The caller hung up, or the call ends for another reason. */
  cancel(): void {
    this.#leave();
  }

  async #enter(): Promise<void> {
    const { conference } = this.action;
    const { rooms, parts, language } = this.setting;
    if (rooms.isFull(conference)) {
      this.#refuse('full');
      return;
    }
    const session = await this.host.session(rooms.sessionIn(conference.name));
    if (session === undefined || this.#hasEnded()) return;
    const { pin, hostPin } = conference;
    const end = await parts.ivr.enterConference(
      session,
      {
        pins: [
          ...(hostPin === undefined ? [] : [{ pin: hostPin, role: 'host' as const }]),
          ...(pin === undefined ? [] : [{ pin, role: 'member' as const }]),
        ],
        open: 'member' as const,
        hide: () => this.host.hide(),
        language,
      },
      this.#abort.signal,
    );
    if (this.#hasEnded()) return;
    switch (end.kind) {
      case 'closed':
        // That the caller is gone, the call hears by itself. A bug of ours must end it.
        if (end.fault === true) throw new Error('a dialogue with the caller failed');
        return;
      case 'refused':
        this.#refuse(end.outcome);
        return;
      case 'admitted':
        this.#join(session, end.role === 'host');
    }
  }

  #join(session: MediaSession, isHost: boolean): void {
    const { conference } = this.action;
    const { rooms, clock } = this.setting;
    let isRecorder = false;
    const seat = rooms.join(conference, {
      session,
      isHost,
      alone: (isAlone) => {
        this.#isAlone = isAlone;
        this.#hearMusic(session, isAlone ? [{ kind: 'system', name: 'only-one-in-conference' }] : []);
      },
      record: (on) => {
        // The plan's own recording of the call goes on whoever is in the room.
        if (on ? this.host.isRecorded : !isRecorder) return;
        isRecorder = on;
        void this.host.recordCall(on ? 'start' : 'stop').catch((error: unknown) => this.host.fault(error));
      },
    });
    if (seat === undefined) return this.#refuse('full', true);
    this.#seat = seat;
    this.host.note(`conference ${conference.name}: joined${isHost ? ' as host' : ''}`);
    const tell = (isOn: boolean): void => void this.#tell(session, isOn);
    const codes = new KeyCodes(clock, {
      '*6': () => tell(seat.toggleMute()),
      '*5': () => {
        const isHushed = seat.toggleHush();
        if (isHushed !== undefined) tell(isHushed);
      },
      '*#': () => {
        this.host.note(`conference ${conference.name}: left by key`);
        this.#leave();
        this.host.done({ kind: 'done' });
      },
    });
    this.host.listen((digit) => codes.press(digit));
  }

  #refuse(outcome: 'full' | 'invalid' | 'no-input', answered?: true): void {
    this.#over = true;
    this.host.note(`conference ${this.action.conference.name}: ${outcome}`);
    this.host.done({ kind: 'failed', outcome, ...(answered === undefined ? {} : { answered }) });
  }

  /** A method, since what it says may change across an await. */
  #hasEnded(): boolean {
    return this.#over;
  }

  /** One beep: muted; two: heard again. */
  async #tell(session: MediaSession, isOn: boolean): Promise<void> {
    this.#stopMusic();
    await session.play(isOn ? ON : OFF).ended;
    if (this.#isAlone) this.#hearMusic(session, []);
  }

  /** Music for who is alone, with something said before it; the room for everybody else. */
  #hearMusic(session: MediaSession, first: readonly PromptRequest[]): void {
    this.#stopMusic();
    if (!this.#isAlone || this.#over) return;
    const turn = this.#musicTurn;
    void this.#playMusic(session, first, () => turn === this.#musicTurn && !this.#over).catch(
      (error: unknown) => this.host.fault(error),
    );
  }

  async #playMusic(
    session: MediaSession,
    first: readonly PromptRequest[],
    isWanted: () => boolean,
  ): Promise<void> {
    const { parts, language } = this.setting;
    const clipsOf = (prompt: PromptRequest): Promise<readonly Clip[]> =>
      parts.prompts.resolve(prompt, language);
    const said = await clipsOf({ kind: 'sequence', of: first });
    const music = await clipsOf({ kind: 'file', file: parts.settings().holdMusic });
    if (isWanted() && said.length > 0) {
      this.#music = session.play(said);
      await this.#music.ended;
    }
    if (isWanted() && music.length > 0) this.#music = session.play(music, { times: 0 });
  }

  #stopMusic(): void {
    this.#musicTurn += 1;
    this.#music?.stop();
    this.#music = undefined;
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.host.listen(undefined);
    this.#abort.abort();
    this.#stopMusic();
    this.#seat?.leave();
  }
}
