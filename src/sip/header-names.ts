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

/** Canonical name by lower-case name; canonical names map to themselves so that the common case is one look-up. */
const CANONICAL = new Map<string, string>();
for (const name of KNOWN_NAMES) {
  CANONICAL.set(name, name);
  CANONICAL.set(name.toLowerCase(), name);
}
for (const [compact, name] of Object.entries(COMPACT_NAMES)) CANONICAL.set(compact, name);

/** The canonical long name of a known header in any case or compact form; undefined for an unknown one. */
export function knownName(name: string): string | undefined {
  return CANONICAL.get(name) ?? CANONICAL.get(name.toLowerCase());
}

/** What headers of the same field are compared by: the canonical name, or the lower-case one of an unknown field. */
export function headerKey(name: string): string {
  const canonical = CANONICAL.get(name);
  if (canonical !== undefined) return canonical;
  const lower = name.toLowerCase();
  return CANONICAL.get(lower) ?? lower;
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
