import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createSocket } from 'node:dgram';
import { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import ts from 'typescript';
import type * as Door from '../../src/sip-server/index.js';
import { App, Caller, newSrf, Peer, SECRET, type SrfLike } from './server-helpers.js';

/** A thread needs the compiled sources; these three rooms are compiled to a folder of their own. */
function compile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sip-server-'));
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
  };
  for (const room of ['base', 'sip', 'sip-server']) {
    for (const file of readdirSync(join('src', room), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      const target = join(folder, 'src', room, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      const source = readFileSync(join('src', room, file), 'utf8');
      writeFileSync(target, ts.transpileModule(source, { compilerOptions }).outputText);
    }
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}

const folder = compile();
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const door = (await import(pathToFileURL(join(folder, 'src/sip-server/index.js')).href)) as typeof Door;

type Handler = (
  req: { get(name: string): string },
  res: { send(status: number): void },
  next: () => void,
) => void;

t.test('the server in a thread of its own serves drachtio-srf over a MessagePort', async (t) => {
  let toldOf!: (reports: readonly object[]) => void;
  const malformed = new Promise<readonly object[]>((resolve) => (toldOf = resolve));
  const worker = await door.startSipWorker({
    listen: [
      { name: 'udp', transport: 'udp', host: '127.0.0.1', port: 0 },
      { name: 'tcp', transport: 'tcp', host: '127.0.0.1', port: 0 },
    ],
    secret: SECRET,
    control: { port: 0 },
    onMalformed: (reports) => toldOf(reports),
  });
  t.teardown(() => worker.stop());
  t.same(
    worker.listeners.map(({ name, transport, address }) => [name, transport, address]),
    [
      ['udp', 'udp', '127.0.0.1'],
      ['tcp', 'tcp', '127.0.0.1'],
    ],
  );
  const srf = newSrf() as SrfLike & Record<'use' | 'options' | 'message', (handler: Handler) => void>;
  const server = new Server();
  srf.listen({ server, secret: 'unused' });
  srf.use((_req, _res, next) => next());
  srf.options((_req, res) => res.send(200));
  srf.use((_req, res) => res.send(405));
  const connected = new Promise((done) => srf.on('connect', done));
  server.emit('connection', worker.socket);
  await connected;
  const peer = await Peer.open({ port: worker.listeners[0]!.port });
  t.teardown(() => peer.close());
  const callers = Array.from({ length: 50 }, () => new Caller(peer));
  for (const caller of callers) caller.request('OPTIONS', ['X-Umlaut: äöü €']);
  for (const caller of callers) await caller.response(200, 'OPTIONS');

  const scanner = createSocket('udp4');
  t.teardown(() => scanner.close());
  for (let i = 0; i < 5; i++)
    scanner.send('BOGUS nonsense SIP/2.0\r\n\r\n', worker.listeners[0]!.port, '127.0.0.1');
  const [report, ...others] = await malformed;
  t.match(report, { address: '127.0.0.1' });
  t.same(others, [], 'one entry for each source');

  // Another application on the TCP port takes the verbs it asks for.
  const app = await App.connect(worker.control!.port);
  await app.login(['message']);
  new Caller(peer).request('MESSAGE');
  await app.respond(await app.sip('MESSAGE'), 202);
  await peer.response(202, 'MESSAGE');
  app.socket.destroy();
  await app.closed;

  await worker.setGate({
    trusted: ['127.0.0.0/8'],
    denied: [],
    banned: [],
    unknownRate: { perSourcePerS: 1, burst: 1, totalPerS: 1 },
    observe: false,
  });
  await t.rejects(
    worker.setGate({
      trusted: ['nonsense'],
      denied: [],
      banned: [],
      unknownRate: { perSourcePerS: 1, burst: 1, totalPerS: 1 },
      observe: false,
    }),
    { name: 'AppError' },
    'rules that make no sense are refused, and the server goes on',
  );
  t.equal((await worker.stats()).dialogs, 0);
  worker.drain();
  const late = new Caller(peer);
  late.request('OPTIONS');
  await late.response(503, 'OPTIONS');
  const closed = new Promise((done) => worker.socket.once('close', done));
  await worker.stop();
  await closed;
});

t.test('what fails at the start crosses the thread with its code', async (t) => {
  const taken = await Peer.open({ port: 0 });
  t.teardown(() => taken.close());
  const listen = [{ name: 'udp', transport: 'udp' as const, host: '127.0.0.1', port: taken.port }];
  await t.rejects(door.startSipWorker({ listen }), { code: 'PORT_IN_USE' });
});

t.test('alone, as a drop-in for drachtio-server', async (t) => {
  const alone = await door.runStandalone({
    listen: ['udp://127.0.0.1:0', 'tcp://[::1]:0'],
    control: '127.0.0.1:0',
    secret: SECRET,
  });
  t.teardown(() => alone.stop());
  t.match(alone.listeners, [/^udp\/127\.0\.0\.1:\d+$/, /^tcp\/\[?::1\]?:\d+$/]);
  const app = await App.connect(Number(alone.control.split(':').at(-1)));
  const ok = await app.ask(`authenticate|${SECRET}|`);
  t.equal(ok.fields[6], alone.listeners.join(','));
  app.socket.destroy();
  t.same(door.parseListenUrl('tcp://0.0.0.0:5080'), {
    name: 'tcp-1',
    transport: 'tcp',
    host: '0.0.0.0',
    port: 5080,
  });
  t.same(door.parseListenUrl('udp://[::1]'), { name: 'udp-1', transport: 'udp', host: '::1', port: 5060 });
  for (const bad of ['5060', 'tls://x', 'udp://a:b', 'udp://1.2.3.4:99999']) {
    t.throws(() => door.parseListenUrl(bad), { code: 'USAGE' });
  }
  await t.rejects(door.runStandalone({ listen: [], secret: 'x' }), { code: 'USAGE' });
  await t.rejects(door.runStandalone({ listen: ['udp://127.0.0.1:0'], control: '127.0.0.1:0', secret: '' }), {
    code: 'SETTINGS_INVALID',
  });
});
