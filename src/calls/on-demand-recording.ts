import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Clip, MediaSession } from '../media/index.js';
import { CallRecording } from './call-recording.js';
import type { Party } from './live-call.js';
import type { MediaParts } from './ports.js';
import type { TransferSide } from './transfer-side.js';

/** What came of an order to record. */
export type RecordOrder = 'done' | 'not-connected' | 'no-such-call';

/** The conversation that is to be recorded. */
interface RecordingHost {
  readonly id: string;
  side(who: Party): TransferSide | undefined;
  note(text: string): void;
}

const BEEP: Clip = { kind: 'tone', tone: 'beep', ms: 200 };
const ON: readonly Clip[] = [BEEP];
const OFF: readonly Clip[] = [BEEP, { kind: 'silence', ms: 150 }, BEEP];

/** A recording that somebody begins and ends while two talk; both hear a beep as it begins, and two as it ends. */
export class OnDemandRecording {
  #recording: CallRecording | undefined;
  #starting = false;
  #over = false;

  constructor(
    private readonly parts: MediaParts | undefined,
    private readonly env: { readonly clock: Clock; readonly logger: Logger },
    private readonly host: RecordingHost,
  ) {}

  /** `by`: who wants it, for its row. What is begun twice, or ended twice, stays as it is. */
  order(what: 'start' | 'stop', by: string): RecordOrder {
    const session = this.host.side('caller')?.session.media;
    if (session === undefined || this.host.side('callee') === undefined) return 'not-connected';
    if (what === 'start') this.#start(session, by);
    else if (this.#isRunning) {
      this.host.note(`recording ended by ${by}`);
      this.#recording?.stop();
      this.#recording = undefined;
      this.#tell(OFF);
    }
    return 'done';
  }

  /** A phone's key: begins it where the settings let phones record, and ends it. */
  toggle(by: string): void {
    if (this.parts?.settings().recordOnDemand !== true) return;
    this.order(this.#isRunning ? 'stop' : 'start', by);
  }

  /** The call is over. */
  stop(): void {
    this.#over = true;
    this.#recording?.stop();
  }

  get #isRunning(): boolean {
    return this.#recording !== undefined && !this.#recording.isOver;
  }

  #start(session: MediaSession, by: string): void {
    const { parts, env, host } = this;
    if (parts === undefined || this.#isRunning || this.#starting) return;
    this.#starting = true;
    host.note(`recorded by order of ${by}`);
    this.#tell(ON);
    void CallRecording.start(parts, env, host.id, session, { reason: 'on-demand', by })
      .then((recording) => {
        this.#recording = recording;
        if (this.#over) recording?.stop();
      })
      .finally(() => {
        this.#starting = false;
      });
  }

  #tell(clips: readonly Clip[]): void {
    for (const who of ['caller', 'callee'] as const) this.host.side(who)?.session.media.play(clips);
  }
}
