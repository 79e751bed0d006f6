import { Server } from 'node:net';
import t from 'tap';
import { startSipWorker } from '../../src/sip-server/index.js';
import {
  Caller,
  eventually,
  newSrf,
  Peer,
  SDP,
  SECRET,
  startBench,
  type Bench,
  type SrfLike,
} from './server-helpers.js';

interface Req {
  readonly method: string;
  readonly body?: string;
  readonly receivedOn?: string;
  readonly source_address?: string;
  get(name: string): string;
  on(event: string, handler: (...args: never[]) => void): void;
  cancel(): void;
}
interface Res {
  readonly status: number;
  readonly body?: string;
  get(name: string): string;
  send(status: number, ...rest: unknown[]): void;
}
interface Dlg {
  readonly id: string;
  readonly sip: { readonly remoteTag: string; readonly localTag: string };
  readonly remote: { readonly sdp: string; readonly uri: string };
  on(event: string, handler: (...args: never[]) => void): void;
  destroy(): Promise<unknown>;
  modify(sdp: string): Promise<unknown>;
  request(options: object): Promise<Res>;
}
interface TypedSrf {
  invite(handler: (req: Req, res: Res) => void): void;
  options(handler: (req: Req, res: Res) => void): void;
  message(handler: (req: Req, res: Res) => void): void;
  register(handler: (req: Req, res: Res) => void): void;
  subscribe(handler: (req: Req, res: Res) => void): void;
  use(handler: (req: Req, res: Res, next: () => void) => void): void;
  createUAS(req: Req, res: Res, options: object): Promise<Dlg>;
  createUAC(uri: string, options: object, callbacks?: object): Promise<Dlg>;
  createB2BUA(req: Req, res: Res, uri: string, options: object): Promise<{ uas: Dlg; uac: Dlg }>;
  proxyRequest(
    req: Req,
    destination: string | string[],
    options?: object,
  ): Promise<{ connected: boolean; finalStatus: number }>;
  request(uri: string, options: object): Promise<Req>;
  findDialogByCallIDAndFromTag(callId: string, tag: string): Dlg | undefined;
}

async function withSrf(bench: Bench, tags?: string): Promise<TypedSrf & SrfLike> {
  const srf = newSrf(tags);
  const connected = new Promise<void>((resolve, reject) => {
    srf.on('connect', (error: Error | null) => (error ? reject(error) : resolve()));
  });
  srf.on('error', () => undefined);
  srf.connect({ host: '127.0.0.1', port: bench.controlPort, secret: SECRET });
  await connected;
  return srf as TypedSrf & SrfLike;
}

function disconnect(srf: SrfLike): void {
  srf.disconnect();
}

t.test('drachtio-srf as UAS and UAC against itself through the wire of two servers', async (t) => {
  const left = await startBench(t);
  const right = await startBench(t);
  const callee = await withSrf(right);
  const caller = await withSrf(left);
  t.teardown(() => [callee, caller].forEach(disconnect));
  const seen: string[] = [];
  let uas: Dlg | undefined;
  callee.invite((req, res) => {
    t.equal(req.receivedOn, `127.0.0.1:${right.sipPort}`);
    t.equal(req.source_address, '127.0.0.1');
    res.send(180);
    callee
      .createUAS(req, res, { localSdp: SDP.replace('4000', '5000') })
      .then((dialog) => {
        uas = dialog;
        dialog.on('ack', () => seen.push('ack'));
        dialog.on('modify', (again: Req, response: Res) => {
          seen.push(`modify ${again.body?.length ?? 0}`);
          response.send(200, { body: SDP });
        });
        dialog.on('info', (info: Req, response: Res) => {
          seen.push(`info ${info.get('X-Note')}`);
          response.send(202);
        });
        dialog.on('destroy', () => seen.push('destroy'));
      })
      .catch((error: unknown) => t.fail(String(error)));
  });
  const provisional: number[] = [];
  const uac = await caller.createUAC(
    `sip:bob@127.0.0.1:${right.sipPort}`,
    { localSdp: SDP, callingNumber: '1000' },
    { cbProvisional: (res: Res) => provisional.push(res.status) },
  );
  t.same(provisional, [180]);
  t.match(uac.remote.sdp, /5000/);
  await eventually('ack', () => seen.includes('ack'));
  t.equal(uas?.sip.localTag, uac.sip.remoteTag);
  t.equal(uac.id, uas?.id, 'both sides name the dialog by Call-ID and From tag');
  await uac.modify(SDP.replace('4000', '6000'));
  await eventually('modify', () => seen.some((event) => event.startsWith('modify')));
  const answer = await uac.request({ method: 'INFO', headers: { 'X-Note': 'hé' } });
  t.equal(answer.status, 202);
  t.ok(seen.includes('info hé'));
  await uas!.modify(SDP);
  const gone = new Promise((resolve) => uac.on('destroy', resolve));
  await uas!.destroy();
  await gone;
  t.match([left.server.stats, right.server.stats], [{ dialogs: 0, calls: 0 }, { dialogs: 0 }]);
});

