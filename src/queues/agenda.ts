import type { Clock, Timer } from '../base/clock.js';

/** The clock is asked again after this time at the latest: timers of Node end at 2^31 ms. */
const LONGEST_MS = 3_600_000;

/** Something that falls due. */
export interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Place in the heap; -1: out. */
  index: number;
}

/**
 * All that falls due in the queues, behind one timer of the clock. Times are of `clock.monotonic()`; what falls due at one time runs
 * in the order it was set.
 */
export interface Agenda {
  set(at: number, run: () => void): Alarm;
  clear(alarm: Alarm | undefined): void;
  /** Sets the clock's timer by what is due next: to be called after each change. */
  arm(): void;
  stop(): void;
}

/** `due` is called when alarms have fallen due, with what takes the next of them out. */
export function createAgenda(clock: Clock, due: (next: () => Alarm | undefined) => void): Agenda {
  const heap: Alarm[] = [];
  let order = 0;
  let timer: Timer | undefined;
  let armedFor = Infinity;
  let stopped = false;

  function up(from: number): void {
    let index = from;
    const alarm = heap[index]!;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(alarm, heap[parent]!)) break;
      put(heap[parent]!, index);
      index = parent;
    }
    put(alarm, index);
  }

  function down(from: number): void {
    let index = from;
    const alarm = heap[index]!;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, alarm)) break;
      put(heap[child]!, index);
      index = child;
    }
    put(alarm, index);
  }

  function put(alarm: Alarm, index: number): void {
    heap[index] = alarm;
    alarm.index = index;
  }

  function clear(alarm: Alarm | undefined): void {
    if (alarm === undefined || alarm.index < 0) return;
    const { index } = alarm;
    alarm.index = -1;
    const last = heap.pop()!;
    if (last === alarm) return;
    put(last, index);
    up(index);
    down(last.index);
  }

  function fire(): void {
    timer = undefined;
    armedFor = Infinity;
    const now = clock.monotonic();
    due(() => {
      const alarm = heap[0];
      if (alarm === undefined || alarm.at > now) return undefined;
      clear(alarm);
      return alarm;
    });
  }

  return {
    set(at, run) {
      const alarm: Alarm = { at, order: order++, run, index: heap.length };
      heap.push(alarm);
      up(alarm.index);
      return alarm;
    },
    clear,
    arm() {
      const next = heap[0]?.at ?? Infinity;
      // A timer that comes too early finds nothing due and sets the next.
      if (stopped || next >= armedFor) return;
      timer?.clear();
      const wait = Math.min(LONGEST_MS, Math.max(0, next - clock.monotonic()));
      armedFor = next;
      timer = clock.after(Math.ceil(wait), fire);
    },
    stop() {
      stopped = true;
      timer?.clear();
      heap.length = 0;
    },
  };
}

function before(a: Alarm, b: Alarm): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
