import { isIP, isIPv4, SocketAddress } from 'node:net';
import { sequenceDelta } from './rtp.js';

/**
 * From whom a stream takes packets, and to whom it sends (symmetric RTP that cannot be hijacked).
 *
 * What SDP names is believed at once, and always wins while the window is open. Another source must prove itself within the window: some
 * consecutive packets of one SSRC with an agreed payload type, over some time, from an address that the signalling speaks for: the one
 * in SDP, or the one its signalling came from, or, when that is unknown and the SDP names a private address, any. After
 * the window nothing changes until the peer signals another address.
 */
export interface SourceGuard {
  /** Where packets go: learned, or signalled. */
  readonly address: string | undefined;
  readonly port: number;
  /** Its packets have come. */
  readonly proven: boolean;
  readonly refused: number;
  /** The peer has signalled where it is; undefined: nowhere (hold by 0.0.0.0). The same address again changes nothing. */
  signal(remote: { readonly address: string; readonly port: number } | undefined, nowMs: number): void;
  /** Whether a packet counts. `payloadTypeAgreed` false for what is no RTP. */
  accepts(packet: SourcePacket, nowMs: number): boolean;
}

export interface SourcePacket {
  readonly address: string;
  readonly port: number;
  /** Undefined on lines that carry no RTP. */
  readonly rtp:
    { readonly ssrc: number; readonly sequence: number; readonly payloadType: number } | undefined;
  readonly payloadTypeAgreed: boolean;
}

export interface SourceGuardOptions {
  /** From the signalling of an address on. */
  readonly learnMs: number;
  /** Address the peer's signalling comes from. */
  readonly signalledFrom?: string;
  /** Bound to the family of our own address. */
  readonly family: 4 | 6;
}

/** A stranger's packets that must come one after the other, and over how long: a flood proves nothing faster. */
const PROOF_PACKETS = 5;
const PROOF_MS = 60;
/** The signalled source has so long a start, unless it is plain that nothing can come from it. */
const HEAD_START_MS = 1000;
/** Sequence numbers of a candidate may skip a little: networks lose packets. */
const MAX_SKIP = 3;

export function createSourceGuard(options: SourceGuardOptions): SourceGuard {
  const { learnMs, family } = options;
  const signalledFrom = options.signalledFrom && canonical(options.signalledFrom);
  let signalled: { address: string; port: number } | undefined;
  let address: string | undefined;
  let port = 0;
  /** The packets that came are of this one. */
  let proven = false;
  let since = 0;
  let refused = 0;
  let candidate = { address: '', port: 0, ssrc: 0, sequence: 0, payloadType: 0, count: 0, since: 0 };

  function spokenFor(from: string): boolean {
    if (signalled === undefined) return false;
    if (from === signalled.address) return true;
    if (signalledFrom !== undefined) return from === signalledFrom;
    return isPrivate(signalled.address);
  }

  /** Behind NAT for certain: its SDP names a private address, and this is where its signalling comes from. */
  function hidden(from: string): boolean {
    return (
      signalled !== undefined &&
      from === signalledFrom &&
      from !== signalled.address &&
      isPrivate(signalled.address)
    );
  }

  /** One stranger is watched at a time; another takes its place only when it has fallen silent or broken off. */
  function proves(packet: SourcePacket, nowMs: number): boolean {
    const { rtp } = packet;
    if (rtp === undefined || !packet.payloadTypeAgreed) return false;
    const same = packet.address === candidate.address && packet.port === candidate.port;
    if (
      same &&
      candidate.ssrc === rtp.ssrc &&
      candidate.payloadType === rtp.payloadType &&
      sequenceDelta(rtp.sequence, candidate.sequence) > 0 &&
      sequenceDelta(rtp.sequence, candidate.sequence) <= MAX_SKIP
    ) {
      candidate.sequence = rtp.sequence;
      candidate.count++;
      return (
        candidate.count >= PROOF_PACKETS &&
        nowMs - candidate.since >= PROOF_MS &&
        (hidden(packet.address) || nowMs - since >= HEAD_START_MS)
      );
    }
    if (same || candidate.count === 0 || nowMs - candidate.since > 500) {
      candidate = {
        address: packet.address,
        port: packet.port,
        ssrc: rtp.ssrc,
        sequence: rtp.sequence,
        payloadType: rtp.payloadType,
        count: 1,
        since: nowMs,
      };
    }
    return false;
  }

  return {
    get address() {
      return address;
    },
    get port() {
      return port;
    },
    get proven() {
      return proven;
    },
    get refused() {
      return refused;
    },
    signal: (described, nowMs) => {
      const remote = described && { ...described, address: canonical(described.address) };
      if (remote === undefined || isIP(remote.address) !== family) {
        signalled = undefined;
        address = undefined;
        proven = false;
        return;
      }
      if (signalled?.address === remote.address && signalled.port === remote.port) {
        return;
      }
      signalled = { address: remote.address, port: remote.port };
      address = remote.address;
      port = remote.port;
      proven = false;
      since = nowMs;
      candidate = { ...candidate, address: '', count: 0 };
    },
    accepts: (packet, nowMs) => {
      if (signalled === undefined) {
        refused++;
        return false;
      }
      if (packet.port === port && packet.address === address) {
        proven = true;
        return true;
      }
      const open = nowMs - since <= learnMs;
      if (open && packet.port === signalled.port && packet.address === signalled.address) {
        // Whoever was believed meanwhile was not the one that signalling named.
        address = signalled.address;
        port = signalled.port;
        proven = true;
        return true;
      }
      // The first source wins.
      if (open && !proven && spokenFor(packet.address) && proves(packet, nowMs)) {
        address = packet.address;
        port = packet.port;
        proven = true;
        return true;
      }
      refused++;
      return false;
    },
  };
}

/** As the system writes the sources of packets. */
function canonical(address: string): string {
  if (isIP(address) !== 6) return address;
  return new SocketAddress({ address, family: 'ipv6' }).address;
}

/** An address that says nothing about where its packets come from: RFC 1918, 3927, 4193, 6598. */
function isPrivate(address: string): boolean {
  if (!isIPv4(address)) return /^f[cd]/i.test(address) || /^fe80/i.test(address);
  const [a = 0, b = 0] = address.split('.').map(Number);
  return (
    a === 10 ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254)
  );
}
