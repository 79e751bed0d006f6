import { decodeAInto, encodeAInto, encodeMuInto } from '../codec/g711.js';
import type { WireMember } from './messages.js';
import type { Paced, Pacer } from './pacer.js';
import type { Player } from './player.js';
import { FRAME_SAMPLES, Playout } from './playout.js';
import { RTP_HEADER_BYTES } from './rtp.js';
import type { Stream } from './stream.js';

const FRAME_MS = 20;
const LOUDEST = 32_767;

interface Seat {
  readonly stream: Stream;
  readonly playout: Playout;
  frame: Int16Array;
  hears: 'all' | 'none';
  heardBy: 'all' | 'none' | ReadonlySet<number>;
}

export interface MixerEvents {
  played(op: number, end: 'done' | 'stopped' | 'closed', playedMs: number): void;
}

/** A room: each member hears all others but itself (N−1), within the roles they have. */
export class Mixer implements Paced {
  readonly #pacer: Pacer;
  readonly #random: () => number;
  readonly #on: MixerEvents;
  /** By session. */
  readonly #seats = new Map<number, Seat>();
  readonly #sum = new Int32Array(FRAME_SAMPLES);
  readonly #own = new Int32Array(FRAME_SAMPLES);
  readonly #pcm = new Int16Array(FRAME_SAMPLES);
  readonly #announced = new Int16Array(FRAME_SAMPLES);
  readonly #bytes = new Uint8Array(FRAME_SAMPLES);
  #player: Player | undefined;

  constructor(pacer: Pacer, random: () => number, on: MixerEvents) {
    this.#random = random;
    this.#pacer = pacer;
    this.#on = on;
  }

  has(session: number): boolean {
    return this.#seats.has(session);
  }

  set(member: WireMember, stream: Stream): void {
    const { session, hears } = member;
    const heardBy = typeof member.heardBy === 'string' ? member.heardBy : new Set(member.heardBy);
    const seat = this.#seats.get(session);
    if (seat !== undefined) {
      seat.hears = hears;
      seat.heardBy = heardBy;
      return;
    }
    const playout = new Playout(this.#random);
    this.#seats.set(session, { stream, playout, frame: this.#pcm, hears, heardBy });
    stream.heard.add(playout);
    stream.setMixed(true);
    this.#pacer.add(this);
  }

  remove(session: number): void {
    const seat = this.#seats.get(session);
    if (seat === undefined) return;
    this.#seats.delete(session);
    seat.stream.heard.remove(seat.playout);
    seat.stream.setMixed(false);
  }

  play(player: Player): void {
    this.#endPlay('stopped');
    if (player.done) return this.#on.played(player.op, 'done', 0);
    this.#player = player;
    this.#pacer.add(this);
  }

  stop(op: number): void {
    if (this.#player?.op === op) this.#endPlay('stopped');
  }

  close(): void {
    this.#endPlay('closed');
    for (const session of [...this.#seats.keys()]) this.remove(session);
    this.#pacer.remove(this);
  }

  tick(): number {
    const player = this.#player;
    if (this.#seats.size === 0 && player === undefined) return 0;
    this.#announce();
    const sum = this.#sum;
    sum.set(this.#announced);
    for (const seat of this.#seats.values()) {
      seat.frame = seat.playout.pull();
      if (seat.heardBy === 'all') add(sum, seat.frame, 1);
    }
    for (const [session, seat] of this.#seats) this.#feed(session, seat);
    if (player?.done === true && player === this.#player) this.#endPlay('done');
    return FRAME_MS;
  }

  #feed(session: number, seat: Seat): void {
    const { law } = seat.stream;
    if (law === undefined) return;
    const own = this.#own;
    if (seat.hears === 'none') {
      own.fill(0);
    } else {
      own.set(this.#sum);
      if (seat.heardBy === 'all') add(own, seat.frame, -1);
      for (const other of this.#seats.values()) {
        if (other !== seat && typeof other.heardBy !== 'string' && other.heardBy.has(session)) {
          add(own, other.frame, 1);
        }
      }
    }
    for (let index = 0; index < FRAME_SAMPLES; index++) {
      this.#pcm[index] = Math.max(-LOUDEST, Math.min(LOUDEST, own[index]!));
    }
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + FRAME_SAMPLES);
    const payload = packet.subarray(RTP_HEADER_BYTES);
    if (law === 'mu') encodeMuInto(payload, this.#pcm);
    else encodeAInto(payload, this.#pcm);
    seat.stream.sendMixed(packet, FRAME_MS);
  }

  /** What is played to the room, as samples. */
  #announce(): void {
    if (this.#player === undefined) {
      this.#announced.fill(0);
      return;
    }
    this.#player.fill(this.#bytes, 'a');
    decodeAInto(this.#announced, this.#bytes);
  }

  #endPlay(end: 'done' | 'stopped' | 'closed'): void {
    const player = this.#player;
    if (player === undefined) return;
    this.#player = undefined;
    this.#on.played(player.op, end, player.playedMs);
  }
}

function add(into: Int32Array, frame: Int16Array, sign: 1 | -1): void {
  for (let index = 0; index < FRAME_SAMPLES; index++) into[index] = into[index]! + sign * frame[index]!;
}
