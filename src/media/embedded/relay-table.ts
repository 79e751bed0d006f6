import { A_TO_MU, MU_TO_A } from '../codec/g711.js';
import { relayPayloads, type AgreedCodec, type AgreedMedia } from '../sdp/index.js';

/** What becomes of a packet with a certain payload type on its way to the partner. */
export interface RelayRule {
  readonly kind: 'pass' | 'translate' | 'event' | 'tone';
  /** On the partner's side. */
  readonly payloadType: number;
  /** On the partner's side, Hz. */
  readonly clock: number;
  /** `translate`: between the laws of G.711. */
  readonly map?: Uint8Array;
  /** `event`: the partner's clock over ours; 1: as it is. */
  readonly ratio: number;
}

/** By the payload type the peer sends; a missing rule: dropped. */
export type RelayTable = (RelayRule | undefined)[];

export function lawOf(codec: AgreedCodec | undefined): 'mu' | 'a' | undefined {
  if (codec?.clock !== 8000 || codec.channels !== 1) return undefined;
  const name = codec.name.toUpperCase();
  return name === 'PCMU' ? 'mu' : name === 'PCMA' ? 'a' : undefined;
}

/** The codec to speak G.711 with to a peer: what it likes best of the two. */
export function g711Of(media: AgreedMedia | undefined): AgreedCodec | undefined {
  return media?.codecs.find((codec) => lawOf(codec) !== undefined);
}

/** How what `from`'s peer sends reaches `to`'s peer. */
export function relayTable(from: AgreedMedia, to: AgreedMedia): RelayTable {
  const table: RelayTable = new Array<RelayRule | undefined>(128).fill(undefined);
  const payloads = relayPayloads(from, to);
  for (const codec of from.codecs) {
    const payloadType = payloads[codec.receivePt]!;
    if (payloadType >= 0) {
      table[codec.receivePt] = { kind: 'pass', payloadType, clock: codec.clock, ratio: 1 };
      continue;
    }
    const law = lawOf(codec);
    const g711 = g711Of(to);
    if (law === undefined || g711 === undefined) continue;
    const map = law === 'mu' ? MU_TO_A : A_TO_MU;
    table[codec.receivePt] = { kind: 'translate', payloadType: g711.pt, clock: 8000, map, ratio: 1 };
  }
  for (const event of from.telephoneEvents) {
    const best = to.telephoneEvents.find((other) => other.clock === event.clock) ?? to.telephoneEvent;
    const g711 = g711Of(to);
    if (best !== undefined) {
      const ratio = best.clock / event.clock;
      table[event.receivePt] = { kind: 'event', payloadType: best.pt, clock: best.clock, ratio };
    } else if (g711 !== undefined) {
      table[event.receivePt] = { kind: 'tone', payloadType: g711.pt, clock: 8000, ratio: 1 };
    }
  }
  if (from.comfortNoisePt !== undefined && to.comfortNoisePt !== undefined) {
    table[from.comfortNoisePt] = { kind: 'pass', payloadType: to.comfortNoisePt, clock: 8000, ratio: 1 };
  }
  return table;
}
