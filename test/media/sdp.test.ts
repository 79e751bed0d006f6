import fc from 'fast-check';
import { parse } from 'sdp-transform';
import t from 'tap';
import {
  createLocalSession,
  describeAnswer,
  describeOffer,
  pairMedia,
  readAnswer,
  relayPayloads,
  type AgreedMedia,
  type Described,
  type SdpLocal,
} from '../../src/media/sdp/index.js';

const OURS = '192.0.2.1';

function local(options: Partial<SdpLocal> = {}): SdpLocal {
  return {
    session: createLocalSession('4711'),
    address: OURS,
    port: (line) => ({ rtp: 40_000 + 2 * line }),
    ...options,
  };
}

/** A peer's description; `head` replaces the session's `c=` and attributes. */
function sdp(media: string[], head = ['c=IN IP4 198.51.100.7']): string {
  return [
    'v=0',
    'o=alice 2890844526 2890844526 IN IP4 secret.example.com',
    's=Alice private',
    ...head,
    't=0 0',
    ...media,
    '',
  ].join('\r\n');
}

function described(result: Described): { sdp: string; media: readonly AgreedMedia[] } {
  if (result.kind !== 'described') throw new Error(`not acceptable: ${result.reason}`);
  return result;
}

function refused(result: { kind: string; reason?: string }): string {
  if (result.kind !== 'not-acceptable') throw new Error('was accepted');
  return result.reason ?? '';
}

const mLines = (text: string): string[] => text.split('\r\n').filter((line) => line.startsWith('m='));

const AUDIO = ['m=audio 5000 RTP/AVP 0 8 101', 'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15'];
const WIDE = [
  'm=audio 5000 RTP/AVP 96 9 0 101 102',
  'a=rtpmap:96 opus/48000/2',
  'a=fmtp:96 useinbandfec=1',
  'a=rtpmap:101 telephone-event/8000',
  'a=rtpmap:102 telephone-event/48000',
];
const VIDEO = [
  'm=video 5002 RTP/AVPF 97 98 99',
  'b=TIAS:512000',
  'a=rtpmap:97 H264/90000',
  'a=fmtp:97 profile-level-id=42e01f;packetization-mode=1',
  'a=rtpmap:98 rtx/90000',
  'a=fmtp:98 apt=97',
  'a=rtpmap:99 VP8/90000',
  'a=rtcp-fb:97 nack pli',
  'a=rtcp-fb:* ccm fir',
  'a=ssrc:1234 cname:alice@secret.example.com',
  'a=candidate:1 1 UDP 1 10.0.0.1 5002 typ host',
];
const FAX = [
  'm=image 5004 udptl t38',
  'a=T38FaxVersion:0',
  'a=T38MaxBitRate:14400',
  'a=T38FaxUdpEC:t38UDPRedundancy',
];

