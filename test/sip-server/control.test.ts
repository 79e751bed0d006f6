import t from 'tap';
import fc from 'fast-check';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import { parseAppMessage, splitChallenges } from '../../src/sip-server/control/app-message.js';
import { parseCommand } from '../../src/sip-server/control/commands.js';
import { ControlConnection } from '../../src/sip-server/control/connection.js';
import { createGather } from '../../src/sip-server/control/gather.js';
import type { ControlLink } from '../../src/sip-server/control/link.js';
import { encodeFrame, FrameReader } from '../../src/sip-server/control/framing.js';
import { timeOfDay } from '../../src/sip-server/control/frames.js';
import { App, Caller, eventually, SECRET, startBench } from './server-helpers.js';

t.test('frames survive any way of being cut and joined', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }), { maxLength: 20 }),
      fc.array(fc.nat(300)),
      (payloads, cuts) => {
        const data = Buffer.from(payloads.map(encodeFrame).join(''), 'utf8');
        const reader = new FrameReader(100_000);
        const read: string[] = [];
        let from = 0;
        for (const cut of [...cuts, data.length]) {
          const to = Math.min(data.length, from + cut);
          const outcome = reader.push(data.subarray(from, to));
          if (outcome.kind !== 'frames') return false;
          read.push(...outcome.payloads);
          from = to;
        }
        const last = reader.push(data.subarray(from));
        return (
          last.kind === 'frames' && JSON.stringify([...read, ...last.payloads]) === JSON.stringify(payloads)
        );
      },
    ),
  );
  t.end();
});

t.test('what is no frame ends the stream, after the good frames before it', (t) => {
  const broken = [
    'x',
    '#',
    '0#',
    '12345678#x',
    '1 2#x',
    '-1#x',
    '{"a":1}',
    'GET / HTTP/1.1\r\n\r\n',
    '99999#',
  ];
  for (const text of broken) {
    const reader = new FrameReader(1000);
    const outcome = reader.push(Buffer.from(`2#ok${text}`));
    t.equal(outcome.kind, 'broken', text);
    t.same(outcome.payloads, ['ok']);
  }
  const reader = new FrameReader(1000);
  t.equal(reader.push(Buffer.from('12')).kind, 'frames', 'a length may come in pieces');
  t.equal(reader.push(Buffer.from('34567')).kind, 'frames');
  t.equal(reader.push(Buffer.from('8')).kind, 'broken', 'but not without end');
  t.end();
});

t.test('commands are told apart, and what is none is refused', (t) => {
  t.match(parseCommand('id|authenticate|s|a,b, c'), {
    kind: 'authenticate',
    secret: 's',
    tags: ['a', 'b', 'c'],
  });
  t.match(parseCommand('id|authenticate|s'), { kind: 'authenticate', tags: [] });
  t.match(parseCommand('id|route|INVITE'), { kind: 'route', verb: 'invite' });
  t.match(parseCommand('id|remove_route|cdr:start'), { kind: 'remove-route', verb: 'cdr:start' });
  t.match(parseCommand('id|ping'), { kind: 'ping', id: 'id' });
  t.match(parseCommand('id|nonsense'), { kind: 'refused', reason: 'Unknown message type' });
  t.match(parseCommand('alone'), { kind: 'refused', reason: 'Invalid message format' });
  t.match(parseCommand('|ping'), { kind: 'refused' });
  t.match(parseCommand('id|sip||\r\nSIP/2.0 200 OK\r\n'), {
    kind: 'refused',
    reason: 'transaction id missing',
  });
  t.match(parseCommand('id|sip||\r\ngarbage'), { kind: 'refused', reason: 'Invalid message format' });
  t.match(parseCommand('id|sip|txn|dlg|sip:p\r\nBYE sip:placeholder SIP/2.0\r\nreason: a\r\n\r\nbody'), {
    kind: 'sip',
    txnId: 'txn',
    dialogId: 'dlg',
    routeUrl: 'sip:p',
    message: { start: { method: 'BYE', uri: 'sip:placeholder' }, body: 'body' },
  });
  t.match(
    parseCommand(
      'id|proxy|txn|remainInDialog|fullResponse||simultaneous|2s|1500ms|sip:a|sip:b\r\nINVITE sip:a SIP/2.0\r\n',
    ),
    {
      kind: 'proxy',
      remainInDialog: true,
      fullResponse: true,
      followRedirects: false,
      simultaneous: true,
      provisionalTimeoutMs: 2000,
      finalTimeoutMs: 1500,
      destinations: ['sip:a', 'sip:b'],
    },
  );
  t.match(parseCommand('id|proxy|txn|||||||\r\nINVITE sip:a SIP/2.0\r\n'), { kind: 'refused' });
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      parseCommand(text);
      parseCommand(`id|sip|a|b\r\n${text}`);
      return true;
    }),
  );
  t.end();
});

