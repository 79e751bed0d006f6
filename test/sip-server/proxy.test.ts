import t from 'tap';
import { SipResponse } from '../../src/sip/index.js';
import { bestResponse, gatherChallenges } from '../../src/sip-server/proxy/best-response.js';
import {
  Caller,
  eventually,
  headerOf,
  messageOf,
  SDP,
  startBench,
  type App,
  type ServerFrame,
} from './server-helpers.js';

interface ProxyOptions {
  readonly remain?: boolean;
  readonly redirects?: boolean;
  readonly parallel?: boolean;
  readonly provisional?: string;
  readonly final?: string;
  readonly headers?: readonly string[];
}

/** Has a request proxied; collects the frames that answer it. */
function proxy(
  app: App,
  frame: ServerFrame,
  destinations: readonly string[],
  options: ProxyOptions = {},
): () => Promise<ServerFrame> {
  const flags = [
    options.remain === true ? 'remainInDialog' : '',
    'fullResponse',
    options.redirects === true ? 'followRedirects' : '',
    options.parallel === true ? 'simultaneous' : 'serial',
    options.provisional ?? '',
    options.final ?? '',
  ];
  const method = frame.raw.slice(0, frame.raw.indexOf(' '));
  const body = messageOf(`${method} ${destinations[0] ?? ''} SIP/2.0`, options.headers ?? []);
  const id = app.send(
    `proxy|${frame.fields[8] ?? ''}|${flags.join('|')}|${destinations.join('|')}\r\n${body}`,
  );
  return () =>
    app.frames.next(
      'an answer of the proxy',
      (answer) => answer.fields[1] === 'response' && answer.fields[2] === id,
    );
}

t.test('a proxied INVITE: Via, Max-Forwards, Request-URI, headers, answers and their frames', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const a = await bench.peer();
  const b = await bench.peer();
  const call = new Caller(a);
  call.invite();
  const next = proxy(app, await app.sip('INVITE'), [`sip:bob@127.0.0.1:${b.port}`], {
    headers: ['X-Added: 1', 'Max-Forwards: 3'],
  });
  const sent = await b.request('INVITE');
  t.equal(sent.uri, `sip:bob@127.0.0.1:${b.port}`, 'the local Request-URI gives way to the destination');
  t.equal(sent.headers.list('Via').length, 2);
  t.equal(sent.maxForwards, 69);
  t.equal(sent.headers.get('X-Added'), '1');
  t.notOk(sent.headers.has('Record-Route'));
  t.equal(sent.callId, call.callId);
  t.equal(sent.body, SDP);
  b.answer(sent, 100);
  b.answer(sent, 180);
  t.equal((await call.response(180)).headers.list('Via').length, 1, 'our Via is taken off');
  b.answer(sent, 200, { headers: [`Contact: ${b.contact}`], body: SDP });
  const ok = await call.response(200);
  t.equal(ok.body, SDP);
  const told = await next();
  t.equal(told.fields[12], 'continue');
  t.same([told.fields[3], told.fields[4], told.fields[8]], ['OK', 'network', String(b.port)]);
  t.equal(told.raw.match(/^Via:/gm)?.length, 2);
  t.same((await next()).fields.slice(3), ['OK', 'done']);
  t.equal(app.frames.unread.length, 0, 'of 1xx the application hears nothing');
  b.answer(sent, 200, { headers: [`Contact: ${b.contact}`], body: SDP });
  await call.response(200);
  t.equal(bench.server.stats.proxied, 0);
});