t.test('offers', (t) => {
  t.test('alone: both laws of G.711 and telephone-event', (t) => {
    const offer = described(describeOffer(local()));
    t.equal(
      offer.sdp,
      [
        'v=0',
        'o=- 4711 1 IN IP4 192.0.2.1',
        's=-',
        'c=IN IP4 192.0.2.1',
        't=0 0',
        'm=audio 40000 RTP/AVP 0 8 101',
        'a=rtpmap:0 PCMU/8000',
        'a=rtpmap:8 PCMA/8000',
        'a=rtpmap:101 telephone-event/8000',
        'a=fmtp:101 0-16',
        'a=ptime:20',
        'a=sendrecv',
        '',
      ].join('\r\n'),
    );
    t.match(offer.media, [
      { live: true, localPort: 40_000, send: { name: 'PCMU', pt: 0 }, remote: undefined },
    ]);
    t.end();
  });

  t.test('the partner is carried over, and behind it what it lacks', (t) => {
    const offer = described(describeOffer(local(), { like: sdp(WIDE) }));
    t.match(mLines(offer.sdp), ['m=audio 40000 RTP/AVP 96 9 0 8 101 102']);
    t.match(offer.sdp, /a=fmtp:96 useinbandfec=1\r\n/);
    t.match(offer.sdp, /a=rtpmap:96 opus\/48000\/2\r\n/);
    const only = described(
      describeOffer(local(), { like: sdp(['m=audio 5000 RTP/AVP 96', 'a=rtpmap:96 opus/48000/2']) }),
    );
    t.match(mLines(only.sdp), ['m=audio 40000 RTP/AVP 96 101'], 'nothing to transcode to: no G.711');
    t.match(only.sdp, /a=rtpmap:101 telephone-event\/48000/);
    t.end();
  });

  t.test('nothing tells who the partner is', (t) => {
    const like = sdp(
      [...WIDE, 'a=rtcp:5001 IN IP4 198.51.100.7', ...VIDEO],
      ['i=Alice', 'u=http://secret.example.com', 'e=alice@secret.example.com', 'c=IN IP4 198.51.100.7'],
    );
    for (const result of [
      describeOffer(local(), { like }),
      describeAnswer(local(), sdp([...WIDE, ...VIDEO]), { like }),
    ]) {
      t.notMatch(described(result).sdp, /alice|secret|198\.51|candidate|ssrc|2890844526/i);
    }
    t.end();
  });

  t.test('codecs by name: only these, in this order', (t) => {
    const filtered = (codecs: string[], like = sdp(WIDE)): string =>
      mLines(described(describeOffer(local(), { like, codecs })).sdp)[0] ?? '';
    t.equal(filtered(['pcma', 'G722']), 'm=audio 40000 RTP/AVP 8 9 101', 'ours is added, then in order');
    t.equal(filtered(['opus']), 'm=audio 40000 RTP/AVP 96 102');
    t.match(
      refused(
        describeOffer(local(), {
          like: sdp(['m=audio 5000 RTP/AVP 18']),
          codecs: ['PCMU'],
        }),
      ),
      /no codec/,
    );
    const video = described(describeOffer(local(), { like: sdp([...AUDIO, ...VIDEO]), codecs: ['PCMU'] }));
    t.match(
      mLines(video.sdp)[1],
      /^m=video 40002 RTP\/AVPF 97 99$/,
      'a list of voice codecs leaves video alone',
    );
    t.end();
  });

  t.test('video and fax go along, redundancy and encrypted lines do not', (t) => {
    const offer = described(
      describeOffer(local(), {
        like: sdp([
          ...AUDIO,
          ...VIDEO,
          'm=audio 6000 RTP/SAVP 0',
          'm=message 7000 TCP/MSRP *',
          ...FAX,
          'm=text 0 RTP/AVP 98',
        ]),
      }),
    );
    t.same(mLines(offer.sdp), [
      'm=audio 40000 RTP/AVP 0 8 101',
      'm=video 40002 RTP/AVPF 97 99',
      'm=image 40004 udptl t38',
    ]);
    t.match(offer.sdp, /b=TIAS:512000\r\n[^]*a=rtcp-fb:\* ccm fir\r\na=rtcp-fb:97 nack pli/);
    t.match(offer.sdp, /a=T38FaxUdpEC:t38UDPRedundancy/);
    t.match(
      refused(describeOffer(local(), { like: sdp(['m=audio 5000 UDP/TLS/RTP/SAVPF 96']) })),
      /audio is encrypted \(UDP\/TLS\/RTP\/SAVPF\)/,
    );
    t.end();
  });

  t.test('the version rises where something changed, and only there', (t) => {
    const side = local();
    const version = (result: Described): string => /o=- 4711 (\d+) /.exec(described(result).sdp)?.[1] ?? '';
    t.equal(version(describeOffer(side)), '1');
    t.equal(version(describeOffer(side)), '1');
    t.equal(version(describeOffer(side, { direction: 'sendonly' })), '2');
    t.equal(describeOffer(side, { like: 'nonsense' }).kind, 'not-acceptable');
    t.equal(version(describeOffer(side, { direction: 'sendonly' })), '2');
    t.equal(version(describeAnswer(side, sdp(AUDIO))), '3');
    t.end();
  });

  t.test('later offers keep the places, and a payload type never changes its meaning', (t) => {
    const side = local();
    described(describeOffer(side, { like: sdp([...WIDE, ...VIDEO]) }));
    const other = described(
      describeOffer(side, {
        like: sdp(['m=audio 1 RTP/AVP 8 96 97', 'a=rtpmap:96 AMR-WB/16000', 'a=rtpmap:97 opus/48000/2']),
      }),
    );
    t.same(mLines(other.sdp), ['m=audio 40000 RTP/AVP 8 97 96 0 101 98 102', 'm=video 0 RTP/AVP 96']);
    t.match(other.sdp, /a=rtpmap:96 opus\/48000\/2/);
    t.match(other.sdp, /a=rtpmap:97 AMR-WB\/16000/);
    const swapped = described(describeOffer(side, { like: sdp([...VIDEO, ...AUDIO]) }));
    t.same(
      mLines(swapped.sdp).map((line) => line.split(' ', 2).join(' ')),
      ['m=audio 40000', 'm=video 40002'],
    );
    const fax = described(describeOffer(side, { like: sdp(FAX) }));
    t.same(
      mLines(fax.sdp),
      ['m=image 40000 udptl t38', 'm=video 0 RTP/AVP 96'],
      'fax takes the place of voice',
    );
    t.same(mLines(described(describeOffer(side)).sdp).length, 2);
    t.end();
  });

  t.test('IPv6, RTCP elsewhere and on the same port', (t) => {
    const six = described(
      describeOffer(
        local({ address: '2001:db8::1', rtcpMux: true, port: () => ({ rtp: 40_001, rtcp: 50_000 }) }),
      ),
    );
    t.match(six.sdp, /o=- 4711 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\n/);
    t.match(six.sdp, /a=rtcp-mux/);
    t.notMatch(six.sdp, /a=rtcp:/);
    const four = described(describeOffer(local({ port: () => ({ rtp: 40_001, rtcp: 50_000 }) })));
    t.match(four.sdp, /a=rtcp:50000/);
    t.match(refused(describeOffer(local({ port: () => undefined }))), /no port/);
    t.end();
  });
  t.end();
});

