/** What the torture messages must meet with: RFC 4475 (SIP) and RFC 5118 (IPv6). */
export interface TortureExpectation {
  /** Relative to the folder of the torture messages. */
  readonly file: string;
  /** The parser's verdict on it as one datagram. */
  readonly what: 'accept' | 'reject' | 'drop';
  /** The status the parser refuses it with. */
  readonly status?: number;
  /** What is seen at the socket of a user agent server: a final answer of its own, what the application says, or nothing. */
  readonly socket: number | 'application' | 'silence';
  /** The RFC's section and its reason in a few words. */
  readonly why: string;
}

function accept(file: string, socket: TortureExpectation['socket'], why: string): TortureExpectation {
  return { file, what: 'accept', socket, why };
}

function reject(file: string, status: number, why: string): TortureExpectation {
  return { file, what: 'reject', status, socket: status, why };
}

function drop(file: string, why: string): TortureExpectation {
  return { file, what: 'drop', socket: 'silence', why };
}

export const RFC_4475: readonly TortureExpectation[] = [
  accept(
    'rfc4475/wsinv.dat',
    481,
    '3.1.1.1: folding and white space everywhere; its To tag names no dialog (RFC 3261 12.2.2)',
  ),
  accept('rfc4475/intmeth.dat', 501, '3.1.1.2: every legal character; the method is well formed and unknown'),
  accept('rfc4475/esc01.dat', 'application', '3.1.1.3: escapes in URIs are not resolved by the parser'),
  accept('rfc4475/escnull.dat', 'application', '3.1.1.4: escaped NULs in URIs are legal'),
  accept(
    'rfc4475/esc02.dat',
    501,
    '3.1.1.5: a percent sign in a method or header name is no escape: this is no REGISTER',
  ),
  accept(
    'rfc4475/lwsdisp.dat',
    'application',
    '3.1.1.6: no white space between display name and angle bracket',
  ),
  accept('rfc4475/longreq.dat', 'application', '3.1.1.7: long values, compact names, any case'),
  accept('rfc4475/dblreq.dat', 'application', '3.1.1.8: octets after the body of a datagram are ignored'),
  accept('rfc4475/semiuri.dat', 'application', '3.1.1.9: a semicolon in the user part begins no parameter'),
  accept('rfc4475/transports.dat', 'application', '3.1.1.10: unknown transports in Via are well formed'),
  accept('rfc4475/mpart01.dat', 'application', '3.1.1.11: a multipart body with binary content'),
  accept(
    'rfc4475/unreason.dat',
    'silence',
    '3.1.1.12: UTF-8 in the phrase; a response without a transaction',
  ),
  accept('rfc4475/noreason.dat', 'silence', '3.1.1.13: an empty phrase; a response without a transaction'),
  reject('rfc4475/badinv01.dat', 400, '3.1.2.1: separators without parameters'),
  reject('rfc4475/clerr.dat', 400, '3.1.2.2: Content-Length larger than the datagram'),
  reject('rfc4475/ncl.dat', 400, '3.1.2.3: negative Content-Length'),
  reject('rfc4475/scalar02.dat', 400, '3.1.2.4: CSeq beyond 32 bits'),
  drop('rfc4475/scalarlg.dat', '3.1.2.5: a response with CSeq beyond 32 bits is discarded'),
  reject('rfc4475/quotbal.dat', 400, '3.1.2.6: a quoted display name without its end'),
  reject('rfc4475/ltgtruri.dat', 400, '3.1.2.7: angle brackets around the request URI'),
  reject('rfc4475/lwsruri.dat', 400, '3.1.2.8: white space in the request URI'),
  reject('rfc4475/lwsstart.dat', 400, '3.1.2.9: several spaces between the parts of the request line'),
  reject('rfc4475/trws.dat', 400, '3.1.2.10: white space at the end of the request line'),
  reject('rfc4475/escruri.dat', 400, '3.1.2.11: headers in the request URI'),
  accept(
    'rfc4475/baddate.dat',
    'application',
    '3.1.2.12: a Date nobody reads should not get the request refused',
  ),
  reject('rfc4475/regbadct.dat', 400, '3.1.2.13: a URI with a question mark outside angle brackets'),
  reject('rfc4475/badaspec.dat', 400, '3.1.2.14: spaces within addr-spec'),
  reject('rfc4475/baddn.dat', 400, '3.1.2.15: a comma in an unquoted display name'),
  reject('rfc4475/badvers.dat', 505, '3.1.2.16: unknown protocol version'),
  reject('rfc4475/mismatch01.dat', 400, '3.1.2.17: CSeq names another method'),
  reject(
    'rfc4475/mismatch02.dat',
    501,
    '3.1.2.18: CSeq names another method and the method is unknown: 501 is the better answer',
  ),
  drop('rfc4475/bigcode.dat', '3.1.2.19: a status beyond 699 is discarded'),
  reject('rfc4475/badbranch.dat', 400, '3.2.1: the magic cookie without an identifier'),
  reject('rfc4475/insuf.dat', 400, '3.3.1: no Call-ID, From and To'),
  accept('rfc4475/unkscm.dat', 416, '3.3.2: unknown scheme in the request URI'),
  accept('rfc4475/novelsc.dat', 416, '3.3.3: known scheme that nobody can be called by'),
  accept('rfc4475/unksm2.dat', 400, '3.3.4: well formed, but a registrar wants a SIP URI in To'),
  accept('rfc4475/bext01.dat', 420, '3.3.5: Require names unknown extensions'),
  accept('rfc4475/invut.dat', 415, '3.3.6: a body of unknown type'),
  accept('rfc4475/regaut01.dat', 'application', '3.3.7: an unknown scheme counts as no credentials'),
  reject('rfc4475/multi01.dat', 400, '3.3.8: fields that stand once stand twice'),
  reject('rfc4475/mcl01.dat', 400, '3.3.9: two Content-Lengths'),
  accept(
    'rfc4475/bcast.dat',
    'silence',
    '3.3.10: the second Via is a broadcast address; a response without a transaction',
  ),
  accept(
    'rfc4475/zeromf.dat',
    'application',
    '3.3.11: Max-Forwards 0 stops a proxy, not the server it reached',
  ),
  accept('rfc4475/cparam01.dat', 'application', '3.3.12: an unknown Contact parameter'),
  accept('rfc4475/cparam02.dat', 'application', '3.3.13: an unknown URI parameter'),
  accept('rfc4475/regescrt.dat', 'application', '3.3.14: an escaped header in a Contact URI stays with it'),
  accept('rfc4475/sdp01.dat', 406, '3.3.15: Accept leaves no type that could be answered with'),
  accept('rfc4475/inv2543.dat', 'application', '3.4.1: an INVITE in the manner of RFC 2543'),
];

