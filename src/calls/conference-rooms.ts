import type { Clip, MediaEngine, MediaSession, Mix } from '../media/index.js';

/** What a room is to be, as the plan of its newest member has it. */
export interface RoomDefinition {
  readonly name: string;
  readonly max: number;
  readonly record: boolean;
}

/** Somebody in a room. */
export interface RoomMember {
  readonly session: MediaSession;
  readonly isHost: boolean;
  /** There is nobody else, or there is again. Told on joining, too. */
  alone(isAlone: boolean): void;
  /** What is said in the room is recorded from this one's seat, or no longer. */
  record(on: boolean): void;
}

/** A member's place in a room, until `leave`. */
export interface RoomSeat {
  /** Says whether the member is muted now. */
  toggleMute(): boolean;
  /** Mutes everybody but hosts, or lets them speak again; says which. Undefined: this one is no host. */
  toggleHush(): boolean | undefined;
  /** Idempotent. */
  leave(): void;
}

const JOINED: readonly Clip[] = [{ kind: 'tone', tone: 'beep', ms: 200 }];
const LEFT: readonly Clip[] = [
  { kind: 'tone', tone: 'beep', ms: 120 },
  { kind: 'silence', ms: 80 },
  { kind: 'tone', tone: 'beep', ms: 120 },
];

/** The conference rooms in which somebody is. */
export class ConferenceRooms {
  readonly #rooms = new Map<string, Room>();

  constructor(private readonly engine: Pick<MediaEngine, 'mix'>) {}

  /** Whether nobody gets in any more. */
  isFull({ name, max }: Pick<RoomDefinition, 'name' | 'max'>): boolean {
    return (this.#rooms.get(name)?.size ?? 0) >= max;
  }

  /** A session of the room, near which those of further members are opened; undefined: nobody is there. */
  sessionIn(name: string): MediaSession | undefined {
    return this.#rooms.get(name)?.first;
  }

  /** Undefined: it is full. */
  join(definition: RoomDefinition, member: RoomMember): RoomSeat | undefined {
    if (this.isFull(definition)) return undefined;
    const { name } = definition;
    let room = this.#rooms.get(name);
    if (room === undefined) {
      room = new Room(this.engine.mix(), () => this.#rooms.delete(name));
      this.#rooms.set(name, room);
    }
    return room.join(member, definition.record);
  }
}

interface Place {
  readonly member: RoomMember;
  muted: boolean;
}

class Room {
  readonly #places: Place[] = [];
  /** Nobody but hosts is heard. */
  #hushed = false;
  #records = false;
  /** From whose place it is recorded. */
  #recorder: Place | undefined;

  constructor(
    private readonly mix: Mix,
    private readonly onEmpty: () => void,
  ) {}

  get size(): number {
    return this.#places.length;
  }

  get first(): MediaSession | undefined {
    return this.#places[0]?.member.session;
  }

  join(member: RoomMember, record: boolean): RoomSeat {
    const place: Place = { member, muted: false };
    this.#places.push(place);
    this.#records = record;
    this.#seat(place);
    if (this.size === 1) member.alone(true);
    else {
      if (this.size === 2) this.#places[0]?.member.alone(false);
      member.alone(false);
      this.mix.play(JOINED);
    }
    this.#moveRecorder();
    return {
      toggleMute: () => {
        place.muted = !place.muted;
        this.#seat(place);
        return place.muted;
      },
      toggleHush: () => {
        if (!member.isHost) return undefined;
        this.#hush(!this.#hushed);
        return this.#hushed;
      },
      leave: () => this.#leave(place),
    };
  }

  #leave(place: Place): void {
    const index = this.#places.indexOf(place);
    if (index < 0) return;
    this.#places.splice(index, 1);
    this.mix.remove(place.member.session);
    if (this.#recorder === place) {
      this.#recorder = undefined;
      place.member.record(false);
    }
    const [first] = this.#places;
    if (first === undefined) {
      this.mix.close();
      this.onEmpty();
      return;
    }
    this.mix.play(LEFT);
    if (this.size === 1) first.member.alone(true);
    // Whom nobody could let speak again may speak.
    if (this.#hushed && !this.#places.some(({ member }) => member.isHost)) this.#hush(false);
    this.#moveRecorder();
  }

  #hush(on: boolean): void {
    this.#hushed = on;
    for (const place of this.#places) this.#seat(place);
  }

  #seat({ member: { session, isHost }, muted }: Place): void {
    const isSilent = muted || (this.#hushed && !isHost);
    this.mix.set({ session, heardBy: isSilent ? 'none' : 'all' });
  }

  /** One file a stay: of whoever has been there longest. */
  #moveRecorder(): void {
    if (!this.#records || this.#recorder !== undefined) return;
    this.#recorder = this.#places[0];
    this.#recorder?.member.record(true);
  }
}