t.test('answers', (t) => {
  t.test('alone: G.711 of the offer, its events and noise, the rest refused in its place', (t) => {
    const offer = sdp([
      ...VIDEO,
      'm=audio 5000 RTP/AVP 18 8 13 100 103',
      'a=rtpmap:100 telephone-event/16000',
      'a=rtpmap:103 telephone-event/8000',
      'a=ptime:30',
      ...FAX,
    ]);
    const answer = described(describeAnswer(local(), offer));
    t.same(mLines(answer.sdp), [
      'm=video 0 RTP/AVPF 97 98 99',
      'm=audio 40002 RTP/AVP 8 13 103',
      'm=image 0 udptl t38',
    ]);
    t.match(answer.media[1], {
      live: true,
      remote: { address: '198.51.100.7', port: 5000, rtcpPort: 5001 },
      direction: 'sendrecv',
      send: { pt: 8, receivePt: 8, name: 'PCMA' },
      telephoneEvent: { pt: 103, clock: 8000 },
      comfortNoisePt: 13,
      ptimeMs: 30,
    });
    t.equal(answer.media[0]?.live, false);
    t.end();
  });

  t.test('with a partner: what both speak in its order, then G.711 if it has some', (t) => {
    const answer = (offer: string[], like: string[], codecs?: string[]): string =>
      mLines(
        described(describeAnswer(local(), sdp(offer), { like: sdp(like), ...(codecs && { codecs }) })).sdp,
      )[0] ?? '';
    t.equal(
      answer(WIDE, ['m=audio 1 RTP/AVP 9 111', 'a=rtpmap:111 opus/48000/2']),
      'm=audio 40000 RTP/AVP 9 96 101 102',
    );
    t.equal(answer(AUDIO, ['m=audio 1 RTP/AVP 8']), 'm=audio 40000 RTP/AVP 8 0 101');
    t.equal(
      answer(['m=audio 1 RTP/AVP 0'], ['m=audio 1 RTP/AVP 8']),
      'm=audio 40000 RTP/AVP 0',
      'transcoded',
    );
    t.equal(answer(WIDE, ['m=audio 1 RTP/AVP 0 9'], ['PCMU']), 'm=audio 40000 RTP/AVP 0 101');
    t.match(
      refused(describeAnswer(local(), sdp(['m=audio 1 RTP/AVP 0']), { like: sdp(['m=audio 1 RTP/AVP 18']) })),
      /no codec/,
    );
    t.end();
  });

  t.test('video follows the partner: codecs, direction, refused if it refuses', (t) => {
    const offer = sdp([...AUDIO, ...VIDEO]);
    const takes = [
      'm=video 9000 RTP/AVPF 97',
      'a=rtpmap:97 H264/90000',
      'a=fmtp:97 packetization-mode=1; profile-level-id=42E00A',
    ];
    const both = described(
      describeAnswer(local(), offer, {
        like: sdp([...AUDIO, ...takes, 'a=rtcp-fb:97 nack pli', 'a=rtcp-fb:97 goog-remb', 'a=recvonly']),
      }),
    );
    t.match(mLines(both.sdp)[1], /^m=video 40002 RTP\/AVPF 97$/);
    t.match(both.sdp, /a=rtcp-fb:97 nack pli\r\na=recvonly/, 'feedback only as it was offered');
    const other = ['m=video 9000 RTP/AVPF 97', 'a=rtpmap:97 H264/90000', 'a=fmtp:97 profile-level-id=42e01f'];
    for (const like of [AUDIO, [...AUDIO, ...other], [...AUDIO, 'm=video 0 RTP/AVPF 97']]) {
      const answer = described(describeAnswer(local(), offer, { like: sdp(like) }));
      t.same(mLines(answer.sdp)[1], 'm=video 0 RTP/AVPF 97 98 99');
    }
    t.end();
  });

  t.test('slips of phones: G.722 at 16000, Opus without its channels, names in small letters', (t) => {
    const offer = sdp([
      'm=audio 5000 RTP/AVP 9 96 97',
      'a=rtpmap:9 G722/16000',
      'a=rtpmap:96 OPUS/48000',
      'a=rtpmap:97 pcmu/8000/1',
    ]);
    const answer = described(describeAnswer(local(), offer, { like: sdp(WIDE) }));
    t.equal(mLines(answer.sdp)[0], 'm=audio 40000 RTP/AVP 96 9 97');
    t.match(answer.media[0]?.codecs, [{ name: 'opus' }, { name: 'G722', clock: 8000 }, { name: 'PCMU' }]);
    t.end();
  });

  t.test('a fax is taken where the partner takes it', (t) => {
    const taken = described(
      describeAnswer(local(), sdp(FAX), { like: sdp(['m=image 1 udptl t38', 'a=T38MaxBitRate:9600']) }),
    );
    t.match(taken.sdp, /m=image 40000 udptl t38\r\na=T38MaxBitRate:9600/);
    t.match(taken.media, [{ live: true, transport: 'udptl', remote: { port: 5004 } }]);
    t.match(refused(describeAnswer(local(), sdp(FAX))), /nowhere to go/);
    t.match(refused(describeAnswer(local(), sdp(FAX), { like: sdp(AUDIO) })), /nowhere to go/);
    t.end();
  });

  t.test('encrypted audio is refused with its reason; a plain line beside it is taken', (t) => {
    for (const proto of ['RTP/SAVP', 'RTP/SAVPF', 'UDP/TLS/RTP/SAVPF', 'UDP/TLS/RTP/SAVP']) {
      t.match(refused(describeAnswer(local(), sdp([`m=audio 5000 ${proto} 0`]))), `encrypted (${proto})`);
    }
    const both = described(describeAnswer(local(), sdp(['m=audio 5000 RTP/SAVP 0 8', ...AUDIO])));
    t.same(mLines(both.sdp), ['m=audio 0 RTP/SAVP 0 8', 'm=audio 40002 RTP/AVP 0 8 101']);
    const paired = described(
      describeAnswer(local(), sdp(['m=audio 5000 RTP/SAVP 0 8', ...AUDIO]), { like: sdp(AUDIO) }),
    );
    t.same(mLines(paired.sdp), ['m=audio 0 RTP/SAVP 0 8', 'm=audio 40002 RTP/AVP 0 8 101']);
    t.end();
  });

  t.test('hold in all its forms', (t) => {
    const cases: [string[], string[] | undefined, string, string, boolean][] = [
      [['a=sendonly'], undefined, 'a=recvonly', 'recvonly', true],
      [['a=inactive'], undefined, 'a=inactive', 'inactive', true],
      [['a=recvonly'], undefined, 'a=sendonly', 'sendonly', false],
      [['a=sendrecv'], undefined, 'a=sendrecv', 'sendrecv', false],
      [[], ['c=IN IP4 0.0.0.0'], 'a=recvonly', 'recvonly', true],
      [['a=recvonly'], ['c=IN IP4 0.0.0.0'], 'a=inactive', 'inactive', true],
      [[], ['c=IN IP4 198.51.100.7', 'a=inactive'], 'a=inactive', 'inactive', true],
      [['a=sendrecv'], ['c=IN IP4 198.51.100.7', 'a=inactive'], 'a=sendrecv', 'sendrecv', false],
      [['c=IN IP4 0.0.0.0'], undefined, 'a=recvonly', 'recvonly', true],
    ];
    for (const [attributes, head, written, direction, held] of cases) {
      const answer = described(describeAnswer(local(), sdp([...AUDIO, ...attributes], head)));
      t.match(answer.sdp, `${written}\r\n`);
      t.match(answer.media, [{ direction, held }]);
    }
    const zero = described(describeAnswer(local(), sdp(AUDIO, ['c=IN IP4 0.0.0.0'])));
    t.equal(zero.media[0]?.remote, undefined);
    const ours = described(describeAnswer(local(), sdp(AUDIO), { direction: 'sendonly' }));
    t.match(ours.sdp, 'a=sendonly');
    const crossed = described(
      describeAnswer(local(), sdp([...AUDIO, 'a=sendonly']), { direction: 'sendonly' }),
    );
    t.match(crossed.sdp, 'a=inactive');
    t.end();
  });

  t.test('addresses: RTCP, mux, IPv6, and those that are not taken', (t) => {
    const line = (attributes: string[], head?: string[], side = local()): AgreedMedia | undefined =>
      described(describeAnswer(side, sdp([...AUDIO, ...attributes], head))).media[0];
    t.match(line(['a=rtcp:7001']), { rtcpMux: false, remote: { port: 5000, rtcpPort: 7001 } });
    t.match(line(['a=rtcp:7001 IN IP4 203.0.113.9']), { remote: { address: '198.51.100.7' } });
    t.match(line(['a=rtcp-mux']), { rtcpMux: true, remote: { rtcpPort: 5000 } });
    const six = local({ address: '2001:db8::1' });
    t.match(line([], ['c=IN IP6 2001:db8::7'], six), { remote: { address: '2001:db8::7' } });
    for (const head of [
      'c=IN IP6 2001:db8::7',
      'c=IN IP4 224.2.1.1/127/3',
      'c=IN IP4 255.255.255.255',
      'c=IN IP4 phone.example.com',
      'c=IN IP4 2001:db8::7',
      'c=ATM NSAP 1',
      'b=AS:64',
    ]) {
      t.ok(refused(describeAnswer(local(), sdp(AUDIO, [head]))), head);
    }
    t.match(line(['c=IN IP4 198.51.100.9']), { remote: { address: '198.51.100.9' } });
    t.end();
  });

  t.test('nothing asked for is nothing refused', (t) => {
    t.same(mLines(described(describeAnswer(local(), sdp([]))).sdp), []);
    t.same(mLines(described(describeAnswer(local(), sdp(['m=audio 0 RTP/AVP 0']))).sdp), [
      'm=audio 0 RTP/AVP 0',
    ]);
    t.end();
  });
  t.end();
});

