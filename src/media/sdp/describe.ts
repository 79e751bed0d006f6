import { isIP } from 'node:net';
import type { DescribeSpec, Direction } from '../engine.js';
import { agreedMedia, deadMedia, offeredMedia } from './agreed.js';
import { formatsToAnswer, formatsToOffer } from './choose-formats.js';
import type { SdpFormat } from './formats.js';
import { lineUse, meet, mirror, packetTime, peerDirection } from './line.js';
import type { LocalSlot } from './local-session.js';
import { readSdp, type SdpLine } from './read.js';
import type { AgreedMedia, Described, SdpLocal } from './types.js';
import { anyFormat, writeSdp, type PlannedLine } from './write.js';

const UNREADABLE = 'the description is no SDP, or too large';

/** Our offer to the peer (RFC 3264 §5, §8). Changes `local.session` only where it succeeds. */
export function describeOffer(local: SdpLocal, spec: DescribeSpec = {}): Described {
  const like = spec.like === undefined ? undefined : readSdp(spec.like);
  if (spec.like !== undefined && like === undefined) return { kind: 'not-acceptable', reason: UNREADABLE };
  const family = isIP(local.address);
  const refusals: string[] = [];
  // Without a partner: one line of audio, in its old place where there is one.
  const wishes: (SdpLine | undefined)[] = (like?.lines ?? [undefined]).filter((line) => {
    if (line === undefined) return true;
    // The partner's address family is no concern of this leg: media runs through us.
    const use = lineUse(line, line.address === undefined ? family : isIP(line.address));
    if (use.kind === 'refused' && line.port !== 0) refusals.push(use.reason);
    return use.kind !== 'refused';
  });

  const places = placeLines(
    wishes.map((line) => line?.kind ?? 'audio'),
    local.session.slots,
  );
  const lines = places.map((wish, place): PlannedLine => {
    const slot = local.session.slots[place];
    const line = wish === undefined ? undefined : wishes[wish];
    const kind = line?.kind ?? slot?.kind ?? 'audio';
    const dead: PlannedLine = { live: false, kind, ...anyFormat(kind) };
    if (wish === undefined) return dead;
    const history = slot?.kind === kind ? slot.payloads : new Map<number, string>();
    const formats = kind === 'image' ? [] : formatsToOffer(kind, line, spec.codecs, history);
    if (kind !== 'image' && formats.length === 0) {
      refusals.push(`no codec of its ${kind} may be used here`);
      return dead;
    }
    const port = local.port(place, kind);
    if (port === undefined) {
      refusals.push(`there is no port for its ${kind}`);
      return dead;
    }
    const wanted = spec.direction ?? 'sendrecv';
    return {
      live: true,
      kind,
      proto: line?.proto ?? 'RTP/AVP',
      port,
      rtcpMux: local.rtcpMux === true && kind !== 'image',
      direction: kind === 'audio' || line === undefined ? wanted : meet(wanted, line.direction),
      formats,
      rawFormats: line?.rawFormats ?? [],
      ...audioTimes(kind, line),
      carried: line?.carried ?? [],
      feedback: line === undefined ? new Map() : feedbackFor(line, formats),
    };
  });
  return finish(local, lines, lines.map(offeredMedia), refusals);
}

/**
 * Puts each wish in a place: first where the same kind stands at the same index, then at any free place of its kind, then (audio and
 * image stand for the same thing when a fax begins, RFC 3264 §8.3.3) at the same index, then behind. Result: wish by place.
 */
function placeLines(kinds: readonly string[], slots: readonly LocalSlot[]): (number | undefined)[] {
  const places: (number | undefined)[] = slots.map(() => undefined);
  const waiting = new Set(kinds.keys());
  const put = (wish: number, place: number): void => {
    places[place] = wish;
    waiting.delete(wish);
  };
  for (const wish of [...waiting]) if (slots[wish]?.kind === kinds[wish]) put(wish, wish);
  for (const wish of [...waiting]) {
    const place = slots.findIndex(({ kind }, at) => places[at] === undefined && kind === kinds[wish]);
    if (place >= 0) put(wish, place);
  }
  for (const wish of [...waiting]) {
    const free = wish < slots.length && places[wish] === undefined;
    if (free && isVoiceOrFax(kinds[wish]) && isVoiceOrFax(slots[wish]?.kind)) put(wish, wish);
  }
  for (const wish of [...waiting]) put(wish, places.length);
  return places;
}

function isVoiceOrFax(kind: string | undefined): boolean {
  return kind === 'audio' || kind === 'image';
}

