import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchDidIndex } from './did-index.js';
import { startKamailio } from './kamailio.js';
import { benchPrompts, benchRelay, benchRtpEngine, hurry } from './media.js';
import { benchMachine } from './plan-machine.js';
import { probePostDialDelay } from './probe.js';
import { cpuSeconds, freePort, isInstalled, residentBytes, startPinned, stopProcess } from './processes.js';
import { runLoad, startAnswerer, type LoadResult } from './sipp-load.js';
import { benchQueues } from './queues.js';
import { benchParse } from './sip-parse.js';
import { startTrunkline } from './trunkline.js';

/** One line of the table and of the JSON file. */
interface Figure {
  readonly name: string;
  readonly value: number | string;
  readonly unit: string;
  readonly reach?: string;
}

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const SERVER_PORT = await freePort();
const GATEWAY_PORT = await freePort();
const CALLER_PORT = await freePort();
const GATEWAY = `127.0.0.1:${GATEWAY_PORT}`;
const DIDS = 100_000;
const numbers = Array.from({ length: DIDS }, (_, index) => `+1202${5_000_000 + index}`);
const called = Array.from({ length: 1000 }, (_, index) => numbers[(index * 7919) % DIDS]!);
const figures: Figure[] = [];

const PARTS: Readonly<Record<string, () => void | Promise<void>>> = {
  parse: () => {
    note('messages parsed (800-byte INVITE)', round(benchParse().messagesPerSecond), '/s', '≥ 150,000');
  },
  dids: () => {
    for (const size of [100_000, 1_000_000]) {
      const { nsPerLookup, bytesPerDid } = benchDidIndex(size);
      const last = size === 1_000_000;
      note(`DID look-up at ${size} DIDs`, round(nsPerLookup), 'ns', last ? '≤ 500' : undefined);
      note(`memory per DID at ${size} DIDs`, round(bytesPerDid), 'B', last ? '≤ 225' : undefined);
    }
  },
  queues: () => {
    const { placement, announcement, snapshot } = benchQueues();
    note('placing a caller, 2,000 waiting in 20 queues for 200 agents', round(placement, 1), 'µs', '≤ 100');
    note('telling one of them position and wait', round(announcement, 1), 'µs');
    note('a snapshot of them all', round(snapshot / 1000, 2), 'ms');
  },
  machine: () => note('plan machine, DID to extension', round(benchMachine().nsPerBegin), 'ns'),
  calls: benchCalls,
  rate: benchRate,
  delay: benchDelay,
  memory: benchMemory,
  garbage: benchGarbage,
  relay: benchMediaRelay,
  prompts: () => benchMediaPrompts(500, 0),
  dtmf: () => benchMediaPrompts(200, 200),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`);
  process.exit(2);
}
const onWire = new Set(['calls', 'rate', 'delay', 'memory', 'garbage']);
for (const [name, part] of Object.entries(PARTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  if (onWire.has(name) && name !== 'delay' && !isInstalled('sipp')) {
    console.log(`left out: ${name} (sipp is not installed)`);
    continue;
  }
  await part();
}
report();

/** CPU per call, ours and Kamailio's, on the same load and the same core. */
async function benchCalls(): Promise<void> {
  const rate = 300;
  const calls = rate * 30;
  const ours = await measure(
    async (folder, gateway) => {
      const server = await startTrunkline({ folder, port: SERVER_PORT, core: SERVER_CORE, numbers, gateway });
      return { server, port: SERVER_PORT };
    },
    rate,
    calls,
  );
  note('CPU per call at 300 CPS, Trunkline', ours.cpuMs, 'ms');
  noteLoad('300 CPS, Trunkline', ours.load);
  if (!isInstalled('kamailio')) {
    console.log('left out: the comparison with Kamailio (kamailio is not installed)');
    return;
  }
  const theirs = await measure(
    async (folder, gateway) => {
      const server = await startKamailio({ folder, port: SERVER_PORT, core: SERVER_CORE, numbers, gateway });
      return { server, port: SERVER_PORT };
    },
    rate,
    calls,
  );
  note('CPU per call at 300 CPS, Kamailio relay', theirs.cpuMs, 'ms');
  noteLoad('300 CPS, Kamailio', theirs.load);
  note('CPU per call, ratio to Kamailio', round(ours.cpuMs / theirs.cpuMs, 2), '×', '≤ 2.2');
}

async function measure(
  start: (
    folder: string,
    gateway: string,
  ) => Promise<{ server: ReturnType<typeof startPinned>; port: number }>,
  rate: number,
  calls: number,
): Promise<{ cpuMs: number; load: LoadResult }> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-bench-'));
  const answerer = startAnswerer(GATEWAY_PORT, LOAD_CORE);
  const { server, port } = await start(folder, GATEWAY);
  try {
    const load = {
      target: `127.0.0.1:${port}`,
      port: CALLER_PORT,
      rate,
      holdMs: 1000,
      core: LOAD_CORE,
      numbers: called,
    };
    await runLoad({ ...load, calls: rate * 8 });
    const before = cpuSeconds(server.pid!);
    const result = await runLoad({ ...load, calls });
    const cpuMs = round(((cpuSeconds(server.pid!) - before) * 1000) / calls, 3);
    return { cpuMs, load: result };
  } finally {
    await stopProcess(server, 'SIGKILL');
    await stopProcess(answerer, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The highest of some rates at which no call fails and nothing is sent twice, the server on one core and the load on the other. */
async function benchRate(): Promise<void> {
  let best = 0;
  for (const rate of [300, 400, 500, 600, 700]) {
    const { load } = await withTrunkline(SERVER_CORE, async (port) => {
      await runLoad({
        target: `127.0.0.1:${port}`,
        port: CALLER_PORT,
        rate: 200,
        holdMs: 500,
        core: LOAD_CORE,
        numbers: called,
        calls: 2000,
      });
      return {
        load: await runLoad({
          target: `127.0.0.1:${port}`,
          port: CALLER_PORT,
          rate,
          holdMs: 1000,
          core: LOAD_CORE,
          numbers: called,
          calls: rate * 20,
        }),
      };
    });
    noteLoad(`${rate} CPS`, load);
    if (load.failed > 0 || load.retransmissions > 0) break;
    best = rate;
  }
  note('calls a second without failure or retransmission', best, '/s', '≥ 500');
}

async function benchDelay(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-bench-'));
  const server = await startTrunkline({
    folder,
    port: SERVER_PORT,
    core: SERVER_CORE,
    numbers,
    gateway: GATEWAY,
  });
  try {
    const probe = {
      targetPort: SERVER_PORT,
      gatewayPort: GATEWAY_PORT,
      rate: 100,
      number: (index: number) => called[index % called.length]!,
    };
    await probePostDialDelay({ ...probe, calls: 500 });
    const delay = await probePostDialDelay({ ...probe, calls: 2000 });
    note('added post-dial delay at 100 CPS, p50', round(delay.p50, 2), 'ms', '≤ 3');
    note('added post-dial delay at 100 CPS, p99', round(delay.p99, 2), 'ms', '≤ 15');
  } finally {
    await stopProcess(server, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Growth of resident memory between few and many held calls. */
async function benchMemory(): Promise<void> {
  const rate = 250;
  const calls = 10_000;
  const bytes = await withTrunkline(SERVER_CORE, async (port, server) => {
    const load = { target: `127.0.0.1:${port}`, port: CALLER_PORT, rate, core: LOAD_CORE, numbers: called };
    await runLoad({ ...load, holdMs: 500, calls: 5000 });
    const before = residentBytes(server.pid!);
    const held = runLoad({ ...load, holdMs: (calls / rate) * 1000 + 15_000, calls });
    await new Promise((resolve) => setTimeout(resolve, (calls / rate) * 1000 + 5000));
    const during = residentBytes(server.pid!);
    noteLoad(`${calls} held calls`, await held);
    return (during - before) / calls;
  });
  note('memory per held call', round(bytes / 1000, 1), 'kB', '≤ 25');
}

async function benchGarbage(): Promise<void> {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'garbage.js');
  const load = await withTrunkline(SERVER_CORE, async (port) => {
    const flood = startPinned(LOAD_CORE, [process.execPath, script, String(port), '20000']);
    try {
      return await runLoad({
        target: `127.0.0.1:${port}`,
        port: CALLER_PORT,
        rate: 100,
        holdMs: 1000,
        core: LOAD_CORE,
        numbers: called,
        calls: 2000,
      });
    } finally {
      await stopProcess(flood);
    }
  });
  note('real calls failed at 100 CPS beside 20,000 datagrams of garbage a second', load.failed, 'calls', '0');
}

/** Relayed G.711, ours and rtpengine's in userspace, on the same load and the same core. */
async function benchMediaRelay(): Promise<void> {
  hurry();
  const load = { core: SERVER_CORE, calls: 200, ms: 10_000 };
  const ours = await benchRelay(load);
  note('CPU per relayed packet at 200 calls', round(ours.cpuUsPerPacket, 1), 'µs', '≤ 20');
  note(`packets lost of ${ours.sent}`, ours.lost, 'packets', '0');
  note('memory per media call', round(ours.kilobytesPerCall ?? 0, 1), 'kB', '≤ 60');
  const theirs = await benchRtpEngine(load);
  if (theirs === undefined) {
    console.log('left out: the comparison with rtpengine (rtpengine is not installed)');
    return;
  }
  note('CPU per relayed packet, rtpengine in userspace', round(theirs.cpuUsPerPacket, 1), 'µs');
  note('CPU per relayed packet, ratio', round(ours.cpuUsPerPacket / theirs.cpuUsPerPacket, 2), '×');
}

/** Calls that hear a prompt from one worker; some press a digit that changes it. */
async function benchMediaPrompts(calls: number, digits: number): Promise<void> {
  hurry();
  const figures = await benchPrompts({ core: SERVER_CORE, calls, ms: 10_000, digits });
  if (digits > 0) {
    note('digit to the first packet of the next prompt, p50', round(figures.digitP50, 1), 'ms');
    note('digit to the first packet of the next prompt, p99', round(figures.digitP99, 1), 'ms', '≤ 60');
    return;
  }
  note(`gap between packets of ${calls} prompts, p50`, round(figures.gapP50, 2), 'ms');
  note(`gap between packets of ${calls} prompts, p99`, round(figures.gapP99, 2), 'ms', '≤ 22');
  note(`CPU of ${calls} prompts`, round(figures.cpuShare * 100, 1), '% of a core');
  note('longest delay of a packet, by the engine itself', round(figures.lateMs, 1), 'ms');
}

async function withTrunkline<T>(
  core: number,
  use: (port: number, server: ReturnType<typeof startPinned>) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-bench-'));
  const answerer = startAnswerer(GATEWAY_PORT, LOAD_CORE);
  const server = await startTrunkline({ folder, port: SERVER_PORT, core, numbers, gateway: GATEWAY });
  try {
    return await use(SERVER_PORT, server);
  } finally {
    await stopProcess(server, 'SIGKILL');
    await stopProcess(answerer, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function note(name: string, value: number | string, unit: string, reach?: string): void {
  const figure: Figure = { name, value, unit, ...(reach !== undefined && { reach }) };
  figures.push(figure);
  console.log(`${name}: ${value} ${unit}${reach === undefined ? '' : `   (reach ${reach})`}`);
}

function noteLoad(name: string, load: LoadResult): void {
  note(`${name}: calls that failed`, load.failed, 'calls');
  note(`${name}: retransmissions`, load.retransmissions, 'messages');
}

function round(value: number, digits = 0): number {
  return Number(value.toFixed(digits));
}

function report(): void {
  const rows = figures.map(
    ({ name, value, unit, reach }) => `| ${name} | ${value} ${unit} | ${reach ?? ''} |`,
  );
  console.log(`\n| figure | measured | reach |\n|---|---|---|\n${rows.join('\n')}`);
  mkdirSync('bench-results', { recursive: true });
  const file = join('bench-results', `${new Date().toISOString().replace(/[:.]/g, '-')}.json`);
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? '', cores: cpus().length };
  writeFileSync(file, `${JSON.stringify({ machine, figures }, null, 2)}\n`);
  console.log(`\nwritten to ${file}`);
}
