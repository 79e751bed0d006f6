import { isIPv4, isIPv6 } from 'node:net';
import type { NaptrRecord } from 'node:dns';
import type { Uri } from '../../sip/index.js';
import type { Target } from '../transport/transport.js';
import type { Lookups } from './lookups.js';
import { orderSrv } from './order-srv.js';

/** What a URI leads to. `unsupported`: a transport or scheme we do not speak. `none`: DNS knows nothing usable, or gives no answer. */
export type Resolution =
  | { readonly kind: 'targets'; readonly targets: readonly Target[] }
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'none' };

export interface TargetResolver {
  /** For an IP literal; undefined: `byName` must ask DNS. */
  atOnce(uri: Uri): Resolution | undefined;
  /** Never rejects. */
  byName(uri: Uri): Promise<Resolution>;
}

export interface ResolverDeps {
  readonly lookups: Lookups;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Whether we have a socket for it. */
  readonly reaches: (transport: 'udp' | 'tcp', family: 4 | 6) => boolean;
}

/** Addresses tried for one request; a zone with more is cut. */
const MAX_TARGETS = 16;
const DEFAULT_PORT = 5060;

/** Finds where a request goes (RFC 3263 §4). */
export function createTargetResolver({ lookups, random, reaches }: ResolverDeps): TargetResolver {
  const speaks = (transport: 'udp' | 'tcp'): boolean => reaches(transport, 4) || reaches(transport, 6);

  const speaks6only = (): boolean => !reaches('udp', 4) && !reaches('tcp', 4);

  async function addressTargets(transport: 'udp' | 'tcp', host: string, port: number): Promise<Target[]> {
    const families = ([4, 6] as const).filter((family) => reaches(transport, family));
    const found = await settled(families.map((family) => lookups.addresses(host, family)));
    return found.flat().map((address) => ({ transport, address, port }));
  }

  async function srvTargets(transport: 'udp' | 'tcp', name: string): Promise<Target[]> {
    const records = await lookups.srv(name);
    const targets: Target[] = [];
    for (const record of orderSrv(records, random)) {
      // "." says that the service is decidedly not there (RFC 2782).
      if (record.name === '' || record.name === '.') continue;
      if (targets.length >= MAX_TARGETS) break;
      const [found] = await settled([addressTargets(transport, record.name, record.port)]);
      targets.push(...(found ?? []));
    }
    return targets;
  }

  /** RFC 3263 §4.1 for a name without a port: NAPTR, else the SRV records of the transports we have. */
  async function serviceTargets(host: string, fixed: 'udp' | 'tcp' | undefined): Promise<Target[]> {
    const wanted = (['udp', 'tcp'] as const).filter(
      (transport) => (fixed ?? transport) === transport && speaks(transport),
    );
    if (fixed === undefined) {
      const naptr = await lookups.naptr(host).catch(() => []);
      const services = [...naptr].sort(byOrder).flatMap((record) => {
        const transport = transportOf(record);
        return transport !== undefined && wanted.includes(transport)
          ? [{ transport, name: record.replacement }]
          : [];
      });
      const targets = (
        await settled(services.map(({ transport, name }) => srvTargets(transport, name)))
      ).flat();
      if (targets.length > 0) return targets;
    }
    return (
      await settled(wanted.map((transport) => srvTargets(transport, `_sip._${transport}.${host}`)))
    ).flat();
  }

  async function resolveName(uri: Uri): Promise<Resolution> {
    const fixed = fixedTransport(uri);
    if (fixed === 'other') return { kind: 'unsupported' };
    const host = hostOf(uri);
    const services = uri.port === undefined ? await serviceTargets(host, fixed) : [];
    const targets =
      services.length > 0
        ? services
        : await addressTargets(fixed ?? defaultTransport(speaks), host, uri.port ?? DEFAULT_PORT);
    return targets.length > 0
      ? { kind: 'targets', targets: targets.slice(0, MAX_TARGETS) }
      : { kind: 'none' };
  }

  return {
    atOnce(uri) {
      // sips: would need TLS; tel: names no host.
      if (uri.scheme !== 'sip') return { kind: 'unsupported' };
      const transport = fixedTransport(uri);
      if (transport === 'other') return { kind: 'unsupported' };
      const host = hostOf(uri);
      // RFC 6761 §6.3: never a matter of DNS.
      const address = host === 'localhost' ? (speaks6only() ? '::1' : '127.0.0.1') : host;
      const family = isIPv4(address) ? 4 : isIPv6(address) ? 6 : undefined;
      if (family === undefined) return undefined;
      const chosen = transport ?? (reaches('udp', family) ? 'udp' : 'tcp');
      if (!reaches(chosen, family)) return { kind: 'unsupported' };
      return { kind: 'targets', targets: [{ transport: chosen, address, port: uri.port ?? DEFAULT_PORT }] };
    },
    byName: (uri) => resolveName(uri).catch(() => ({ kind: 'none' })),
  };
}

/** The answers that came. Throws only when none did. */
async function settled<T>(answers: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(answers);
  const values = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failure = results.find((result) => result.status === 'rejected');
  if (values.length === 0 && failure !== undefined) throw failure.reason;
  return values;
}

function defaultTransport(speaks: (transport: 'udp' | 'tcp') => boolean): 'udp' | 'tcp' {
  return speaks('udp') ? 'udp' : 'tcp';
}

function fixedTransport(uri: Uri): 'udp' | 'tcp' | 'other' | undefined {
  const name = uri.params.get('transport')?.toLowerCase();
  if (name === undefined || name === 'udp' || name === 'tcp') return name;
  return 'other';
}

/** RFC 3263 §4: `maddr` is the target when there is one. */
function hostOf(uri: Uri): string {
  const maddr = uri.params.get('maddr');
  const host = maddr === undefined || maddr === '' ? uri.host : maddr;
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

function transportOf(record: NaptrRecord): 'udp' | 'tcp' | undefined {
  if (record.flags.toLowerCase() !== 's') return undefined;
  const service = record.service.toUpperCase();
  return service === 'SIP+D2U' ? 'udp' : service === 'SIP+D2T' ? 'tcp' : undefined;
}

function byOrder(a: NaptrRecord, b: NaptrRecord): number {
  return a.order - b.order || a.preference - b.preference;
}
