import type { AgreedMedia } from '../sdp/index.js';

/** What a packet is, by its payload type. Numbers, as each packet is looked up. */
export const UNKNOWN = 0;
export const AUDIO = 1;
export const EVENT = 2;
export const NOISE = 3;

const NOTHING_KNOWN = new Uint8Array(128);

/** By the payload types the peer sends; all unknown while the line is not live. */
export function payloadKinds(media: AgreedMedia | undefined): Readonly<Uint8Array> {
  if (media?.live !== true) return NOTHING_KNOWN;
  const kinds = new Uint8Array(128);
  for (const codec of media.codecs) kinds[codec.receivePt] = AUDIO;
  for (const event of media.telephoneEvents) kinds[event.receivePt] = EVENT;
  if (media.comfortNoisePt !== undefined) kinds[media.comfortNoisePt] = NOISE;
  return kinds;
}
