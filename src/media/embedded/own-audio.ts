import { A_SILENCE, MU_SILENCE } from '../codec/g711.js';
import { EventOut, type DigitsOut } from './event-out.js';
import type { Player } from './player.js';
import type { RtpOut } from './rtp-out.js';
import { ToneOut } from './tone-out.js';

export interface OwnAudioEvents {
  played(op: number, end: 'done' | 'stopped' | 'closed' | 'failed', playedMs: number): void;
  sent(op: number): void;
}

/** Inputs of digits that wait for one another. */
const MAX_WAITING = 32;
/** Of digits that the partner's peer pressed: nobody waits for their end. */
const NO_OP = -1;
const RELAYED_TONE_MS = 100;
const RELAYED_GAP_MS = 40;

/** What a stream sends of its own accord: digits in turn, and before, between and after them the clips that are played. */
export class OwnAudio {
  readonly #on: OwnAudioEvents;
  #player: Player | undefined;
  #digits: (EventOut | ToneOut)[] = [];

  constructor(on: OwnAudioEvents) {
    this.#on = on;
  }

  /** There is something to send. */
  get busy(): boolean {
    return this.#player !== undefined || this.#digits.length > 0;
  }

  /** What comes next is packets of an event (`nextEvent`) and no sound (`fill`). */
  get eventIsNext(): boolean {
    return this.#digits[0] instanceof EventOut;
  }

  /** In the place of what plays now. */
  play(player: Player): void {
    this.endPlay('stopped');
    if (player.done) return this.#on.played(player.op, 'done', 0);
    this.#player = player;
  }

  stop(op: number): void {
    if (this.#player?.op === op) this.endPlay('stopped');
  }

  endPlay(end: 'done' | 'stopped' | 'closed' | 'failed'): void {
    const player = this.#player;
    if (player === undefined) return;
    this.#player = undefined;
    this.#on.played(player.op, end, player.playedMs);
  }

  sendDigits(digits: DigitsOut, way: 'events' | 'tones'): void {
    const sender = way === 'events' ? new EventOut(digits) : new ToneOut(digits);
    if (sender.done || this.#digits.length >= MAX_WAITING) return this.#on.sent(digits.op);
    this.#digits.push(sender);
  }

  /** A digit that the partner's peer sent as an event, for a peer that must hear it. */
  relayAsTone(digit: string): void {
    if (this.#digits.length >= MAX_WAITING) return;
    const times = { toneMs: RELAYED_TONE_MS, gapMs: RELAYED_GAP_MS };
    this.#digits.push(new ToneOut({ op: NO_OP, digits: digit, ...times }));
  }

  /** The packet that is due of the event that is next; undefined in a gap, or as the peer takes no events (`agreed`) any more. */
  nextEvent(
    out: RtpOut,
    agreed: { readonly pt: number; readonly clock: number } | undefined,
    now: number,
  ): Buffer | undefined {
    const sender = this.#digits[0];
    if (!(sender instanceof EventOut)) return undefined;
    const packet = agreed && sender.next(out, agreed.pt, agreed.clock, now);
    if (agreed === undefined || sender.done) this.#endDigits();
    return packet;
  }

  /** The sound that is due; silence when there is none. */
  fill(frame: Uint8Array, law: 'mu' | 'a'): void {
    const sender = this.#digits[0];
    const player = this.#player;
    if (sender instanceof ToneOut) {
      sender.fill(frame, law);
      if (sender.done) this.#endDigits();
    } else if (player !== undefined) {
      player.fill(frame, law);
      if (player.done) this.endPlay('done');
    } else {
      frame.fill(law === 'mu' ? MU_SILENCE : A_SILENCE);
    }
  }

  /** What is next has no way to the peer any more. */
  fail(): void {
    this.endPlay('failed');
    this.#endDigits();
  }

  close(): void {
    this.endPlay('closed');
    while (this.#digits.length > 0) this.#endDigits();
  }

  #endDigits(): void {
    const sender = this.#digits.shift();
    if (sender !== undefined && sender.op !== NO_OP) this.#on.sent(sender.op);
  }
}
