import { STATIC_PAYLOADS } from './sdp.js';

/** Kept whatever a list of codecs says: they carry keys and silence, not speech. Lower case. */
const BESIDE_SPEECH: ReadonlySet<string> = new Set(['telephone-event', 'cn']);

/** Formats of one stream that are looked at. */
const MAX_FORMATS = 64;

/** Attributes that belong to one payload type. */
const PAYLOAD_ATTRIBUTE = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d{1,3})(?=[ \r\n])/;

/**
 * An offer with the audio codecs that `allowed` names (lower case), in the order it had. Telephone events and comfort noise stay
 * with them. An audio stream that has none left is refused (port 0); undefined when no audio stream has one. Streams of other kinds,
 * and descriptions without audio, stay as they are. Linear.
 */
export function keepCodecs(sdp: string, allowed: ReadonlySet<string>): string | undefined {
  const first = sdp.indexOf('\nm=') + 1;
  if (first === 0) return sdp;
  let kept = sdp.slice(0, first);
  let streams = 0;
  let live = 0;
  for (let start = first; start < sdp.length;) {
    const next = sdp.indexOf('\nm=', start) + 1;
    const end = next === 0 ? sdp.length : next;
    const part = sdp.slice(start, end);
    start = end;
    if (!part.startsWith('m=audio ') || part.startsWith('m=audio 0 ')) {
      kept += part;
      continue;
    }
    streams += 1;
    const filtered = keepInStream(part, allowed);
    if (filtered.hasSpeech) live += 1;
    kept += filtered.text;
  }
  return streams > 0 && live === 0 ? undefined : kept;
}

function keepInStream(part: string, allowed: ReadonlySet<string>): { text: string; hasSpeech: boolean } {
  const lines = part.split('\n');
  const [media = '', ...rest] = lines;
  const [kind, port, profile, ...formats] = media.trimEnd().split(' ', MAX_FORMATS + 3);
  const names = new Map<string, string>();
  for (const line of rest) {
    const map = /^a=rtpmap:(\d{1,3}) ([^/\s]{1,64})/.exec(line);
    if (map !== null) names.set(map[1]!, map[2]!.toLowerCase());
  }
  const nameOf = (format: string): string =>
    names.get(format) ?? STATIC_PAYLOADS[Number(format)]?.[0].toLowerCase() ?? '';
  const isSpeech = (format: string): boolean =>
    allowed.has(nameOf(format)) && !BESIDE_SPEECH.has(nameOf(format));
  if (!formats.some(isSpeech)) {
    return {
      text: [`${kind!} 0 ${profile ?? 'RTP/AVP'} ${formats[0] ?? '0'}\r`, ''].join('\n'),
      hasSpeech: false,
    };
  }
  const kept = new Set(formats.filter((format) => isSpeech(format) || BESIDE_SPEECH.has(nameOf(format))));
  const attributes = rest.filter((line) => {
    const payload = PAYLOAD_ATTRIBUTE.exec(`${line}\n`)?.[1];
    return payload === undefined || kept.has(payload);
  });
  const head = `${kind!} ${port ?? '0'} ${profile ?? 'RTP/AVP'} ${[...kept].join(' ')}${media.endsWith('\r') ? '\r' : ''}`;
  return { text: [head, ...attributes].join('\n'), hasSpeech: true };
}
