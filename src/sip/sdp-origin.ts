/** Longest session part (what stands before the first stream) that is rewritten; nobody needs as much. */
const MAX_SESSION_PART = 8192;

/**
 * The session as one leg knows it: whoever the partner is, its descriptions carry one `o=` line whose version goes up by one with
 * each change (RFC 3264 §8). What would tell of the partner (user name, subject, contact lines) is left out. A user agent that sees
 * another `o=` line takes the description for another session, and one with an old version for no change.
 */
export class SdpOrigin {
  #version = 0;
  /** `IN IP4 192.0.2.1`: that of the first description, as the line must stay the same. */
  #address: string | undefined;
  #length = -1;
  #hash = 0;

  /** `id`: the session id, digits. */
  constructor(private readonly id: string) {}

  /** The description as this leg gets it. Text that is no SDP is given back as it is. Linear. */
  rewrite(sdp: string): string {
    const origin = sdp.indexOf('\no=') + 1;
    const media = sdp.indexOf('\nm=') + 1;
    const sessionEnd = media === 0 ? sdp.length : media;
    if (!sdp.startsWith('v=0') || origin === 0 || origin > sessionEnd || sessionEnd > MAX_SESSION_PART)
      return sdp;
    const lineEnd = sdp.indexOf('\n', origin);
    if (lineEnd === -1) return sdp;
    const session = plainSession(sdp, lineEnd + 1, sessionEnd);
    const rest = media === 0 ? '' : sdp.slice(media);
    this.#count(session, rest);
    if (this.#address === undefined) {
      const words = sdp.slice(origin, lineEnd).trim().split(' ').slice(-3);
      this.#address = words.length === 3 && words[0] === 'IN' ? words.join(' ') : 'IN IP4 0.0.0.0';
    }
    return `${sdp.slice(0, origin)}o=- ${this.id} ${this.#version} ${this.#address}\r\ns=-\r\n${session}${rest}`;
  }

  /** Version and checksum of what was said last; a copy of it would weigh on each held call. */
  #count(session: string, rest: string): void {
    const length = session.length + rest.length;
    const hash = checksum(rest, checksum(session, FNV_OFFSET));
    if (length === this.#length && hash === this.#hash) return;
    this.#length = length;
    this.#hash = hash;
    this.#version += 1;
  }
}

/** Session lines after `o=`, without subject, information, URI, mail and telephone of who wrote them. */
function plainSession(sdp: string, from: number, to: number): string {
  let kept = '';
  for (let start = from; start < to;) {
    const newline = sdp.indexOf('\n', start);
    const end = newline === -1 || newline >= to ? to : newline + 1;
    if (!'siuep'.includes(sdp.charAt(start)) || sdp.charAt(start + 1) !== '=') kept += sdp.slice(start, end);
    start = end;
  }
  return kept;
}

/** FNV-1a, 32 bits. */
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function checksum(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  return hash;
}
