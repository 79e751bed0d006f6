/** RTP's fixed header (RFC 3550 §5.1), read and written by hand: some tens of nanoseconds. */
export interface RtpHeader {
  marker: boolean;
  payloadType: number;
  sequence: number;
  timestamp: number;
  ssrc: number;
  /** Where the payload begins and ends in the datagram. */
  start: number;
  end: number;
}

export const RTP_HEADER_BYTES = 12;
/** Larger datagrams are not ours: no network carries them whole. */
const MAX_RTP_BYTES = 2048;

export function emptyHeader(): RtpHeader {
  return { marker: false, payloadType: 0, sequence: 0, timestamp: 0, ssrc: 0, start: 0, end: 0 };
}

/** Reads into `into`; false when this is no RTP packet. Never throws, constant time. */
export function readRtp(data: Buffer, into: RtpHeader): boolean {
  const { length } = data;
  if (length < RTP_HEADER_BYTES || length > MAX_RTP_BYTES) return false;
  const first = data[0]!;
  if (first >> 6 !== 2) return false;
  const second = data[1]!;
  let start = RTP_HEADER_BYTES + (first & 0x0f) * 4;
  if ((first & 0x10) !== 0) {
    if (start + 4 > length) return false;
    start += 4 + ((data[start + 2]! << 8) | data[start + 3]!) * 4;
  }
  let end = length;
  if ((first & 0x20) !== 0) {
    const padding = data[length - 1]!;
    if (padding === 0) return false;
    end -= padding;
  }
  if (start > end) return false;
  into.marker = (second & 0x80) !== 0;
  into.payloadType = second & 0x7f;
  into.sequence = (data[2]! << 8) | data[3]!;
  into.timestamp = ((data[4]! << 24) | (data[5]! << 16) | (data[6]! << 8) | data[7]!) >>> 0;
  into.ssrc = ((data[8]! << 24) | (data[9]! << 16) | (data[10]! << 8) | data[11]!) >>> 0;
  into.start = start;
  into.end = end;
  return true;
}

/**
 * The packet that `header` was read of, with the fixed header and the payload only: extensions, contributing sources and padding are between
 * the peer and us. `data` itself where it has none.
 */
export function withoutExtras(data: Buffer, header: RtpHeader): Buffer {
  const { start, end } = header;
  if (start === RTP_HEADER_BYTES && end === data.length) return data;
  const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + end - start);
  data.copy(packet, RTP_HEADER_BYTES, start, end);
  return packet;
}

/** Writes the fixed header over the first twelve bytes, leaving the bits for extension and contributing sources as `flags` has them. */
export function writeRtp(
  data: Uint8Array,
  flags: number,
  marker: boolean,
  payloadType: number,
  sequence: number,
  timestamp: number,
  ssrc: number,
): void {
  data[0] = flags;
  data[1] = (marker ? 0x80 : 0) | payloadType;
  data[2] = sequence >> 8;
  data[3] = sequence;
  data[4] = timestamp >>> 24;
  data[5] = timestamp >>> 16;
  data[6] = timestamp >>> 8;
  data[7] = timestamp;
  data[8] = ssrc >>> 24;
  data[9] = ssrc >>> 16;
  data[10] = ssrc >>> 8;
  data[11] = ssrc;
}

/** Whether a datagram that came to the RTP port is RTCP (RFC 5761 §4). */
export function isRtcp(data: Buffer): boolean {
  const type = data[1]!;
  return type >= 192 && type <= 223;
}

/** `a - b` of two sequence numbers, −32,768 to 32,767. */
export function sequenceDelta(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}
