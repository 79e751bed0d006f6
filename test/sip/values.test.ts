import fc from 'fast-check';
import t from 'tap';
import {
  DIGEST_ALGORITHMS,
  computeHa1,
  computeResponse,
  constantTimeEqual,
  digestAlgorithm,
  formatAuthHeader,
  formatRAck,
  formatReason,
  formatReplaces,
  formatSessionExpires,
  isCallId,
  isKnownMethod,
  keepCodecs,
  parseChallenge,
  parseCredentials,
  parseMinSe,
  parseRAck,
  parseRSeq,
  parseReason,
  parseReasons,
  parseReplaces,
  parseSessionExpires,
  q850FromSip,
  q850Text,
  reasonPhrase,
  SdpOrigin,
  sipFromQ850,
  type DigestAlgorithm,
} from '../../src/sip/index.js';

t.test('digest responses are those of the RFCs', (t) => {
  // RFC 2617 §3.5
  const old = computeHa1('Mufasa', 'testrealm@host.com', 'Circle Of Life', 'MD5');
  t.equal(old, '939e7578ed9e3c518a452acee763bce9');
  const nonce = 'dcd98b7102dd2f0e8b11d0f600bfb0c093';
  const request = { method: 'GET', uri: '/dir/index.html', nonce, algorithm: 'MD5' } as const;
  t.equal(
    computeResponse({ ...request, ha1: old, nc: '00000001', cnonce: '0a4f113b', qop: 'auth' }),
    '6629fae49393a05397450978507c4ef1',
  );
  t.equal(
    computeResponse({ ...request, ha1: old }),
    '670fd8c2df070c60b045671b8b24ff02',
    'without qop: RFC 2069',
  );
  // RFC 7616 §3.9.1
  const input = {
    method: 'GET',
    uri: '/dir/index.html',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    nc: '00000001',
    cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    qop: 'auth',
  };
  const respond = (algorithm: DigestAlgorithm): string =>
    computeResponse({
      ...input,
      algorithm,
      ha1: computeHa1('Mufasa', 'http-auth@example.org', 'Circle of Life', algorithm),
    });
  t.equal(respond('MD5'), '8ca523f5e9506fed4657c9700eebdbec');
  t.equal(respond('SHA-256'), '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1');
  t.equal(respond('SHA-512-256').length, 64);
  t.equal(new Set(DIGEST_ALGORITHMS.map(respond)).size, 6, 'each algorithm gives another value');
  t.not(
    computeResponse({ ...request, ha1: old, nc: '1', cnonce: 'c', qop: 'auth-int', body: 'a' }),
    computeResponse({ ...request, ha1: old, nc: '1', cnonce: 'c', qop: 'auth-int', body: 'b' }),
    'auth-int covers the body',
  );
  t.equal(digestAlgorithm(undefined), 'MD5');
  t.equal(digestAlgorithm('sha-256'), 'SHA-256');
  t.equal(digestAlgorithm('SHA-1'), undefined);
  t.equal(constantTimeEqual('abc', 'abc'), true);
  t.equal(constantTimeEqual('abc', 'abcd'), false);
  t.equal(constantTimeEqual('', ''), true);
  t.end();
});

t.test('challenges and credentials are read with quotes, commas and odd spacing', (t) => {
  const challenge = parseChallenge(
    'Digest  realm = "a, \\"b\\"" ,nonce="n=", Algorithm=SHA-256,qop="auth,auth-int", stale=TRUE',
  )!;
  t.equal(challenge.scheme, 'Digest');
  t.same(
    [...challenge.params],
    [
      ['realm', 'a, "b"'],
      ['nonce', 'n='],
      ['algorithm', 'SHA-256'],
      ['qop', 'auth,auth-int'],
      ['stale', 'TRUE'],
    ],
  );
  t.equal(
    formatAuthHeader(challenge, 'challenge'),
    'Digest realm="a, \\"b\\"", nonce="n=", algorithm=SHA-256, qop="auth,auth-int", stale=TRUE',
  );
  const credentials = parseCredentials(
    'Digest username="bob", uri=sip:a@b, qop=auth, nc=00000001, response="r"',
  )!;
  t.equal(credentials.params.get('uri'), 'sip:a@b', 'a URI without quotes is understood');
  t.equal(
    formatAuthHeader(credentials, 'credentials'),
    'Digest username="bob", uri="sip:a@b", qop=auth, nc=00000001, response="r"',
  );
  t.equal(parseCredentials('NoOneKnowsThisScheme opaque-data=here')?.scheme, 'NoOneKnowsThisScheme');
  t.equal(parseCredentials('Digest')?.params.size, 0);
  for (const bad of [
    '',
    ' ',
    'Digest realm',
    'Digest realm=',
    'Digest realm="a',
    'Digest a=b c=d',
    'Digest a="x",a="y"',
    'Digest,a=b',
    'Digest =b',
  ]) {
    t.equal(parseCredentials(bad), undefined, bad);
  }
  const word = fc.stringMatching(/^[a-z-]{1,8}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(word, fc.string({ unit: 'grapheme-ascii' })), {
        selector: ([name]) => name,
        minLength: 1,
      }),
      (pairs) => {
        const params = new Map(pairs);
        const again = parseChallenge(formatAuthHeader({ scheme: 'Digest', params }, 'challenge'));
        return again !== undefined && pairs.every(([name, value]) => again.params.get(name) === value);
      },
    ),
  );
  t.end();
});

