import { randomInt } from 'node:crypto';
import { createInterface } from 'node:readline';
import { systemClock } from '../src/base/clock.js';
import { silentLogger } from '../src/base/logger.js';
import { createAudioCache, createEmbeddedEngine, type Clip, type MediaSession } from '../src/media/index.js';

/**
 * The media engine as a process of its own, steered by lines of JSON: `{kind: 'relay', ports: [[a, b], …]}` bridges a call for each pair of
 * the peers' ports, `{kind: 'prompts', ports: [...], prompt, next}` plays a prompt to each and the next one at each digit. Answers with the engine's
 * own ports in the same order. `{kind: 'late'}` is answered with the longest delay of a packet in the last ten seconds.
 */
interface Command {
  readonly kind: 'relay' | 'prompts' | 'late';
  readonly ports: readonly (number | readonly [number, number])[];
  readonly prompt?: string;
  readonly next?: string;
}

const ADDRESS = '127.0.0.1';
const engine = createEmbeddedEngine(
  { workers: 1, ports: { min: 20_000, max: 29_999 }, rtpTimeoutMs: 0 },
  {
    clock: systemClock,
    logger: silentLogger,
    random: () => randomInt(2 ** 47) / 2 ** 47,
    cache: createAudioCache({ maxBytes: 50_000_000 }),
  },
);
await engine.start();
console.log('ready');

createInterface({ input: process.stdin }).on('line', (line) => {
  void run(JSON.parse(line) as Command).then((ports) => console.log(`ports ${JSON.stringify(ports)}`));
});

async function run(command: Command): Promise<number[]> {
  if (command.kind === 'late') return [engine.load().lateMs];
  const ours: number[] = [];
  for (const entry of command.ports) {
    if (typeof entry === 'number') {
      const session = await leg(entry, ours);
      const prompt: Clip = { kind: 'file', path: command.prompt! };
      const next: Clip = { kind: 'file', path: command.next! };
      void menu(session, [prompt, next]);
      continue;
    }
    const a = await leg(entry[0], ours);
    const b = await leg(entry[1], ours, a);
    engine.bridge(a, b);
  }
  return ours;
}

async function leg(port: number, ours: number[], near?: MediaSession): Promise<MediaSession> {
  const session = await engine.open({ callId: 'bench', address: ADDRESS, ...(near && { near }) }, {});
  const answer = session.answer(
    `v=0\r\no=- 1 1 IN IP4 ${ADDRESS}\r\ns=-\r\nc=IN IP4 ${ADDRESS}\r\nt=0 0\r\n` +
      `m=audio ${port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n`,
  );
  ours.push(Number(/^m=audio (\d+)/m.exec(answer)![1]));
  return session;
}

/** A menu without end: each digit changes to the other prompt. */
async function menu(session: MediaSession, prompts: readonly [Clip, Clip]): Promise<void> {
  for (let turn = 0; ; turn++) {
    const { kind } = await session.collect({
      prompt: Array.from({ length: 30 }, () => prompts[turn % 2]!),
      bargeIn: true,
      typeAhead: false,
      maxDigits: 1,
      terminators: '',
      firstDigitMs: 60_000,
      interDigitMs: 1000,
    }).ended;
    if (kind === 'closed') return;
  }
}
