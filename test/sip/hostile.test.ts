import fc from 'fast-check';
import { createRequire } from 'node:module';
import t from 'tap';
import {
  SipRequest,
  SipResponse,
  codecs,
  createStreamFramer,
  direction,
  formatNameAddr,
  isHold,
  mediaAddresses,
  parseChallenge,
  parseMessage,
  parseNameAddr,
  parseReasons,
  parseUri,
  parseVia,
  serializeForControl,
  splitList,
  type Frame,
  type SipMessage,
} from '../../src/sip/index.js';

interface SrfMessage {
  readonly headers: Record<string, string>;
  readonly method?: string;
  readonly body?: string;
  getParsedHeader(name: string): unknown;
  has(name: string): boolean;
  readonly calledNumber: string;
  readonly callingNumber: string;
  readonly callingName: string;
}
const SrfSipMessage = createRequire(import.meta.url)('drachtio-srf/lib/sip-parser/message.js') as new (
  raw: string,
) => SrfMessage;

const HEAD = [
  'INVITE sip:bob@example.com SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1',
  'From: <sip:a@example.com>;tag=1',
  'To: <sip:bob@example.com>',
  'Call-ID: c1',
  'CSeq: 1 INVITE',
];

function raw(more: readonly string[], body = ''): string {
  return [...HEAD, ...more, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}

function read(text: string | Buffer): SipMessage {
  const outcome = parseMessage(text, WIDE);
  if (outcome.kind !== 'message') throw new Error(JSON.stringify(outcome).slice(0, 300));
  return outcome.message;
}

/** Limits out of the way: what is tested is the time. */
const WIDE = { maxHeaderBytes: 70_000, maxLineBytes: 70_000, maxHeaderLines: 40_000 };

/** The least time of a few runs in milliseconds. */
function time(run: () => unknown): number {
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const begin = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(begin);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

const SIZE = 60_000;
/** A quadratic reading of 60 kB takes seconds; a linear one about a millisecond. */
const BOUND_MS = 60;

const FILLS = [
  ' ',
  '\t',
  ',',
  ';',
  '"',
  '\\',
  '(',
  ')',
  '((',
  '<',
  '>',
  '<>',
  '=',
  ':',
  '@',
  '%',
  '%41',
  '&',
  '?',
  '/',
  '[',
  ']',
  ';a',
  ';a=b',
  ', ',
  '" ',
  '\\"',
  'a',
  'a ',
  ' a',
  ',a=b',
  '\r\n ',
  '\r\n',
  '\u00a0',
  'é',
];

t.test('60 kB of one thing take linear time wherever they stand', (t) => {
  for (const fill of FILLS) {
    const text = fill.repeat(Math.floor(SIZE / fill.length));
    const worst = Math.max(
      ...[
        `From: <sip:a@b>${text};tag=1`,
        `From: ${text}<sip:a@b>`,
        `From: "${text}" <sip:a@b>`,
        `Via: SIP/2.0/UDP h${text}`,
        `Via: SIP/${text}2.0/UDP h`,
        `Contact: ${text}`,
        `Route: <sip:a;lr>${text}`,
        `CSeq: 1${text}INVITE`,
        `Q: ${text}`,
        `${text}: q`,
        text,
      ].map((line) => time(() => parseMessage([HEAD[0], line, ...HEAD.slice(1), '', ''].join('\r\n'), WIDE))),
      time(() => parseMessage(`INVITE ${text} SIP/2.0\r\n${HEAD.slice(1).join('\r\n')}\r\n\r\n`, WIDE)),
      time(() => parseMessage(text, WIDE)),
      time(() => parseNameAddr(`<sip:a@b>${text}`)),
      time(() => parseNameAddr(text)),
      time(() => parseUri(`sip:a@b;${text}`)),
      time(() => parseVia(`SIP/2.0/UDP h;x=${text}`)),
      time(() => splitList(text)),
      time(() => parseChallenge(`Digest ${text}`)),
      time(() => parseChallenge(`Digest a="${text}`)),
      time(() => parseReasons(`Q.850;text="${text}`)),
      time(() => createStreamFramer(WIDE).push(Buffer.from(text))),
      time(() => createStreamFramer(WIDE).push(Buffer.from(`INVITE a SIP/2.0\r\nl${text}\r\n\r\n`))),
    );
    t.ok(worst < BOUND_MS, `${encodeURIComponent(fill)}: ${worst.toFixed(1)} ms`);
  }
  t.end();
});

t.test('a message that comes byte by byte is framed in linear time', (t) => {
  const data = Buffer.from(raw(['Subject: slow'], 'b'.repeat(50_000)));
  let frames = 0;
  const spent = time(() => {
    const framer = createStreamFramer();
    for (let i = 0; i < data.length; i++) frames += framer.push(data.subarray(i, i + 1)).length;
  });
  t.equal(frames, 3, 'one message in each of three runs');
  t.ok(spent < 500, `${spent.toFixed(0)} ms`);
  const head = Buffer.from(`INVITE sip:a SIP/2.0\r\n${'X: y\r\n'.repeat(2500)}`);
  const endless = time(() => {
    const framer = createStreamFramer();
    for (let i = 0; i < head.length; i++) framer.push(head.subarray(i, i + 1));
  });
  t.ok(endless < 500, `${endless.toFixed(0)} ms`);
  t.end();
});

t.test('SDP is read in bounded time and never throws', (t) => {
  const sdp =
    'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 96 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n';
  t.same(
    codecs(sdp).map(({ name, payload, rate }) => `${payload} ${name}/${rate}`),
    ['8 PCMA/8000', '0 PCMU/8000', '96 opus/48000', '101 telephone-event/8000'],
  );
  t.equal(codecs(sdp)[2]?.fmtp, 'useinbandfec=1');
  t.equal(direction(sdp), 'sendrecv');
  t.equal(direction(`${sdp}a=sendonly\r\n`), 'sendonly');
  t.equal(
    direction(sdp.replace('t=0 0', 'a=inactive\r\nt=0 0')),
    'inactive',
    'a direction of the session holds for its streams',
  );
  t.equal(isHold(sdp), false);
  t.equal(isHold(`${sdp}a=sendonly\r\n`), true);
  t.equal(isHold(`${sdp}a=inactive\r\n`), true);
  t.equal(isHold(`${sdp}a=recvonly\r\n`), false);
  t.equal(isHold(sdp.replaceAll('192.0.2.1', '0.0.0.0')), true);
  t.same(mediaAddresses(sdp), [{ media: 'audio', address: '192.0.2.1', port: 4000 }]);
  t.same(mediaAddresses(`${sdp}m=video 0 RTP/AVP 31\r\nc=IN IP6 ::1\r\n`)[1], {
    media: 'video',
    address: '::1',
    port: 0,
  });
  for (const bad of [
    '',
    'v=0',
    'nonsense',
    'v=0\r\nm=',
    'v=0\r\nm=audio\r\na=rtpmap:',
    'v=0\r\nm=audio x RTP/AVP 8\r\nc=IN\r\n',
  ]) {
    t.doesNotThrow(
      () => [codecs(bad), direction(bad), isHold(bad), mediaAddresses(bad)],
      JSON.stringify(bad),
    );
  }
  for (const fill of [
    ' ',
    ';',
    '/',
    'a=',
    'm=audio 1 RTP/AVP 0\r\n',
    'a=rtpmap:1 x/8000\r\n',
    'a=candidate: \r\n',
    '\r\n',
    '1 ',
  ]) {
    const text = `v=0\r\nm=audio 1 RTP/AVP ${fill.repeat(SIZE / fill.length)}`;
    t.ok(time(() => codecs(text)) < BOUND_MS, JSON.stringify(fill));
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      for (const sdp of [text, `v=0\r\n${text}`, `v=0\r\nm=audio 1 RTP/AVP 0\r\na=${text}`]) {
        codecs(sdp);
        direction(sdp);
        isHold(sdp);
        mediaAddresses(sdp);
      }
    }),
  );
  t.end();
});