t.test('what an offer and its answer come to', (t) => {
  const offer = described(describeOffer(local(), { like: sdp([...WIDE, ...VIDEO]) })).sdp;

  t.test('the answerer chooses, by its order and its payload types', (t) => {
    const read = readAnswer(
      offer,
      sdp([
        'm=audio 6000 RTP/AVP 8 111 100',
        'a=rtpmap:111 opus/48000/2',
        'a=rtpmap:100 telephone-event/8000',
        'a=sendonly',
        'm=video 0 RTP/AVPF 97',
      ]),
    );
    t.match(read, {
      kind: 'agreed',
      media: [
        {
          live: true,
          direction: 'recvonly',
          held: true,
          send: { name: 'PCMA', pt: 8 },
          codecs: [{ name: 'PCMA' }, { name: 'opus', pt: 111, receivePt: 96 }],
          telephoneEvent: { pt: 100, receivePt: 101, clock: 8000 },
        },
        { live: false, kind: 'video' },
      ],
    });
    t.end();
  });

  t.test('refused where nothing is left, and by what', (t) => {
    for (const answer of [
      'nonsense',
      sdp([]),
      sdp(['m=audio 0 RTP/AVP 0', 'm=video 0 RTP/AVPF 97']),
      sdp(['m=audio 6000 RTP/AVP 3', 'm=video 0 RTP/AVPF 97']),
      sdp(['m=audio 6000 RTP/SAVP 0', 'm=video 0 RTP/AVPF 97']),
      sdp(['m=image 6000 udptl t38', 'm=video 0 RTP/AVPF 97']),
    ]) {
      t.ok(refused(readAnswer(offer, answer)));
    }
    t.match(readAnswer(offer, sdp(AUDIO)), { kind: 'agreed', media: [{ live: true }, { live: false }] });
    t.end();
  });

  t.test('two legs: which lines belong together, and which payload type becomes which', (t) => {
    const a = described(
      describeAnswer(local(), sdp([...WIDE, ...VIDEO]), { like: sdp([...VIDEO, ...WIDE]) }),
    );
    const b = readAnswer(
      described(describeOffer(local(), { like: sdp([...VIDEO, ...WIDE]) })).sdp,
      sdp([
        'm=video 7000 RTP/AVPF 120',
        'a=rtpmap:120 H264/90000',
        'a=fmtp:120 packetization-mode=1;profile-level-id=42e01f',
        'm=audio 7002 RTP/AVP 111 8 13',
        'a=rtpmap:111 opus/48000/2',
      ]),
    );
    if (b.kind !== 'agreed') throw new Error(b.reason);
    t.same(pairMedia(a.media, b.media), [
      [0, 1],
      [1, 0],
    ]);
    const audio = relayPayloads(a.media[0]!, b.media[1]!);
    t.equal(audio[96], 111);
    t.equal(audio[0], -1, 'PCMU becomes PCMA by transcoding');
    t.equal(
      relayPayloads(b.media[1]!, a.media[0]!)[96],
      96,
      'what we said to one leg, the other wants it as',
    );
    t.equal(relayPayloads(a.media[1]!, b.media[0]!)[97], 120);
    t.end();
  });
  t.end();
});

