import { parse, type MediaDescription, type SessionDescription } from 'sdp-transform';

export interface SdpCodec {
  /** Media kind: `audio`, `video` … */
  readonly media: string;
  readonly payload: number;
  /** As written in rtpmap; the static name (RFC 3551) when there is no rtpmap. */
  readonly name: string;
  /** Clock rate in Hz. */
  readonly rate: number;
  readonly fmtp?: string;
}

export type SdpDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface MediaAddress {
  readonly media: string;
  readonly address: string;
  /** 0: the stream is refused. */
  readonly port: number;
}

export const STATIC_PAYLOADS: Readonly<Record<number, readonly [name: string, rate: number]>> = {
  0: ['PCMU', 8000],
  3: ['GSM', 8000],
  4: ['G723', 8000],
  8: ['PCMA', 8000],
  9: ['G722', 8000],
  13: ['CN', 8000],
  18: ['G729', 8000],
  26: ['JPEG', 90000],
  31: ['H261', 90000],
  32: ['MPV', 90000],
  34: ['H263', 90000],
};

/** Descriptions beyond these are not read: sdp-transform tries some sixty patterns on each attribute line. */
const MAX_SDP_LENGTH = 32_768;
const MAX_LINE_LENGTH = 4096;
const MAX_LINES = 1024;

/** sdp-transform's object, or undefined when the text is no SDP. Never throws. */
function parseSdp(sdp: string): SessionDescription | undefined {
  if (sdp.length > MAX_SDP_LENGTH || !sdp.startsWith('v=')) return undefined;
  const lines = sdp.split('\n', MAX_LINES + 1);
  if (lines.length > MAX_LINES || lines.some((line) => line.length > MAX_LINE_LENGTH)) return undefined;
  try {
    const session = parse(sdp);
    return Array.isArray(session.media) ? session : undefined;
  } catch {
    return undefined;
  }
}

/** The codecs of every stream, in the order of preference. */
export function codecs(sdp: string): SdpCodec[] {
  return (parseSdp(sdp)?.media ?? []).flatMap(mediaCodecs);
}

function mediaCodecs(media: MediaDescription): SdpCodec[] {
  const found: SdpCodec[] = [];
  // The types say text, but a single payload comes as a number.
  for (const text of String((media.payloads as string | number | undefined) ?? '').split(' ')) {
    if (!/^[0-9]{1,3}$/.test(text)) continue;
    const payload = Number(text);
    const map = media.rtp.find((entry) => entry.payload === payload);
    const fixed = STATIC_PAYLOADS[payload];
    const name = map?.codec ?? fixed?.[0];
    if (name === undefined) continue;
    const fmtp = media.fmtp.find((entry) => entry.payload === payload)?.config;
    found.push({
      media: media.type,
      payload,
      name,
      rate: map?.rate ?? fixed?.[1] ?? 8000,
      ...(fmtp === undefined ? {} : { fmtp }),
    });
  }
  return found;
}

/** The direction of the first stream that is not refused (RFC 4566 §6; `sendrecv` when none is written). */
export function direction(sdp: string): SdpDirection {
  const session = parseSdp(sdp);
  if (session === undefined) return 'sendrecv';
  return streamDirection(session, activeMedia(session));
}

function activeMedia(session: SessionDescription): MediaDescription | undefined {
  return session.media.find((media) => media.port !== 0) ?? session.media[0];
}

function streamDirection(session: SessionDescription, media: MediaDescription | undefined): SdpDirection {
  return media?.direction ?? (session as { direction?: SdpDirection }).direction ?? 'sendrecv';
}

/** Whether this offer puts us on hold: `sendonly`, `inactive`, or the old address 0.0.0.0 (RFC 3264 §8.4, RFC 2543). */
export function isHold(sdp: string): boolean {
  const session = parseSdp(sdp);
  const media = session && activeMedia(session);
  if (session === undefined || media === undefined) return false;
  const heldBy = streamDirection(session, media);
  const address = media.connection?.ip ?? session.connection?.ip;
  return heldBy === 'sendonly' || heldBy === 'inactive' || address === '0.0.0.0';
}

/** Where each stream wants its media, one entry a stream. */
export function mediaAddresses(sdp: string): MediaAddress[] {
  const session = parseSdp(sdp);
  return (session?.media ?? []).map((media) => ({
    media: media.type,
    address: media.connection?.ip ?? session?.connection?.ip ?? '',
    port: media.port,
  }));
}