t.test('messages of applications: names are made proper, bad lines left out', (t) => {
  const message = parseAppMessage(
    'INVITE sip:a@b SIP/2.0\r\ncall-id: 1\r\nx-foo: 1\r\np-charging-thing: 2\r\nbad name: x\r\nno colon\r\nsubject: a\r\n b\r\nevil: a\rb\r\n\r\nv=0\r\n\r\nx',
  );
  t.same(
    [...(message?.headers ?? [])],
    [
      ['Call-ID', '1'],
      ['x-foo', '1'],
      ['P-Charging-Thing', '2'],
      ['Subject', 'a b'],
    ],
  );
  t.equal(message?.body, 'v=0\r\n\r\nx');
  t.equal(parseAppMessage('SIP/2.0 999 x'), undefined);
  t.equal(parseAppMessage(''), undefined);
  t.same(
    splitChallenges(
      'Digest realm="a, Digest b=c", nonce="1", algorithm=SHA-256,Digest realm="a",nonce="1",algorithm=MD5',
    ),
    [
      'Digest realm="a, Digest b=c", nonce="1", algorithm=SHA-256',
      'Digest realm="a",nonce="1",algorithm=MD5',
    ],
  );
  t.same(splitChallenges('Digest realm="a", nonce="b"'), ['Digest realm="a", nonce="b"']);
  t.equal(timeOfDay(Date.UTC(2026, 0, 1, 7, 8, 9, 12)), '07:08:09.012000');
  t.end();
});

t.test('authentication comes first, and a wrong secret ends the connection', async (t) => {
  const bench = await startBench(t);
  const wrong = await App.connect(bench.controlPort);
  const refused = await wrong.ask('authenticate|not it|');
  t.same(refused.fields.slice(3), ['NO', 'incorrect secret']);
  await wrong.closed;

  const early = await App.connect(bench.controlPort);
  t.same((await early.ask('route|invite')).fields.slice(3), ['NO', 'not authenticated']);
  await early.closed;

  const app = await App.connect(bench.controlPort);
  const ok = await app.ask(`authenticate|${SECRET}|tag1,tag2`);
  t.equal(ok.fields[3], 'OK');
  t.equal(ok.fields[4], `udp/127.0.0.1:${bench.sipPort}`);
  t.match(ok.fields[5], /^v\d+\.\d+\.\d+/);
  t.equal(ok.fields[6], `udp/127.0.0.1:${bench.sipPort}`);
  t.same((await app.ask('ping')).fields.slice(3), ['OK', 'pong']);
  t.same((await app.ask('route|invite')).fields.slice(3), ['OK']);
  t.same((await app.ask('remove_route|invite')).fields.slice(3), ['OK']);
  t.same((await app.ask('nonsense|x')).fields.slice(3), ['NO', 'Unknown message type']);
  await app.closed;
  t.equal(bench.server.stats.applications, 0);
});

t.test('garbage on one connection closes that connection only', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app(['options']);
  for (const garbage of [
    'hello',
    '99999999999#',
    '\0\0\0',
    '5#ab|cd\r\n\r\n4#',
    `${'9'.repeat(40)}#`,
    '20000#',
    '\u2028#',
  ]) {
    const bad = await App.connect(bench.controlPort);
    bad.socket.write(garbage);
    await bad.closed;
    const known = await App.connect(bench.controlPort);
    await known.login();
    known.socket.write('7#id|sip|3#a|b');
    await known.closed;
  }
  t.same((await app.ask('ping')).fields.slice(3), ['OK', 'pong'], 'the others go on');
  const big = 'x'.repeat(60_000);
  const echo = await app.ask(
    `sip||\r\nMESSAGE sip:127.0.0.1:9 SIP/2.0\r\nContent-Type: text/plain\r\n\r\n${big}`,
  );
  t.equal(echo.fields[3], 'OK', 'frames far beyond the 12 kB of the reference are read');
  t.ok(echo.raw.includes(big));
});

