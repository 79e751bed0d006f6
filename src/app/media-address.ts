import { createSocket } from 'node:dgram';
import { isIP, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { hostOf } from '../base/host-of.js';
import type { ListenerSettings } from '../config/index.js';

export interface MediaAddress {
  readonly address: string;
  readonly advertise?: string;
}

const ANY = new Set(['0.0.0.0', '::']);
/** RFC 5737: routed as the rest of the world is, and nobody is there. Nothing is sent. */
const SOMEWHERE = { 4: '192.0.2.1', 6: '2001:db8::1' } as const;

/**
 * Which local address a leg's media uses: the one its listener names; where it listens everywhere, the one from which the peer is
 * reached, as far as the interfaces tell, else that of the default route.
 */
export async function createMediaAddresses(
  listeners: readonly ListenerSettings[],
): Promise<(peer: string, listener: string | undefined) => MediaAddress> {
  const outward = { 4: await localAddress(4), 6: await localAddress(6) };
  return (peer, arrivedOn) => {
    const host = hostOf(peer);
    const family = isIP(host) === 6 ? 6 : 4;
    const own = listenerFor(listeners, arrivedOn, host, family);
    const bound = own === undefined ? undefined : (own.media ?? own.host);
    const address =
      bound === undefined || ANY.has(bound) || isIP(bound) === 0
        ? (neighbourOf(host) ?? outward[family] ?? (family === 6 ? '::1' : '127.0.0.1'))
        : bound;
    return own?.advertise === undefined || isLoopback(host)
      ? { address }
      : { address, advertise: own.advertise };
  };
}

/** By name, else by the local `address:port` a request arrived on, else the first whose address can reach the peer. */
function listenerFor(
  listeners: readonly ListenerSettings[],
  arrivedOn: string | undefined,
  host: string,
  family: 4 | 6,
): ListenerSettings | undefined {
  const named = listeners.find(
    ({ name, host: at, port }) =>
      arrivedOn !== undefined &&
      (name === arrivedOn || `${at}:${port}` === arrivedOn || `[${at}]:${port}` === arrivedOn),
  );
  if (named !== undefined) return named;
  const fits = listeners.filter((one) => isIP(one.host) === family);
  return (
    fits.find((one) => !ANY.has(one.host) && isLoopback(one.host) === isLoopback(host)) ??
    fits.find((one) => ANY.has(one.host)) ??
    fits[0]
  );
}

function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || host.startsWith('127.');
}

/** Our address in the network the peer is in. */
function neighbourOf(host: string): string | undefined {
  if (isLoopback(host)) return isIP(host) === 6 ? '::1' : '127.0.0.1';
  if (!isIPv4(host)) return undefined;
  const peer = toNumber(host);
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, netmask, family } of addresses ?? []) {
      if (family !== 'IPv4') continue;
      const mask = toNumber(netmask);
      if ((toNumber(address) & mask) >>> 0 === (peer & mask) >>> 0) return address;
    }
  }
  return undefined;
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => ((sum << 8) | Number(part)) >>> 0, 0);
}

/** The local address of the default route; undefined where there is none. */
async function localAddress(family: 4 | 6): Promise<string | undefined> {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  try {
    return await new Promise<string | undefined>((resolve) => {
      socket.once('error', () => resolve(undefined));
      socket.connect(9, SOMEWHERE[family], () => resolve(socket.address().address));
    });
  } finally {
    socket.close();
  }
}
