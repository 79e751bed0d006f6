import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isInstalled, startPinned } from './processes.js';

const SCENARIOS = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'bench', 'sipp');

export interface LoadResult {
  readonly successful: number;
  readonly failed: number;
  readonly retransmissions: number;
}

export interface Load {
  readonly target: string;
  readonly port: number;
  /** Calls a second. */
  readonly rate: number;
  readonly calls: number;
  /** Time a call is held, milliseconds. */
  readonly holdMs: number;
  readonly core: number;
  /** Numbers that are called, in turn. */
  readonly numbers: readonly string[];
}

/** Runs SIPp as the caller; resolves with its own counts when all calls are through. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-bench-'));
  try {
    const stats = join(folder, 'stats.csv');
    const numbers = join(folder, 'numbers.csv');
    writeFileSync(numbers, `SEQUENTIAL\n${load.numbers.join('\n')}\n`);
    const command = [
      'sipp', load.target, '-sf', join(SCENARIOS, 'uac.xml'), '-inf', numbers, '-i', '127.0.0.1', '-p', String(load.port),
      '-r', String(load.rate), '-m', String(load.calls), '-l', '100000', '-d', String(load.holdMs),
      '-trace_stat', '-stf', stats, '-fd', '1', '-recv_timeout', '20000', '-nostdin',
    ]; // prettier-ignore
    const pinned = isInstalled('taskset') ? ['taskset', '-c', String(load.core), ...command] : command;
    await new Promise<void>((resolve, reject) => {
      const child = spawn(pinned[0]!, pinned.slice(1), {
        stdio: 'ignore',
        env: { ...process.env, TERM: 'dumb' },
      });
      child.once('error', reject);
      child.once('exit', () => resolve());
    });
    return readStats(readFileSync(stats, 'latin1'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts SIPp as the PBX that answers; stop it with `stopProcess`. */
export function startAnswerer(port: number, core: number) {
  return startPinned(
    core,
    ['sipp', '-sf', join(SCENARIOS, 'uas.xml'), '-i', '127.0.0.1', '-p', String(port), '-nostdin'],
    {
      ...process.env,
      TERM: 'dumb',
    },
  );
}

function readStats(text: string): LoadResult {
  const [head = '', ...rows] = text.trim().split('\n');
  const names = head.split(';');
  const last = rows.at(-1)?.split(';') ?? [];
  const valueOf = (name: string) => Number(last[names.indexOf(name)] ?? NaN);
  return {
    successful: valueOf('SuccessfulCall(C)'),
    failed: valueOf('FailedCall(C)'),
    retransmissions: valueOf('Retransmissions(C)'),
  };
}
