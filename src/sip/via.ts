import { DIGIT, readNumber, skipClass, skipSpace, TOKEN } from './chars.js';
import { formatParams, parseParams, type Params } from './params.js';
import { skipHost } from './uri.js';

/** One Via value (RFC 3261 §20.42, RFC 3581). The named fields repeat what is in `params`; `formatVia` writes `params`. */
export interface Via {
  /** `SIP/2.0`. */
  protocol: string;
  /** Upper case: `UDP`, `TCP`, `TLS`, `WS` … */
  transport: string;
  host: string;
  port?: number;
  branch?: string;
  received?: string;
  /** `true`: asked for and not filled in yet. */
  rport?: number | true;
  params: Params;
}

/** Reads one Via value strictly; undefined when it is malformed. */
export function parseVia(text: string): Via | undefined {
  return readVia(text, false);
}

/** Reads as much as a 400 needs to find its way back: a Via whose parameters are malformed is read without them. */
export function parseViaLoosely(text: string): Via | undefined {
  return readVia(text, true);
}

function readVia(text: string, loose: boolean): Via | undefined {
  const end = text.length;
  let protocol = 'SIP/2.0';
  let i = 8;
  if (!text.startsWith('SIP/2.0/')) {
    const slash = skipProtocol(text, end);
    if (slash === -1) return undefined;
    protocol = text.slice(0, slash).replace(/[ \t]/g, '').toUpperCase();
    if (protocol !== 'SIP/2.0' && !loose) return undefined;
    i = skipSpace(text, slash + 1);
  }
  const transportStart = i;
  const transportEnd = skipClass(text, transportStart, end, TOKEN);
  i = skipSpace(text, transportEnd);
  if (transportEnd === transportStart || i === transportEnd) return undefined;
  const hostEnd = skipHost(text, i, end);
  if (hostEnd === -1) return undefined;
  const via: Via = {
    protocol,
    transport: text.slice(transportStart, transportEnd).toUpperCase(),
    host: text.slice(i, hostEnd).toLowerCase(),
    params: new Map(),
  };
  i = skipSpace(text, hostEnd);
  if (text.charCodeAt(i) === 0x3a) {
    const portStart = skipSpace(text, i + 1);
    const portEnd = skipClass(text, portStart, end, DIGIT);
    const port = readNumber(text, portStart, portEnd, 65535);
    if (port < 1) return undefined;
    via.port = port;
    i = portEnd;
  }
  if (i === end) return via;
  const params = parseParams(text, i);
  if (params === undefined) return loose ? via : undefined;
  via.params = params;
  return fillFields(via) || loose ? via : undefined;
}

/** The index of the second slash of `SIP / 2.0 / UDP` with its optional white space, or -1. */
function skipProtocol(text: string, end: number): number {
  const nameEnd = skipClass(text, 0, end, TOKEN);
  let i = skipSpace(text, nameEnd);
  if (nameEnd !== 3 || !/^sip/i.test(text) || text.charCodeAt(i) !== 0x2f) return -1;
  const versionStart = skipSpace(text, i + 1);
  const versionEnd = skipClass(text, versionStart, end, TOKEN);
  i = skipSpace(text, versionEnd);
  return versionEnd === versionStart || text.charCodeAt(i) !== 0x2f ? -1 : i;
}

function fillFields(via: Via): boolean {
  if (via.params.size === 0) return true;
  const branch = via.params.get('branch');
  if (branch !== undefined && branch !== '') via.branch = branch;
  const received = via.params.get('received');
  if (received !== undefined && received !== '') via.received = received;
  const rport = via.params.get('rport');
  if (rport === '') {
    via.rport = true;
  } else if (rport !== undefined) {
    const port = readNumber(rport, 0, rport.length, 65535);
    if (port < 1) return false;
    via.rport = port;
  }
  return true;
}

/** Writes a Via value from its fields and `params`; `branch`, `received` and `rport` of the fields win over `params`. */
export function formatVia(via: Via): string {
  const params: Params = new Map(via.params);
  if (via.rport !== undefined) params.set('rport', via.rport === true ? '' : String(via.rport));
  if (via.received !== undefined) params.set('received', via.received);
  if (via.branch !== undefined) params.set('branch', via.branch);
  const port = via.port === undefined ? '' : `:${via.port}`;
  return `${via.protocol}/${via.transport} ${via.host}${port}${formatParams(params)}`;
}