export const RFC_5118: readonly TortureExpectation[] = [
  accept('rfc5118/ipv6-good', 'application', '4.1: IPv6 references in brackets'),
  reject('rfc5118/ipv6-bad', 400, '4.2: an IPv6 address without brackets in the request URI'),
  accept('rfc5118/port-ambiguous', 'application', '4.3: the port inside the brackets is part of the address'),
  accept('rfc5118/port-unambiguous', 'application', '4.4: the port after the brackets'),
  accept(
    'rfc5118/via-received-param-with-delim',
    481,
    '4.5: brackets in received are tolerated; the BYE has no dialog',
  ),
  accept(
    'rfc5118/via-received-param-no-delim',
    'application',
    '4.5: an IPv6 address without brackets in received',
  ),
  accept('rfc5118/ipv6-in-sdp', 'application', '4.6: IPv6 addresses in SDP'),
  accept('rfc5118/mult-ip-in-header', 481, '4.7: IPv4 and IPv6 in Via; the BYE has no dialog'),
  accept('rfc5118/mult-ip-in-sdp', 'application', '4.8: IPv4 and IPv6 in SDP'),
  accept('rfc5118/ipv4-mapped-ipv6', 'application', '4.9: IPv4-mapped IPv6 addresses'),
  accept(
    'rfc5118/ipv6-bug-abnf-3-colons',
    'application',
    "4.10: RFC 3261's grammar let three colons through; tolerate them",
  ),
  accept('rfc5118/ipv6-correct-abnf-2-colons', 'application', '4.10: the same with two colons'),
];