t.test('Reason, Session-Expires, Replaces, RAck and RSeq are read and written', (t) => {
  const reason = parseReason('Q.850 ;cause=16 ;text="Normal \\"call\\" clearing"')!;
  t.same(reason, { protocol: 'Q.850', cause: 16, text: 'Normal "call" clearing' });
  t.equal(formatReason(reason), 'Q.850;cause=16;text="Normal \\"call\\" clearing"');
  t.same(parseReasons('SIP;cause=200;text="a, b", Q.850;cause=17, ;;, X'), [
    { protocol: 'SIP', cause: 200, text: 'a, b' },
    { protocol: 'Q.850', cause: 17 },
    { protocol: 'X' },
  ]);
  t.same(parseReason('Q.850;cause=many'), { protocol: 'Q.850' });
  t.equal(formatReason({ protocol: 'a b' }), 'SIP');
  t.same(parseSessionExpires('1800;refresher=UAC'), { seconds: 1800, refresher: 'uac' });
  t.same(parseSessionExpires(' 90 ;x'), { seconds: 90 });
  t.equal(parseSessionExpires('soon'), undefined);
  t.equal(parseSessionExpires('90 s'), undefined);
  t.equal(parseSessionExpires('4294967296'), undefined);
  t.equal(formatSessionExpires({ seconds: 90, refresher: 'uas' }), '90;refresher=uas');
  t.equal(formatSessionExpires({ seconds: 90 }), '90');
  t.equal(parseMinSe('90;x=y'), 90);
  const replaces = parseReplaces('98732@sip.example.com ;from-tag=r33th4x0r;to-tag=ff87ff;early-only')!;
  t.same(replaces, {
    callId: '98732@sip.example.com',
    fromTag: 'r33th4x0r',
    toTag: 'ff87ff',
    earlyOnly: true,
  });
  t.same(parseReplaces(formatReplaces(replaces)), replaces);
  t.same(parseReplaces('a;local-tag=1;remote-tag=2'), {
    callId: 'a',
    fromTag: '1',
    toTag: '2',
    earlyOnly: false,
  });
  for (const bad of [
    '',
    'a',
    'a;from-tag=1',
    'a b;from-tag=1;to-tag=2',
    'a;from-tag=1;to-tag',
    ';from-tag=1;to-tag=2',
  ]) {
    t.equal(parseReplaces(bad), undefined, bad);
  }
  t.same(parseRAck('776656 1 INVITE'), { rseq: 776656, cseq: 1, method: 'INVITE' });
  t.equal(formatRAck({ rseq: 1, cseq: 2, method: 'INVITE' }), '1 2 INVITE');
  for (const bad of ['', '1', '1 2', '0 1 INVITE', '1 x INVITE', '1 1INVITE', '4294967296 1 INVITE'])
    t.equal(parseRAck(bad), undefined, bad);
  t.equal(parseRSeq('12'), 12);
  t.equal(parseRSeq('0'), undefined);
  t.equal(parseRSeq('1a'), undefined);
  t.equal(isCallId('a@b'), true);
  t.equal(isCallId('a@'), false);
  t.equal(isCallId(''), false);
  t.equal(isKnownMethod('PRACK'), true);
  t.equal(isKnownMethod('invite'), false);
  t.end();
});

