import {
  byKind,
  duration,
  fields,
  list,
  mapped,
  oneWordOf,
  parsed,
  size,
  text,
  type ReadBy,
  type Shape,
} from '../base/shape/index.js';
import { host, located, name, parseHostPort, port, secret, type Located } from './values.js';

export const TRANSPORTS = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const;
export type Transport = (typeof TRANSPORTS)[number];

const DEFAULT_PORTS: Readonly<Record<Transport, number>> = {
  udp: 5060,
  tcp: 5060,
  tls: 5061,
  ws: 80,
  wss: 443,
};

export interface ListenUrl {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
}

/** `udp://127.0.0.1:5060`; undefined when it is not one. Port 0 lets the system choose. */
export function parseListenUrl(value: string): ListenUrl | undefined {
  const match = /^([a-z]{2,4}):\/\/([^/]+)\/?$/.exec(value);
  const transport = TRANSPORTS.find((candidate) => candidate === match?.[1]);
  if (transport === undefined) return undefined;
  const address = parseHostPort(match![2]!, DEFAULT_PORTS[transport]);
  return address === undefined ? undefined : { transport, ...address };
}

/** A listener as it was written. */
export interface WrittenListener {
  readonly name?: string;
  readonly url: Located<ListenUrl>;
  readonly advertise?: string;
  readonly media?: Located<string>;
}

const listenUrl = located(
  parsed('an address to listen on such as udp://192.0.2.5:5060 (udp, tcp, tls, ws, wss)', parseListenUrl, {
    type: 'string',
    pattern: '^(udp|tcp|tls|ws|wss)://',
  }),
);

const listener: Shape<WrittenListener> = byKind<WrittenListener>(
  {
    text: mapped(listenUrl, (url): WrittenListener => ({ url })),
    map: fields({
      name: { shape: name('listener'), doc: 'What `listener:` of a trunk and the log call it.' },
      url: {
        shape: listenUrl,
        doc: 'Transport, address and port, e.g. `udp://192.0.2.5:5060`. Port 0 lets the system choose.',
        required: true,
      },
      advertise: {
        shape: host(),
        doc: 'Address peers are told instead, where a static NAT stands in front.',
      },
      media: { shape: located(host()), doc: 'Address for media of calls over this listener.' },
    }),
  },
  'an address to listen on such as udp://192.0.2.5:5060, or a map with name, url, advertise, media',
);

/** `sip:` */
export const sipSection = fields({
  listen: {
    shape: list(listener, { min: 1, max: 64 }),
    doc: 'Where SIP is received: `udp://ADDRESS:PORT`, `tcp://…`, or a map.',
    required: true,
  },
  domain: {
    shape: host(),
    doc: 'Domain of our own addresses, and realm of digest challenges.',
    default: 'localhost',
  },
  tls: {
    shape: located(
      fields({
        cert: { shape: text(), doc: 'Certificate chain (PEM file).', required: true },
        key: { shape: text(), doc: 'Private key (PEM file).', required: true },
        ca: { shape: text(), doc: 'Authorities whose client certificates are accepted (PEM file).' },
      }),
    ),
    doc: 'Certificate for `tls` and `wss` listeners.',
  },
  drachtio: {
    shape: fields({
      host: { shape: host(), doc: 'Its address.', required: true },
      port: {
        shape: port(),
        doc: 'Its control port.',
        default: '9022',
      },
      secret: { shape: secret('secret'), doc: 'Its shared secret.', required: true },
    }),
    doc: 'A drachtio-server to use instead of the embedded SIP server; its own settings then say where it listens.',
  },
  'user-agent': {
    shape: text({
      pattern: /^[\x20-\x7e]{1,100}$/,
      expected: 'a product name of at most 100 printable characters',
    }),
    doc: 'What the headers User-Agent and Server say.',
    default: 'Trunkline',
  },
  'max-udp': {
    shape: size(),
    doc: 'A request longer than this leaves over TCP (RFC 3261 section 18.1.1 says 1300B; many carriers lack TCP).',
    default: '65535B',
  },
  digest: {
    shape: list(oneWordOf('SHA-256', 'MD5'), { min: 1, max: 2 }),
    doc: 'Digest algorithms offered to phones, in this order (RFC 8760). Phones that stumble over SHA-256 need `[MD5]`.',
    default: ['SHA-256', 'MD5'],
  },
  'ring-timeout': {
    shape: duration({ minMs: 1000, maxMs: 3_600_000 }),
    doc: 'Longest time an outbound call may ring in all.',
    default: '180s',
  },
  'ring-fast': {
    shape: duration({ minMs: 100, maxMs: 60_000 }),
    doc: 'After so long without a ringing from the far side the caller gets 180 from us: some carriers give up at 5 s.',
    default: '4s',
  },
  'nat-keep-alive': {
    shape: duration({ minMs: 0, maxMs: 3_600_000 }),
    doc: 'OPTIONS to each phone behind a NAT (registered over UDP from elsewhere than its Contact says) so often, so that calls find their way to it; `0s`: never.',
    default: '30s',
  },
  'drain-timeout': {
    shape: duration({ maxMs: 86_400_000 }),
    doc: 'Time running calls have to end when Trunkline is asked to stop.',
    default: '5m',
  },
});

export type SipSection = ReadBy<typeof sipSection>;
