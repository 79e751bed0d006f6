/** One payload format of an RTP line. */
export interface SdpFormat {
  readonly pt: number;
  /** The registry's spelling where it is known. */
  readonly name: string;
  /** Of the RTP timestamps, in Hz. */
  readonly clock: number;
  readonly channels: number;
  readonly fmtp?: string;
  /** `formatKey` and `looseKey` of it: asked for often. */
  readonly key: string;
  readonly loose: string;
}

/** What a format is, apart from its payload type. */
export type FormatParts = Pick<SdpFormat, 'name' | 'clock' | 'channels' | 'fmtp'>;

export function makeFormat(pt: number, parts: FormatParts, fmtp: string | undefined): SdpFormat {
  const { name, clock, channels } = parts;
  const loose = looseKey(parts);
  if (fmtp === undefined) return { pt, name, clock, channels, key: loose, loose };
  return { pt, name, clock, channels, fmtp, key: formatKey({ name, clock, channels, fmtp }), loose };
}

/** RFC 3551 §6: formats that need no rtpmap. */
const STATIC_FORMATS: Readonly<Record<number, readonly [name: string, clock: number, channels?: number]>> = {
  0: ['PCMU', 8000],
  3: ['GSM', 8000],
  4: ['G723', 8000],
  5: ['DVI4', 8000],
  6: ['DVI4', 16_000],
  7: ['LPC', 8000],
  8: ['PCMA', 8000],
  9: ['G722', 8000],
  10: ['L16', 44_100, 2],
  11: ['L16', 44_100],
  12: ['QCELP', 8000],
  13: ['CN', 8000],
  14: ['MPA', 90_000],
  15: ['G728', 8000],
  16: ['DVI4', 11_025],
  17: ['DVI4', 22_050],
  18: ['G729', 8000],
  25: ['CelB', 90_000],
  26: ['JPEG', 90_000],
  28: ['nv', 90_000],
  31: ['H261', 90_000],
  32: ['MPV', 90_000],
  33: ['MP2T', 90_000],
  34: ['H263', 90_000],
};

/** Made once: most descriptions are of these. */
const STATIC = new Map(
  Object.entries(STATIC_FORMATS).map(([pt, [name, clock, channels = 1]]) => [
    Number(pt),
    makeFormat(Number(pt), { name, clock, channels }, undefined),
  ]),
);

const SPELLING = new Map(
  ['PCMU', 'PCMA', 'G722', 'G729', 'G723', 'GSM', 'CN', 'opus', 'telephone-event', 'iLBC', 'speex', 'AMR']
    .concat(['AMR-WB', 'EVS', 'SILK', 'L16', 'H264', 'H265', 'H263', 'H263-1998', 'VP8', 'VP9', 'AV1'])
    .map((name) => [name.toLowerCase(), name]),
);

/** Parameters that make two formats of one name different ones; the others only tune it. */
const TELLING = new Set(
  [
    'packetization-mode',
    'profile-level-id',
    'profile-id',
    'profile',
    'octet-align',
    'mode',
    'bitrate',
  ].concat('config', 'interleaving'),
);

export function staticFormat(pt: number): SdpFormat | undefined {
  return STATIC.get(pt);
}

export function spelled(name: string): string {
  return SPELLING.get(name.toLowerCase()) ?? name;
}

export function isG711(format: { readonly name: string; readonly clock: number }): boolean {
  return (format.name === 'PCMU' || format.name === 'PCMA') && format.clock === 8000;
}

export function isEvent(format: { readonly name: string }): boolean {
  return format.name === 'telephone-event';
}

export function isComfortNoise(format: { readonly name: string }): boolean {
  return format.name === 'CN';
}

/**
 * Redundancy and retransmission refer to other payload types and to SSRCs, which do not survive two legs with descriptions of their
 * own: they are never agreed to (the media goes without them).
 */
export function isRedundancy(format: { readonly name: string }): boolean {
  return /^(red|rtx|ulpfec|flexfec.{0,8}|parityfec|fwdred)$/i.test(format.name);
}

/** Name, clock and channels: what may be relayed to the other if nothing fits better. */
export function looseKey(format: FormatParts): string {
  return `${format.name.toLowerCase()}/${format.clock}/${format.channels}`;
}

/** Equal for formats whose packets may be relayed unchanged (RFC 6184 §8.2.2, RFC 4867 §8.3.1 …). */
export function formatKey(format: FormatParts): string {
  if (format.fmtp === undefined || isEvent(format) || isComfortNoise(format)) return looseKey(format);
  const telling = format.fmtp
    .split(';', 32)
    .map((part) => part.replaceAll(' ', '').toLowerCase())
    .filter((part) => TELLING.has(part.split('=', 1)[0]!))
    // Of H.264's profile-level-id the profile counts; the level is each side's own limit.
    .map((part) => (part.startsWith('profile-level-id=') ? part.slice(0, 17 + 4) : part))
    // What is left out means 0 (RFC 6184 §8.1, RFC 4867 §8.1).
    .filter((part) => !/^(?:packetization-mode|octet-align|profile-id|profile|interleaving)=0$/.test(part))
    .sort();
  return telling.length === 0 ? looseKey(format) : `${looseKey(format)};${telling.join(';')}`;
}