t.test('several applications take turns on a verb; routing twice changes nothing', async (t) => {
  const bench = await startBench(t);
  const one = await bench.app(['options', 'options', 'options', 'message']);
  const two = await bench.app(['options']);
  const peer = await bench.peer();
  for (let i = 0; i < 4; i++) new Caller(peer).request('OPTIONS');
  for (const app of [one, two]) {
    for (let i = 0; i < 2; i++) await app.respond(await app.sip('OPTIONS'), 200);
  }
  for (let i = 0; i < 4; i++) await peer.response(200, 'OPTIONS');
  await one.ask('remove_route|options');
  new Caller(peer).request('OPTIONS');
  await two.respond(await two.sip('OPTIONS'), 200);
  new Caller(peer).request('MESSAGE');
  t.ok(await one.sip('MESSAGE'), 'the other verbs of that application stay');

  new Caller(peer).request('PUBLISH');
  t.match((await peer.response(405, 'PUBLISH')).headers.get('Allow'), /OPTIONS/);
  new Caller(peer).request('FROBNICATE');
  await peer.response(501, 'FROBNICATE');
  const invite = new Caller(peer);
  invite.invite();
  t.ok((await invite.response(503)).headers.has('Retry-After'), 'an INVITE nobody serves gets 503');
});

t.test('a BYE never shares a chunk with the echo that made its dialog', (t) => {
  const chunks: string[][] = [[]];
  let take: (chunk: Buffer) => void = () => undefined;
  const link: ControlLink = {
    peer: 'test',
    write: (text) => chunks.at(-1)!.push(text.replace(/^\d+#/, '')),
    flush: () => chunks.push([]),
    end: () => undefined,
    destroy: () => undefined,
    listen: (on) => (take = (chunk) => on.data(chunk)),
  };
  const nothing = (): void => undefined;
  const connection = new ControlConnection(link, {
    user: {
      authenticated: nothing,
      route: nothing,
      removeRoute: nothing,
      sip: nothing,
      proxy: nothing,
      closed: nothing,
    },
    secret: undefined,
    hostports: () => ({ advertised: '', bound: '' }),
    clock: systemClock,
    logger: silentLogger,
  });
  take(Buffer.from(encodeFrame('id|authenticate||')));
  connection.send('ringing');
  connection.sendEcho('200 echo');
  connection.send('another answer');
  connection.sendRequest('BYE');
  connection.sendRequest('INFO');
  t.same(
    chunks.map((chunk) => chunk.filter((frame) => !frame.includes('|response|'))),
    [
      ['ringing', '200 echo', 'another answer'],
      ['BYE', 'INFO'],
    ],
  );
  connection.close('done');
  t.end();
});

t.test('under load the thread lets things gather, otherwise it never sleeps', (t) => {
  let now = 0;
  const slept: number[] = [];
  const gather = createGather({
    pauseMs: 2,
    fromFramesPerS: 1000,
    monotonic: () => now,
    sleep: (ms) => {
      slept.push(ms);
      now += ms;
    },
  });
  const turn = (frames: number, ms: number): void => {
    for (let i = 0; i < frames; i++) gather.count();
    now += ms;
    gather.pause();
  };
  for (let i = 0; i < 300; i++) turn(1, 2);
  t.equal(slept.length, 0, '500 frames a second');
  for (let i = 0; i < 300; i++) turn(4, 1);
  t.ok(slept.length > 100, 'more than 1000');
  const before = slept.length;
  turn(40, 10);
  t.equal(slept.length, before, 'not when it was awake for long: then enough has gathered');
  for (let i = 0; i < 300; i++) turn(1, 2);
  const later = slept.length;
  for (let i = 0; i < 300; i++) turn(1, 2);
  t.equal(slept.length, later, 'and no more when the load is gone');
  t.end();
});

t.test('CDR frames go to those who asked, when they are switched on', async (t) => {
  const bench = await startBench(t, { cdrs: true });
  const app = await bench.app(['invite', 'cdr:attempt', 'cdr:start', 'cdr:stop']);
  const peer = await bench.peer();
  const call = new Caller(peer);
  const cdr = (kind: string): Promise<readonly string[]> =>
    app.frames.next(kind, (frame) => frame.fields[1] === kind).then((frame) => frame.fields);
  call.invite();
  t.equal((await cdr('cdr:attempt'))[2], 'network');
  await app.respond(await app.sip('INVITE'), 200, [], 'v=0\r\n');
  t.same(
    (await cdr('cdr:start')).slice(2).filter((_, i) => i !== 1),
    ['application', 'uas'],
  );
  await call.response(200);
  call.ack();
  call.request('BYE');
  t.equal((await cdr('cdr:stop'))[4], 'normal-release');
  await app.respond(await app.sip('BYE'), 200);
  await eventually('empty', () => bench.server.stats.dialogs === 0);
});