const token = fc.stringMatching(/^[A-Za-z0-9.!%*_+`'~-]{1,12}$/);
const text = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .map((value) => value.replace(/[\x00-\x1f\x7f]/g, ''));
const host = fc.constantFrom('example.com', '192.0.2.1', '[2001:db8::1]', 'a-b.c', 'h');
const user = fc.stringMatching(/^(?:[A-Za-z0-9_.!~*'()&=+$,;?/-]|%[0-9A-F]{2}){1,10}$/);
const port = fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined });
const uri = fc
  .record({
    scheme: fc.constantFrom('sip', 'sips'),
    user: fc.option(user, { nil: undefined }),
    host,
    port,
    lr: fc.boolean(),
  })
  .map(
    (u) =>
      `${u.scheme}:${u.user === undefined ? '' : `${u.user}@`}${u.host}${u.port === undefined ? '' : `:${u.port}`}${u.lr ? ';lr' : ''}`,
  );
const address = fc
  .record({ display: fc.option(text, { nil: undefined }), uri, tag: fc.option(token, { nil: undefined }) })
  .map(({ tag, ...parts }) =>
    formatNameAddr({ ...parts, ...(tag === undefined ? {} : { params: [['tag', tag] as const] }) }),
  );
const line = fc.tuple(
  token.filter(
    (name) =>
      !/^[a-z]$/i.test(name) &&
      !['to', 'from', 'via', 'cseq', 'route', 'contact'].includes(name.toLowerCase()),
  ),
  text.map((value) => value.replace(/[\s"\\]+/g, ' ').trim()),
);
const message = fc
  .record({
    start: fc.oneof(
      fc.tuple(
        token.filter((m) => m !== 'SIP'),
        uri,
      ),
      fc.tuple(fc.integer({ min: 100, max: 699 }), text),
    ),
    branch: token,
    from: address,
    to: address,
    contacts: fc.array(address, { maxLength: 3 }),
    seq: fc.integer({ min: 0, max: 0xffffffff }),
    lines: fc.array(line, { maxLength: 8 }),
    body: fc.uint8Array({ maxLength: 200 }),
    host,
  })
  .map((m) => {
    const made: SipMessage =
      typeof m.start[0] === 'number'
        ? new SipResponse(m.start[0], m.start[1])
        : new SipRequest(m.start[0], m.start[1]);
    made.headers.add('Via', `SIP/2.0/UDP ${m.host};branch=${m.branch}x`);
    made.headers.add('From', m.from);
    made.headers.add('To', m.to);
    made.headers.add('Call-ID', 'c@h');
    made.headers.add('CSeq', `${m.seq} ${typeof m.start[0] === 'number' ? 'INVITE' : m.start[0]}`);
    if (m.contacts.length > 0) made.headers.add('Contact', m.contacts.join(', '));
    for (const [name, value] of m.lines) made.headers.add(name, value);
    made.bodyBytes = Buffer.from(m.body);
    return made;
  });

t.test('what is written is read back the same', (t) => {
  fc.assert(
    fc.property(message, (made) => {
      const again = read(made.toBuffer());
      if (again.startLine !== made.startLine) throw new Error(`${again.startLine} / ${made.startLine}`);
      const lines = [...again.headers].filter(([name]) => name !== 'Content-Length');
      if (JSON.stringify(lines) !== JSON.stringify([...made.headers])) throw new Error('headers');
      if (again.bodyBytes.compare(made.bodyBytes) !== 0) throw new Error('body');
      if (again.toBuffer().compare(made.toBuffer()) !== 0) throw new Error('bytes');
    }),
    { numRuns: 300 },
  );
  t.end();
});

/** A message with some bytes changed, cut, doubled or inserted. */
const mutated = fc
  .tuple(
    message,
    fc.array(
      fc.tuple(
        fc.nat(2000),
        fc.constantFrom('set', 'cut', 'insert', 'double'),
        fc.uint8Array({ minLength: 1, maxLength: 4 }),
      ),
      { maxLength: 6 },
    ),
  )
  .map(([made, changes]) => {
    let data = made.toBuffer();
    for (const [at, how, bytes] of changes) {
      const i = at % data.length;
      const insert = Buffer.from(bytes);
      if (how === 'set')
        data = Buffer.concat([data.subarray(0, i), insert, data.subarray(i + insert.length)]);
      else if (how === 'cut') data = Buffer.concat([data.subarray(0, i), data.subarray(i + 3)]);
      else if (how === 'insert') data = Buffer.concat([data.subarray(0, i), insert, data.subarray(i)]);
      else data = Buffer.concat([data.subarray(0, i), data.subarray(Math.max(0, i - 30))]);
      if (data.length === 0) data = Buffer.from('x');
    }
    return data;
  });

t.test('no bytes make the parser throw, and whatever it accepts or answers is safe to use', (t) => {
  const use = (data: Buffer): void => {
    const outcome = parseMessage(data);
    const used =
      outcome.kind === 'message'
        ? outcome.message
        : outcome.kind === 'malformed'
          ? outcome.partial
          : undefined;
    if (used === undefined) return;
    const read = [
      used.callId,
      used.cseq,
      used.from.parsed,
      used.to.parsed,
      used.fromTag,
      used.toTag,
      used.topVia,
      used.contact?.parsed,
      used.body,
    ];
    if (read.length === 0) throw new Error('nothing read');
    if (used.kind === 'request') {
      const reply = SipResponse.reply(
        used,
        outcome.kind === 'malformed' ? outcome.status! : 200,
        undefined,
        'tag',
      );
      if (/[^\r]\n|\r[^\n]/.test(reply.serialize())) throw new Error('a stray line end in a reply');
    }
    if (outcome.kind !== 'message') return;
    const again = parseMessage(outcome.message.toBuffer());
    if (again.kind !== 'message') throw new Error(`accepted, written, refused: ${JSON.stringify(again)}`);
    checkInSrf(outcome.message);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => use(Buffer.from(bytes))));
  fc.assert(fc.property(mutated, use), { numRuns: 1000 });
  t.pass('none threw');
  t.end();
});

/** What drachtio-srf and its users do with a message must not throw. */
function checkInSrf(made: SipMessage): SrfMessage {
  const srf = new SrfSipMessage(serializeForControl(made));
  for (const name of [
    'from',
    'to',
    'via',
    'cseq',
    'call-id',
    'contact',
    'route',
    'record-route',
    'refer-to',
    'p-asserted-identity',
    'www-authenticate',
    'authorization',
  ]) {
    if (srf.has(name)) srf.getParsedHeader(name);
  }
  if (srf.method !== undefined) {
    const numbers = [srf.calledNumber, srf.callingNumber, srf.callingName];
    if (numbers.some((number) => typeof number !== 'string')) throw new Error('no text');
  }
  return srf;
}

t.test('what reaches drachtio-srf is read by it in linear time', (t) => {
  for (const fill of [
    ...FILLS.filter((fill) => fill !== '\r\n'),
    '\u2028',
    '\u3000',
    'Content-Type:',
    'Content-Type: ',
    '--b\r\n',
    ';boundary',
  ]) {
    const text = fill.repeat(Math.floor(SIZE / fill.length));
    const messages = [
      [[`From: <sip:a@b>;x="${text}"`]],
      [[`From: "${text}" <sip:a@b>;tag=1`]],
      [[`Q: ${text}`]],
      [[`Subject: x${text}y`]],
      [[`Contact: <sip:a@b>;x="${text}";received=[::1]`]],
      [[`Contact: <sip:a@b>;x=[::1]${text}`]],
      [[`Route: <sip:a@b;lr>;x="${text}"`]],
      [[`P-Asserted-Identity: ${text}`]],
      [[`WWW-Authenticate: Digest ${text}`]],
      [[`WWW-Authenticate: Digest realm="${text}"`]],
      [[`Content-Type: multipart/mixed${text}`], 'x\r\n\r\ny'],
      [['Content-Type: multipart/mixed;boundary=b'], `--b\r\nContent-Type:${text}\r\n\r\nx${text}`],
      [['Content-Type: multipart/mixed;boundary=b'], `--b\r\n\r\nx${text}`],
    ] as const;
    let worst = 0;
    for (const [lines, body] of messages) {
      const isFrom = lines[0].startsWith('From');
      const data = raw(lines, body);
      const outcome = parseMessage(isFrom ? data.replace(`${HEAD[2]!}\r\n`, '') : data, {
        ...WIDE,
        maxMessageBytes: 200_000,
      });
      if (outcome.kind === 'message')
        worst = Math.max(
          worst,
          time(() => checkInSrf(outcome.message)),
        );
    }
    t.ok(worst < 250, `${encodeURIComponent(fill)}: ${worst.toFixed(1)} ms`);
  }
  t.end();
});

t.test('drachtio-srf gets nothing it would misread', (t) => {
  const srf = checkInSrf(
    read(
      raw([
        'C%6Fntact: <sip:evil@example.com>',
        'Contact: <sip:good@example.com>',
        '__proto__: x',
        'hasOwnProperty: x',
        'toString: x',
        'P-Asserted-Identity: ;',
        'WWW-Authenticate: Digest',
        'Remote-Party-ID: "x" <sip:a@b>;party=calling',
        `Content-Type: text/plain;${'x'.repeat(300)}`,
        'Subject: one\u2028two\u00a0three',
        'Via: sip/2.0/tcp [2001:db8::1];rport, nonsense',
      ]),
    ),
  );
  t.equal(srf.headers['contact'], '<sip:good@example.com>');
  for (const name of ['__proto__', 'hasOwnProperty', 'toString', 'www-authenticate', 'p-asserted-identity']) {
    t.notOk(Object.hasOwn(srf.headers, name), name);
  }
  t.match(srf.headers['remote-party-id'], /party=calling/);
  t.equal(srf.headers['content-type'], 'application/octet-stream');
  t.equal(srf.headers['subject'], 'one two three');
  t.match(srf.headers['via'], /SIP\/2\.0\/TCP \[2001:db8::1\];rport$/);
  const parts = checkInSrf(
    read(
      raw(
        ['Content-Type: multipart/mixed;boundary=b'],
        '--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n',
      ),
    ),
  );
  t.equal(
    (parts as unknown as { payload: { type: string }[] }).payload[0]?.type,
    'text/plain',
    'a decent multipart body is taken apart',
  );
  t.end();
});

function framed(frames: readonly Frame[]): string[] {
  return frames.map((frame) =>
    Buffer.isBuffer(frame) ? frame.toString('latin1') : `malformed: ${frame.malformed}`,
  );
}

t.test('any chunking of a stream gives the same messages', (t) => {
  const piece = fc.oneof(
    message.map((made) => made.toBuffer()),
    fc
      .constantFrom('\r\n\r\n', '\r\n', 'BYE sip:a SIP/2.0\r\nl: 3\r\n\r\nabc')
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }),
      (pieces, sizes) => {
        const stream = Buffer.concat(pieces);
        const framer = createStreamFramer();
        const got: string[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          // A chunk's memory may be used again by its sender after the frames have been read.
          const chunk = Buffer.from(stream.subarray(at, at + size));
          got.push(...framed(framer.push(chunk)));
          at += size;
        }
        const isMessage = (text: string): boolean => text !== '\r\n\r\n';
        t.strictSame(got.filter(isMessage), framed(createStreamFramer().push(stream)).filter(isMessage));
      },
    ),
    { numRuns: 300 },
  );
  t.end();
});

t.test('a stream that cannot be framed ends', (t) => {
  const run = (text: string): string[] => framed(createStreamFramer().push(Buffer.from(text)));
  const head = 'BYE sip:a SIP/2.0\r\n';
  const end = 'malformed: no usable Content-Length';
  t.same(run(`${head}l: 2\r\n\r\nabBYE`), [`${head}l: 2\r\n\r\nab`]);
  t.same(
    run(`${head}Content-Length:\r\n 2\r\n\r\nab`),
    [`${head}Content-Length:\r\n 2\r\n\r\nab`],
    'a folded length counts',
  );
  t.same(
    run(`${head}\r\nxyz`),
    [`${head}\r\n`, end],
    'without a length the head alone is given out, to be answered 400',
  );
  t.same(run(`${head}l: -1\r\n\r\n`), [`${head}l: -1\r\n\r\n`, end]);
  t.same(
    run(`${head}l: 1\r\nContent-Length: 1\r\n\r\na`),
    [`${head}l: 1\r\nContent-Length: 1\r\n\r\n`, end],
    'two lengths are one too many',
  );
  t.same(run(`${head}l: 70000\r\n\r\na`), [`${head}l: 70000\r\n\r\n`, end]);
  t.same(run(`${head}${'X: y\r\n'.repeat(5000)}`), ['malformed: the headers are too large']);
  t.same(run('\r\n\r\n\r\n\r\n'), ['\r\n\r\n'], 'several pings in one read need one pong');
  const framer = createStreamFramer();
  framer.push(Buffer.from(`${head}\r\n`));
  t.same(framer.push(Buffer.from(`${head}l: 0\r\n\r\n`)), [], 'after that nothing more is read');
  const waiting = createStreamFramer();
  t.same(framed(waiting.push(Buffer.from('\r'))), []);
  t.equal(waiting.pending, 1);
  t.same(framed(waiting.push(Buffer.from('\n\r\n'))), ['\r\n\r\n']);
  t.equal(waiting.pending, 0);
  t.end();
});
