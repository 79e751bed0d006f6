/** RTCP (RFC 3550 §6): what we tell the peer, and what we read of its reports. */
export interface ReportBlock {
  readonly ssrc: number;
  readonly fraction: number;
  readonly lost: number;
  readonly highest: number;
  readonly jitter: number;
  /** Middle 32 bits of the peer's last report's time, and how long ago it came, in 1/65536 s. */
  readonly lastSr: number;
  readonly sinceSr: number;
}

export interface SenderInfo {
  readonly wallMs: number;
  readonly timestamp: number;
  readonly packets: number;
  readonly bytes: number;
}

export interface RtcpSeen {
  /** Source of the first report. */
  ssrc: number;
  /** Of a sender report: middle 32 bits of its NTP time. */
  lastSr: number | undefined;
  /** A block about `about`: undefined when there was none. */
  block: { fraction: number; lost: number; jitter: number; lastSr: number; sinceSr: number } | undefined;
}

const NTP_EPOCH_S = 2_208_988_800;
const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const MAX_PACKETS = 16;

/** Middle 32 bits of the NTP time. */
export function shortNtp(wallMs: number): number {
  const seconds = wallMs / 1000 + NTP_EPOCH_S;
  const whole = Math.floor(seconds);
  return (((whole & 0xffff) << 16) | Math.floor((seconds - whole) * 65_536)) >>> 0;
}

/** A compound packet: sender or receiver report, and a name. */
export function writeReport(
  ssrc: number,
  cname: string,
  sender: SenderInfo | undefined,
  block: ReportBlock | undefined,
): Buffer {
  const name = Buffer.from(cname, 'latin1').subarray(0, 255);
  const head = sender === undefined ? 8 : 28;
  const report = head + (block === undefined ? 0 : 24);
  // Chunk: source, item type, length, text, at least one zero, to a multiple of four.
  const chunk = 4 + 2 + name.length + 1;
  const description = 4 + Math.ceil(chunk / 4) * 4;
  const data = Buffer.alloc(report + description);
  data[0] = 0x80 | (block === undefined ? 0 : 1);
  data[1] = sender === undefined ? RECEIVER_REPORT : SENDER_REPORT;
  data.writeUInt16BE(report / 4 - 1, 2);
  data.writeUInt32BE(ssrc, 4);
  if (sender !== undefined) {
    const seconds = sender.wallMs / 1000 + NTP_EPOCH_S;
    data.writeUInt32BE(Math.floor(seconds) >>> 0, 8);
    data.writeUInt32BE(Math.floor((seconds % 1) * 0x1_0000_0000) >>> 0, 12);
    data.writeUInt32BE(sender.timestamp >>> 0, 16);
    data.writeUInt32BE(sender.packets >>> 0, 20);
    data.writeUInt32BE(sender.bytes >>> 0, 24);
  }
  if (block !== undefined) {
    data.writeUInt32BE(block.ssrc, head);
    data[head + 4] = block.fraction;
    data.writeUIntBE(Math.min(block.lost, 0x7fffff), head + 5, 3);
    data.writeUInt32BE(block.highest >>> 0, head + 8);
    data.writeUInt32BE(Math.floor(block.jitter) >>> 0, head + 12);
    data.writeUInt32BE(block.lastSr >>> 0, head + 16);
    data.writeUInt32BE(block.sinceSr >>> 0, head + 20);
  }
  data[report] = 0x81;
  data[report + 1] = 202;
  data.writeUInt16BE(description / 4 - 1, report + 2);
  data.writeUInt32BE(ssrc, report + 4);
  data[report + 8] = 1;
  data[report + 9] = name.length;
  name.copy(data, report + 10);
  return data;
}

/** Undefined when this is no RTCP. Never throws; bounded. */
export function readRtcp(data: Buffer, about: number): RtcpSeen | undefined {
  if (data.length < 8 || data.length > 1500) return undefined;
  let seen: RtcpSeen | undefined;
  let offset = 0;
  for (let count = 0; count < MAX_PACKETS && offset + 8 <= data.length; count++) {
    if (data[offset]! >> 6 !== 2) return undefined;
    const type = data[offset + 1]!;
    const end = offset + (data.readUInt16BE(offset + 2) + 1) * 4;
    if (end > data.length) return undefined;
    if (count === 0 && type !== SENDER_REPORT && type !== RECEIVER_REPORT) return undefined;
    if (type === SENDER_REPORT || type === RECEIVER_REPORT) {
      seen ??= { ssrc: data.readUInt32BE(offset + 4), lastSr: undefined, block: undefined };
      if (type === SENDER_REPORT) {
        if (end < offset + 28) return undefined;
        seen.lastSr = data.readUInt32BE(offset + 10);
      }
      let at = offset + (type === SENDER_REPORT ? 28 : 8);
      for (let blocks = data[offset]! & 0x1f; blocks > 0 && at + 24 <= end; blocks--, at += 24) {
        if (data.readUInt32BE(at) !== about) continue;
        seen.block = {
          fraction: data[at + 4]!,
          lost: data.readIntBE(at + 5, 3),
          jitter: data.readUInt32BE(at + 12),
          lastSr: data.readUInt32BE(at + 16),
          sinceSr: data.readUInt32BE(at + 20),
        };
      }
    }
    offset = end;
  }
  return seen;
}

/** Round trip of a block that came at `nowShort`, milliseconds; undefined when it makes no sense. RFC 3550 §6.4.1. */
export function roundTripMs(nowShort: number, lastSr: number, sinceSr: number): number | undefined {
  if (lastSr === 0) return undefined;
  const units = (nowShort - lastSr - sinceSr) >> 0;
  // A rounding error may make it a little negative; beyond a minute it is a lie.
  if (units < -66 || units > 60 * 65_536) return undefined;
  return Math.max(0, (units * 1000) / 65_536);
}
