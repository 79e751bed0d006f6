/**
 * What a datagram is, told from a few bytes:
 * - `inside`: a response, an ACK, CANCEL, BYE or PRACK, a request with a To tag, or a keep-alive. Never rated: UDP sources can be forged,
 *   and whoever forges must not be able to cut off a running call.
 * - `opens`: a request outside any dialog, and every REGISTER: its To tag means nothing (RFC 3261 §10.2).
 * - `junk`: does not begin as a SIP message does.
 */
export type DatagramKind = 'inside' | 'opens' | 'junk';

const REGISTER_START = fourBytes('REGI');
const INSIDE_STARTS = new Set(['SIP/', 'ACK ', 'CANC', 'BYE ', 'PRAC'].map(fourBytes));

/** How much is searched for the To header; one that stands behind it counts as missing. */
const SEARCH_BYTES = 4096;

export function kindOfDatagram(bytes: Buffer): DatagramKind {
  let start = 0;
  while (start < bytes.length && start < 4 && isBlank(bytes[start]!)) start++;
  if (start === bytes.length) return 'inside';
  if (bytes.length - start < 4 || !isMethodStart(bytes[start]!)) return 'junk';
  if (INSIDE_STARTS.has(bytes.readUInt32BE(start))) return 'inside';
  const head = bytes.toString('latin1', start, Math.min(bytes.length, start + SEARCH_BYTES));
  const line = head.indexOf('\n');
  if (line === -1 || head.lastIndexOf(' SIP/', line) === -1) return 'junk';
  if (bytes.readUInt32BE(start) === REGISTER_START) return 'opens';
  const to = /\n(?:to|t)[ \t]*:([^\r\n]*)/i.exec(head);
  return to !== null && /;[ \t]*tag[ \t]*=/i.test(headerParams(to[1]!)) ? 'inside' : 'opens';
}

/** A `;tag=` in the display name or within the URI is no tag: whoever writes one there is after the way around the rates. */
function headerParams(to: string): string {
  const unquoted = to.replace(/"(?:[^"\\]|\\.)*"?/g, '');
  return unquoted.slice(unquoted.lastIndexOf('>') + 1);
}

function fourBytes(text: string): number {
  return Buffer.from(text, 'latin1').readUInt32BE(0);
}

function isBlank(byte: number): boolean {
  return byte === 13 || byte === 10 || byte === 0;
}

/** Upper-case letters begin every method in use; others (RFC 4475 §3.1.1.2 has `!interesting…`) are rated as opening. */
function isMethodStart(byte: number): boolean {
  return byte >= 0x21 && byte <= 0x7e;
}
