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
  /** Whether one of them came from this address. */
  isHome(address: string): boolean;
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
  /** How many bindings came from an address. */
  const homes = new Map<string, number>();
  let sweeping: Timer | undefined;

  const settle = (binding: Binding, change: 1 | -1) => {
    const address = addressOf(binding);
    const left = (homes.get(address) ?? 0) + change;
    if (left > 0) homes.set(address, left);
    else homes.delete(address);
  };

  const live = (device: string): readonly Binding[] => {
    const bindings = byDevice.get(device);
    if (bindings === undefined) return [];
    const now = clock.now();
    return bindings.every((binding) => binding.expiresAt > now)
      ? bindings
      : bindings.filter((binding) => binding.expiresAt > now);
  };

  const drop = (binding: Binding) => {
    const before = byDevice.get(binding.device) ?? [];
    const rest = before.filter((other) => other !== binding);
    if (rest.length < before.length) settle(binding, -1);
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
      const before = byDevice.get(binding.device) ?? [];
      const others = before.filter((other) => !isSameContact(other, binding));
      for (const old of before) if (isSameContact(old, binding)) settle(old, -1);
      settle(binding, 1);
      byDevice.set(binding.device, [binding, ...others]);
      store.save(binding);
    },
    remove: drop,
    all: () => [...byDevice.keys()].flatMap((device) => live(device)),
    isHome: (address) => homes.has(address),
    start: () => {
      for (const binding of store.load()) {
        settle(binding, 1);
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

/** `192.0.2.7` of `sip:192.0.2.7:5060;transport=udp`, `2001:db8::1` of `sip:[2001:db8::1]:5060;…`. */
function addressOf({ source }: Binding): string {
  const hostPort = source.slice('sip:'.length, source.indexOf(';'));
  return hostPort.slice(0, hostPort.lastIndexOf(':')).replace(/[[\]]/g, '');
}
