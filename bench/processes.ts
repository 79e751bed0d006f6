import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second of /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100;

export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** Starts a program pinned to one core, where `taskset` is there. */
export function startPinned(
  core: number,
  command: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const pinned = isInstalled('taskset') ? ['taskset', '-c', String(core), ...command] : command;
  return spawn(pinned[0]!, pinned.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env });
}

/** Resolves when the program's output holds `text`; rejects with what it said when it ends before. */
export function waitForOutput(child: ChildProcess, text: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(
      () => reject(new Error(`no "${text}" within ${timeoutMs} ms:\n${output}`)),
      timeoutMs,
    );
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes(text)) return;
      clearTimeout(timer);
      resolve(output);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code ?? 'a signal'}:\n${output}`));
    });
  });
}

/** CPU seconds a process and its descendants have used, all threads, user and system. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const each of familyOf(pid)) {
    const stat = readFileSync(`/proc/${each}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_S;
}

/** Resident memory of a process and its descendants, bytes. */
export function residentBytes(pid: number): number {
  let kilobytes = 0;
  for (const each of familyOf(pid)) {
    const match = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${each}/status`, 'utf8'));
    kilobytes += Number(match?.[1] ?? 0);
  }
  return kilobytes * 1024;
}

function familyOf(pid: number): number[] {
  const family = [pid];
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // The process ended meanwhile.
    }
  }
  for (let index = 0; index < family.length; index++) {
    for (const [child, parent] of parents) if (parent === family[index]) family.push(child);
  }
  return family;
}

/** Ends a program with all its descendants and waits until it is gone. */
export async function stopProcess(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const family = familyOf(child.pid!);
  const kill = (each: number, by: NodeJS.Signals) => {
    try {
      process.kill(each, by);
    } catch {
      // It is gone already.
    }
  };
  // The parent first, so that it starts no new ones.
  for (const each of family) kill(each, signal);
  const timer = setTimeout(() => family.forEach((each) => kill(each, 'SIGKILL')), 5000);
  await gone;
  clearTimeout(timer);
}

/** A UDP port of the loopback address that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