/** Our answer to the peer's offer (RFC 3264 §6). Changes `local.session` only where it succeeds. */
export function describeAnswer(local: SdpLocal, offer: string, spec: DescribeSpec = {}): Described {
  const theirs = readSdp(offer);
  if (theirs === undefined) return { kind: 'not-acceptable', reason: UNREADABLE };
  const like = spec.like === undefined ? undefined : readSdp(spec.like);
  if (spec.like !== undefined && like === undefined) {
    return { kind: 'not-acceptable', reason: `of the partner: ${UNREADABLE}` };
  }
  const family = isIP(local.address);
  const refusals: string[] = [];
  const partners = like === undefined ? undefined : partnerLines(theirs.lines, like.lines);
  let audioTaken = false;

  const media: AgreedMedia[] = [];
  const lines = theirs.lines.map((line, index): PlannedLine => {
    const refuse = (reason?: string): PlannedLine => {
      if (reason !== undefined) refusals.push(reason);
      media.push(deadMedia(line.kind));
      return { live: false, kind: line.kind, proto: line.proto, rawFormats: line.rawFormats };
    };
    const use = lineUse(line, family);
    if (use.kind === 'refused') return refuse(line.port === 0 ? undefined : use.reason);
    const partner = partners?.get(index);
    // Alone we have one voice; with a partner, what it takes too.
    if (partners === undefined ? line.kind !== 'audio' || audioTaken : partner === undefined) {
      return refuse(`its ${line.kind} has nowhere to go`);
    }
    const formats = use.kind === 'udptl' ? [] : formatsToAnswer(line, partner, spec.codecs);
    if (use.kind === 'rtp' && formats.length === 0) return refuse(`no codec of its ${line.kind} fits`);
    const port = local.port(index, line.kind);
    if (port === undefined) return refuse(`there is no port for its ${line.kind}`);
    if (line.kind === 'audio') audioTaken = true;
    const planned = {
      live: true as const,
      kind: line.kind,
      proto: line.proto,
      port,
      rtcpMux: line.rtcpMux && use.kind === 'rtp',
      direction: answerDirection(line, partner, spec.direction),
      formats,
      rawFormats: use.kind === 'udptl' ? line.rawFormats : [],
      ...audioTimes(line.kind, partner),
      carried: partner?.carried ?? [],
      feedback: partner === undefined ? new Map<number, string[]>() : feedbackFor(partner, formats, line),
    };
    media.push(agreedMedia(planned, line));
    return planned;
  });
  return finish(local, lines, media, refusals);
}

/** The n-th line of a kind with the partner's n-th live one of that kind, by the index of the offered one. */
function partnerLines(offered: readonly SdpLine[], partner: readonly SdpLine[]): Map<number, SdpLine> {
  const usable = partner.filter(
    (line) => lineUse(line, line.address === undefined ? 4 : isIP(line.address)).kind !== 'refused',
  );
  const pairs = new Map<number, SdpLine>();
  for (const [index, line] of offered.entries()) {
    // An encrypted line beside a plain one takes no partner away from it.
    if (lineUse(line, line.address === undefined ? 4 : isIP(line.address)).kind === 'refused') continue;
    const at = usable.findIndex(({ kind }) => kind === line.kind);
    if (at >= 0) pairs.set(index, usable.splice(at, 1)[0]!);
  }
  return pairs;
}

function answerDirection(
  line: SdpLine,
  partner: SdpLine | undefined,
  wish: Direction = 'sendrecv',
): Direction {
  const bounded = meet(mirror(peerDirection(line)), wish);
  // A partner that takes only pictures and sends none: so do we on its behalf. Who may speak is the caller's affair.
  return partner === undefined || line.kind === 'audio' ? bounded : meet(bounded, peerDirection(partner));
}

function audioTimes(kind: string, partner: SdpLine | undefined): { ptimeMs?: number; maxPtimeMs?: number } {
  if (kind !== 'audio') return {};
  const most = partner?.maxPtimeMs;
  return {
    ptimeMs: packetTime(partner),
    ...(most === undefined || most < 10 || most > 1000 ? {} : { maxPtimeMs: most }),
  };
}

/** The partner's `rtcp-fb` under our payload types; in an answer only what was offered (RFC 4585 §4.2). */
function feedbackFor(
  partner: SdpLine,
  formats: readonly SdpFormat[],
  offered?: SdpLine,
): Map<number, readonly string[]> {
  const kept = new Map<number, readonly string[]>();
  const add = (pt: number, values: readonly string[], theirPt: number): void => {
    const allowed = offered && [
      ...(offered.feedback.get(-1) ?? []),
      ...(offered.feedback.get(theirPt) ?? []),
    ];
    const list = allowed === undefined ? values : values.filter((value) => allowed.includes(value));
    if (list.length > 0) kept.set(pt, list);
  };
  const all = partner.feedback.get(-1);
  if (all !== undefined) add(-1, all, -1);
  for (const format of formats) {
    const theirs = partner.formats.find((other) => other.key === format.key);
    const values = theirs && partner.feedback.get(theirs.pt);
    if (values !== undefined) add(format.pt, values, format.pt);
  }
  return kept;
}

/**
 * Acceptable when something is live, or when nothing was asked for (every line switched off, or none at all). Pictures without sound
 * are not taken where sound was wanted.
 */
function finish(
  local: SdpLocal,
  lines: readonly PlannedLine[],
  media: readonly AgreedMedia[],
  refusals: readonly string[],
): Described {
  const heard = lines.some((line) => line.live && isVoiceOrFax(line.kind));
  if (!heard && refusals.length > 0) {
    return { kind: 'not-acceptable', reason: [...new Set(refusals)].join('; ') };
  }
  return { kind: 'described', sdp: writeSdp(local.session, local.address, lines), media };
}
