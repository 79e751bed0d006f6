import { matching } from './choose-formats.js';
import { formatKey, isComfortNoise, isEvent, looseKey, type SdpFormat } from './formats.js';
import { isHeld, meet, mirror, packetTime, peerDirection, remoteOf } from './line.js';
import type { SdpLine } from './read.js';
import type { AgreedCodec, AgreedMedia } from './types.js';
import type { PlannedLine, PlannedLive } from './write.js';

/** A refused line. */
export function deadMedia(kind: string): AgreedMedia {
  return {
    kind,
    live: false,
    transport: kind === 'image' ? 'udptl' : 'rtp',
    localPort: 0,
    rtcpMux: false,
    direction: 'inactive',
    held: false,
    codecs: [],
    telephoneEvents: [],
    ptimeMs: 20,
  };
}

/** What our line means on its own, before the peer has answered. */
export function offeredMedia(line: PlannedLine): AgreedMedia {
  if (!line.live) return deadMedia(line.kind);
  return {
    ...common(line, line.formats, line.formats),
    rtcpMux: line.rtcpMux,
    direction: line.direction,
    held: false,
    ptimeMs: line.ptimeMs ?? 20,
  };
}

/** Ours and the peer's description of one line put together; `peer` is live. */
export function agreedMedia(ours: PlannedLive, peer: SdpLine): AgreedMedia {
  const rtcpMux = ours.rtcpMux && peer.rtcpMux;
  const remote = remoteOf(peer, rtcpMux);
  return {
    ...common(ours, ours.formats, peer.formats),
    ...(remote === undefined ? {} : { remote }),
    rtcpMux,
    direction: meet(ours.direction, mirror(peerDirection(peer))),
    held: isHeld(peer),
    ptimeMs: packetTime(peer),
  };
}

/** The order is the answerer's, which is whichever of the two is shorter or later; callers pass lists that are in that order. */
function common(
  ours: PlannedLive,
  received: readonly SdpFormat[],
  sent: readonly SdpFormat[],
): Pick<
  AgreedMedia,
  | 'kind'
  | 'live'
  | 'transport'
  | 'localPort'
  | 'codecs'
  | 'send'
  | 'telephoneEvents'
  | 'telephoneEvent'
  | 'comfortNoisePt'
> {
  const formats = agreedFormats(received, sent);
  const codecs = formats.filter((format) => !isEvent(format) && !isComfortNoise(format));
  const [send] = codecs;
  const telephoneEvents = formats
    .filter(isEvent)
    .map(({ pt, receivePt, clock }) => ({ pt, receivePt, clock }));
  const telephoneEvent = telephoneEvents.find((event) => event.clock === send?.clock) ?? telephoneEvents[0];
  const comfortNoise = formats.find(isComfortNoise);
  return {
    kind: ours.kind,
    live: true,
    transport: ours.kind === 'image' ? 'udptl' : 'rtp',
    localPort: ours.port.rtp,
    codecs,
    ...(send === undefined ? {} : { send }),
    telephoneEvents,
    ...(telephoneEvent === undefined ? {} : { telephoneEvent }),
    ...(comfortNoise === undefined ? {} : { comfortNoisePt: comfortNoise.pt }),
  };
}

/** In the order of `received`, each with the payload type the peer wants for it. */
function agreedFormats(received: readonly SdpFormat[], sent: readonly SdpFormat[]): AgreedCodec[] {
  return received.flatMap((format) => {
    const peer =
      sent.find((other) => other.pt === format.pt && other.loose === format.loose) ?? matching(sent, format);
    if (peer === undefined) return [];
    return [
      {
        pt: peer.pt,
        receivePt: format.pt,
        name: format.name,
        clock: format.clock,
        channels: format.channels,
        ...(peer.fmtp === undefined ? {} : { fmtp: peer.fmtp }),
      },
    ];
  });
}

/**
 * For relaying one leg's RTP to the other: the payload type to send for each one received (128 entries), -1 where the receiver has no
 * such format (G.711 of the other law is transcoded, all else dropped). Telephone-event is not in it: its clock may differ, so the
 * engine translates it.
 */
export function relayPayloads(from: AgreedMedia, to: AgreedMedia): Int16Array {
  const map = new Int16Array(128).fill(-1);
  for (const codec of from.codecs) {
    const key = formatKey(codec);
    const exact = to.codecs.find((other) => formatKey(other) === key);
    const loose = exact ?? to.codecs.find((other) => looseKey(other) === looseKey(codec));
    if (loose !== undefined) map[codec.receivePt] = loose.pt;
  }
  if (from.comfortNoisePt !== undefined && to.comfortNoisePt !== undefined) {
    map[from.comfortNoisePt] = to.comfortNoisePt;
  }
  return map;
}

/** Which lines of two legs belong together: the first live audio with the first live audio, and so on. Indices into both. */
export function pairMedia(a: readonly AgreedMedia[], b: readonly AgreedMedia[]): [number, number][] {
  const taken = new Set<number>();
  return a.flatMap((line, index): [number, number][] => {
    if (!line.live) return [];
    const partner = b.findIndex((other, at) => other.live && other.kind === line.kind && !taken.has(at));
    if (partner < 0) return [];
    taken.add(partner);
    return [[index, partner]];
  });
}
