import { isIP } from 'node:net';
import type { Direction } from '../engine.js';
import { makeFormat, spelled, staticFormat, type FormatParts, type SdpFormat } from './formats.js';

/**
 * A description read line by line for the negotiation: strict in what would become a line of ours, and with the attributes kept as they
 * were written, since the other leg is to see them so (sdp-transform's object has them taken apart, and drops what it does not know).
 */
export interface SdpSession {
  readonly lines: readonly SdpLine[];
}

export interface SdpLine {
  readonly kind: string;
  /** 0: refused. */
  readonly port: number;
  readonly proto: string;
  /** As written in the m-line, at least one. */
  readonly rawFormats: readonly string[];
  /** Those of an RTP line that can be named, in order, each payload type once. */
  readonly formats: readonly SdpFormat[];
  /** Its own `c=` or the session's; undefined where there is none or it is no IP literal. */
  readonly address: string | undefined;
  readonly direction: Direction;
  readonly rtcpMux: boolean;
  readonly rtcpPort: number | undefined;
  readonly ptimeMs: number | undefined;
  readonly maxPtimeMs: number | undefined;
  /** Lines to carry to the other leg as they are: `b=` and attributes that name no address, key or person. */
  readonly carried: readonly string[];
  /** `rtcp-fb` lines by payload type (-1: `*`), without `a=rtcp-fb:PT `. */
  readonly feedback: ReadonlyMap<number, readonly string[]>;
}

const MAX_LENGTH = 32_768;
const MAX_LINE_LENGTH = 4096;
const MAX_LINES = 1024;
const MAX_MEDIA = 32;
const MAX_FORMATS = 64;

const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}$/;
const PROTO = /^[A-Za-z0-9/.-]{1,32}$/;
const PORT = /^[0-9]{1,5}$/;
const RTPMAP = /^([0-9]{1,3}) +([A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,32})\/([0-9]{1,7})(?:\/([0-9]{1,2}))?$/;
const BANDWIDTH = /^b=(AS|TIAS|CT|RS|RR):[0-9]{1,10}$/;
const CARRIED = /^a=(T38[A-Za-z0-9]{1,32}|framerate|imageattr|content)(:|$)/i;
/** A control character would begin a new line for somebody else: such lines are passed over. */
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]/;
/** The same in a whole text, whose lines end in CR LF or LF. */
const ODD_CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/;
const DIRECTIONS: ReadonlySet<string> = new Set<Direction>(['sendrecv', 'sendonly', 'recvonly', 'inactive']);

interface OpenLine {
  readonly kind: string;
  readonly port: number;
  readonly proto: string;
  readonly rawFormats: string[];
  readonly maps: Map<number, FormatParts>;
  readonly parameters: Map<number, string>;
  readonly carried: string[];
  readonly feedback: Map<number, string[]>;
  connection?: string | undefined;
  connectionSeen: boolean;
  direction?: Direction;
  rtcpMux: boolean;
  rtcpPort?: number;
  ptimeMs?: number;
  maxPtimeMs?: number;
}

/** Undefined when the text is no SDP, or beyond the bounds. Never throws. */
export function readSdp(text: string): SdpSession | undefined {
  if (text.length > MAX_LENGTH || !/^v=0\r?\n/.test(text)) return undefined;
  const lines = text.split('\n', MAX_LINES + 1);
  if (lines.length > MAX_LINES) return undefined;

  const suspicious = ODD_CONTROLS.test(text);
  const open: OpenLine[] = [];
  let connection: string | undefined;
  let direction: Direction = 'sendrecv';
  for (const raw of lines) {
    if (raw.length > MAX_LINE_LENGTH) return undefined;
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (suspicious && CONTROLS.test(line)) continue;
    const current = open.at(-1);
    if (line.startsWith('m=')) {
      const media = openLine(line);
      if (media === undefined || open.length === MAX_MEDIA) return undefined;
      open.push(media);
    } else if (line.startsWith('c=')) {
      if (current === undefined) connection = readConnection(line);
      else if (!current.connectionSeen) {
        current.connectionSeen = true;
        current.connection = readConnection(line);
      }
    } else if (current !== undefined) {
      readMediaLine(current, line);
    } else if (line.startsWith('a=') && DIRECTIONS.has(line.slice(2).trimEnd())) {
      direction = line.slice(2).trimEnd() as Direction;
    }
  }
  return { lines: open.map((media) => closeLine(media, connection, direction)) };
}

function openLine(line: string): OpenLine | undefined {
  const [kind = '', portText = '', proto = '', ...formats] = line
    .slice(2)
    .trimEnd()
    .split(/ +/, MAX_FORMATS + 3);
  const port = portText.split('/', 1)[0]!;
  if (!TOKEN.test(kind) || !PORT.test(port) || Number(port) > 65_535 || !PROTO.test(proto)) return undefined;
  if (formats.length === 0 || !formats.every((format) => TOKEN.test(format))) return undefined;
  return {
    kind: kind.toLowerCase(),
    port: Number(port),
    proto,
    rawFormats: formats,
    maps: new Map(),
    parameters: new Map(),
    carried: [],
    feedback: new Map(),
    connectionSeen: false,
    rtcpMux: false,
  };
}

