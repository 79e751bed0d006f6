import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import ts from 'typescript';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/logger.js';
import type * as Door from '../../src/media/index.js';
import { contract } from './contract.js';
import { RtpPeer } from './rtp-peer.js';

/** A thread needs the compiled sources; these rooms are compiled to a folder of their own. */
function compile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'media-'));
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
  };
  for (const room of ['base', 'model', 'sip', 'media']) {
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
const door = (await import(pathToFileURL(join(folder, 'src/media/index.js')).href)) as typeof Door;

const NO_CLIP = { ms: 1 } as unknown as Door.EncodedClip;

function createEngine(workers = 1): Door.MediaEngine {
  const cache = door.createAudioCache({ maxBytes: 10_000_000 });
  return door.createEmbeddedEngine(
    { workers },
    {
      clock: systemClock,
      logger: silentLogger,
      random: Math.random,
      cache: {
        get: (clip) =>
          clip.kind === 'tone' && clip.tone === 'busy' ? Promise.resolve(NO_CLIP) : cache.get(clip),
      },
    },
  );
}

t.test('the embedded engine keeps the contract in a thread of its own', (t) => {
  contract(t, () => createEngine());
  t.end();
});

t.test(
  'when a thread dies its sessions are lost, all that ran on them ends, and a new one takes its place',
  async (t) => {
    const engine = createEngine();
    await engine.start();
    t.teardown(() => engine.stop());
    const peer = await RtpPeer.open();
    t.teardown(() => peer.close());
    let lost: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (lost = resolve));
    const session = await engine.open({ callId: 'x', address: '127.0.0.1' }, { lost: () => lost() });
    peer.aim(session.answer(peer.sdp()));
    await peer.hear(2);
    const path = join(folder, 'lost.wav');
    const running: Promise<unknown>[] = [
      session.play([{ kind: 'silence', ms: 10_000 }], { times: 0 }).ended,
      session.collect({
        bargeIn: true,
        typeAhead: false,
        maxDigits: 1,
        terminators: '',
        firstDigitMs: 60_000,
        interDigitMs: 60_000,
      }).ended,
      session.record({ path, what: 'peer', maxMs: 60_000 }).ended,
      session.sendDigits('123456789'),
      engine.mix().play([]).ended,
    ];
    await peer.hear(3);
    // Nothing that comes from outside makes a worker fail, so it is given a clip that is none.
    const victim = await engine.open({ callId: 'x', address: '127.0.0.1' }, {});
    running.push(victim.play([{ kind: 'tone', tone: 'busy', ms: 1 }]).ended);
    await gone;
    t.match(await Promise.all(running), [
      { kind: 'closed' },
      { kind: 'closed' },
      { kind: 'failed' },
      undefined,
      { kind: 'done' },
      { kind: 'closed' },
    ]);
    t.equal(session.closed, true);
    t.equal(engine.load().sessions, 0);
    const again = await reopened(engine);
    peer.aim(again.answer(peer.sdp({ version: 2 })));
    await peer.hear(2);
  },
);

async function reopened(engine: Door.MediaEngine): Promise<Door.MediaSession> {
  for (;;) {
    try {
      return await engine.open({ callId: 'y', address: '127.0.0.1' }, {});
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
