import { isIP } from 'node:net';
import { parseCidr } from '../base/cidr.js';
import type { Place } from '../base/diagnostic.js';
import { constant, mapped, parsed, text, unexpected, type Shape } from '../base/shape/index.js';

/** A value with the place it stands at, for checks that compare it with others. */
export interface Located<T> {
  readonly value: T;
  readonly place: Place;
}

export function located<T>(shape: Shape<T>): Shape<Located<T>> {
  return mapped(shape, (value, node) => ({ value, place: node.place }));
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;

/** A host name, an IPv4 address, or an IPv6 address without brackets. Digits and dots alone must be an address. */
export function isHost(value: string): boolean {
  return isIP(value) !== 0 || (HOST_NAME.test(value) && !/^[\d.]+$/.test(value));
}

/** Whether nobody beyond this machine can reach a listener on this host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** `host:port`, `[v6]:port`; undefined when it is not one. `port` is taken where none is given. */
export function parseHostPort(value: string, port?: number): HostPort | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([^\s[\]:/@]{1,253}))(?::(\d{1,5}))?$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !isHost(host) || (match?.[1] !== undefined && isIP(host) !== 6)) return undefined;
  const given = match?.[3] === undefined ? port : Number(match[3]);
  return given === undefined || given > 65_535 ? undefined : { host, port: given };
}

/** A host name or an address. */
export function host(): Shape<string> {
  return parsed('a host name or an IP address', (written) => {
    const bare = written.replace(/^\[(.*)\]$/, '$1');
    return isHost(bare) ? bare : undefined;
  });
}

/** `127.0.0.1:3000`; the port must be given. */
export function hostPort(example: string): Shape<HostPort> {
  return parsed(`an address and port such as ${example}`, (written) => parseHostPort(written));
}

/** An IP address or a block of them. */
export function network(): Shape<string> {
  const expected = 'an IP address or a block such as 192.0.2.0/24';
  return {
    expected,
    read(node, reader) {
      const scalar = constant(node, expected, reader);
      if (scalar === null) return null;
      const block = parseCidr(scalar.text);
      if ('error' in block) return unexpected(node, expected, reader);
      if (block.hostBits) {
        reader.warning(
          node.place,
          'host-bits',
          `${scalar.text} has bits beyond its prefix; the whole block is meant`,
          `one address is ${scalar.text.split('/', 1)[0] ?? ''}/${block.family === 4 ? 32 : 128}`,
        );
      }
      return scalar.text;
    },
    schema: () => ({ type: 'string' }),
  };
}

/** A block of addresses, or a host name that is resolved and kept fresh. */
export function networkOrHost(): Shape<string> {
  const expected = 'an IP address, a block such as 192.0.2.0/24, or a host name';
  const block = network();
  return {
    expected,
    read(node, reader) {
      const scalar = constant(node, expected, reader);
      if (scalar === null) return null;
      if (/^[\d.]+(?:\/|$)|[:/]/.test(scalar.text)) {
        return 'error' in parseCidr(scalar.text)
          ? unexpected(node, expected, reader)
          : block.read(node, reader);
      }
      if (!isHost(scalar.text)) return unexpected(node, expected, reader);
      return scalar.text.toLowerCase().replace(/\.$/, '');
    },
    schema: () => ({ type: 'string' }),
  };
}

