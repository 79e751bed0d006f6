import { createRequire } from 'node:module';
import t from 'tap';
import fc from 'fast-check';
import { AppError } from '../../src/base/errors.js';
import { causeFrom, reasonLines, serverEndCause } from '../../src/signalling/cause.js';
import { DigestAnswers, splitChallenges } from '../../src/signalling/digest-answers.js';
import {
  answerTimer,
  askTimer,
  expiryDelayMs,
  refreshDelayMs,
  timerFacts,
} from '../../src/signalling/session-timer.js';
import { checkUri, headerLines, LINES } from '../../src/signalling/srf/lines.js';
import { loadSrf, readingOf, SRF_VERSION } from '../../src/signalling/srf/parser.js';
import {
  computeHa1,
  computeResponse,
  parseCredentials,
  SipHeaders,
  SipRequest,
  SipResponse,
} from '../../src/sip/index.js';
import { request } from './fake-control-server.js';

interface SipMessage {
  readonly headers: Record<string, string>;
  readonly method?: string;
  readonly uri?: string;
  readonly status?: number;
  readonly reason?: string;
  readonly body?: string;
  get(name: string): string | undefined;
  has(name: string): boolean;
  set(name: string, value: string): void;
  toString(): string;
}

const fromHere = createRequire(import.meta.url);

function srfMessage(): new (raw: string | object) => SipMessage {
  const Srf = loadSrf() as unknown as { SipMessage: new (raw: string | object) => SipMessage };
  return Srf.SipMessage;
}

t.test('drachtio-srf with our parser', (t) => {
  t.equal(SRF_VERSION, '5.0.29');
  t.equal(loadSrf(), loadSrf());
  const Message = srfMessage();

  t.test('reads what srf needs at once, and the rest for whoever asks', (t) => {
    const raw = request('INVITE', {
      callId: 'c1',
      headers:
        'X-Custom: 1\r\nP-Asserted-Identity: <sip:a@b>\r\nDiversion: <sip:d@e>\r\nSupported: timer\r\nk: 100rel\r\n',
      body: 'v=0\r\n',
    });
    const message = new Message(raw);
    t.same(Object.keys(message.headers), ['call-id', 'cseq', 'from', 'to']);
    t.match(message, { method: 'INVITE', uri: 'sip:+12025550100@127.0.0.1', body: 'v=0\r\n' });
    t.equal(message.get('Call-ID'), 'c1');
    t.equal(message.get('call-id'), 'c1');
    t.equal(message.get('i'), 'c1');
    t.equal(message.get('X-Custom'), '1');
    t.equal(message.get('x-custom'), '1');
    t.equal(message.get('p-asserted-identity'), '<sip:a@b>');
    t.equal(message.get('Supported'), 'timer,100rel');
    t.equal(message.get('diversion'), '<sip:d@e>');
    t.equal(message.get('X-Absent'), undefined);
    t.ok(!message.has('RSeq') && message.has('Max-Forwards'));
    t.equal(JSON.stringify({ message }), '{}');
    t.equal(readingOf(message.headers)?.kind, 'message');
    t.end();
  });

  t.test('reads compact and folded forms, and responses', (t) => {
    const message = new Message(
      'SIP/2.0 480 Gone Fishing\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>;tag=2\r\ni: x\r\nCSEQ:\r\n 7 INVITE\r\n\r\n',
    );
    t.match(message, { status: 480, reason: 'Gone Fishing' });
    t.equal(message.headers['from'], '<sip:a@b>;tag=1');
    t.equal(message.headers['to'], '<sip:c@d>;tag=2');
    t.equal(message.get('Call-ID'), 'x');
    const reading = readingOf(message.headers);
    t.equal(reading?.kind === 'message' && reading.message.cseq.seq, 7);
    t.end();
  });

  t.test('never throws, is quick with any white space, and says what was malformed', (t) => {
    const started = performance.now();
    for (const gap of [' ', '\t', '\r\n ', ';', ',', '"', '<', '\\']) {
      const message = new Message(
        `INVITE sip:a@b SIP/2.0\r\nFrom: <sip:a@b>${gap.repeat(60_000)};tag=1\r\n\r\n`,
      );
      t.equal(message.method, 'INVITE');
      t.ok(readingOf(message.headers));
    }
    t.ok(performance.now() - started < 2000);
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), (text) => {
        if (text === '') return;
        const message = new Message(text);
        readingOf(message.headers);
        message.get('Via');
        message.toString();
      }),
      { numRuns: 500 },
    );
    t.end();
  });

  t.test('writes lines as they are, in order and with repeats', (t) => {
    const message = new Message({
      method: 'REGISTER',
      uri: 'sip:a',
      headers: { [LINES]: 'X: 1\r\nX: 2\r\nA: 3\r\n' },
      body: 'ä',
    });
    t.equal(
      message.toString(),
      'REGISTER sip:a SIP/2.0\r\nX: 1\r\nX: 2\r\nA: 3\r\ncontent-length: 2\r\n\r\nä',
    );
    const other = new Message({
      method: 'INFO',
      uri: 'sip:a',
      headers: { 'X-A': ['1', '2'], 'X-B': 5, 'X-C': 'a\r\nX-D: injected' },
    });
    t.equal(
      other.toString(),
      'INFO sip:a SIP/2.0\r\nX-A: 1\r\nX-A: 2\r\nX-B: 5\r\ncontent-length: 0\r\n\r\n',
    );
    t.end();
  });

  t.test('has a phrase for every status', (t) => {
    const phrases = createRequire(fromHere.resolve('drachtio-srf'))('sip-status') as Record<number, string>;
    for (const status of [182, 199, 469, 555, 607, 608, 699]) t.type(phrases[status], 'string');
    t.equal(phrases[486], 'Busy Here');
    t.end();
  });

  t.end();
});

