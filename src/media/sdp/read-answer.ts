import { isIP } from 'node:net';
import { agreedMedia, deadMedia } from './agreed.js';
import { isComfortNoise, isEvent, type SdpFormat } from './formats.js';
import { lineUse } from './line.js';
import { readSdp, type SdpLine } from './read.js';
import type { AgreedMedia, ReadAnswer } from './types.js';
import type { PlannedLive } from './write.js';

/**
 * What our offer and the peer's answer come to (RFC 3264 §7). Lenient where it does no harm: lines that are missing count as refused,
 * formats we did not offer are not heeded.
 */
export function readAnswer(ourOffer: string, answer: string): ReadAnswer {
  const ours = readSdp(ourOffer);
  const theirs = readSdp(answer);
  if (ours === undefined || theirs === undefined) {
    return { kind: 'not-acceptable', reason: 'the answer is no SDP, or too large' };
  }
  const refusals: string[] = [];
  const media = ours.lines.map((line, index): AgreedMedia => {
    const peer = theirs.lines[index];
    if (line.port === 0) return deadMedia(line.kind);
    if (peer?.kind !== line.kind) {
      refusals.push(`it says nothing of our ${line.kind}`);
      return deadMedia(line.kind);
    }
    const use = lineUse(peer, isIP(line.address ?? ''));
    if (use.kind === 'refused') {
      refusals.push(use.reason);
      return deadMedia(line.kind);
    }
    const planned = plannedFrom(line, preferred(line, peer));
    const agreed = agreedMedia(planned, peer);
    if (agreed.transport === 'rtp' && agreed.codecs.length === 0) {
      refusals.push(`no codec of its ${line.kind} was offered`);
      return deadMedia(line.kind);
    }
    return agreed;
  });
  const heard = media.some(({ live, kind }) => live && (kind === 'audio' || kind === 'image'));
  if (!heard && refusals.length > 0) {
    return { kind: 'not-acceptable', reason: [...new Set(refusals)].join('; ') };
  }
  return { kind: 'agreed', media };
}

/** Our formats in the order of the answer: it is the answerer who chooses (RFC 3264 §6.1). */
function preferred(ours: SdpLine, peer: SdpLine): SdpFormat[] {
  const rank = (format: SdpFormat): number => {
    const exact = peer.formats.findIndex((other) => other.pt === format.pt && other.loose === format.loose);
    const at = exact >= 0 ? exact : peer.formats.findIndex((other) => other.loose === format.loose);
    return at < 0 ? Number.MAX_SAFE_INTEGER : at;
  };
  const side = (format: SdpFormat): number => (isEvent(format) || isComfortNoise(format) ? 1 : 0);
  return ours.formats
    .map((format) => ({ format, order: rank(format) }))
    .sort((a, b) => side(a.format) - side(b.format) || a.order - b.order)
    .map(({ format }) => format);
}

function plannedFrom(line: SdpLine, formats: readonly SdpFormat[]): PlannedLive {
  return {
    live: true,
    kind: line.kind,
    proto: line.proto,
    port: { rtp: line.port, ...(line.rtcpPort === undefined ? {} : { rtcp: line.rtcpPort }) },
    rtcpMux: line.rtcpMux,
    direction: line.direction,
    formats,
    rawFormats: line.rawFormats,
    carried: [],
    feedback: new Map(),
  };
}