t.test('one after another: timeouts, failures, redirects, and the best answer', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const a = await bench.peer();
  const [silent, busy, moved, good] = [
    await bench.peer(),
    await bench.peer(),
    await bench.peer(),
    await bench.peer(),
  ];
  const call = new Caller(a);
  call.invite();
  const next = proxy(
    app,
    await app.sip('INVITE'),
    [silent, busy, moved].map((peer) => `sip:x@127.0.0.1:${peer.port}`),
    {
      provisional: '100ms',
      redirects: true,
    },
  );
  await silent.request('INVITE');
  const second = await busy.request('INVITE');
  busy.answer(second, 486);
  const third = await moved.request('INVITE');
  moved.answer(third, 302, { headers: [`Contact: <sip:y@127.0.0.1:${good.port}>`] });
  const fourth = await good.request('INVITE');
  t.equal(fourth.uri, `sip:y@127.0.0.1:${good.port}`);
  good.answer(fourth, 404);
  t.ok(await call.response(486), 'the best of 408, 486, 404 and a redirect that was followed');
  call.ack();
  const statuses = [];
  for (let i = 0; i < 4; i++) statuses.push((await next()).raw.slice(8, 11));
  t.same(statuses, ['408', '486', '302', '404']);
  t.same((await next()).fields.slice(3), ['OK', 'done']);

  const final = new Caller(a);
  final.invite();
  const answers = proxy(
    app,
    await app.sip('INVITE'),
    [busy, good].map((peer) => `sip:x@127.0.0.1:${peer.port}`),
    { final: '100ms' },
  );
  const ringing = await busy.request('INVITE');
  busy.answer(ringing, 180);
  await final.response(180);
  busy.answer(await busy.request('CANCEL'), 200);
  const other = await good.request('INVITE');
  busy.answer(ringing, 487);
  good.answer(other, 603);
  await final.response(603);
  final.ack();
  t.same([(await answers()).raw.slice(8, 11), (await answers()).raw.slice(8, 11)], ['487', '603']);
  await eventually('nothing left', () => bench.server.stats.proxied === 0);
});

t.test('all at once: the first 200 cancels the others; a CANCEL of the caller cancels all', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const a = await bench.peer();
  const [b, c] = [await bench.peer(), await bench.peer()];
  const both = [b, c].map((peer) => `sip:x@127.0.0.1:${peer.port}`);
  const call = new Caller(a);
  call.invite();
  const next = proxy(app, await app.sip('INVITE'), both, { parallel: true });
  const [toB, toC] = [await b.request('INVITE'), await c.request('INVITE')];
  b.answer(toB, 180, { tag: 'b' });
  c.answer(toC, 180, { tag: 'c' });
  await call.response(180);
  await call.response(180);
  b.answer(toB, 200, { tag: 'b', headers: [`Contact: ${b.contact}`] });
  await call.response(200);
  c.answer(await c.request('CANCEL'), 200);
  c.answer(toC, 200, { tag: 'c', headers: [`Contact: ${c.contact}`] });
  t.equal((await call.response(200)).toTag, 'c', 'every 200 of a fork goes upstream');
  t.equal((await next()).raw.slice(8, 11), '200');
  t.same((await next()).fields.slice(3), ['OK', 'done']);

  const given = new Caller(a);
  given.invite();
  const answers = proxy(app, await app.sip('INVITE'), both, { parallel: true });
  const again = [await b.request('INVITE'), await c.request('INVITE')] as const;
  b.answer(again[0], 180);
  c.answer(again[1], 183);
  await given.response(180);
  await given.response(183);
  given.cancel();
  await given.response(200, 'CANCEL');
  b.answer(await b.request('CANCEL'), 200);
  c.answer(await c.request('CANCEL'), 200);
  b.answer(again[0], 487);
  c.answer(again[1], 487);
  await given.response(487);
  given.ack();
  await answers();
  await answers();
  t.same((await answers()).fields.slice(3), ['OK', 'done']);
  await eventually('nothing left', () => bench.server.stats.proxied === 0);
});

t.test('staying in the dialog: Record-Route, requests both ways, and no open relay', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const a = await bench.peer();
  const b = await bench.peer();
  const call = new Caller(a);
  call.invite();
  proxy(app, await app.sip('INVITE'), [`sip:bob@127.0.0.1:${b.port}`], { remain: true });
  const sent = await b.request('INVITE');
  const [route] = sent.headers.list('Record-Route');
  t.match(route, new RegExp(`^<sip:rr-[0-9a-f]+@127\\.0\\.0\\.1:${bench.sipPort};lr>$`));
  b.answer(sent, 200, { headers: [`Contact: ${b.contact}`], body: SDP });
  await call.response(200);
  const inDialog = (method: string, cseq: number, uri = `sip:peer@127.0.0.1:${b.port}`): void => {
    a.send(method, uri, [...call.headers(method, cseq), `Route: ${route ?? ''}`, `Contact: ${a.contact}`]);
  };
  inDialog('ACK', 1);
  const ack = await b.request('ACK');
  t.same(
    [ack.uri, ack.headers.has('Route'), ack.headers.list('Via').length],
    [`sip:peer@127.0.0.1:${b.port}`, false, 2],
  );
  inDialog('INVITE', 2);
  const again = await b.request('INVITE');
  b.answer(again, 488);
  await call.response(488);
  await b.request('ACK');
  const back = new Caller(b);
  Object.assign(back, { callId: call.callId, tag: 'peer-tag', remoteTag: call.tag });
  b.send('BYE', `sip:peer@127.0.0.1:${a.port}`, [...back.headers('BYE', 7), `Route: ${route ?? ''}`]);
  const bye = await a.request('BYE');
  t.equal(bye.maxForwards, 69);
  a.answer(bye, 200, { tag: '' });
  t.equal((await b.response(200, 'BYE')).headers.list('Via').length, 1);
  t.equal(
    app.frames.unread.filter((frame) => frame.fields[1] === 'sip').length,
    0,
    'the application sees none of it',
  );

  const thief = new Caller(a);
  thief.remoteTag = 'x';
  a.send('INFO', `sip:victim@127.0.0.1:${b.port}`, [...thief.headers('INFO'), `Route: ${route ?? ''}`]);
  await thief.response(481, 'INFO');
  t.equal(b.heard.unread.length, 0, 'the route of one call carries no other');
  await eventually('nothing left', () => bench.server.stats.proxied === 0);
});

