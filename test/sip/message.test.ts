import t from 'tap';
import { AppError } from '../../src/base/errors.js';
import {
  NameAddr,
  SipHeaders,
  SipRequest,
  SipResponse,
  escapeUser,
  formatNameAddr,
  formatUri,
  formatVia,
  parseMessage,
  parseNameAddr,
  parseUri,
  parseVia,
  splitList,
  unescapeUri,
  type ParseOutcome,
} from '../../src/sip/index.js';

const HEAD = [
  'INVITE sip:+12025550123@198.51.100.7;user=phone SIP/2.0',
  'Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK1;rport',
  'Max-Forwards: 69',
  'From: "Alice" <sip:+12125550188@203.0.113.10>;tag=a6',
  'To: <sip:+12025550123@198.51.100.7>',
  'Call-ID: 84b4c76e66710@203.0.113.10',
  'CSeq: 1 INVITE',
];

function invite(more: readonly string[] = [], body = ''): string {
  return [...HEAD, ...more, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}

function parsed(text: string | Buffer): SipRequest {
  const outcome = parseMessage(text);
  if (outcome.kind !== 'message' || outcome.message.kind !== 'request')
    throw new Error(JSON.stringify(outcome));
  return outcome.message;
}

function refusal(outcome: ParseOutcome): string {
  if (outcome.kind !== 'malformed') return outcome.kind;
  return `${outcome.status ?? 'drop'}: ${outcome.reason}`;
}

/** The message with one header line of `HEAD` replaced. */
function withLine(index: number, line: string): string {
  return invite().replace(HEAD[index]!, line);
}

t.test('a message is read into its parts', (t) => {
  const request = parsed(invite(['Contact: <sip:a@203.0.113.10;transport=tcp>', 'X-Trunk: Acme'], 'v=0\r\n'));
  t.equal(request.method, 'INVITE');
  t.equal(request.callId, '84b4c76e66710@203.0.113.10');
  t.same(request.cseq, { seq: 1, method: 'INVITE' });
  t.equal(request.from.display, 'Alice');
  t.equal(request.from.parsed.user, '+12125550188');
  t.equal(request.fromTag, 'a6');
  t.equal(request.toTag, undefined);
  t.equal(request.topVia.rport, true);
  t.equal(request.topVia.port, 5060);
  t.equal(request.maxForwards, 69);
  t.equal(request.contact?.parsed.params.get('transport'), 'tcp');
  t.equal(request.body, 'v=0\r\n');
  t.equal(request.headers.get('x-trunk'), 'Acme');
  t.same(request.headers.lines().at(-2), { name: 'X-Trunk', value: 'Acme' });
  t.equal(
    request.serialize(),
    invite(['Contact: <sip:a@203.0.113.10;transport=tcp>', 'X-Trunk: Acme'], 'v=0\r\n'),
  );
  t.end();
});

t.test('getters follow the headers as they change', (t) => {
  const request = parsed(invite());
  t.equal(request.toTag, undefined);
  request.headers.set('To', '<sip:b@h>;tag=9');
  t.equal(request.toTag, '9');
  request.headers.prepend('Via', 'SIP/2.0/TCP proxy.example.com;branch=z9hG4bKtop');
  t.equal(request.topVia.host, 'proxy.example.com');
  request.headers.deleteFirst('v');
  t.equal(request.topVia.host, '203.0.113.10');
  request.headers.set('CSeq', '2 INVITE');
  t.equal(request.cseq.seq, 2);
  request.headers.delete('Max-Forwards');
  t.equal(request.maxForwards, undefined);
  request.body = 'ä';
  t.match(request.serialize(), /Content-Length: 2\r\n\r\nä$/);
  t.same(request.bodyBytes, Buffer.from('ä'));
  request.bodyBytes = Buffer.from([0xff, 0xfe]);
  t.same(request.toBuffer().subarray(-2), Buffer.from([0xff, 0xfe]));
  t.match(request.toBuffer().toString('latin1'), /Content-Length: 2\r\n/);
  t.end();
});

t.test('headers keep order and repeats, know compact names and any case', (t) => {
  const headers = new SipHeaders();
  headers.add('v', 'one');
  headers.add('X-A', '1');
  headers.add('VIA', 'two, three');
  t.same(
    [...headers],
    [
      ['Via', 'one'],
      ['X-A', '1'],
      ['Via', 'two, three'],
    ],
  );
  t.same(headers.getAll('via'), ['one', 'two, three']);
  t.same(headers.list('Via'), ['one', 'two', 'three']);
  headers.set('Via', 'only');
  t.same(
    [...headers],
    [
      ['Via', 'only'],
      ['X-A', '1'],
    ],
  );
  headers.add('WWW-Authenticate', 'Digest realm="a", nonce="b"');
  headers.add('Www-Authenticate', 'Digest realm="a", nonce="c"');
  t.same(headers.list('WWW-Authenticate'), ['Digest realm="a", nonce="b"', 'Digest realm="a", nonce="c"']);
  headers.delete('www-authenticate');
  t.equal(headers.has('WWW-Authenticate'), false);
  headers.prepend('Route', '<sip:a;lr>');
  t.equal(headers.lines()[0]?.name, 'Route');
  headers.prepend('x-a', '0');
  t.same(headers.getAll('X-A'), ['0', '1']);
  t.equal(headers.get('Contact'), undefined);
  t.equal(headers.size, 4);
  t.end();
});

t.test('our own code cannot inject headers', (t) => {
  const headers = new SipHeaders();
  for (const bad of ['a\r\nX: 1', 'a\nX: 1', 'a\rb', 'a\0b']) {
    for (const put of ['set', 'add', 'prepend'] as const) {
      t.throws(() => headers[put]('Subject', bad), AppError);
    }
  }
  for (const bad of ['', 'X Y', 'X:', 'X\r\n', 'Ü', ' X'])
    t.throws(() => headers.add(bad, 'v'), { code: 'SIP_INVALID' });
  t.equal(headers.size, 0);
  t.throws(() => new SipRequest('IN VITE', 'sip:a'), AppError);
  t.throws(() => new SipRequest('INVITE', 'sip:a b'), AppError);
  t.throws(() => new SipRequest('INVITE', 'sip:a\r\n'), AppError);
  t.throws(() => new SipRequest('INVITE', ''), AppError);
  t.throws(() => new SipResponse(99), AppError);
  t.throws(() => new SipResponse(200, 'OK\r\nX: 1'), AppError);
  t.throws(() => SipResponse.reply(parsed(invite()), 200, 'OK', 'a;b'), AppError);
  t.throws(
    () => new SipRequest('INVITE', 'sip:a').from,
    AppError,
    'a message without From is a fault of ours',
  );
  t.throws(() => new SipRequest('INVITE', 'sip:a').topVia, AppError);
  t.equal(formatNameAddr({ display: 'a"\r\nb\\', uri: 'sip:x@y' }), '"a\\"  b\\\\" <sip:x@y>');
  t.equal(
    formatUri({ scheme: 'sip', user: 'a b@c\r\n', host: 'h', params: new Map([['x', 'a;b']]) }),
    'sip:a%20b%40c%0D%0A@h;x=a%3Bb',
  );
  t.end();
});

t.test('a reply copies what RFC 3261 wants copied', (t) => {
  const request = parsed(
    invite([
      'Via: SIP/2.0/UDP second',
      'Record-Route: <sip:p1;lr>, <sip:p2;lr>',
      'Timestamp: 54.2',
      'Subject: hi',
    ]),
  );
  t.same(
    [...SipResponse.reply(request, 100, undefined, 'tag').headers],
    [
      ['Via', 'SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK1;rport'],
      ['Via', 'SIP/2.0/UDP second'],
      ['From', '"Alice" <sip:+12125550188@203.0.113.10>;tag=a6'],
      ['To', '<sip:+12025550123@198.51.100.7>'],
      ['Call-ID', '84b4c76e66710@203.0.113.10'],
      ['CSeq', '1 INVITE'],
      ['Timestamp', '54.2'],
    ],
  );
  const ringing = SipResponse.reply(request, 180, undefined, 'tag');
  t.equal(ringing.reason, 'Ringing');
  t.equal(ringing.toTag, 'tag');
  t.same(ringing.headers.list('Record-Route'), ['<sip:p1;lr>', '<sip:p2;lr>']);
  t.equal(SipResponse.reply(request, 404).headers.has('Record-Route'), false);
  request.headers.set('To', '<sip:b@h>;tag=kept');
  t.equal(SipResponse.reply(request, 200, 'Fine', 'other').toTag, 'kept');
  t.equal(SipResponse.reply(request, 488).serialize().split('\r\n')[0], 'SIP/2.0 488 Not Acceptable Here');
  t.equal(SipResponse.reply(request, 499).reason, 'Client Error');
  t.end();
});

t.test('a response is read, with or without a phrase', (t) => {
  const text = (start: string): string => invite().replace(HEAD[0]!, start);
  for (const [start, reason] of [
    ['SIP/2.0 200 OK', 'OK'],
    ['SIP/2.0 183 ', ''],
    ['SIP/2.0 183', ''],
    ['SIP/2.0 404 Nicht gefunden: überall', 'Nicht gefunden: überall'],
  ] as const) {
    const outcome = parseMessage(text(start));
    t.equal(
      outcome.kind === 'message' && outcome.message.kind === 'response'
        ? outcome.message.reason
        : outcome.kind,
      reason,
    );
  }
  for (const start of [
    'SIP/2.0 099 X',
    'SIP/2.0 700 X',
    'SIP/2.0 2000 X',
    'SIP/2.0 20 X',
    'SIP/3.0 200 OK',
    'SIP/2.0200 OK',
    'SIP/2.0 200X',
  ]) {
    t.equal(refusal(parseMessage(text(start))), 'drop: the start line cannot be read', start);
  }
  t.equal(
    refusal(parseMessage(text('SIP/2.0 200 OK').replace('CSeq: 1', 'CSeq: x'))),
    'drop: CSeq is missing or malformed',
  );
  t.end();
});

t.test('what is malformed is refused with the right status, or dropped', (t) => {
  const cases: readonly (readonly [text: string, verdict: string])[] = [
    [withLine(0, 'INVITE sip:a@b SIP/3.0'), '505: the SIP version is not supported'],
    [withLine(0, 'GET / HTTP/1.1'), 'drop: the start line cannot be read'],
    [withLine(0, 'hello'), 'drop: the start line cannot be read'],
    [withLine(0, ' INVITE sip:a SIP/2.0'), 'drop: the start line cannot be read'],
    [withLine(0, 'INVITE sip:a@b@c SIP/2.0'), '400: the request URI is malformed'],
    [withLine(0, 'INVITE sip:\u00fc@b SIP/2.0'), '400: the request URI is malformed'],
    [withLine(0, 'INVITE  SIP/2.0'), '400: the request URI is malformed'],
    [withLine(0, 'INVITE sip:a@b  SIP/2.0'), '400: the request line has stray white space'],
    [withLine(1, 'Via: nonsense'), 'drop: Via is missing or malformed'],
    [withLine(1, 'X: y'), 'drop: Via is missing or malformed'],
    [withLine(1, 'Via: SIP/2.0/UDP h;rport=99999'), '400: Via is missing or malformed'],
    [withLine(2, 'Max-Forwards: many'), '400: Max-Forwards is no number'],
    [withLine(3, 'From: "Alice <sip:a@b>;tag=1'), '400: From is missing or malformed'],
    [withLine(3, 'From: <sip:a@b>;tag=1;tag=2'), '400: From is missing or malformed'],
    [withLine(4, 'To: sip:'), '400: To is missing or malformed'],
    [withLine(4, 'X: y'), '400: To is missing or malformed'],
    [withLine(5, 'Call-ID: a b'), '400: Call-ID is missing or malformed'],
    [withLine(5, 'Call-ID: a@b@c'), '400: Call-ID is missing or malformed'],
    [withLine(6, 'CSeq: 1 BYE'), '400: the method of CSeq is not that of the request'],
    [withLine(6, 'CSeq: 4294967296 INVITE'), '400: CSeq is missing or malformed'],
    [withLine(6, 'CSeq: 1INVITE'), '400: CSeq is missing or malformed'],
    [invite(['Contact: *']), 'message'],
    [invite(['Contact: <sip:a@b>, *']), '400: Contact is missing or malformed'],
    [invite(['Contact: <sip:a@b>, <sip:c@>']), '400: Contact is missing or malformed'],
    [invite(['Route: sip:a@b']), '400: Route is malformed'],
    [invite(['Record-Route: <sip:a@b']), '400: Record-Route is malformed'],
    [invite(['no colon here']), '400: a header line has no name'],
    [invite(['bad name: x']), '400: a header line has no proper name'],
    [invite([': x']), '400: a header line has no proper name'],
    [invite(['X: a\0b']), '400: a header value holds control characters'],
    [invite(['X: a\u007fb']), '400: a header value holds control characters'],
    [invite(['X: a\rb']), '400: a header value holds control characters'],
    [invite(['X: "\\\rb"']), '400: a header value holds control characters'],
    [invite(['X: a\nInjected: b']), '400: a line does not end with CR LF'],
    [invite(['c: application/sdp', 'Content-Type: text/plain']), '400: Content-Type stands more than once'],
    [
      invite().replace('Content-Length: 0', 'Content-Length: 1'),
      '400: Content-Length is larger than the message',
    ],
    [
      invite().replace('Content-Length: 0', 'Content-Length: 99999999999999999999'),
      '400: Content-Length is larger than the message',
    ],
    [invite().replace('Content-Length: 0', 'Content-Length: 0x0'), '400: Content-Length is no number'],
    [invite().replace('Content-Length: 0\r\n\r\n', 'X: y'), '400: the headers have no end'],
    [
      invite().replace('INVITE sip', 'ACK sip').replace('1 INVITE', '1 BYE'),
      'drop: the method of CSeq is not that of the request',
    ],
  ];
  for (const [text, verdict] of cases)
    t.equal(refusal(parseMessage(text)), verdict, JSON.stringify(text.slice(0, 60)));
  t.equal(
    refusal(parseMessage(invite().replace('Content-Length: 0\r\n', ''), undefined, 'stream')),
    '400: Content-Length is missing',
  );
  t.equal(
    parsed(invite().replace('Content-Length: 0\r\n', '') + 'rest').body,
    'rest',
    'a datagram without length: all the rest',
  );
  t.equal(parsed(invite([], 'abc') + 'rest').body, 'abc');
  const silly = parseMessage(withLine(3, 'From: nobody').replace('CSeq: 1 INVITE', 'CSeq: ?'));
  if (silly.kind !== 'malformed') throw new Error('accepted');
  t.equal(
    silly.partial!.from.uri,
    'sip:anonymous@anonymous.invalid',
    'getters of a refused message never throw',
  );
  t.same(silly.partial!.cseq, { seq: 0, method: '' });
  t.end();
});

t.test('sizes are limited', (t) => {
  const long = 'x'.repeat(9000);
  t.equal(refusal(parseMessage(invite([`X: ${long}`]))), '513: a header line is too long');
  t.equal(refusal(parseMessage(invite([`X: ${long}`, `Y: ${long}`]))), '513: the headers are too large');
  t.equal(
    refusal(parseMessage(invite(Array.from({ length: 300 }, () => 'Q: y')))),
    '513: there are too many header lines',
  );
  t.equal(
    refusal(parseMessage(invite(['X: y', ...Array.from({ length: 300 }, () => ' fold')]))),
    '513: there are too many header lines',
  );
  t.equal(refusal(parseMessage(invite([], 'b'.repeat(70_000)))), '513: the message is too large');
  t.equal(refusal(parseMessage(invite(), { maxHeaderBytes: 100 })), '513: the headers are too large');
  t.equal(refusal(parseMessage(invite(), { maxMessageBytes: 100 })), '513: the message is too large');
  t.equal(
    refusal(parseMessage(withLine(0, `INVITE sip:${'a'.repeat(5000)}@b SIP/2.0`))),
    '400: the request URI is malformed',
  );
  t.end();
});

t.test('keep-alives are told from messages', (t) => {
  for (const data of ['', '\r\n', '\r\n\r\n', '\0', '\0\0\0\0', '\r\n\0\r\n']) {
    t.equal(parseMessage(Buffer.from(data)).kind, 'keep-alive', JSON.stringify(data));
  }
  t.equal(parsed(`\r\n\r\n${invite()}`).method, 'INVITE', 'line ends before the start line are skipped');
  t.equal(parseMessage(`\0${invite()}`).kind, 'malformed');
  t.end();
});

t.test('folded lines come out on one line, white space outside quotes as single spaces', (t) => {
  const request = parsed(
    invite([
      'Subject:\ta   b\r\n\t c\r\n \r\n d',
      'X-Quoted: a  "b  c\\"  "   d',
      'Contact: <sip:a@b>\r\n ;\texpires=5',
    ]),
  );
  t.equal(request.headers.get('Subject'), 'a b c d');
  t.equal(request.headers.get('X-Quoted'), 'a "b  c\\"  " d');
  t.equal(request.contact?.params.get('expires'), '5');
  t.notMatch(request.serialize(), /\r\n[ \t]/);
  t.equal(
    parsed(invite(['X: "a\\\u0007b"'])).headers.get('X'),
    '"a\ufffdb"',
    'a quoted control character is replaced',
  );
  t.equal(parsed(invite(['Subject: Grüße  an\tdich'])).headers.get('Subject'), 'Grüße an dich');
  t.end();
});

t.test('URIs are read strictly', (t) => {
  const uri = parseUri('sips:alice;x=1:pw@EXAMPLE.com:5061;Transport=TCP;lr?Subject=hi&Replaces=a%40b')!;
  t.same(
    { ...uri, params: [...uri.params], headers: [...uri.headers!] },
    {
      scheme: 'sips',
      user: 'alice;x=1',
      password: 'pw',
      host: 'example.com',
      port: 5061,
      params: [
        ['transport', 'TCP'],
        ['lr', ''],
      ],
      headers: [
        ['Subject', 'hi'],
        ['Replaces', 'a%40b'],
      ],
    },
  );
  t.equal(formatUri(uri), 'sips:alice;x=1:pw@example.com:5061;transport=TCP;lr?Subject=hi&Replaces=a%40b');
  t.equal(
    parseUri('tel:+1-202-555-0100;phone-context=example.com')?.params.get('phone-context'),
    'example.com',
  );
  t.equal(parseUri('tel:+1-202-555-0100')?.user, '+1-202-555-0100');
  t.equal(formatUri(parseUri('tel:*97;phone-context=+1')!), 'tel:*97;phone-context=+1');
  t.same(parseUri('urn:service:sos'), { scheme: 'urn', host: '', params: new Map(), opaque: 'service:sos' });
  t.equal(formatUri(parseUri('urn:service:sos')!), 'urn:service:sos');
  t.equal(parseUri('SIP:h')?.scheme, 'sip');
  t.equal(parseUri('sip:[2001:DB8::1]:5070')?.host, '[2001:db8::1]');
  t.equal(parseUri('sip:u@h?Replaces=a@b;to-tag=1')?.headers?.get('Replaces'), 'a@b;to-tag=1');
  for (const bad of [
    '',
    'sip',
    'sip:',
    ':x',
    'sip:@h',
    'sip:u@',
    'sip:u@h:',
    'sip:u@h:0',
    'sip:u@h:65536',
    'sip:u@h:5x',
    'sip:u v@h',
    'sip:u@h;',
    'sip:u@h;a;a',
    'sip:u@h;=1',
    'sip:u@h;a=1;A=2',
    'sip:u@h?',
    'sip:u@h?x',
    'sip:u%4@h',
    'sip:u%zz@h',
    'sip:[::1',
    'sip:[zz]',
    'sip:[::1]x',
    'sip:u@h;x=%',
    'sip:<u@h>',
    'sip:u"@h',
    'tel:',
    'tel:+',
    'tel:12x',
    'tel:+12;',
    '1a:x',
    'a b:x',
    'http:',
    'http:a b',
    `sip:${'h'.repeat(256)}`,
  ]) {
    t.equal(parseUri(bad), undefined, bad);
  }
  t.equal(unescapeUri('%2B12%zz%C3%A4%'), '+12%zzä%');
  t.equal(escapeUser('a%b c+ü'), 'a%25b%20c+%C3%BC');
  t.end();
});

t.test('name-addr and addr-spec are read strictly', (t) => {
  const address = parseNameAddr('"A \\"quoted\\" <name>" <sip:a@b;x=1>;Tag=q;z="a;b"')!;
  t.equal(address.display, 'A "quoted" <name>');
  t.equal(address.uri, 'sip:a@b;x=1');
  t.equal(address.parsed.params.get('x'), '1');
  t.equal(address.tag, 'q');
  t.same(
    [...address.params],
    [
      ['tag', 'q'],
      ['z', 'a;b'],
    ],
  );
  t.equal(String(address), '"A \\"quoted\\" <name>" <sip:a@b;x=1>;tag=q;z="a;b"');
  t.equal(parseNameAddr('sip:a@b;tag=1')?.tag, '1', 'without brackets parameters belong to the header');
  t.equal(parseNameAddr('sip:a@b')?.tag, undefined);
  t.equal(parseNameAddr('  Müller <sip:a@b>  ')?.display, 'Müller');
  t.equal(parseNameAddr('"" <sip:a@b>')?.display, undefined);
  t.equal(parseNameAddr('<tel:+1202>')?.parsed.scheme, 'tel');
  t.equal(new NameAddr('no uri').parsed.opaque, 'no uri');
  for (const bad of [
    '',
    '*',
    '<>',
    '<sip:a@b',
    '"a" sip:a@b',
    '"a',
    'a, b <sip:a@b>',
    '<sip:a@b> x',
    '<sip:a@b>;',
    '<sip:a@b>;a=',
    '<sip:a@b>;a="b',
    'sip:a@b?x=y',
    '<sip:a@b>;t=1;T=2',
  ]) {
    t.equal(parseNameAddr(bad), undefined, bad);
  }
  t.same(splitList('"a,b" <sip:x,y@h>;p="1,2", <sip:c@d> ,, e'), [
    '"a,b" <sip:x,y@h>;p="1,2"',
    '<sip:c@d>',
    'e',
  ]);
  t.same(splitList(' , '), []);
  t.same(splitList('"open, <sip:a'), ['"open, <sip:a']);
  t.end();
});

t.test('Via is read strictly', (t) => {
  const via = parseVia(
    'SIP / 2.0 /udp  Host.example.com : 5060 ; branch = z9 ;received=[2001:db8::1];rport=99',
  )!;
  t.same(
    { ...via, params: [...via.params] },
    {
      protocol: 'SIP/2.0',
      transport: 'UDP',
      host: 'host.example.com',
      port: 5060,
      branch: 'z9',
      received: '[2001:db8::1]',
      rport: 99,
      params: [
        ['branch', 'z9'],
        ['received', '[2001:db8::1]'],
        ['rport', '99'],
      ],
    },
  );
  t.equal(
    formatVia({ ...via, rport: true, received: '192.0.2.1' }),
    'SIP/2.0/UDP host.example.com:5060;branch=z9;received=192.0.2.1;rport',
  );
  t.equal(formatVia(parseVia('SIP/2.0/TLS [::1];alias')!), 'SIP/2.0/TLS [::1];alias');
  for (const bad of [
    '',
    'SIP/2.0',
    'SIP/2.0/',
    'SIP/2.0/UDP',
    'SIP/2.0/UDPhost',
    'SIP/2.0/UDP h:',
    'SIP/2.0/UDP h:0',
    'SIP/2.0/UDP h;rport=0',
    'SIP/2.0/UDP h;;',
    'SIP/2.0/UDP h x',
    'HTTP/1.1/TCP h',
    'SIP/2.0/UDP [::g]',
  ]) {
    t.equal(parseVia(bad), undefined, bad);
  }
  t.end();
});
