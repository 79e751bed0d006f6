import { isIP } from 'node:net';
import { createCidrSet, type CidrSet } from '../base/cidr.js';
import type { Clock, Timer } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { TrunkSettings } from '../model/index.js';

/** Names are looked up again this often; the last answer holds while a name cannot be resolved. */
const REFRESH_MS = 60_000;
/** Addresses of one name that are kept. */
const MAX_ADDRESSES_OF_A_NAME = 256;
/** Source addresses whose trunks are remembered; cleared when full. */
const MAX_REMEMBERED = 10_000;

/** Which trunks an address belongs to, from networks and resolved host names (RFC 3263: every address of the name). */
export interface TrunkAddresses {
  find(address: string): readonly TrunkSettings[];
  /** The addresses of a trunk as CIDR blocks. */
  networksOf(trunk: string): readonly string[];
  /** Resolves once every name has been asked for once. */
  configure(trunks: readonly TrunkSettings[]): Promise<void>;
  stop(): void;
}

interface Entry {
  readonly trunk: TrunkSettings;
  readonly networks: readonly string[];
  readonly names: readonly string[];
  set: CidrSet;
}

export function createTrunkAddresses(deps: {
  clock: Clock;
  logger: Logger;
  resolve: (host: string) => Promise<readonly string[]>;
  onChanged: () => void;
}): TrunkAddresses {
  const { clock, logger, resolve, onChanged } = deps;
  const resolved = new Map<string, readonly string[]>();
  const remembered = new Map<string, readonly TrunkSettings[]>();
  let entries: readonly Entry[] = [];
  let refreshing: Timer | undefined;

  const blocksOf = (entry: Entry): string[] => [
    ...entry.networks,
    ...entry.names.flatMap((name) => (resolved.get(name) ?? []).map(hostBlock)),
  ];

  const rebuild = () => {
    for (const entry of entries) entry.set = createCidrSet(blocksOf(entry));
    remembered.clear();
  };

  /** Whether the name stands for other addresses than before. */
  const lookUp = async (name: string): Promise<boolean> => {
    const found = (await resolve(name).catch(() => [])).slice(0, MAX_ADDRESSES_OF_A_NAME);
    if (found.length === 0) {
      logger.warn({ name, kept: resolved.get(name)?.length ?? 0 }, 'a trunk host name cannot be resolved');
      return false;
    }
    const sorted = [...found].sort();
    if (sorted.join() === resolved.get(name)?.join()) return false;
    resolved.set(name, sorted);
    return true;
  };

  const refresh = async (): Promise<void> => {
    const names = [...new Set(entries.flatMap((entry) => entry.names))];
    const changes = await Promise.all(names.map(lookUp));
    if (changes.some(Boolean)) {
      rebuild();
      onChanged();
    }
  };

  const scheduleRefresh = () => {
    refreshing?.clear();
    if (entries.every((entry) => entry.names.length === 0)) return;
    refreshing = clock.after(REFRESH_MS, () => void refresh().then(scheduleRefresh));
  };

  return {
    find: (address) => {
      const known = remembered.get(address);
      if (known !== undefined) return known;
      const found = entries.filter((entry) => entry.set.has(address)).map((entry) => entry.trunk);
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(address, found);
      return found;
    },
    networksOf: (trunk) => {
      const entry = entries.find((candidate) => candidate.trunk.name === trunk);
      return entry === undefined ? [] : blocksOf(entry);
    },
    configure: async (trunks) => {
      entries = trunks.map((trunk) => ({
        trunk,
        networks: trunk.from.filter(isNetwork).map(hostBlock),
        names: trunk.from.filter((from) => !isNetwork(from)),
        set: createCidrSet([]),
      }));
      rebuild();
      await refresh();
      scheduleRefresh();
    },
    stop: () => refreshing?.clear(),
  };
}

function isNetwork(text: string): boolean {
  return isIP(text.split('/', 1)[0]!) !== 0;
}

function hostBlock(address: string): string {
  if (address.includes('/')) return address;
  return `${address}/${isIP(address) === 6 ? 128 : 32}`;
}
