import type { CallbackRecord } from '../model/index.js';
import { about, type Caller, type House } from './house.js';

type Over = Extract<CallbackRecord['state'], 'reached' | 'failed' | 'cancelled'>;

/** Keeps the callback as it is now. */
export function saveCallback(
  house: House,
  caller: Caller,
  change: Partial<CallbackRecord>,
): Promise<boolean> {
  caller.callback = { ...caller.callback!, ...change };
  return house.deps.callbacks.save(caller.callback);
}

/** The promise is kept, given up, or withdrawn. No-op for a caller without one. */
export function closeCallback(house: House, caller: Caller, state: Over): void {
  if (caller.callback === undefined) return;
  house.callbacks.delete(caller.callback.id);
  void saveCallback(house, caller, { state, endedAt: house.deps.clock.now() });
  if (state !== 'reached') house.record({ ...about(house, caller), kind: 'callback', outcome: state });
}
