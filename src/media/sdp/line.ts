import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Direction } from '../engine.js';
import type { SdpLine } from './read.js';

/** RTP without encryption, or T.38 over UDPTL; anything else is refused. */
export type LineUse =
  { readonly kind: 'rtp' | 'udptl' } | { readonly kind: 'refused'; readonly reason: string };

const RTP_KINDS: ReadonlySet<string> = new Set(['audio', 'video', 'text', 'application']);

/** Whether this line of the peer's can be taken at all, by its own form. `family`: 4 or 6, of our address. */
export function lineUse(line: SdpLine, family: number): LineUse {
  if (line.port === 0) return { kind: 'refused', reason: `its ${line.kind} is switched off` };
  const proto = line.proto.toUpperCase();
  const kind = useOf(line, proto);
  if (kind === undefined) {
    const secure = /\bSAVPF?$/.test(proto);
    return {
      kind: 'refused',
      reason: secure
        ? `its ${line.kind} is encrypted (${line.proto}), and only plain RTP is spoken here`
        : `its ${line.kind} comes over ${line.proto}, which is not spoken here`,
    };
  }
  const { address } = line;
  if (address === undefined) return { kind: 'refused', reason: `its ${line.kind} names no IP address` };
  if (isHeldAddress(address)) return { kind };
  if (isIP(address) !== family) {
    return {
      kind: 'refused',
      reason: `its ${line.kind} is on IPv${isIP(address)}, and this side on IPv${family}`,
    };
  }
  if (isManyCast(address))
    return { kind: 'refused', reason: `its ${line.kind} goes to a group of receivers` };
  return { kind };
}

function useOf(line: SdpLine, proto: string): 'rtp' | 'udptl' | undefined {
  if ((proto === 'RTP/AVP' || proto === 'RTP/AVPF') && RTP_KINDS.has(line.kind)) return 'rtp';
  if (proto === 'UDPTL' && line.kind === 'image') return 'udptl';
  return undefined;
}

/** RFC 2543's way to hold; RFC 3264 §8.4 still asks to understand it. */
function isHeldAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Multicast and broadcast: one packet in, many out. */
function isManyCast(address: string): boolean {
  if (isIPv4(address)) return Number(address.split('.', 1)[0]) >= 224;
  return isIPv6(address) && /^ff/i.test(address);
}

/** How the peer wants it, with 0.0.0.0 read as "send me nothing". */
export function peerDirection(line: SdpLine): Direction {
  if (line.address === undefined || !isHeldAddress(line.address)) return line.direction;
  return meet(line.direction, 'sendonly');
}

export function isHeld(line: SdpLine): boolean {
  const direction = peerDirection(line);
  return direction === 'sendonly' || direction === 'inactive';
}

/** Seen from the other end. */
export function mirror(direction: Direction): Direction {
  if (direction === 'sendonly') return 'recvonly';
  return direction === 'recvonly' ? 'sendonly' : direction;
}

/** What both allow. */
export function meet(a: Direction, b: Direction): Direction {
  const sends = a !== 'recvonly' && a !== 'inactive' && b !== 'recvonly' && b !== 'inactive';
  const receives = a !== 'sendonly' && a !== 'inactive' && b !== 'sendonly' && b !== 'inactive';
  if (sends) return receives ? 'sendrecv' : 'sendonly';
  return receives ? 'recvonly' : 'inactive';
}

/** Where the peer takes this line's packets; undefined while it is held by its address. */
export function remoteOf(
  line: SdpLine,
  rtcpMux: boolean,
): { address: string; port: number; rtcpPort: number } | undefined {
  if (line.address === undefined || isHeldAddress(line.address) || line.port === 0) return undefined;
  const rtcpPort = rtcpMux ? line.port : (line.rtcpPort ?? Math.min(line.port + 1, 65_535));
  return { address: line.address, port: line.port, rtcpPort };
}

/** What a packet is to hold, in milliseconds: the peer's wish within reason. */
export function packetTime(line: SdpLine | undefined): number {
  const wish = Math.min(line?.ptimeMs ?? 20, line?.maxPtimeMs ?? 120);
  return wish >= 10 && wish <= 120 ? wish : 20;
}
