/** Names of the payload types that have one without rtpmap (RFC 3551 §6). */
const STATIC_NAMES: Readonly<Record<string, string>> = {
  '0': 'PCMU',
  '3': 'GSM',
  '4': 'G723',
  '8': 'PCMA',
  '9': 'G722',
  '13': 'CN',
  '18': 'G729',
};

/** Longest list that a record keeps. */
const MAX_LENGTH = 200;

/**
 * The codecs of an SDP answer as the record shows them: `PCMU,telephone-event`; several streams are parted by `;`.
 * A line scan in linear time: the whole parser would cost more than all else this room does for a call.
 */
export function answerCodecs(sdp: string): string {
  const streams: string[] = [];
  let payloads: string[] = [];
  let names = new Map<string, string>();
  const finish = (): void => {
    if (payloads.length > 0) streams.push(payloads.map((payload) => names.get(payload) ?? payload).join(','));
  };
  for (let start = 0; start < sdp.length;) {
    const newline = sdp.indexOf('\n', start);
    const end = newline === -1 ? sdp.length : newline;
    if (sdp.startsWith('m=', start)) {
      finish();
      const [media, port, , ...formats] = sdp
        .slice(start + 2, end)
        .trim()
        .split(' ', 35);
      payloads =
        port === '0' || (media !== 'audio' && media !== 'video')
          ? port === '0'
            ? []
            : [media ?? '']
          : formats;
      names = new Map(payloads.map((payload) => [payload, STATIC_NAMES[payload] ?? payload]));
    } else if (sdp.startsWith('a=rtpmap:', start)) {
      const line = sdp.slice(start + 9, Math.min(end, start + 80));
      const space = line.indexOf(' ');
      const slash = line.indexOf('/', space);
      const payload = line.slice(0, space);
      if (space > 0 && slash > space && names.has(payload)) names.set(payload, line.slice(space + 1, slash));
    }
    start = end + 1;
  }
  finish();
  return streams.join(';').slice(0, MAX_LENGTH);
}