t.test('createB2BUA bridges, passes failures, and passes CANCEL on', async (t) => {
  const bench = await startBench(t, { timers: { t4Ms: 100 } });
  const srf = await withSrf(bench);
  t.teardown(() => disconnect(srf));
  const a = await bench.peer();
  const b = await bench.peer();
  let ended = 0;
  srf.invite((req, res) => {
    srf
      .createB2BUA(req, res, `sip:bob@127.0.0.1:${b.port}`, { localSdpB: req.body })
      .then(({ uas, uac }) => {
        uas.on('destroy', () => void uac.destroy().then(() => ended++));
        uac.on('destroy', () => void uas.destroy().then(() => ended++));
      })
      .catch(() => undefined);
  });
  await new Promise((resolve) => setImmediate(resolve));
  await eventually('routed', () => bench.server.stats.applications === 1);
  const call = new Caller(a);
  call.invite();
  const leg = await b.request('INVITE');
  b.answer(leg, 180);
  await call.response(180);
  b.answer(leg, 200, { headers: ['Contact: ' + b.contact], body: SDP });
  await b.request('ACK');
  await call.response(200);
  call.ack();
  call.request('BYE');
  await call.response(200, 'BYE');
  b.answer(await b.request('BYE'), 200);
  await eventually('both legs over', () => ended === 1);

  const busy = new Caller(a);
  busy.invite();
  b.answer(await b.request('INVITE'), 486);
  await busy.response(486);
  busy.ack();
  await b.request('ACK');

  const cancelled = new Caller(a);
  cancelled.invite();
  const ringing = await b.request('INVITE');
  b.answer(ringing, 180);
  await cancelled.response(180);
  cancelled.cancel();
  await cancelled.response(487);
  cancelled.ack();
  b.answer(await b.request('CANCEL'), 200);
  b.answer(ringing, 487);
  await b.request('ACK');
  await eventually(
    'nothing left',
    () => bench.server.stats.dialogs + bench.server.stats.calls + bench.server.stats.pending === 0,
  );
});

