import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createMediaLoad, type MediaLoad } from './media-load.js';
import { cpuSeconds, isInstalled, residentBytes, stopProcess } from './processes.js';
import { startRtpEngine } from './rtpengine.js';

const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), 'media-engine.js');
const WARM_MS = 3000;

export interface RelayFigures {
  readonly cpuUsPerPacket: number;
  readonly lost: number;
  readonly sent: number;
  readonly kilobytesPerCall?: number;
}

/**
 * Ahead of others where that is allowed: a load that comes late itself measures nothing.
 */
export function hurry(): void {
  try {
    setPriority(0, -10);
  } catch {
    // As it is, then.
  }
}

/** G.711 through the engine between two peers each, CPU of the whole process per packet relayed. */
export async function benchRelay(options: {
  core: number;
  calls: number;
  ms: number;
}): Promise<RelayFigures> {
  const { core, calls, ms } = options;
  const load = await createMediaLoad();
  const engine = await startEngine(core);
  try {
    // A few calls first, so that what every process needs once is there.
    const few = Math.min(20, calls);
    const first = await relayCalls(engine, load, few);
    await load.run(first, WARM_MS);
    const before = residentBytes(engine.process.pid!);
    const flows = [...first, ...(await relayCalls(engine, load, calls - few))];
    await load.run(flows, WARM_MS);
    const after = residentBytes(engine.process.pid!);
    const figures = await measure(engine.process.pid!, load, flows, ms);
    return { ...figures, kilobytesPerCall: (after - before) / 1000 / Math.max(1, calls - few) };
  } finally {
    load.close();
    await stopProcess(engine.process, 'SIGKILL');
  }
}

/** The same load through rtpengine in userspace; undefined where it is not installed. */
export async function benchRtpEngine(options: {
  core: number;
  calls: number;
  ms: number;
}): Promise<RelayFigures | undefined> {
  if (!isInstalled('rtpengine')) return undefined;
  const { core, calls, ms } = options;
  const load = await createMediaLoad();
  const engine = await startRtpEngine(core);
  try {
    const flows: { to: number; own: number }[] = [];
    for (let call = 0; call < calls; call++) {
      const [a, b] = pairOf(load, call);
      const [towardsA, towardsB] = await engine.call(a, b);
      flows.push({ to: towardsA, own: a }, { to: towardsB, own: b });
    }
    await load.run(flows, WARM_MS);
    return await measure(engine.process.pid!, load, flows, ms);
  } finally {
    engine.close();
    load.close();
    await stopProcess(engine.process, 'SIGKILL');
  }
}

async function measure(
  pid: number,
  load: MediaLoad,
  flows: readonly { to: number; own: number }[],
  ms: number,
): Promise<RelayFigures> {
  await load.quiet();
  load.take();
  const cpu = cpuSeconds(pid);
  const sent = await load.run(flows, ms);
  await load.quiet();
  const used = cpuSeconds(pid) - cpu;
  return { cpuUsPerPacket: (used * 1_000_000) / sent, lost: sent - load.take(), sent };
}

export interface PromptFigures {
  readonly gapP50: number;
  readonly gapP99: number;
  readonly gapMax: number;
  readonly cpuShare: number;
  /** By the engine's own count: the longest delay of a packet. Milliseconds. */
  readonly lateMs: number;
  readonly digitP50: number;
  readonly digitP99: number;
  readonly digits: number;
}

