import { closingQuote, isClass, isSpace, quote, skipSpace, TOKEN, trimSpace, unquote } from './chars.js';
import { formatParams, parseParams, scanParams, type Params } from './params.js';
import { formatUri, parseUri, scanUri, type Uri } from './uri.js';

/** A `name-addr` or `addr-spec` with header parameters, as in From, To, Contact, Route or P-Asserted-Identity. */
export class NameAddr {
  #parsed: Uri | undefined;
  /** Parameters, or the text of at most one that is read when it is asked for. */
  #params: Params | string;

  /** A `params` text has been scanned by `scanParams`. */
  constructor(
    /** The URI as written. */
    readonly uri: string,
    params: Params | string = '',
    /** The display name with quoting resolved; undefined when there is none. */
    readonly display?: string,
  ) {
    this.#params = params;
  }

  /** By lower-case name. Shared by all who hold this object: make a new one to change them. */
  get params(): Params {
    if (typeof this.#params === 'string')
      this.#params = parseParams(this.#params, 0) ?? new Map<string, string>();
    return this.#params;
  }

  /** The URI taken apart; one that was never valid (only our own code can make such) is opaque. */
  get parsed(): Uri {
    this.#parsed ??= parseUri(this.uri) ?? { scheme: '', host: '', params: new Map(), opaque: this.uri };
    return this.#parsed;
  }

  get tag(): string | undefined {
    if (this.#params === '') return undefined;
    const tag = this.params.get('tag');
    return tag === '' ? undefined : tag;
  }

  toString(): string {
    return formatNameAddr(this);
  }
}

/** Reads one element (RFC 3261 §20.10, §25.1). Undefined when it is malformed, `*` included. */
export function parseNameAddr(text: string): NameAddr | undefined {
  const start = skipSpace(text, 0);
  const end = text.length;
  let i = start;
  let display: string | undefined;
  if (text.charCodeAt(i) === 0x22) {
    const close = closingQuote(text, i, end);
    if (close === -1) return undefined;
    display = unquote(text.slice(i + 1, close));
    i = skipSpace(text, close + 1);
    if (text.charCodeAt(i) !== 0x3c) return undefined;
  } else {
    i = skipBareDisplay(text, i, end);
    if (text.charCodeAt(i) !== 0x3c) return parseAddrSpec(text, start);
    if (i > start) display = trimSpace(text.slice(start, i));
  }
  const close = text.indexOf('>', i);
  if (close === -1) return undefined;
  return build(text, i + 1, close, close + 1, display === '' ? undefined : display);
}

function build(
  text: string,
  uriStart: number,
  uriEnd: number,
  paramsStart: number,
  display?: string,
): NameAddr | undefined {
  const uri = text.slice(uriStart, uriEnd);
  if (scanUri(uri) === undefined) return undefined;
  const params = paramsStart === text.length ? '' : scanParams(text, paramsStart);
  return params === undefined ? undefined : new NameAddr(uri, params, display);
}

/** `*(token LWS)`; letters beyond ASCII pass too, since many phones send them bare. */
function skipBareDisplay(text: string, from: number, end: number): number {
  let i = from;
  while (i < end) {
    const code = text.charCodeAt(i);
    if (code < 128 && !isSpace(code) && !isClass(code, TOKEN)) break;
    i++;
  }
  return i;
}

/** Without angle brackets everything from the first semicolon on belongs to the header (RFC 3261 §20). */
function parseAddrSpec(text: string, from: number): NameAddr | undefined {
  const end = text.length;
  let i = from;
  while (i < end) {
    const code = text.charCodeAt(i);
    // A URI with a comma or question mark must stand in angle brackets.
    if (code === 0x2c || code === 0x3f) return undefined;
    if (code === 0x3b || isSpace(code)) break;
    i++;
  }
  return build(text, from, i, i);
}

/** What `formatNameAddr` needs; a `NameAddr` is one. */
export interface NameAddrParts {
  readonly display?: string | undefined;
  readonly uri: string | Uri;
  readonly params?: Iterable<readonly [string, string]> | undefined;
}

/** Always with angle brackets; the display name is quoted. */
export function formatNameAddr(parts: NameAddrParts): string {
  const uri = typeof parts.uri === 'string' ? parts.uri : formatUri(parts.uri);
  const display = parts.display === undefined || parts.display === '' ? '' : `${quote(parts.display)} `;
  return `${display}<${uri}>${parts.params === undefined ? '' : formatParams(parts.params)}`;
}
