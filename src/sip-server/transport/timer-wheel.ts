import type { Clock, Timer } from '../../base/clock.js';

/** What a timer belongs to. One object may own several timers, told apart by their name; no closure per timer. */
export interface TimerOwner {
  onTimer(name: string): void;
}

/** Setting and clearing is O(1); fires never early and at most one resolution (plus the clock's own delay) late. */
export interface WheelTimer {
  /** (Re)starts it. */
  set(delayMs: number): void;
  /** Idempotent. */
  clear(): void;
  readonly armed: boolean;
}

export interface TimerWheel {
  timer(owner: TimerOwner, name: string): WheelTimer;
  /** Forgets all timers. */
  stop(): void;
  readonly size: number;
}

const SLOTS = 4096;
const DEFAULT_RESOLUTION_MS = 10;

/**
 * One wheel for all timers of the server, hashed by due time; a timer further off than one turn (41 s) stays in its slot for
 * further turns. Sleeps on one clock timer, until the next slot that holds something.
 * @param failed told what a timer threw
 */
export function createTimerWheel(
  clock: Clock,
  failed: (error: unknown) => void,
  resolutionMs = DEFAULT_RESOLUTION_MS,
): TimerWheel {
  return new Wheel(clock, failed, resolutionMs);
}

class Wheel implements TimerWheel {
  /** Each slot is the head of a ring of entries. */
  private readonly slots: Entry[] = Array.from({ length: SLOTS }, () => new Entry());
  /** What is about to run in this turn. */
  private readonly due = new Entry();
  private count = 0;
  /** The last tick whose slot has been emptied. */
  private done: number;
  private alarm: Timer | undefined;
  private alarmTick = Number.POSITIVE_INFINITY;
  private running = false;

  constructor(
    private readonly clock: Clock,
    private readonly failed: (error: unknown) => void,
    private readonly resolutionMs: number,
  ) {
    this.done = this.tickNow();
  }

  get size(): number {
    return this.count;
  }

  timer(owner: TimerOwner, name: string): WheelTimer {
    return new OwnedTimer(this, owner, name);
  }

  stop(): void {
    for (const head of [...this.slots, this.due]) {
      while (head.next !== head) head.next.unlink();
    }
    this.count = 0;
    this.alarm?.clear();
    this.alarm = undefined;
    this.alarmTick = Number.POSITIVE_INFINITY;
  }

  add(entry: OwnedTimer, delayMs: number): void {
    if (this.count === 0 && !this.running) this.done = this.tickNow();
    const due = Math.ceil((this.clock.monotonic() + Math.max(0, delayMs)) / this.resolutionMs);
    entry.due = Math.max(due, this.done + 1);
    this.slots[entry.due % SLOTS]!.linkBefore(entry);
    this.count++;
    if (entry.due < this.alarmTick && !this.running) this.wakeAt(entry.due);
  }

  remove(entry: OwnedTimer): void {
    entry.unlink();
    this.count--;
  }

  private tickNow(): number {
    return Math.floor(this.clock.monotonic() / this.resolutionMs);
  }

  private wakeAt(tick: number): void {
    this.alarm?.clear();
    this.alarmTick = tick;
    this.alarm = this.clock.after(Math.max(0, tick * this.resolutionMs - this.clock.monotonic()), this.turn);
  }

  private readonly turn = (): void => {
    this.alarm = undefined;
    this.alarmTick = Number.POSITIVE_INFINITY;
    const now = this.tickNow();
    const { due } = this;
    // After a long sleep one whole turn visits every slot.
    for (let tick = Math.max(this.done + 1, now - SLOTS + 1); tick <= now; tick++) {
      const head = this.slots[tick % SLOTS]!;
      for (let entry = head.next; entry !== head;) {
        const next = entry.next;
        if (entry.due <= now) {
          entry.unlink();
          due.linkBefore(entry);
        }
        entry = next;
      }
    }
    this.done = Math.max(this.done, now);
    // What runs may clear or set any timer, also one that is due in this very turn: it leaves the ring then.
    this.running = true;
    while (due.next !== due) {
      const entry = due.next;
      entry.unlink();
      this.count--;
      try {
        entry.run();
      } catch (error) {
        this.failed(error);
      }
    }
    this.running = false;
    if (this.count > 0) this.wakeAt(this.nextTick());
  };

  private nextTick(): number {
    for (let tick = this.done + 1; tick < this.done + SLOTS; tick++) {
      const head = this.slots[tick % SLOTS]!;
      if (head.next !== head) return tick;
    }
    return this.done + SLOTS;
  }
}

/** A link in a slot's ring; a bare one is the ring's head. */
class Entry {
  next: Entry = this;
  previous: Entry = this;
  due = 0;

  /** Puts `entry` at the end of the ring this is the head of. */
  linkBefore(entry: Entry): void {
    entry.previous = this.previous;
    entry.next = this;
    this.previous.next = entry;
    this.previous = entry;
  }

  unlink(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.next = this;
    this.previous = this;
  }

  run(): void {
    // The head of a ring has nothing to do.
  }
}

class OwnedTimer extends Entry implements WheelTimer {
  constructor(
    private readonly wheel: Wheel,
    private readonly owner: TimerOwner,
    private readonly name: string,
  ) {
    super();
  }

  get armed(): boolean {
    return this.next !== this;
  }

  set(delayMs: number): void {
    this.clear();
    this.wheel.add(this, delayMs);
  }

  clear(): void {
    if (this.next !== this) this.wheel.remove(this);
  }

  override run(): void {
    this.owner.onTimer(this.name);
  }
}