/** `IN IP4 192.0.2.1/127` → the literal. */
function readConnection(line: string): string | undefined {
  const [net, family, address = ''] = line.slice(2).trim().split(/ +/, 4);
  if (net?.toUpperCase() !== 'IN' || address.includes('%')) return undefined;
  const literal = address.split('/', 1)[0]!;
  const version = isIP(literal);
  return version !== 0 && family?.toUpperCase() === `IP${version}` ? literal : undefined;
}

function readMediaLine(media: OpenLine, line: string): void {
  if (line.startsWith('b=')) {
    if (BANDWIDTH.test(line)) media.carried.push(line);
    return;
  }
  if (!line.startsWith('a=')) return;
  const colon = line.indexOf(':');
  const name = (colon < 0 ? line.slice(2) : line.slice(2, colon)).trim();
  const value = colon < 0 ? '' : line.slice(colon + 1).trim();
  switch (name) {
    case 'rtpmap':
      readRtpmap(media, value);
      return;
    case 'fmtp':
      readByPayload(value, (pt, rest) => {
        if (pt >= 0 && !media.parameters.has(pt)) media.parameters.set(pt, rest);
      });
      return;
    case 'rtcp-fb':
      readByPayload(value, (pt, rest) => {
        const known = media.feedback.get(pt);
        if (known === undefined) media.feedback.set(pt, [rest]);
        else known.push(rest);
      });
      return;
    case 'rtcp-mux':
      media.rtcpMux = true;
      return;
    case 'rtcp': {
      // The address that may follow is not heeded: RTCP goes where RTP goes.
      const port = value.split(' ', 1)[0]!;
      if (PORT.test(port) && Number(port) > 0 && Number(port) <= 65_535) media.rtcpPort = Number(port);
      return;
    }
    case 'ptime':
      if (/^[0-9]{1,4}$/.test(value)) media.ptimeMs = Number(value);
      return;
    case 'maxptime':
      if (/^[0-9]{1,4}$/.test(value)) media.maxPtimeMs = Number(value);
      return;
    default:
      if (DIRECTIONS.has(name)) media.direction = name as Direction;
      else if (CARRIED.test(line)) media.carried.push(line);
  }
}

function readRtpmap(media: OpenLine, value: string): void {
  const [, pt, name, clock, channels] = RTPMAP.exec(value) ?? [];
  if (pt === undefined || name === undefined || Number(clock) === 0 || media.maps.has(Number(pt))) return;
  media.maps.set(Number(pt), usualForm(spelled(name), Number(clock), Math.max(1, Number(channels ?? 1))));
}

/** Two slips that many phones make: G.722 counts 8000 a second (RFC 3551 §4.5.2), Opus is always written with two channels (RFC 7587 §7). */
function usualForm(name: string, clock: number, channels: number): FormatParts {
  if (name === 'G722') return { name, clock: 8000, channels };
  if (name === 'opus') return { name, clock, channels: 2 };
  return { name, clock, channels };
}

/** `97 rest` or `* rest` (-1). */
function readByPayload(value: string, use: (pt: number, rest: string) => void): void {
  const space = value.indexOf(' ');
  if (space < 0) return;
  const pt = value.slice(0, space);
  if (pt === '*') use(-1, value.slice(space + 1).trim());
  else if (/^[0-9]{1,3}$/.test(pt)) use(Number(pt), value.slice(space + 1).trim());
}

function closeLine(media: OpenLine, connection: string | undefined, direction: Direction): SdpLine {
  const formats: SdpFormat[] = [];
  for (const text of media.rawFormats) {
    const pt = payloadType(text);
    if (pt === undefined || pt > 127 || formats.some((format) => format.pt === pt)) continue;
    const fixed = staticFormat(pt);
    const map = media.maps.get(pt);
    const fmtp = media.parameters.get(pt);
    const plain = fmtp === undefined && (map === undefined || (fixed !== undefined && isSame(map, fixed)));
    const known = plain ? fixed : makeNamed(pt, map ?? fixed, fmtp);
    if (known !== undefined) formats.push(known);
  }
  return {
    kind: media.kind,
    port: media.port,
    proto: media.proto,
    rawFormats: media.rawFormats,
    formats,
    address: media.connectionSeen ? media.connection : connection,
    direction: media.direction ?? direction,
    rtcpMux: media.rtcpMux,
    rtcpPort: media.rtcpPort,
    ptimeMs: media.ptimeMs,
    maxPtimeMs: media.maxPtimeMs,
    carried: media.carried,
    feedback: media.feedback,
  };
}

function payloadType(text: string): number | undefined {
  return /^[0-9]{1,3}$/.test(text) ? Number(text) : undefined;
}

function isSame(a: FormatParts, b: FormatParts): boolean {
  return a.name === b.name && a.clock === b.clock && a.channels === b.channels;
}

function makeNamed(
  pt: number,
  parts: FormatParts | undefined,
  fmtp: string | undefined,
): SdpFormat | undefined {
  return parts && makeFormat(pt, parts, fmtp === '' ? undefined : fmtp);
}