/** Descriptions as they come, and as they should not. */
const arbitraryLine = fc
  .record({
    kind: fc.constantFrom('audio', 'video', 'image', 'text', 'message', 'application'),
    port: fc.constantFrom(0, 1, 5000, 65_535),
    proto: fc.constantFrom('RTP/AVP', 'RTP/AVPF', 'RTP/SAVP', 'UDP/TLS/RTP/SAVPF', 'udptl', 'TCP/MSRP'),
    payloads: fc.uniqueArray(fc.integer({ min: 0, max: 130 }), { minLength: 1, maxLength: 40 }),
    maps: fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 130 }),
        fc.constantFrom(
          'opus/48000/2',
          'PCMU/8000',
          'PCMA/8000',
          'H264/90000',
          'telephone-event/8000',
          'G722/8000',
          'AMR/8000',
          'rtx/90000',
          'CN/8000',
          'x-own/1',
        ),
      ),
      { maxLength: 40 },
    ),
    attributes: fc.array(
      fc.constantFrom(
        'a=sendonly',
        'a=inactive',
        'a=recvonly',
        'c=IN IP4 0.0.0.0',
        'a=rtcp-mux',
        'a=ptime:30',
        'a=rtcp:9',
        'a=T38FaxVersion:0',
        'b=AS:64',
        'a=fmtp:96 packetization-mode=1',
        'a=rtcp-fb:* nack',
      ),
      { maxLength: 4 },
    ),
  })
  .map(({ kind, port, proto, payloads, maps, attributes }) => [
    `m=${kind} ${port} ${proto} ${proto === 'udptl' ? 't38' : payloads.join(' ')}`,
    ...maps.map(([pt, format]) => `a=rtpmap:${pt} ${format}`),
    ...attributes,
  ]);