t.test('digest retry, requests outside of dialogs, and subscriptions', async (t) => {
  const bench = await startBench(t);
  const srf = await withSrf(bench);
  t.teardown(() => disconnect(srf));
  const peer = await bench.peer();
  const dialled = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, {
    localSdp: SDP,
    auth: { username: 'u', password: 'p' },
  });
  const first = await peer.request('INVITE');
  peer.answer(first, 401, { headers: ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'] });
  const retry = await peer.request('INVITE');
  t.match(retry.headers.get('Authorization'), /username="u".*realm="r"/);
  t.same([retry.callId, retry.fromTag, retry.cseq.seq], [first.callId, first.fromTag, first.cseq.seq + 1]);
  peer.answer(retry, 200, { headers: ['Contact: ' + peer.contact], body: SDP });
  const dialog = await dialled;
  t.equal(srf.findDialogByCallIDAndFromTag(first.callId, first.fromTag ?? ''), dialog);
  const bye = dialog.destroy();
  const hangup = await peer.request('BYE');
  peer.answer(hangup, 401, { headers: ['WWW-Authenticate: Digest realm="r", nonce="n2"'] });
  const again = await peer.request('BYE');
  t.ok(again.headers.has('Authorization'), 'a challenged BYE is repeated with credentials');
  peer.answer(again, 200);
  await bye;
  t.equal(bench.server.stats.dialogs, 0);

  const asked = srf.request(`sip:127.0.0.1:${peer.port}`, { method: 'OPTIONS', headers: { 'X-A': '1' } });
  peer.answer(await peer.request('OPTIONS'), 200);
  const req = await asked;
  const answer = await new Promise<Res>((resolve) => req.on('response', resolve));
  t.equal(answer.status, 200);

  srf.register((request, res) =>
    res.send(200, { headers: { Contact: request.get('Contact'), Expires: '60' } }),
  );
  srf.message((_request, res) => res.send(200));
  await eventually('verbs routed', () => bench.server.stats.applications === 1);
  const registering = new Caller(peer);
  await new Promise((resolve) => setTimeout(resolve, 20));
  registering.request('REGISTER', ['Contact: ' + peer.contact]);
  t.equal((await registering.response(200, 'REGISTER')).headers.get('Contact'), peer.contact);
});

t.test('drachtio-srf with reliable provisional responses, a delayed offer, and subscriptions', async (t) => {
  const bench = await startBench(t, { timers: { t4Ms: 100 } });
  const srf = await withSrf(bench);
  t.teardown(() => disconnect(srf));
  const peer = await bench.peer();

  // As UAC: srf sends the PRACK by itself.
  const dialled = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, {
    localSdp: SDP,
    headers: { Supported: '100rel' },
  });
  const invite = await peer.request('INVITE');
  peer.answer(invite, 183, {
    headers: [`Contact: ${peer.contact}`, 'Require: 100rel', 'RSeq: 77'],
    body: SDP,
  });
  const prack = await peer.request('PRACK');
  t.equal(prack.headers.get('RAck'), `77 ${invite.cseq.seq} INVITE`);
  peer.answer(prack, 200);
  peer.answer(invite, 200, { headers: [`Contact: ${peer.contact}`], body: SDP });
  const dialog = await dialled;
  const ended = dialog.destroy();
  await peer.request('ACK');
  peer.answer(await peer.request('BYE'), 200);
  await ended;

  // As UAS: the callback for the PRACK, then the answer.
  const pracked = new Promise<string>((resolve) => {
    srf.invite((req, res) => {
      const done = (request: Req): void => {
        resolve(request.get('RAck'));
        void srf.createUAS(req, res, { localSdp: SDP }).then((uas) => uas.on('destroy', () => undefined));
      };
      res.send(183, { headers: { Require: '100rel' }, body: SDP }, () => undefined, done);
    });
  });
  await routed(bench, peer, 'INVITE');
  const call = new Caller(peer);
  call.invite(['Supported: 100rel']);
  const progress = await call.response(183);
  const rseq = progress.headers.get('RSeq') ?? '';
  call.request('PRACK', [`RAck: ${rseq} 1 INVITE`]);
  await call.response(200, 'PRACK');
  t.equal(await pracked, `${rseq} 1 INVITE`);
  await call.response(200);
  call.ack(1);
  call.request('BYE');
  await call.response(200, 'BYE');

  // An offer in the 200, its answer in the ACK.
  const offerless = srf.createUAC(`sip:bob@127.0.0.1:${peer.port}`, { noAck: true }) as unknown as Promise<{
    sdp: string;
    ack: (sdp: string) => Promise<Dlg>;
  }>;
  const bare = await peer.request('INVITE');
  t.equal(bare.body, '');
  peer.answer(bare, 200, { headers: [`Contact: ${peer.contact}`], body: SDP });
  const { sdp, ack } = await offerless;
  t.equal(sdp, SDP);
  const held = await ack(SDP.replace('4000', '4100'));
  t.match((await peer.request('ACK')).body, /4100/);
  const over = held.destroy();
  peer.answer(await peer.request('BYE'), 200);
  await over;

  srf.subscribe((req, res) => {
    void srf.createUAS(req, res, { headers: { Expires: '60' } }).then(async (subscription) => {
      await subscription.request({
        method: 'NOTIFY',
        headers: { 'Subscription-State': 'active', Event: 'dialog' },
      });
      await subscription.destroy();
    });
  });
  await routed(bench, peer, 'SUBSCRIBE');
  const watcher = new Caller(peer);
  watcher.request('SUBSCRIBE', [`Contact: ${peer.contact}`, 'Event: dialog', 'Expires: 60']);
  await watcher.response(202, 'SUBSCRIBE');
  peer.answer(await peer.request('NOTIFY'), 200);
  const last = await peer.request('NOTIFY');
  t.match(last.headers.get('Subscription-State'), /terminated/);
  peer.answer(last, 200);
  await eventually('nothing left', () => {
    const { dialogs, pending, calls } = bench.server.stats;
    return dialogs + pending + calls === 0;
  });
});

