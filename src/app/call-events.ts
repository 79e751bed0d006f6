import type { CallEvent } from '../calls/index.js';

/** Hands what calls tell to whoever listens at the moment. */
export interface CallEvents {
  tell(event: CallEvent): void;
  subscribe(listener: (event: CallEvent) => void): () => void;
}

export function createCallEvents(): CallEvents {
  const listeners = new Set<(event: CallEvent) => void>();
  return {
    tell: (event) => {
      for (const listener of listeners) listener(event);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
