import type { Clock, Timer } from '../base/clock.js';
import type { Binding, RegistrationStore } from './ports.js';

/** Contacts one device may have at a time. */
export const MAX_CONTACTS_PER_DEVICE = 10;
/** How often expired bindings are looked for. They never count once expired, whenever the sweep comes. */
const SWEEP_MS = 5000;

/** The bindings of all devices, kept in memory and written through to the store. */
export interface Bindings {
  /** Those that have not expired, newest first. */
  of(device: string): readonly Binding[];
  put(binding: Binding): void;
  remove(binding: Binding): void;
  all(): readonly Binding[];
  start(): void;
  stop(): void;
}

export function createBindings(deps: {
  clock: Clock;
  store: RegistrationStore;
  onExpired: (binding: Binding) => void;
}): Bindings {
  const { clock, store, onExpired } = deps;
  const byDevice = new Map<string, Binding[]>();
  let sweeping: Timer | undefined;

  const live = (device: string): readonly Binding[] => {
    const bindings = byDevice.get(device);
    if (bindings === undefined) return [];
    const now = clock.now();
    return bindings.every((binding) => binding.expiresAt > now)
      ? bindings
      : bindings.filter((binding) => binding.expiresAt > now);
  };

  const drop = (binding: Binding) => {
    const rest = (byDevice.get(binding.device) ?? []).filter((other) => other !== binding);
    if (rest.length === 0) byDevice.delete(binding.device);
    else byDevice.set(binding.device, rest);
    store.remove(binding);
  };

  const sweep = () => {
    const now = clock.now();
    for (const bindings of byDevice.values()) {
      for (const binding of bindings) {
        if (binding.expiresAt > now) continue;
        drop(binding);
        onExpired(binding);
      }
    }
    sweeping = clock.after(SWEEP_MS, sweep);
  };

  return {
    of: live,
    put: (binding) => {
      const others = (byDevice.get(binding.device) ?? []).filter((other) => !isSameContact(other, binding));
      byDevice.set(binding.device, [binding, ...others]);
      store.save(binding);
    },
    remove: drop,
    all: () => [...byDevice.keys()].flatMap((device) => live(device)),
    start: () => {
      for (const binding of store.load()) {
        const bindings = byDevice.get(binding.device);
        if (bindings === undefined) byDevice.set(binding.device, [binding]);
        else bindings.push(binding);
      }
      sweep();
    },
    stop: () => sweeping?.clear(),
  };
}

/** The same phone: by `+sip.instance` where both have one (RFC 5626 §6), else by the contact's URI. */
export function isSameContact(a: Binding, b: Binding): boolean {
  if (a.instance !== undefined && b.instance !== undefined) return a.instance === b.instance;
  return a.contact === b.contact;
}
