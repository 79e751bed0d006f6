import type { SipRequest } from '../sip/index.js';

/** What belongs to transport, dialog or session is nothing for a dialplan to decide by. */
const HIDDEN: ReadonlySet<string> = new Set([
  ...[
    'Via',
    'Max-Forwards',
    'Call-ID',
    'CSeq',
    'Contact',
    'Content-Length',
    'Content-Type',
    'Route',
    'Record-Route',
  ],
  ...[
    'Allow',
    'Supported',
    'Require',
    'Proxy-Require',
    'Accept',
    'Session-Expires',
    'Min-SE',
    'Timestamp',
    'Date',
  ],
  ...[
    'Authorization',
    'Proxy-Authorization',
    'From',
    'To',
    'Accept-Encoding',
    'Accept-Language',
    'Allow-Events',
  ],
]);

const MAX_HEADERS = 32;
const MAX_VALUE_LENGTH = 512;
const NONE: Readonly<Record<string, string>> = Object.freeze({});

/** The headers of a request that say something about the call. */
export interface ReadHeaders {
  /** Those a dialplan may read as `header.NAME`: lower-case name to the first value. Bounded in number and size. */
  readonly readable: Readonly<Record<string, string>>;
  /** False: there is no header of this lower-case name. */
  readonly mayHave: (name: string) => boolean;
}

/** One pass over the headers; most INVITEs have few that matter, and looking for each by name would cost more. */
export function readHeaders(request: SipRequest): ReadHeaders {
  let found: Record<string, string> | undefined;
  let count = 0;
  for (const [name, value] of request.headers) {
    if (HIDDEN.has(name)) continue;
    const key = name.toLowerCase();
    if (key === '__proto__') continue;
    found ??= {};
    if (Object.hasOwn(found, key)) continue;
    found[key] = value.slice(0, MAX_VALUE_LENGTH);
    count += 1;
    if (count >= MAX_HEADERS) break;
  }
  const readable = found ?? NONE;
  return { readable, mayHave: (name) => count >= MAX_HEADERS || Object.hasOwn(readable, name) };
}
