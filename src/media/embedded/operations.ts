import type { FromWorker, WireStats } from './messages.js';
import type { RecordEnd } from '../engine.js';

type Ended =
  | Pick<Extract<FromWorker, { kind: 'played' }>, 'kind' | 'end' | 'playedMs'>
  | { readonly kind: 'sent' }
  | { readonly kind: 'recorded'; readonly end: RecordEnd }
  | { readonly kind: 'stats'; readonly stats: WireStats }
  /** The worker died, or never answered. */
  | { readonly kind: 'gone' };

/** What a worker was asked and has not answered: each is told its end exactly once. */
export interface Operations {
  /** Number of a new operation on `worker`; `ended` is called once. */
  begin(worker: number, ended: (end: Ended) => void): number;
  /** A worker's message that ends one; others are left alone. */
  end(op: number, end: Ended): void;
  /** All that run on it. */
  workerGone(worker: number): void;
}

export function createOperations(): Operations {
  const open = new Map<number, { worker: number; ended: (end: Ended) => void }>();
  let last = 0;
  function end(op: number, how: Ended): void {
    const operation = open.get(op);
    if (operation === undefined) return;
    open.delete(op);
    operation.ended(how);
  }
  return {
    begin: (worker, ended) => {
      open.set(++last, { worker, ended });
      return last;
    },
    end,
    workerGone: (worker) => {
      for (const [op, operation] of [...open]) if (operation.worker === worker) end(op, { kind: 'gone' });
    },
  };
}
