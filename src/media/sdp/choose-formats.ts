import {
  isComfortNoise,
  isEvent,
  isG711,
  isRedundancy,
  makeFormat,
  staticFormat,
  type SdpFormat,
} from './formats.js';
import type { SdpLine } from './read.js';

const OUR_AUDIO: readonly SdpFormat[] = [staticFormat(0)!, staticFormat(8)!];
const MAX_OFFERED = 40;

const isMedia = (format: SdpFormat): boolean =>
  !isEvent(format) && !isComfortNoise(format) && !isRedundancy(format);

/** By name as in `trunk.codecs`, in that order. For other than audio only where the list names one of its codecs. */
export function keepNamed(
  formats: readonly SdpFormat[],
  names: readonly string[] | undefined,
  kind: string,
): SdpFormat[] {
  if (names === undefined) return [...formats];
  const rank = new Map(names.map((name, index) => [name.toLowerCase(), index]));
  const kept = formats
    .filter((format) => rank.has(format.name.toLowerCase()))
    .sort((a, b) => rank.get(a.name.toLowerCase())! - rank.get(b.name.toLowerCase())!);
  return kept.length === 0 && kind !== 'audio' ? [...formats] : kept;
}

/**
 * What to offer on a line: the partner's formats with their payload types, and G.711 behind them where the partner has one of its laws
 * (the other is transcoded), and telephone-event for each clock. `history`: what payload types have meant on this line before.
 * Empty when there is nothing to offer.
 */
export function formatsToOffer(
  kind: string,
  like: SdpLine | undefined,
  names: readonly string[] | undefined,
  history: ReadonlyMap<number, string>,
): SdpFormat[] {
  const partner = like?.formats ?? OUR_AUDIO;
  const media = partner.filter(isMedia);
  const ours = kind === 'audio' && partner.some(isG711) ? OUR_AUDIO : [];
  const missing = ours.filter((own) => !media.some((format) => format.loose === own.loose));
  const wanted = keepNamed(media.concat(missing), names, kind);
  if (wanted.length === 0) return [];
  if (kind === 'audio') {
    const clocks = new Set(wanted.map((format) => format.clock));
    const noise = partner.find((format) => isComfortNoise(format) && format.clock === 8000);
    if (noise !== undefined && clocks.has(8000)) wanted.push(noise);
    const events = partner.filter((format) => isEvent(format) && clocks.has(format.clock));
    wanted.push(...events);
    for (const clock of clocks) {
      if (events.some((event) => event.clock === clock)) continue;
      wanted.push(makeFormat(101, { name: 'telephone-event', clock, channels: 1 }, '0-16'));
    }
  }
  return assignPayloads(wanted.slice(0, MAX_OFFERED), history);
}

/** Each format keeps its payload type where that is free and has never meant anything else on this line. */
function assignPayloads(wanted: readonly SdpFormat[], history: ReadonlyMap<number, string>): SdpFormat[] {
  const before = new Map([...history].map(([pt, key]) => [key, pt]));
  const used = new Set<number>();
  const free = (pt: number, key: string): boolean =>
    !used.has(pt) && (history.get(pt) ?? key) === key && pt >= 0 && pt <= 127;
  // Those of the partner's own claims first, so that an addition never moves them.
  const claims = wanted.map((format) => {
    const { key } = format;
    const pt = [before.get(key) ?? -1, format.pt].find((candidate) => free(candidate, key));
    if (pt !== undefined) used.add(pt);
    return pt;
  });
  const result: SdpFormat[] = [];
  let next = 96;
  for (const [index, format] of wanted.entries()) {
    let pt = claims[index];
    if (pt === undefined) {
      while (next <= 127 && (used.has(next) || history.has(next))) next++;
      if (next > 127) continue;
      pt = next++;
    }
    result.push(pt === format.pt ? format : makeFormat(pt, format, format.fmtp));
  }
  return result;
}

/**
 * What to answer on an offered line, in the order of preference, with the offered payload types: what the partner speaks too (in its
 * order, with its parameters), then G.711 where the partner has some law of it. Without a partner G.711 alone. Empty: nothing fits.
 */
export function formatsToAnswer(
  offer: SdpLine,
  like: SdpLine | undefined,
  names: readonly string[] | undefined,
): SdpFormat[] {
  const offered = offer.formats.filter(isMedia);
  const chosen: SdpFormat[] = [];
  const take = (format: SdpFormat | undefined, fmtp: string | undefined): void => {
    if (format === undefined || chosen.some(({ pt }) => pt === format.pt)) return;
    chosen.push(format.fmtp === fmtp ? format : makeFormat(format.pt, format, fmtp));
  };
  for (const format of keepNamed((like?.formats ?? []).filter(isMedia), names, offer.kind)) {
    take(matching(offered, format), format.fmtp);
  }
  if (offer.kind === 'audio' && (like === undefined || like.formats.some(isG711))) {
    for (const format of keepNamed(offered.filter(isG711), names, offer.kind)) take(format, undefined);
  }
  if (chosen.length === 0 || offer.kind !== 'audio') return chosen;

  const clocks = new Set(chosen.map((format) => format.clock));
  const noise = offer.formats.find((format) => isComfortNoise(format) && format.clock === 8000);
  if (noise !== undefined && clocks.has(8000)) take(noise, undefined);
  const events = offer.formats.filter(isEvent);
  const fitting = events.filter((event) => clocks.has(event.clock));
  // Many phones speak Opus with events at 8000 only.
  for (const event of fitting.length > 0 ? fitting : events.slice(0, 1)) take(event, '0-16');
  return chosen;
}

/** The same format in another description: its packets may be relayed unchanged. */
export function matching(formats: readonly SdpFormat[], wanted: SdpFormat): SdpFormat | undefined {
  return formats.find((format) => format.key === wanted.key);
}
