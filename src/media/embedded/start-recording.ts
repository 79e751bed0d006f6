import type { Clock } from '../../base/clock.js';
import type { RecordEnd, Recording, RecordSpec } from '../engine.js';
import type { Operations } from './operations.js';

/** What a worker may take, beyond the recording itself, before it is given up: a beep, a slow disk. */
const GRACE_MS = 65_000;

export interface RecordingDeps {
  readonly clock: Clock;
  readonly operations: Operations;
  readonly worker: number;
  /** Settles when it is over. */
  readonly beep: () => Promise<unknown>;
  readonly begin: (op: number) => void;
  readonly tell: (op: number, what: 'pause' | 'resume' | 'stop', key: string | undefined) => void;
  readonly over: () => void;
}

export interface RunningRecording extends Recording {
  /** Whether the key ends it. */
  key(digit: string): boolean;
  /** The session is gone. */
  close(): void;
}

/** The main thread's side of a recording. */
export function startRecording(spec: RecordSpec, deps: RecordingDeps): RunningRecording {
  const { operations } = deps;
  let state: 'beep' | 'recording' | 'over' = 'beep';
  let settle: (end: RecordEnd) => void = () => undefined;
  const ended = new Promise<RecordEnd>((resolve) => {
    settle = resolve;
  });
  const op = operations.begin(deps.worker, (how) => {
    state = 'over';
    deadline.clear();
    deps.over();
    settle(how.kind === 'recorded' ? how.end : { kind: 'failed', by: 'closed', durationMs: 0 });
  });
  const deadline = deps.clock.after(spec.maxMs + GRACE_MS, () => operations.end(op, { kind: 'gone' }));

  function stop(key: string | undefined): void {
    if (state === 'beep') operations.end(op, { kind: 'recorded', end: unheard(key) });
    else if (state === 'recording') deps.tell(op, 'stop', key);
  }

  function begin(): void {
    if (state === 'over') return;
    state = 'recording';
    deps.begin(op);
  }

  if (spec.beep === true) void deps.beep().then(begin);
  else begin();
  return {
    ended,
    pause: () => {
      if (state === 'recording') deps.tell(op, 'pause', undefined);
    },
    resume: () => {
      if (state === 'recording') deps.tell(op, 'resume', undefined);
    },
    stop: () => stop(undefined),
    key: (digit) => {
      if (spec.terminators?.includes(digit) !== true) return false;
      stop(digit);
      return true;
    },
    close: () => {
      // The worker finishes those it knows.
      if (state === 'beep') operations.end(op, { kind: 'gone' });
    },
  };
}

/** A recording that did not begin. */
export function notRecorded(): Recording {
  const nothing = (): void => undefined;
  const end: RecordEnd = { kind: 'failed', by: 'closed', durationMs: 0 };
  return { ended: Promise.resolve(end), pause: nothing, resume: nothing, stop: nothing };
}

/** Of a recording that was stopped during its beep. */
function unheard(key: string | undefined): RecordEnd {
  return key === undefined
    ? { kind: 'failed', by: 'stopped', durationMs: 0 }
    : { kind: 'failed', by: 'key', durationMs: 0, key };
}
