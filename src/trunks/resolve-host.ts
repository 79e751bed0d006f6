import { Resolver } from 'node:dns/promises';

const SRV_NAMES = ['_sip._udp', '_sip._tcp', '_sips._tcp'];
const TIMEOUT_MS = 3000;

/**
 * All addresses that requests of a host name may come from: its own A and AAAA records, and those of the hosts that its SRV records
 * name (RFC 3263). Empty when nothing can be resolved now.
 */
export async function resolveTrunkHost(host: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 2 });
  const targets = await Promise.all(
    SRV_NAMES.map((name) => resolver.resolveSrv(`${name}.${host}`).catch(() => [])),
  );
  const names = new Set([host, ...targets.flat().map(({ name }) => name)]);
  const addresses = await Promise.all(
    [...names].flatMap((name) => [
      resolver.resolve4(name).catch((): string[] => []),
      resolver.resolve6(name).catch((): string[] => []),
    ]),
  );
  return [...new Set(addresses.flat())];
}