t.test('descriptions of one leg are one session', (t) => {
  const text = (port: number, origin = 'alice 5 6 IN IP4 192.0.2.9'): string =>
    `v=0\r\no=${origin}\r\ns=Talk\r\ni=about\r\nu=http://a\r\ne=a@b\r\np=+1 2\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\ns=kept\r\n`;
  const session = new SdpOrigin('42');
  const body = (port: number): string =>
    `c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\ns=kept\r\n`;
  t.equal(session.rewrite(text(1)), `v=0\r\no=- 42 1 IN IP4 192.0.2.9\r\ns=-\r\n${body(1)}`);
  t.equal(
    session.rewrite(text(1, 'bob 7 8 IN IP6 ::1')),
    `v=0\r\no=- 42 1 IN IP4 192.0.2.9\r\ns=-\r\n${body(1)}`,
    'another’s origin is no change',
  );
  t.equal(session.rewrite(text(2)), `v=0\r\no=- 42 2 IN IP4 192.0.2.9\r\ns=-\r\n${body(2)}`);
  t.match(session.rewrite(text(1)), /^o=- 42 3 /m);
  for (const odd of [
    '',
    'v=0\r\nm=audio 1 RTP/AVP 0\r\n',
    'v=0\r\nm=audio 1 x 0\r\no=late\r\n',
    'v=0\r\no=x',
  ])
    t.equal(session.rewrite(odd), odd, 'what is no description stays');
  t.match(new SdpOrigin('1').rewrite('v=0\no=nonsense\ns=-\nt=0 0\n'), /^o=- 1 1 IN IP4 0\.0\.0\.0\r$/m);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (noise) => {
      new SdpOrigin('1').rewrite(`v=0\r\no=${noise}`);
      keepCodecs(`v=0\r\nm=audio ${noise}\r\nm=audio 4 RTP/AVP ${noise}`, new Set(['pcmu']));
    }),
  );
  t.end();
});

t.test('a list of codecs leaves the offer its order and what goes beside speech', (t) => {
  const head = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=group:x\r\n';
  const audio =
    'm=audio 4000 RTP/SAVP 9 0 96 8 101 13\r\nc=IN IP4 192.0.2.1\r\na=rtpmap:9 G722/8000\r\na=rtpmap:96 opus/48000/2\r\n' +
    'a=fmtp:96 useinbandfec=1\r\na=rtcp-fb:96 nack\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendonly\r\n';
  const video = 'm=video 5000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n';
  t.equal(
    keepCodecs(`${head}${audio}${video}`, new Set(['pcma', 'pcmu'])),
    `${head}m=audio 4000 RTP/SAVP 0 8 101 13\r\nc=IN IP4 192.0.2.1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendonly\r\n${video}`,
  );
  t.match(keepCodecs(`${head}${audio}`, new Set(['opus'])), /RTP\/SAVP 96 101 13\r\n[^]*useinbandfec/);
  t.equal(keepCodecs(`${head}${audio}${video}`, new Set(['g729', 'telephone-event'])), undefined);
  t.equal(
    keepCodecs(`${head}m=audio 1 RTP/AVP 9\r\na=mid:1\r\nm=audio 2 RTP/AVP 0\r\n`, new Set(['pcmu'])),
    `${head}m=audio 0 RTP/AVP 9\r\nm=audio 2 RTP/AVP 0\r\n`,
    'a stream without one is refused',
  );
  for (const same of [
    'nonsense',
    head,
    `${head}${video}`,
    `${head}m=image 4 udptl t38\r\n`,
    `${head}m=audio 0 RTP/AVP 9\r\n${video}`,
  ])
    t.equal(keepCodecs(same, new Set(['pcmu'])), same);
  t.end();
});

t.test('SIP statuses and Q.850 causes stand for one another', (t) => {
  t.equal(reasonPhrase(180), 'Ringing');
  t.equal(reasonPhrase(299), 'Success');
  t.equal(reasonPhrase(599), 'Server Error');
  t.equal(reasonPhrase(42), 'Unknown');
  for (const [cause, status] of [
    [1, 404],
    [16, 487],
    [17, 486],
    [21, 403],
    [28, 484],
    [34, 503],
    [127, 500],
    [99, 480],
  ] as const) {
    t.equal(sipFromQ850(cause), status, `cause ${cause}`);
  }
  for (const [status, cause] of [
    [404, 1],
    [486, 17],
    [487, 16],
    [603, 21],
    [480, 18],
    [503, 41],
    [299, 31],
  ] as const) {
    t.equal(q850FromSip(status), cause, `status ${status}`);
  }
  for (let status = 300; status < 700; status++) t.match(q850Text(q850FromSip(status)), /^[A-Z]/);
  for (let cause = 1; cause < 128; cause++) t.ok(sipFromQ850(cause) >= 400);
  t.end();
});