/** Calls that hear a prompt, and press digits that change it. `digits`: how many; 0: only the prompts. */
export async function benchPrompts(options: {
  core: number;
  calls: number;
  ms: number;
  digits: number;
}): Promise<PromptFigures> {
  const { core, calls, ms, digits } = options;
  const folder = mkdtempSync(join(tmpdir(), 'media-bench-'));
  const load = await createMediaLoad();
  const engine = await startEngine(core);
  try {
    const [prompt, next] = [wav(folder, 'a', 1000), wav(folder, 'b', 8000)];
    const own = Array.from({ length: calls }, (_, call) => load.ports[call % load.ports.length]!);
    const ports = await engine.ask({ kind: 'prompts', ports: own, prompt, next });
    await pause(WARM_MS);
    const gaps: number[] = [];
    const last = new Map<number, number>();
    /** By port: when the key was pressed, and what was heard then. */
    const waiting = new Map<number, { at: number; heard: number }>();
    const heard = new Map<number, number>();
    const delays: number[] = [];
    load.onArrival = ({ from, at, data }) => {
      const before = last.get(from);
      last.set(from, at);
      if (before !== undefined) gaps.push(at - before);
      const sound = data[60]!;
      heard.set(from, sound);
      const wait = waiting.get(from);
      if (wait === undefined || wait.heard === sound || sound === 0xff) return;
      waiting.delete(from);
      delays.push(at - wait.at);
    };
    const cpu = cpuSeconds(engine.process.pid!);
    const began = performance.now();
    for (let digit = 0; digit < digits; digit++) {
      await pause(ms / digits);
      const index = (digit * 37) % calls;
      const port = ports[index]!;
      waiting.set(port, { at: performance.now(), heard: heard.get(port) ?? 0 });
      load.press(port, own[index]!, digit % 10);
    }
    await pause(Math.max(300, ms - (performance.now() - began)));
    const cpuShare = (cpuSeconds(engine.process.pid!) - cpu) / ((performance.now() - began) / 1000);
    const [lateMs = 0] = await engine.ask({ kind: 'late', ports: [] });
    if (waiting.size > 0) throw new Error(`${waiting.size} digits were not heard`);
    const sortedGaps = Float64Array.from(gaps).sort();
    const sortedDelays = Float64Array.from(delays).sort();
    return {
      gapP50: share(sortedGaps, 0.5),
      gapP99: share(sortedGaps, 0.99),
      gapMax: share(sortedGaps, 1),
      cpuShare,
      lateMs,
      digitP50: share(sortedDelays, 0.5),
      digitP99: share(sortedDelays, 0.99),
      digits: delays.length,
    };
  } finally {
    load.close();
    await stopProcess(engine.process, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Engine {
  readonly process: ChildProcess;
  ask(command: object): Promise<number[]>;
}

async function startEngine(core: number): Promise<Engine> {
  const command = [process.execPath, SCRIPT];
  const pinned = isInstalled('taskset') ? ['taskset', '-c', String(core), ...command] : command;
  const child = spawn(pinned[0]!, pinned.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: Interface = createInterface({ input: child.stdout });
  const line = (): Promise<string> => new Promise((resolve) => lines.once('line', resolve));
  await line();
  return {
    process: child,
    ask: async (request) => {
      const answer = line();
      child.stdin.write(`${JSON.stringify(request)}\n`);
      return JSON.parse((await answer).slice('ports '.length)) as number[];
    },
  };
}

async function relayCalls(
  engine: Engine,
  load: MediaLoad,
  calls: number,
): Promise<{ to: number; own: number }[]> {
  const pairs = Array.from({ length: calls }, (_, call) => pairOf(load, call));
  const ports = await engine.ask({ kind: 'relay', ports: pairs });
  return pairs.flat().map((own, index) => ({ to: ports[index]!, own }));
}

function pairOf(load: MediaLoad, call: number): [number, number] {
  const { ports } = load;
  return [ports[(2 * call) % ports.length]!, ports[(2 * call + 1) % ports.length]!];
}

/** Five seconds of one value: each packet tells which prompt it is of. */
function wav(folder: string, name: string, value: number): string {
  const samples = 40_000;
  const data = Buffer.alloc(44 + samples * 2);
  data.write('RIFF', 0, 'latin1');
  data.writeUInt32LE(36 + samples * 2, 4);
  data.write('WAVEfmt ', 8, 'latin1');
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(1, 22);
  data.writeUInt32LE(8000, 24);
  data.writeUInt32LE(16_000, 28);
  data.writeUInt16LE(2, 32);
  data.writeUInt16LE(16, 34);
  data.write('data', 36, 'latin1');
  data.writeUInt32LE(samples * 2, 40);
  for (let index = 0; index < samples; index++) data.writeInt16LE(value, 44 + index * 2);
  const path = join(folder, `${name}.wav`);
  writeFileSync(path, data);
  return path;
}

function share(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
