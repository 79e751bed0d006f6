import { AppError } from '../base/errors.js';
import { silentLogger, type Logger } from '../base/logger.js';
import { DEFAULT_CONTROL_PORT } from './control/listener.js';
import type { ListenOptions } from './options.js';
import { createSipServer, type ServerOptions } from './server.js';

/** What `trunkline sip-server` was told. */
export interface StandaloneOptions {
  /** `udp://127.0.0.1:5060`, `tcp://[::1]:5060`; a default port of 5060. At least one. */
  readonly listen: readonly string[];
  /** `host:port` for applications; default 127.0.0.1:9022. */
  readonly control?: string;
  readonly secret: string;
  readonly logger?: Logger;
  /** Further settings. */
  readonly server?: Omit<ServerOptions, 'listen' | 'secret' | 'logger'>;
}

export interface Standalone {
  /** `udp/127.0.0.1:5060` */
  readonly listeners: readonly string[];
  /** `127.0.0.1:9022` */
  readonly control: string;
  drain(): void;
  stop(): Promise<void>;
}

/**
 * Runs the SIP server alone, as a drop-in for drachtio-server: applications connect to the control port. Throws AppError USAGE on an
 * address that is none, SETTINGS_INVALID without a secret, PORT_IN_USE or ADDRESS_UNAVAILABLE.
 */
export async function runStandalone(options: StandaloneOptions): Promise<Standalone> {
  if (options.listen.length === 0)
    throw new AppError('USAGE', 'no address to listen on, such as udp://127.0.0.1:5060');
  const listen = options.listen.map(parseListenUrl);
  const control = parseHostPort(options.control ?? '', DEFAULT_CONTROL_PORT);
  const server = createSipServer({
    // What an application understands is its own affair.
    bodies: 'any',
    // Which extensions are understood is for the applications to say; the server refuses none on their behalf.
    supported: ['*'],
    ...options.server,
    listen,
    secret: options.secret,
    logger: options.logger ?? silentLogger,
  });
  await server.start();
  try {
    const port = await server.listen(control);
    return {
      listeners: server.listeners.map((listener) => listener.url),
      control: `${port.address.includes(':') ? `[${port.address}]` : port.address}:${port.port}`,
      drain: () => server.drain(),
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

const DEFAULT_SIP_PORT = 5060;

/** Reads `udp://host:port`. Throws AppError USAGE. */
export function parseListenUrl(url: string, index = 0): ListenOptions {
  const match = /^(udp|tcp):\/\/(.+)$/i.exec(url.trim());
  if (match === null)
    throw new AppError('USAGE', `no address to listen on: ${url} (try udp://127.0.0.1:5060)`);
  const transport = match[1]!.toLowerCase() === 'tcp' ? 'tcp' : 'udp';
  return { name: `${transport}-${index + 1}`, transport, ...parseHostPort(match[2]!, DEFAULT_SIP_PORT) };
}

function parseHostPort(text: string, defaultPort: number): { host: string; port: number } {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(text.trim());
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (match === null || port > 65_535) throw new AppError('USAGE', `no host and port: ${text}`);
  const host = match[1]!.replace(/^\[|\]$/g, '');
  return { host: host === '' ? '127.0.0.1' : host, port };
}