const SIP_URI =
  /^(sips?):(?:([^\s@<>"\\]{1,200})@)?(\[[0-9A-Fa-f:.]{2,45}\]|[^\s@:;?<>"[\]]{1,253})(?::(\d{1,5}))?((?:;[A-Za-z0-9_.!~*'()%+-]+(?:=[^\s;<>"?]*)?)*)$/i;

export interface SipUri {
  readonly text: string;
  readonly host: string;
  readonly isSecure: boolean;
  /** `transport=` in lower case. */
  readonly transport: string | undefined;
}

export function parseSipUri(value: string): SipUri | undefined {
  const match = SIP_URI.exec(value);
  if (match === null) return undefined;
  const bare = match[3]!.replace(/^\[(.*)\]$/, '$1');
  if (!isHost(bare) || Number(match[4] ?? 0) > 65_535) return undefined;
  return {
    text: value,
    host: bare,
    isSecure: match[1]!.toLowerCase() === 'sips',
    transport: /;transport=([A-Za-z]+)/i.exec(match[5]!)?.[1]?.toLowerCase(),
  };
}

/** `sip:host`, `sip:host:port;transport=tcp`, `sips:host`. */
export function sipUri(): Shape<SipUri> {
  const expected = 'a SIP URI such as sip:sbc.example.com or sip:192.0.2.5:5080;transport=tcp';
  return {
    expected,
    read(node, reader) {
      const scalar = constant(node, expected, reader);
      if (scalar === null) return null;
      const uri = parseSipUri(scalar.text);
      if (uri !== undefined) return uri;
      const meant =
        parseHostPort(scalar.text, 5060) === undefined ? undefined : `did you mean "sip:${scalar.text}"?`;
      return unexpected(node, expected, reader, meant);
    },
    schema: () => ({ type: 'string', pattern: '^[sS][iI][pP][sS]?:' }),
  };
}

/** Name of a trunk, listener or key. */
export function name(what: string): Shape<string> {
  return text({
    pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
    expected: `a name for the ${what} (letters, digits, "-", "_" and ".", at most 64)`,
  });
}

/** A secret; never shown in a message. */
export function secret(what: string): Shape<Located<string>> {
  const expected = `a ${what}`;
  return {
    expected,
    read(node, reader) {
      if (node.kind !== 'text' || node.parts !== undefined) {
        return reader.refuse(
          node,
          'unexpected',
          `expected ${expected} as text`,
          node.kind === 'text'
            ? 'write a dollar as "$$"; "${NAME}" in capitals is taken from the environment'
            : undefined,
        );
      }
      if (node.text === '') return reader.refuse(node, 'no-value', `expected ${expected}, found nothing`);
      // What is put into digest answers and files of other programs must stay one line.
      if (/[\r\n\0]/.test(node.text) || node.text.length > 256) {
        return reader.refuse(node, 'unexpected', `a ${what} is one line of at most 256 characters`);
      }
      return { value: node.text, place: node.place };
    },
    schema: () => ({ type: ['string', 'number'] }),
  };
}

const regionNames = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });

/** ISO 3166 alpha-2 code of a country. */
export function country(): Shape<string> {
  const expected = 'a country as its two letters, such as US';
  return {
    expected,
    read(node, reader) {
      const scalar = constant(node, expected, reader);
      if (scalar === null) return null;
      const meant = countryMeant(scalar.text);
      if (meant === scalar.text) return meant;
      return unexpected(node, expected, reader, meant === undefined ? undefined : `did you mean "${meant}"?`);
    },
    schema: () => ({ type: 'string', pattern: '^[A-Z]{2}$' }),
  };
}

/** The code in its own form: `us` is US, and what is widely taken for a code, such as UK, has another one. */
function countryMeant(written: string): string | undefined {
  if (!/^[A-Za-z]{2}$/.test(written)) return undefined;
  const code = new Intl.Locale('und', { region: written }).region;
  return code === undefined || regionNames.of(code) === undefined ? undefined : code;
}

/** `20000-29999`. */
export function portRange(): Shape<{ readonly lo: number; readonly hi: number }> {
  return parsed(
    'a range of UDP ports such as 20000-29999',
    (written) => {
      const match = /^(\d{1,5})-(\d{1,5})$/.exec(written);
      const lo = Number(match?.[1] ?? 0);
      const hi = Number(match?.[2] ?? 0);
      return match === null || lo < 1024 || hi > 65_535 || hi - lo < 3 ? undefined : { lo, hi };
    },
    { type: 'string', pattern: '^[0-9]{1,5}-[0-9]{1,5}$' },
  );
}

/** A port of another program. */
export function port(): Shape<number> {
  return parsed(
    'a port from 1 to 65535',
    (written) => {
      const value = /^\d{1,5}$/.test(written) ? Number(written) : 0;
      return value >= 1 && value <= 65_535 ? value : undefined;
    },
    { type: ['string', 'integer'] },
  );
}
