import { isIPv6 } from 'node:net';
import { AppError } from '../../base/errors.js';
import type { ListenOptions } from '../options.js';
import type { Listener } from './flow.js';
import type { LocalAddresses } from './local-address.js';

/** The listener as others see it, once its port is known. */
export function describeListener(options: ListenOptions, port: number, local: LocalAddresses): Listener {
  const { transport, host, name, advertise } = options;
  const wildcard = host === '0.0.0.0' || host === '::';
  const family = isIPv6(host) ? 6 : 4;
  const fixed =
    advertise === undefined ? (wildcard ? undefined : hostPort(host, port)) : advertised(advertise, port);
  return {
    name,
    transport,
    address: host,
    port,
    get sentBy() {
      return fixed ?? hostPort(local.first(family), port);
    },
    sentByFor: (remoteAddress) => fixed ?? hostPort(local.towards(remoteAddress), port),
    url: `${transport}/${hostPort(host, port)}`,
  };
}

/** `host:port`, an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
}

function advertised(text: string, port: number): string {
  if (isIPv6(text)) return hostPort(text, port);
  return /:\d+$/.test(text) ? text : hostPort(text, port);
}

/** The fault an admin can act on, for an error of `bind` or `listen`. */
export function listenError(options: ListenOptions, cause: Error): Error {
  const where = `listener "${options.name}": ${options.transport} ${hostPort(options.host, options.port)}`;
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new AppError('PORT_IN_USE', `${where} is already in use`, { cause });
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new AppError('ADDRESS_UNAVAILABLE', `${where}: this machine has no such address`, { cause });
    case 'EACCES':
      return new AppError(
        'ADDRESS_UNAVAILABLE',
        `${where}: not allowed to listen there (ports below 1024 need a privilege)`,
        { cause },
      );
    default:
      return cause;
  }
}
