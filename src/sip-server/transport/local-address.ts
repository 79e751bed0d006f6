import { networkInterfaces } from 'node:os';
import { isIPv6 } from 'node:net';
import { createCidrSet, type CidrSet } from '../../base/cidr.js';

/** Which of this machine's addresses a peer sees; for listeners on a wildcard. */
export interface LocalAddresses {
  /** The address on the peer's own network, else the first one of the family that is not loopback, else loopback. */
  towards(remoteAddress: string): string;
  /** The same without a peer in mind. */
  first(family: 4 | 6): string;
}

interface Network {
  readonly address: string;
  readonly internal: boolean;
  readonly family: 4 | 6;
  readonly block: CidrSet;
}

/** Interfaces change rarely; asking the system takes tens of microseconds. */
const REFRESH_MS = 30_000;

/** @param monotonic milliseconds, for the refresh every 30 s */
export function createLocalAddresses(monotonic: () => number): LocalAddresses {
  let networks: Network[] = [];
  let readAt = Number.NEGATIVE_INFINITY;

  function current(): Network[] {
    if (monotonic() - readAt > REFRESH_MS) {
      readAt = monotonic();
      networks = readNetworks();
    }
    return networks;
  }

  function first(family: 4 | 6): string {
    const candidates = current().filter((network) => network.family === family);
    const chosen = candidates.find((network) => !network.internal) ?? candidates[0];
    return chosen?.address ?? (family === 4 ? '127.0.0.1' : '::1');
  }

  return {
    first,
    towards: (remoteAddress) =>
      current().find((network) => network.block.has(remoteAddress))?.address ??
      first(isIPv6(remoteAddress) ? 6 : 4),
  };
}

function readNetworks(): Network[] {
  const networks: Network[] = [];
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family, internal, cidr } of addresses ?? []) {
      // Link-local addresses need a zone, which Via and Contact cannot carry.
      if (cidr === null || address.startsWith('fe80:')) continue;
      networks.push({ address, internal, family: family === 'IPv4' ? 4 : 6, block: createCidrSet([cidr]) });
    }
  }
  return networks;
}
