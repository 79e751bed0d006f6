/** Header fields known by name: RFC 3261 §20 and the extensions that trunks and phones use. */
const KNOWN_NAMES = [
  'Accept',
  'Accept-Contact',
  'Accept-Encoding',
  'Accept-Language',
  'Alert-Info',
  'Allow',
  'Allow-Events',
  'Authentication-Info',
  'Authorization',
  'Call-ID',
  'Call-Info',
  'Contact',
  'Content-Disposition',
  'Content-Encoding',
  'Content-ID',
  'Content-Language',
  'Content-Length',
  'Content-Transfer-Encoding',
  'Content-Type',
  'CSeq',
  'Date',
  'Diversion',
  'Error-Info',
  'Event',
  'Expires',
  'Feature-Caps',
  'Flow-Timer',
  'From',
  'Geolocation',
  'Geolocation-Error',
  'Geolocation-Routing',
  'History-Info',
  'Identity',
  'Identity-Info',
  'In-Reply-To',
  'Info-Package',
  'Join',
  'Max-Breadth',
  'Max-Forwards',
  'MIME-Version',
  'Min-Expires',
  'Min-SE',
  'Organization',
  'P-Access-Network-Info',
  'P-Asserted-Identity',
  'P-Associated-URI',
  'P-Called-Party-ID',
  'P-Charging-Function-Addresses',
  'P-Charging-Vector',
  'P-Early-Media',
  'P-Preferred-Identity',
  'Path',
  'Priority',
  'Privacy',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Proxy-Require',
  'RAck',
  'Reason',
  'Record-Route',
  'Recv-Info',
  'Refer-Sub',
  'Refer-To',
  'Referred-By',
  'Reject-Contact',
  'Remote-Party-ID',
  'Replaces',
  'Reply-To',
  'Request-Disposition',
  'Require',
  'Resource-Priority',
  'Retry-After',
  'Route',
  'RSeq',
  'Security-Client',
  'Security-Server',
  'Security-Verify',
  'Server',
  'Service-Route',
  'Session-Expires',
  'Session-ID',
  'SIP-ETag',
  'SIP-If-Match',
  'Subject',
  'Subscription-State',
  'Supported',
  'Target-Dialog',
  'Timestamp',
  'To',
  'Unsupported',
  'User-Agent',
  'User-to-User',
  'Via',
  'Warning',
  'WWW-Authenticate',
] as const;

/** Compact forms (RFC 3261 §7.3.3 and the IANA registry). */
const COMPACT_NAMES: Readonly<Record<string, string>> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  n: 'Identity-Info',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
};

/** Fields that a message must not carry twice: which one counts would be a guess. */
const SINGLE_NAMES: ReadonlySet<string> = new Set([
  'Call-ID',
  'Content-Disposition',
  'Content-Length',
  'Content-Type',
  'CSeq',
  'Date',
  'Event',
  'Expires',
  'From',
  'Max-Forwards',
  'MIME-Version',
  'Min-Expires',
  'Min-SE',
  'RAck',
  'Refer-To',
  'Referred-By',
  'Replaces',
  'Reply-To',
  'RSeq',
  'Session-Expires',
  'SIP-ETag',
  'SIP-If-Match',
  'Subscription-State',
  'Timestamp',
  'To',
]);

/** A known header field. */
export interface KnownField {
  /** Its canonical long name. */
  readonly name: string;
  /** One bit for each field that stands once, 0 for the others: to notice a second one. */
  readonly bit: number;
}

/** Known fields by their canonical, lower-case and compact names, so that the common case is one look-up. */
const FIELDS = new Map<string, KnownField>();
let nextBit = 1;
for (const name of KNOWN_NAMES) {
  const single = SINGLE_NAMES.has(name);
  const field: KnownField = { name, bit: single ? nextBit : 0 };
  if (single) nextBit *= 2;
  FIELDS.set(name, field);
  FIELDS.set(name.toLowerCase(), field);
}
for (const [compact, name] of Object.entries(COMPACT_NAMES)) {
  const field = FIELDS.get(name)!;
  FIELDS.set(compact, field);
  FIELDS.set(compact.toUpperCase(), field);
}

/** The known field of that name, in any case or compact form. */
function knownField(name: string): KnownField | undefined {
  return FIELDS.get(name) ?? FIELDS.get(name.toLowerCase());
}

/** Canonical names by first letter and length: one that is written so is found without making a string of it. */
const BY_SHAPE: (KnownField | undefined)[] = [];
for (const name of KNOWN_NAMES) BY_SHAPE[shapeOf(name.charCodeAt(0), name.length)] ??= FIELDS.get(name);

function shapeOf(firstCode: number, length: number): number {
  return ((firstCode & 31) << 6) | (length & 63);
}

/** As `knownField`, for the name that stands in `text` from `start` to `end`. */
export function knownFieldAt(text: string, start: number, end: number): KnownField | undefined {
  const field = BY_SHAPE[shapeOf(text.charCodeAt(start), end - start)];
  if (field?.name.length === end - start && text.startsWith(field.name, start)) return field;
  return knownField(text.slice(start, end));
}

/** What headers of the same field are compared by: the canonical name, or the lower-case one of an unknown field. */
export function headerKey(name: string): string {
  const field = FIELDS.get(name);
  if (field !== undefined) return field.name;
  const lower = name.toLowerCase();
  return FIELDS.get(lower)?.name ?? lower;
}

/** Fields whose grammar has commas that separate nothing, or that stand once: never split at commas. */
const UNSPLIT = new Set([
  'Authentication-Info',
  'Authorization',
  'Call-ID',
  'CSeq',
  'Content-Type',
  'Content-Disposition',
  'Content-Length',
  'Date',
  'Event',
  'Expires',
  'From',
  'Max-Forwards',
  'MIME-Version',
  'Organization',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'RAck',
  'Retry-After',
  'Server',
  'Subject',
  'Timestamp',
  'To',
  'User-Agent',
  'WWW-Authenticate',
]);

export function isSplitAtCommas(key: string): boolean {
  return !UNSPLIT.has(key);
}