/** Waits until drachtio-srf serves a verb: it asks for it over its connection. */
async function routed(bench: Bench, peer: Peer, verb: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const probe = new Caller(peer);
    probe.request('PUBLISH');
    const allow = (await probe.response(405, 'PUBLISH')).headers.get('Allow') ?? '';
    if (allow.split(', ').includes(verb)) return;
  }
  throw new Error(`${verb} is never served at ${bench.controlPort}`);
}

t.test('nothing grows: after ten thousand calls every table is empty', { timeout: 180_000 }, async (t) => {
  const bench = await startBench(t, {
    timers: { t1Ms: 50, t2Ms: 200, t4Ms: 100, timeoutMs: 1000, completedMs: 500 },
  });
  const app = await bench.app(['invite']);
  const peer = await bench.peer();
  const CALLS = 10_000;
  let ended = 0;
  // The application and the peer answer whatever comes, as fast as they can.
  app.frames.push = (frame) => {
    const [start] = frame.raw.split(' ', 1);
    if (frame.fields[1] !== 'sip') return;
    if (start === 'INVITE') app.respondQuietly(frame, ended % 5 === 1 ? 486 : 200, SDP);
    else if (start === 'BYE') app.respondQuietly(frame, 200);
  };
  const calls = new Map<string, Caller>();
  peer.heard.push = (message) => {
    const call = calls.get(message.callId);
    if (message.kind !== 'response' || call === undefined || message.status < 200) return;
    call.remoteTag = message.toTag ?? '';
    if (message.cseq.method === 'INVITE') {
      call.lastStatus = message.status;
      call.ack(1);
      if (message.status < 300 && call.cseq === 2) call.request('BYE');
      if (message.status < 300) return;
    }
    if (calls.delete(message.callId)) ended++;
  };
  for (let made = 0; made < CALLS;) {
    for (let i = 0; i < 50 && calls.size < 40 && made < CALLS; i++, made++) {
      const call = new Caller(peer);
      calls.set(call.callId, call);
      call.invite();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually('all calls over', () => calls.size === 0, 60_000);
  await eventually(
    'empty tables',
    () => {
      const { dialogs, pending, calls: open, server, client, proxied } = bench.server.stats;
      return dialogs + pending + open + server + client + proxied === 0;
    },
    60_000,
  );
  t.equal(ended, CALLS);
});

t.test(
  'in process: a net.Socket for drachtio-srf in listen mode, errors with a code, drain, stop',
  async (t) => {
    const worker = await startSipWorker({
      listen: [{ name: 'udp', transport: 'udp', host: '127.0.0.1', port: 0 }],
      thread: false,
    });
    t.teardown(() => worker.stop());
    const port = worker.listeners[0]!.port;
    const taken = startSipWorker({
      listen: [{ name: 'udp', transport: 'udp', host: '127.0.0.1', port }],
      thread: false,
    });
    await t.rejects(taken, { code: 'PORT_IN_USE' });
    const far = startSipWorker({
      listen: [{ name: 'udp', transport: 'udp', host: '192.0.2.7', port: 0 }],
      thread: false,
    });
    await t.rejects(far, { code: 'ADDRESS_UNAVAILABLE' });

    const srf = newSrf() as TypedSrf & SrfLike;
    const server = new Server();
    srf.listen({ server, secret: 'unused' });
    srf.use((_req, _res, next) => next());
    srf.options((_req, res) => res.send(200));
    srf.use((_req, res) => res.send(405));
    const connected = new Promise((resolve) => srf.on('connect', resolve));
    server.emit('connection', worker.socket);
    await connected;
    const bench = { port };
    const peer = await Peer.open(bench);
    t.teardown(() => peer.close());
    const options = new Caller(peer);
    options.request('OPTIONS');
    await options.response(200, 'OPTIONS');
    const other = new Caller(peer);
    other.request('MESSAGE');
    await other.response(405, 'MESSAGE');
    worker.drain();
    const late = new Caller(peer);
    late.request('OPTIONS');
    t.ok((await late.response(503, 'OPTIONS')).headers.has('Retry-After'));
    t.match(await worker.stats(), { dialogs: 0, applications: 1 });
    const closed = new Promise((resolve) => worker.socket.once('close', resolve));
    await worker.stop();
    await closed;
  },
);