const arbitrarySdp = fc
  .array(arbitraryLine, { maxLength: 6 })
  .map((lines) => sdp(lines.flat(), ['c=IN IP4 198.51.100.7']));

/** Complete by the rules of SDP: every payload type once, and named. */
function assertWhole(text: string): void {
  for (const line of parse(text).media) {
    if (line.port === 0 || line.type === 'image') continue;
    const payloads = String(line.payloads).split(' ').map(Number);
    if (new Set(payloads).size !== payloads.length) throw new Error(`a payload type twice: ${text}`);
    if (payloads.some((pt) => !line.rtp.some((entry) => entry.payload === pt)))
      throw new Error(`unnamed: ${text}`);
    if (line.direction === undefined) throw new Error(`no direction: ${text}`);
  }
}

t.test('whatever is offered', (t) => {
  t.test('the answer has the same lines in the same order, and only offered payload types', (t) => {
    fc.assert(
      fc.property(arbitrarySdp, fc.option(arbitrarySdp, { nil: undefined }), (offer, like) => {
        const side = local();
        const result = describeAnswer(side, offer, like === undefined ? {} : { like });
        if (result.kind === 'not-acceptable') return result.reason !== '' && side.session.version === 0;
        assertWhole(result.sdp);
        const asked = parse(offer).media;
        const said = parse(result.sdp).media;
        return (
          said.length === asked.length &&
          result.media.length === asked.length &&
          said.every((line, index) => {
            const from = asked[index]!;
            const payloads = String(from.payloads).split(' ');
            return (
              line.type === from.type &&
              line.protocol === from.protocol &&
              (from.port !== 0 || line.port === 0) &&
              (line.port !== 0) === result.media[index]!.live &&
              String(line.payloads)
                .split(' ')
                .every((pt) => payloads.includes(pt))
            );
          })
        );
      }),
      { numRuns: 400 },
    );
    t.pass();
    t.end();
  });

  t.test('our offers are whole, keep their places, and read back as what they said', (t) => {
    fc.assert(
      fc.property(fc.array(arbitrarySdp, { minLength: 1, maxLength: 4 }), (partners) => {
        const side = local();
        const meaning = new Map<string, string>();
        let places = 0;
        for (const like of partners) {
          const result = describeOffer(side, { like });
          if (result.kind === 'not-acceptable') continue;
          assertWhole(result.sdp);
          const { media } = parse(result.sdp);
          if (media.length < places) throw new Error('a line has gone');
          places = media.length;
          for (const [index, line] of media.entries()) {
            if (line.port === 0) continue;
            for (const { payload, codec, rate } of line.rtp) {
              const place = `${index} ${line.type} ${payload}`;
              if ((meaning.get(place) ?? `${codec}/${rate}`) !== `${codec}/${rate}`)
                throw new Error(`${place} changed`);
              meaning.set(place, `${codec}/${rate}`);
            }
          }
          // A peer that echoes everything agrees to everything.
          const echo = readAnswer(result.sdp, result.sdp.replace(OURS, '192.0.2.9'));
          if (echo.kind !== 'agreed') throw new Error(echo.reason);
        }
        return true;
      }),
      { numRuns: 300 },
    );
    t.pass();
    t.end();
  });

  t.test('hostile text is refused, quickly and without a throw', (t) => {
    const tails = [
      'm=audio 5000 RTP/AVP'.padEnd(4000, ' 0'),
      ...Array.from({ length: 900 }, (_, index) => `a=rtpmap:${index % 128} ${'x'.repeat(20)}/8000`),
    ];
    const texts = [
      '',
      'v=0',
      'v=0\r\n',
      'v=0\nm=',
      'v=0\nm=audio 99999 RTP/AVP 0',
      'v=0\nm=audio 5000 RTP/AVP',
      `v=0\r\n${'m=audio 5000 RTP/AVP 0\r\n'.repeat(40)}`,
      `v=0\r\n${'a\r\n'.repeat(2000)}`,
      `v=0\r\na=${'x'.repeat(5000)}`,
      `v=0\r\n${' '.repeat(40_000)}`,
      'v=0\r\nm=audio 5000 RTP/AVP 0\x0bm=video\r\n',
      sdp(tails),
      sdp(['m=audio 5000 RTP/AVP 0', `a=fmtp:0 ${';='.repeat(2000)}`]),
      sdp(['m=audio 5000 RTP/AVP 0', `a=rtpmap:${' '.repeat(4000)}0 PCMU/8000`]),
    ];
    const started = performance.now();
    for (const text of texts) {
      const results = [
        describeAnswer(local(), text),
        describeOffer(local(), { like: text }),
        readAnswer(sdp(AUDIO), text),
      ];
      t.ok(results.every(({ kind }) => kind.length > 0));
    }
    t.ok(performance.now() - started < 1000);
    const injected = described(
      describeOffer(local(), {
        like: sdp([
          'm=audio 5000 RTP/AVP 0 96',
          'a=rtpmap:96 opus/48000/2',
          'a=fmtp:96 a=1\ra=x',
          'a=content:main\rm=video 1 RTP/AVP 0',
        ]),
      }),
    );
    t.notMatch(injected.sdp, /a=x|m=video/);
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), fc.string({ maxLength: 400 }), (head, tail) => {
        const text = `v=0\r\n${head}\r\nm=audio 5000 RTP/AVP 0 96\r\n${tail}`;
        describeAnswer(local(), text);
        describeOffer(local(), { like: text });
        readAnswer(text, text);
      }),
    );
    t.end();
  });
  t.end();
});