t.test('REGISTER with Path, requests without a destination, Max-Forwards 0', async (t) => {
  const bench = await startBench(t);
  const app = await bench.app();
  const a = await bench.peer();
  const registrar = await bench.peer();
  const phone = new Caller(a);
  phone.request('REGISTER', [`Contact: ${a.contact}`]);
  const next = proxy(app, await app.sip('REGISTER'), [`127.0.0.1:${registrar.port}`], { remain: true });
  const sent = await registrar.request('REGISTER');
  const path = sent.headers.get('Path') ?? '';
  t.match(path, /^<sip:rr-/);
  t.equal(sent.headers.get('Require'), 'path');
  registrar.answer(sent, 200);
  await phone.response(200, 'REGISTER');
  t.equal((await next()).fields[12], 'continue');
  const incoming = new Caller(registrar);
  registrar.send('OPTIONS', `sip:peer@127.0.0.1:${a.port}`, [
    ...incoming.headers('OPTIONS'),
    `Route: ${path}`,
  ]);
  a.answer(await a.request('OPTIONS'), 200);
  await incoming.response(200, 'OPTIONS');

  t.match(
    (
      await app.ask('proxy|unknown||fullResponse||serial|||sip:127.0.0.1:9\r\nINVITE sip:x SIP/2.0\r\n')
    ).fields.slice(3),
    ['NOK', 'Unknown transaction id: unknown'],
  );
  const last = new Caller(a);
  a.raw(
    messageOf(`OPTIONS ${last.uri} SIP/2.0`, [
      `Via: SIP/2.0/UDP 127.0.0.1:${a.port};branch=${a.newBranch()};rport`,
      'Max-Forwards: 0',
      ...last.headers('OPTIONS'),
    ]),
  );
  const hopless = proxy(app, await app.sip('OPTIONS'), [`sip:127.0.0.1:${registrar.port}`]);
  await last.response(483, 'OPTIONS');
  t.equal((await hopless()).fields[3], 'NOK');
  const looped = new Caller(a);
  looped.request('OPTIONS');
  const self = proxy(app, await app.sip('OPTIONS'), [`sip:127.0.0.1:${bench.sipPort}`]);
  await looped.response(500, 'OPTIONS');
  t.match((await self()).fields[4], /error proxying request to/);
  t.match(headerOf(`To: x\r\n`, 'To'), 'x');
});

t.test('the best response: any 6xx, then the lowest class, challenges gathered, 503 last', (t) => {
  const of = (...statuses: number[]): number | undefined =>
    bestResponse(statuses.map((status) => new SipResponse(status)))?.status;
  t.equal(of(), undefined);
  t.equal(of(404, 603, 486), 603);
  t.equal(of(500, 404, 486), 404);
  t.equal(of(404, 401, 500), 401);
  t.equal(of(408, 486, 404), 486);
  t.equal(of(503, 500), 500);
  t.equal(of(503, 404), 404);
  t.equal(of(302, 404), 302);
  const challenges = [401, 407].map((status) => {
    const response = new SipResponse(status);
    response.headers.add(
      status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate',
      `Digest realm="${status}"`,
    );
    return response;
  });
  const best = bestResponse(challenges)!;
  gatherChallenges(best, challenges);
  t.ok(best.headers.has('WWW-Authenticate') && best.headers.has('Proxy-Authenticate'));
  t.end();
});