t.test('headers of the layer above', (t) => {
  t.equal(
    headerLines([
      ['X-A', '1'],
      ['Via', 'no'],
      ['Content-Length', '7'],
      ['x-a', '2'],
    ]),
    'X-A: 1\r\nx-a: 2\r\n',
  );
  for (const bad of ['a\rb', 'a\nb', 'a\0b', 'a|b']) t.throws(() => headerLines([['X', bad]]), AppError);
  for (const bad of ['', 'a b', 'a:b', 'ä', 'a\r\n']) t.throws(() => headerLines([[bad, '1']]), AppError);
  for (const bad of ['', 'sip:a b', 'sip:a|b', 'sip:a\r\n', 'sip:ä'])
    t.throws(() => checkUri('it', bad), AppError);
  t.equal(checkUri('it', 'sip:a@b;x={y}'), 'sip:a@b;x={y}');
  t.end();
});

t.test('digest answers', (t) => {
  const challenge = (status: number, ...lines: string[]): SipResponse => {
    const response = new SipResponse(status);
    for (const line of lines)
      response.headers.add(status === 407 ? 'Proxy-Authenticate' : 'WWW-Authenticate', line);
    return response;
  };
  const answer = (answers: DigestAnswers, body = ''): Record<string, string>[] =>
    answers
      .lines('INVITE', 'sip:x', body)
      .split('\r\n')
      .filter((line) => line !== '')
      .map((line) =>
        Object.fromEntries([
          ['header', line.slice(0, line.indexOf(':'))],
          ...parseCredentials(line.slice(line.indexOf(':') + 1).trim())!.params,
        ]),
      );

  t.test('challenges joined into one line are taken apart', (t) => {
    t.same(
      splitChallenges(
        'Digest realm="a, Digest b=\\"c", nonce="1", algorithm=MD5, Digest realm="d",nonce="2"',
      ),
      ['Digest realm="a, Digest b=\\"c", nonce="1", algorithm=MD5', 'Digest realm="d",nonce="2"'],
    );
    const answers = new DigestAnswers({ username: 'u', password: 'p' });
    t.ok(
      answers.accept(
        challenge(
          401,
          'Digest realm="r", nonce="1", algorithm=MD5, Digest realm="r", nonce="2", algorithm=SHA-256',
        ),
      ),
    );
    t.match(answer(answers), [{ algorithm: 'SHA-256', nonce: '2', realm: 'r' }]);
    t.end();
  });

  t.test('two realms on the way are both answered, and the count of each nonce goes up', (t) => {
    const answers = new DigestAnswers({ username: 'u', password: 'p' });
    t.ok(answers.accept(challenge(407, 'Digest realm="proxy", nonce="1", qop="auth"')));
    t.match(answer(answers), [{ header: 'Proxy-Authorization', nc: '00000001' }]);
    t.ok(answers.accept(challenge(401, 'Digest realm="far", nonce="2", qop="auth"')));
    t.match(answer(answers), [
      { header: 'Proxy-Authorization', realm: 'proxy', nc: '00000002' },
      { header: 'Authorization', realm: 'far', nc: '00000001' },
    ]);
    t.notOk(
      answers.accept(challenge(401, 'Digest realm="far", nonce="3", qop="auth"')),
      'the password is wrong',
    );
    t.end();
  });

  t.test('old and rare forms', (t) => {
    const ancient = new DigestAnswers({ username: 'u', password: 'p' });
    t.ok(ancient.accept(challenge(401, 'Digest realm="r", nonce="1", opaque="o"')));
    const [plain] = answer(ancient);
    t.equal(plain?.['algorithm'], undefined);
    t.equal(plain?.['qop'], undefined);
    t.equal(plain?.['opaque'], 'o');
    const ha1 = computeHa1('u', 'r', 'p', 'MD5');
    t.equal(
      plain?.['response'],
      computeResponse({ ha1, method: 'INVITE', uri: 'sip:x', nonce: '1', algorithm: 'MD5' }),
    );
    const whole = new DigestAnswers({ username: 'u', password: 'p' });
    t.ok(whole.accept(challenge(401, 'Digest realm="r", nonce="1", qop="auth-int", algorithm=MD5-sess')));
    const [intact] = answer(whole, 'body');
    const { nc, cnonce } = intact!;
    t.equal(
      intact?.['response'],
      computeResponse({
        ha1,
        method: 'INVITE',
        uri: 'sip:x',
        nonce: '1',
        nc,
        cnonce,
        qop: 'auth-int',
        algorithm: 'MD5-sess',
        body: 'body',
      }),
    );
    for (const odd of [
      'Basic realm="r"',
      'Digest realm="r"',
      'Digest nonce="1"',
      'Digest realm="r", nonce="1", algorithm=ROT13',
      'Digest realm="r", nonce="1", qop="odd"',
      '',
    ]) {
      t.notOk(new DigestAnswers({ username: 'u', password: 'p' }).accept(challenge(401, odd)), odd);
    }
    t.end();
  });

  t.end();
});

