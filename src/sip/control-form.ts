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

type FieldKind = 'address' | 'route' | 'auth' | 'via' | 'content-type';

/** Fields drachtio-srf or an application takes apart; Contact, From and To have been checked by our parser. */
const FIELD_KINDS: ReadonlyMap<string, FieldKind> = new Map([
  ['Authorization', 'auth'],
  ['Content-Type', 'content-type'],
  ['Diversion', 'address'],
  ['P-Asserted-Identity', 'address'],
  ['P-Called-Party-ID', 'address'],
  ['P-Preferred-Identity', 'address'],
  ['Path', 'address'],
  ['Proxy-Authenticate', 'auth'],
  ['Proxy-Authorization', 'auth'],
  ['Record-Route', 'route'],
  ['Refer-To', 'address'],
  ['Referred-By', 'address'],
  ['Remote-Party-ID', 'address'],
  ['Reply-To', 'address'],
  ['Route', 'route'],
  ['Service-Route', 'address'],
  ['Via', 'via'],
  ['WWW-Authenticate', 'auth'],
]);

/**
 * The message in a form that drachtio-srf 5.0.29 reads in linear time and without throwing. It differs from the wire form where
 * that parser is weak: unusual white space becomes a space and long runs of it are cut; header lines that are malformed, whose
 * name is percent-escaped (it would be unescaped into another name) or is that of an object property are left out; a
 * multipart body that its part reader would stall on is passed as one piece.
 */
export function serializeForControl(message: SipMessage): string {
  const { body, headers } = message;
  const { isPlain } = headers;
  // The topmost Via has been read by our parser.
  const topVia = headers.first('Via');
  const lines = headers.serialize((key, value) => {
    const tame = isPlain ? value : trimSpace(tamed(value));
    const kind = FIELD_KINDS.get(key);
    if (kind === undefined) return isMisread(key) ? undefined : tame;
    switch (kind) {
      case 'address':
        return areNameAddrs(splitList(tame)) ? tame : undefined;
      case 'route':
        return tame === '' ? undefined : tame;
      case 'auth':
        return (parseChallenge(tame)?.params.size ?? 0) > 0 ? tame : undefined;
      case 'via':
        return value === topVia && tame.startsWith('SIP/2.0/') && !tame.includes(',') ? tame : safeVia(tame);
      case 'content-type':
        return safeContentType(tame, body);
    }
  });
  // The phrase of a response that our own code made has not been looked at.
  const startLine = isPlain && message.kind === 'request' ? message.startLine : tamed(message.startLine);
  return `${startLine}\r\n${lines}Content-Length: ${body === '' ? 0 : Buffer.byteLength(body, 'utf8')}\r\n\r\n${body}`;
}

/** Known fields have canonical keys with a capital letter; the key of an unknown one is in lower case. */
function isMisread(key: string): boolean {
  return key.includes('%') || PROTOTYPE_NAMES.has(key);
}

function tamed(text: string): string {
  let out = text;
  // One-byte strings hold none of these but U+0085 and U+00A0, so the look costs little.
  if (UNUSUAL_SPACE.test(text)) out = out.replace(UNUSUAL_SPACE, ' ');
  UNUSUAL_SPACE.lastIndex = 0;
  return out.includes('     ') ? out.replace(LONG_RUN, ' '.repeat(LONGEST_RUN)) : out;
}

function areNameAddrs(elements: readonly string[]): boolean {
  return elements.length > 0 && elements.every((element) => parseNameAddr(element) !== undefined);
}

/** In the one spelling drachtio-srf's pattern knows; values below the topmost that are malformed are left out. */
function safeVia(value: string): string | undefined {
  const vias = splitList(value);
  if (vias.every((via) => via.startsWith('SIP/2.0/') && parseVia(via) !== undefined)) return value;
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
