import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { freeSipPort } from './server-process.js';

const SCENARIOS = fileURLToPath(new URL('./sipp/', import.meta.url));

export interface SippRun {
  /** A file of test/wire/sipp (or an absolute path, without `.xml`), or one of SIPp's own scenarios (`uac`, `uas`). */
  readonly scenario: string;
  readonly port: number;
  /** Resolves when all its calls are through; rejects with what it says when one failed. */
  readonly done: Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface SippOptions {
  /** `host:port` to call; absent: waits for calls. */
  readonly target?: string;
  readonly number?: string;
  readonly calls?: number;
  readonly port?: number;
  /** Where it writes its errors; it must be there. */
  readonly folder?: string;
  /** Of its own. Default 127.0.0.1. */
  readonly address?: string;
  readonly transport?: 'u1' | 't1';
  /** Calls a second. */
  readonly rate?: number;
  readonly holdMs?: number;
  readonly arguments?: readonly string[];
}

const TIMEOUT_S = 40;

/** Runs SIPp as one side of a call. It has bound its port when this resolves. */
export async function sipp(t: Test, scenario: string, options: SippOptions = {}): Promise<SippRun> {
  const port = options.port ?? (await freeSipPort());
  const own = scenario === 'uac' || scenario === 'uas';
  const errors = join(options.folder ?? t.testdirName, `${basename(scenario)}-${port}.err`);
  const command = [
    ...(own ? ['-sn', scenario] : ['-sf', resolve(SCENARIOS, `${scenario}.xml`)]),
    ...(options.target === undefined ? [] : [options.target]),
    ...(options.number === undefined ? [] : ['-s', options.number]),
    ...[
      '-i',
      options.address ?? '127.0.0.1',
      '-p',
      String(port),
      '-m',
      String(options.calls ?? 1),
      '-t',
      options.transport ?? 'u1',
    ],
    ...['-r', String(options.rate ?? 10), '-d', String(options.holdMs ?? 100)],
    ...['-timeout', String(TIMEOUT_S), '-timeout_error', '-nostdin', '-trace_err', '-error_file', errors],
    // That the machine is slow is no reason to give up.
    ...['-watchdog_minor_threshold', '30000', '-watchdog_major_threshold', '60000'],
    ...(options.arguments ?? []),
  ];
  const child = spawn('sipp', command, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TERM: 'dumb' },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
  child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? -1)));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const done = ended.then((code) => {
    if (code !== 0)
      throw new Error(
        `sipp ${scenario} ended with ${code}:\n${tryRead(errors)}\n${output.slice(0, 500)}\n${output.slice(-2000)}`,
      );
  });
  // Whoever awaits it later must not be too late for an early failure.
  done.catch(() => undefined);
  if (options.target === undefined) await isBound(port, ended);
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  return { scenario, port, done, stop };
}

/** Waits until the kernel shows the UDP or TCP port as bound. */
async function isBound(port: number, ended: Promise<number>): Promise<void> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const state = { over: false };
  void ended.then(() => (state.over = true));
  const bound = () =>
    ['udp', 'tcp'].some((table) => readFileSync(`/proc/net/${table}`, 'utf8').includes(`:${hex} 00000000`));
  while (!bound()) {
    if (state.over) throw new Error('sipp ended before it listened');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function tryRead(file: string): string {
  try {
    return readFileSync(file, 'latin1').slice(-4000);
  } catch {
    return '';
  }
}