t.test('causes', (t) => {
  const headers = new SipHeaders();
  headers.add('Reason', 'SIP;cause=480;text="x"');
  headers.add('Reason', 'Q.850;cause=31;text="Normal, unspecified"');
  t.same(causeFrom(headers, { sip: 200, by: 'callee', kind: 'normal' }), {
    sip: 200,
    by: 'callee',
    kind: 'normal',
    q850: 31,
    text: 'Normal, unspecified',
  });
  t.same(causeFrom(undefined, { sip: 200, by: 'callee', kind: 'normal' }), {
    sip: 200,
    by: 'callee',
    kind: 'normal',
  });
  t.equal(
    reasonLines({ sip: 200, q850: 16, by: 'system', kind: 'normal' }, 'BYE'),
    'Reason: Q.850;cause=16;text="Normal call clearing"\r\n',
  );
  t.equal(
    reasonLines({ sip: 486, text: 'a"b\r\nX: |', by: 'system', kind: 'busy' }, 'CANCEL'),
    'Reason: SIP;cause=486;text="a b  X:  "\r\n',
  );
  t.equal(reasonLines({ sip: 999, q850: 500, by: 'system', kind: 'odd' }, 'BYE'), '');
  t.equal(serverEndCause(undefined, 'callee').kind, 'engine-ended');
  t.end();
});

t.test('session timers as numbers', (t) => {
  const facts = (headers: Record<string, string>) => {
    const message = new SipRequest('INVITE', 'sip:x');
    for (const [name, value] of Object.entries(headers)) message.headers.add(name, value);
    return timerFacts(message);
  };
  const both = { expiresS: 600, minS: 120 };
  t.equal(answerTimer(facts({}), undefined).lines, '');
  t.match(answerTimer(facts({}), both), {
    lines: 'Session-Expires: 600;refresher=uas\r\n',
    timer: { seconds: 600, weRefresh: true },
  });
  t.match(
    answerTimer(facts({ Supported: 'timer' }), both).lines,
    'Session-Expires: 600;refresher=uas\r\nRequire: timer\r\n',
  );
  t.match(
    answerTimer(facts({ Supported: 'timer', 'Session-Expires': '1800' }), undefined).lines,
    /1800;refresher=uac/,
  );
  t.match(
    answerTimer(facts({ Supported: 'timer', 'Session-Expires': '1800;refresher=uas' }), both).lines,
    /600;refresher=uas/,
  );
  t.match(
    answerTimer(facts({ Supported: 'timer', 'Session-Expires': '1800' }), { ...both, refresher: 'uas' })
      .lines,
    /600;refresher=uas/,
  );
  t.match(
    answerTimer(facts({ Supported: 'timer', 'Session-Expires': '1800', 'Min-SE': '900' }), both).lines,
    /Session-Expires: 900;/,
  );
  t.match(
    answerTimer(facts({ Supported: 'timer', 'Session-Expires': '100' }), both).lines,
    /Session-Expires: 100;/,
  );
  t.match(
    answerTimer(facts({ 'Session-Expires': '1800;refresher=uac' }), undefined).lines,
    'Session-Expires: 1800;refresher=uas\r\n',
  );
  t.equal(askTimer(undefined, 0), '');
  t.equal(askTimer(both, 0), 'Session-Expires: 600\r\nMin-SE: 120\r\n');
  t.equal(
    askTimer({ ...both, refresher: 'uac' }, 900),
    'Session-Expires: 900;refresher=uac\r\nMin-SE: 900\r\n',
  );
  fc.assert(
    fc.property(fc.integer({ min: 90, max: 100_000 }), (seconds) => {
      // The reference refreshes by itself at half time ± 5 s, and our own server ends at the same time as RFC 4028 tells us to.
      return (
        refreshDelayMs(seconds) < (seconds / 2 - 5) * 1000 &&
        refreshDelayMs(seconds) > 0 &&
        expiryDelayMs(seconds) < (seconds - Math.min(32, seconds / 3)) * 1000
      );
    }),
  );
  t.end();
});
