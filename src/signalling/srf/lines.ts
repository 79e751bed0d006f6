import { AppError } from '../../base/errors.js';
import type { Headers } from '../port.js';
import type { SrfOutgoing } from './types.js';

/**
 * Under this name a whole block of header lines goes through drachtio-srf as if it were one header; our writer puts it out as it
 * is. So order and repeats are kept, which an object of headers cannot (RFC 3261 §7.3.1 forbids to join challenges by a comma).
 */
export const LINES = '\u0001lines';

const FORBIDDEN_IN_VALUE = /[\r\n\0|]/;
const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]{1,128}$/;

/** Names that were found to be tokens; few in practice, bounded all the same. */
const goodNames = new Set<string>();
const MAX_GOOD_NAMES = 500;

/** Header fields the server writes itself: what the layers above give for them is left out. */
const RESERVED = new Set(['via', 'content-length', 'record-route', 'cseq', 'call-id', 'rseq', 'rack']);

/** One header line with its CRLF. Throws SIP_INVALID for a name that is no token and for CR, LF, NUL or `|` in the value. */
export function headerLine(name: string, value: string): string {
  checkName(name);
  if (FORBIDDEN_IN_VALUE.test(value)) {
    throw new AppError(
      'SIP_INVALID',
      `the value of ${name} holds a line end, NUL or |, which would inject headers or fields`,
    );
  }
  return `${name}: ${value}\r\n`;
}

/** The lines of `headers` in order, repeats kept. Throws as `headerLine`. */
export function headerLines(headers: Headers | undefined): string {
  if (headers === undefined) return '';
  let block = '';
  for (const [name, value] of headers) {
    if (!RESERVED.has(name.toLowerCase())) block += headerLine(name, value);
  }
  return block;
}

/** A text that stands in the leader of a frame or as a URI: printable, no blanks, no `|`. Throws SIP_INVALID. */
export function checkUri(what: string, uri: string): string {
  if (uri === '' || !/^[\x21-\x7b\x7d\x7e]+$/.test(uri)) {
    throw new AppError(
      'SIP_INVALID',
      `${what} is no URI that can be sent: ${JSON.stringify(uri.slice(0, 80))}`,
    );
  }
  return uri;
}

/** A display name from anywhere, made harmless. */
export function cleanDisplay(display: string): string {
  return display.replace(/[\x00-\x1f\x7f|]/g, ' ');
}

function checkName(name: string): void {
  if (goodNames.has(name)) return;
  if (!TOKEN.test(name))
    throw new AppError('SIP_INVALID', `not a header name: ${JSON.stringify(name.slice(0, 64))}`);
  if (goodNames.size < MAX_GOOD_NAMES) goodNames.add(name);
}

/** Header lines and body as srf takes them, and without a JSON form: srf makes one of all it is given, for its debug log. */
export function outgoing(lines: string, body: string | undefined): SrfOutgoing {
  const headers = { [LINES]: lines };
  return body === undefined ? { headers, toJSON: nothing } : { headers, body, toJSON: nothing };
}

function nothing(): undefined {
  return undefined;
}
