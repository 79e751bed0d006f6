import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Playing, PromptRequest } from '../media/index.js';
import type { CallMedia } from './call-media.js';
import { CallRecording } from './call-recording.js';
import type { MediaParts } from './ports.js';
import type { RelayParts } from './relay-bridge.js';
import { loopMusic, relayPartsOf, RINGBACK } from './relay-parts.js';
import type { RelayedSession } from './relayed-session.js';

interface SoundOfRinging {
  isOver: boolean;
  playing: Playing | undefined;
}

/** What the caller hears from us beside the steps of the plan: ringing, music, busy; and the recording of the call. */
export class CallSound {
  readonly relayParts: RelayParts | undefined;
  #ringing: SoundOfRinging | undefined;
  #recording: CallRecording | undefined;
  /** Made when first asked for: most calls need none, and aborting one is not cheap. */
  #abort: AbortController | undefined;
  #over = false;
  /** Told of each key the caller presses. */
  onDigit: ((digit: string) => void) | undefined;

  constructor(
    private readonly env: {
      readonly media: MediaParts | undefined;
      readonly clock: Clock;
      readonly logger: Logger;
    },
    private readonly media: CallMedia,
    private readonly callId: string,
  ) {
    const parts = env.media;
    if (parts === undefined) return;
    this.relayParts = relayPartsOf(parts);
  }

  /** Aborts when the call is over. */
  get signal(): AbortSignal {
    if (this.#over) return AbortSignal.abort();
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  pressed(digit: string): void {
    this.onDigit?.(digit);
  }

  /** Ringing or music for a caller who hears us, until `stopRinging`. */
  ring(music: string): void {
    const session = this.media.caller;
    if (session === undefined) return;
    this.stopRinging();
    const ringing: SoundOfRinging = { isOver: false, playing: undefined };
    this.#ringing = ringing;
    if (music === 'ringback') {
      ringing.playing = session.media.play(RINGBACK, { times: 0 });
      return;
    }
    void this.#loop(session, music).then((playing) => {
      ringing.playing = playing ?? session.media.play(RINGBACK, { times: 0 });
      if (ringing.isOver) ringing.playing.stop();
    });
  }

  stopRinging(): void {
    if (this.#ringing === undefined) return;
    this.#ringing.isOver = true;
    this.#ringing.playing?.stop();
    this.#ringing = undefined;
  }

  async busyTone(): Promise<void> {
    const { media } = this.env;
    const session = this.media.caller;
    if (media !== undefined && session !== undefined) await media.ivr.busyTone(session.media, this.signal);
  }

  /** The call is recorded now, or was until a pause. */
  get isRecorded(): boolean {
    return this.#recording !== undefined && !this.#recording.isOver;
  }

  /** The recording of the whole call, both sides. */
  async record(what: 'start' | 'pause' | 'stop', notice: PromptRequest | undefined): Promise<void> {
    const { media } = this.env;
    const session = this.media.caller;
    if (media === undefined || session === undefined) return;
    if (what === 'start') {
      if (notice !== undefined) await media.ivr.play(session.media, { prompt: notice }, this.signal);
      if (this.#recording === undefined || this.#recording.isOver)
        this.#recording = await CallRecording.start(media, this.env, this.callId, session.media);
      else this.#recording.resume();
    } else if (what === 'pause') this.#recording?.pause();
    else this.#recording?.stop();
  }

  /** Nothing is recorded until the function that is returned is called. */
  hideRecording(): () => void {
    const recording = this.#recording;
    if (recording === undefined || recording.isPaused) return () => undefined;
    recording.pause();
    return () => recording.resume();
  }

  /** The call is over. */
  stop(): void {
    this.stopRinging();
    this.#recording?.stop();
    this.#over = true;
    this.#abort?.abort();
  }

  async #loop(session: RelayedSession, file: string): Promise<Playing | undefined> {
    const { media } = this.env;
    return media === undefined ? undefined : await loopMusic(media, session, file);
  }
}
