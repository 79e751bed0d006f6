import { isIPv6 } from 'node:net';
import type { Direction } from '../engine.js';
import { nextVersion, type LocalSession, type LocalSlot } from './local-session.js';
import { staticFormat, type SdpFormat } from './formats.js';
import type { LocalPort } from './types.js';

/** One m-line as we are going to say it. */
export type PlannedLine = PlannedLive | PlannedDead;

export interface PlannedDead {
  readonly live: false;
  readonly kind: string;
  readonly proto: string;
  readonly rawFormats: readonly string[];
}

export interface PlannedLive {
  readonly live: true;
  readonly kind: string;
  readonly proto: string;
  readonly port: LocalPort;
  readonly rtcpMux: boolean;
  readonly direction: Direction;
  /** Of an RTP line. */
  readonly formats: readonly SdpFormat[];
  /** Of an image line. */
  readonly rawFormats: readonly string[];
  /** Audio only. */
  readonly ptimeMs?: number;
  readonly maxPtimeMs?: number | undefined;
  /** `b=` and `a=` lines carried over from the partner. */
  readonly carried: readonly string[];
  /** By our payload type (-1: all). */
  readonly feedback: ReadonlyMap<number, readonly string[]>;
}

/** The text, with the session's version and places brought up to date. */
export function writeSdp(session: LocalSession, address: string, lines: readonly PlannedLine[]): string {
  const family = isIPv6(address) ? 'IP6' : 'IP4';
  const body = ['s=-', `c=IN ${family} ${address}`, 't=0 0', ...lines.flatMap(writeLine), ''].join('\r\n');
  session.slots = lines.map((line, index) => slotOf(session.slots[index], line));
  const version = nextVersion(session, `${address}\n${body}`);
  return `v=0\r\no=- ${session.id} ${version} IN ${family} ${address}\r\n${body}`;
}

function slotOf(before: LocalSlot | undefined, line: PlannedLine): LocalSlot {
  const payloads = new Map(before?.kind === line.kind ? before.payloads : []);
  if (line.live) for (const format of line.formats) payloads.set(format.pt, format.key);
  return { kind: line.kind, payloads };
}

function writeLine(line: PlannedLine): string[] {
  if (!line.live) return [`m=${line.kind} 0 ${line.proto} ${line.rawFormats.join(' ')}`];
  const formats = line.formats.length > 0 ? line.formats.map(({ pt }) => String(pt)) : line.rawFormats;
  const written = [
    `m=${line.kind} ${line.port.rtp} ${line.proto} ${formats.join(' ')}`,
    ...line.carried.filter((text) => text.startsWith('b=')),
  ];
  for (const format of line.formats) written.push(...writeFormat(format));
  for (const [pt, values] of line.feedback) {
    for (const value of values) written.push(`a=rtcp-fb:${pt < 0 ? '*' : pt} ${value}`);
  }
  if (line.ptimeMs !== undefined) written.push(`a=ptime:${line.ptimeMs}`);
  if (line.maxPtimeMs !== undefined) written.push(`a=maxptime:${line.maxPtimeMs}`);
  if (line.rtcpMux) written.push('a=rtcp-mux');
  else if (line.port.rtcp !== undefined && line.port.rtcp !== line.port.rtp + 1) {
    written.push(`a=rtcp:${line.port.rtcp}`);
  }
  written.push(...line.carried.filter((text) => text.startsWith('a=')), `a=${line.direction}`);
  return written;
}

function writeFormat(format: SdpFormat): string[] {
  const channels = format.channels > 1 ? `/${format.channels}` : '';
  const map = `a=rtpmap:${format.pt} ${format.name}/${format.clock}${channels}`;
  return format.fmtp === undefined ? [map] : [map, `a=fmtp:${format.pt} ${format.fmtp}`];
}

/** For lines that were never described: any format will do on a refused line. */
export function anyFormat(kind: string): { proto: string; rawFormats: string[] } {
  if (kind === 'image') return { proto: 'udptl', rawFormats: ['t38'] };
  return { proto: 'RTP/AVP', rawFormats: [String(kind === 'audio' ? staticFormat(0)!.pt : 96)] };
}
