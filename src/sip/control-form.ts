import { parseChallenge } from './auth.js';
import { trimSpace } from './chars.js';
import type { SipMessage } from './message.js';
import { parseNameAddr } from './name-addr.js';
import { splitList } from './params.js';
import { formatVia, parseVia } from './via.js';

/** White space as JavaScript's `\s` sees it beyond space and tab, and the line ends that `.` stops at. */
const UNUSUAL_SPACE = /[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]/g;

/** Beyond this, runs of spaces in quoted strings are cut: back-tracking over a run costs its length squared. */
const LONGEST_RUN = 4;
const LONG_RUN = / {5,}/g;

/** A Content-Type longer than this is no use to anyone and slow to match. */
const MAX_CONTENT_TYPE = 256;

/** Names that would land on the prototype of the plain object drachtio-srf keeps headers in. */
const PROTOTYPE_NAMES: ReadonlySet<string> = new Set(
  Object.getOwnPropertyNames(Object.prototype).map((name) => name.toLowerCase()),
);

const ADDRESS_FIELDS: ReadonlySet<string> = new Set([
  'Diversion',
  'P-Asserted-Identity',
  'P-Called-Party-ID',
  'P-Preferred-Identity',
  'Path',
  'Record-Route',
  'Refer-To',
  'Referred-By',
  'Remote-Party-ID',
  'Reply-To',
  'Route',
  'Service-Route',
]);

const AUTH_FIELDS: ReadonlySet<string> = new Set([
  'Authorization',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'WWW-Authenticate',
]);

/**
 * The message in a form that drachtio-srf 5.0.29 reads in linear time and without throwing. It differs from the wire form where
 * that parser is weak: unusual white space becomes a space and long runs of it are cut; header lines that are malformed, whose
 * name is percent-escaped (it would be unescaped into another name) or is that of an object property are left out; a
 * multipart body that its part reader would stall on is passed as one piece.
 */
export function serializeForControl(message: SipMessage): string {
  const body = message.body;
  let out = `${tamed(message.startLine)}\r\n`;
  for (const [name, value] of message.headers) {
    if (name === 'Content-Length') continue;
    const safe = safeValue(name, value, body);
    if (safe !== undefined) out += `${name}: ${safe}\r\n`;
  }
  return `${out}Content-Length: ${body === '' ? 0 : Buffer.byteLength(body, 'utf8')}\r\n\r\n${body}`;
}

function tamed(text: string): string {
  let out = text;
  // One-byte strings hold none of these but U+0085 and U+00A0, so the look costs little.
  if (UNUSUAL_SPACE.test(text)) out = out.replace(UNUSUAL_SPACE, ' ');
  UNUSUAL_SPACE.lastIndex = 0;
  return out.includes('     ') ? out.replace(LONG_RUN, ' '.repeat(LONGEST_RUN)) : out;
}

function safeValue(name: string, value: string, body: string): string | undefined {
  const safe = trimSpace(tamed(value));
  if (name === 'Via') return safeVia(safe);
  if (name === 'Content-Type') return safeContentType(safe, body);
  if (ADDRESS_FIELDS.has(name)) return areNameAddrs(splitList(safe)) ? safe : undefined;
  if (AUTH_FIELDS.has(name)) return (parseChallenge(safe)?.params.size ?? 0) > 0 ? safe : undefined;
  if (name.includes('%') || PROTOTYPE_NAMES.has(name.toLowerCase())) return undefined;
  return safe;
}

function areNameAddrs(elements: readonly string[]): boolean {
  return elements.length > 0 && elements.every((element) => parseNameAddr(element) !== undefined);
}

/** In the one spelling drachtio-srf's pattern knows; values below the topmost that are malformed are left out. */
function safeVia(value: string): string | undefined {
  const vias = splitList(value);
  if (vias.every((via) => /^SIP\/2\.0\/[A-Z]/.test(via) && parseVia(via) !== undefined)) return value;
  const kept = vias.map(parseVia).filter((via) => via !== undefined);
  return kept.length === 0 ? undefined : kept.map(formatVia).join(', ');
}

/** drachtio-srf looks for a lower-case `multipart/` and then runs patterns over the body. */
function safeContentType(value: string, body: string): string {
  if (value.length > MAX_CONTENT_TYPE) return 'application/octet-stream';
  if (!value.includes('multipart/') || partsAreHarmless(body)) return value;
  return value.replaceAll('multipart/', 'Multipart/');
}

/** Whether after each `Content-Type:` a short line ends soon, so that `\s*(.*)\r\n` finds its end without searching the body. */
function partsAreHarmless(body: string): boolean {
  for (let i = body.indexOf('Content-Type:'); i !== -1; i = body.indexOf('Content-Type:', i + 1)) {
    if (!/^Content-Type:[ \t]{0,8}[!-~][ -~]{0,512}\r\n/.test(body.slice(i, i + 600))) return false;
  }
  return true;
}
