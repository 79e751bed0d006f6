import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const START_MS = 60_000;

export interface ServerFiles {
  /** Further lines under `sip:`. */
  readonly sip?: string;
  /** Further sections: `trunks:` and so on. */
  readonly settings: string;
  readonly dialplan: string;
  /** Further files, by their path in the folder: prompts. */
  readonly more?: Readonly<Record<string, Uint8Array>>;
}

/** The built server as a process of its own, with files of its own in a folder of the test. */
export interface ServerProcess {
  readonly sipPort: number;
  readonly apiUrl: string;
  readonly folder: string;
  /** All it has printed. */
  output(): string;
  api(path: string, init?: RequestInit): Promise<{ status: number; body: Record<string, unknown> }>;
  /** Polls the API until `isDone` holds of the answer; the way to wait for a record that is written after the BYE. */
  waitFor(path: string, isDone: (body: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Starts anew on the same files and ports. */
  again(): Promise<ServerProcess>;
}

/**
 * Two ports in one: free for UDP and TCP. Below those the system hands out (and those of media), so that nobody else takes it while its
 * owner, a PBX between two calls for instance, is away.
 */
export async function freeSipPort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    const isFreeForUdp = await new Promise<boolean>((resolve) => {
      const socket = createSocket('udp4');
      socket.once('error', () => {
        socket.close();
        resolve(false);
      });
      socket.bind(port, () => {
        socket.close(() => resolve(true));
      });
    });
    const isFreeForTcp = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen(port, () => server.close(() => resolve(true)));
    });
    if (isFreeForUdp && isFreeForTcp) return port;
  }
}

export async function startServer(t: Test, files: ServerFiles): Promise<ServerProcess> {
  const folder = t.testdir();
  const sipPort = await freeSipPort();
  const apiPort = await freeSipPort();
  mkdirSync(join(folder, 'dialplans'), { recursive: true });
  writeFileSync(join(folder, 'dialplans', 'main.yaml'), files.dialplan);
  for (const [path, bytes] of Object.entries(files.more ?? {})) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  writeFileSync(
    join(folder, 'trunkline.yaml'),
    `sip:
  listen: ["udp://127.0.0.1:${sipPort}", "tcp://127.0.0.1:${sipPort}"]
  domain: voice.example.com
${files.sip ?? ''}
numbers: { country: US, area-code: "202" }
dialplans: dialplans
api: { listen: "127.0.0.1:${apiPort}" }
store: { path: data/trunkline.db }
${files.settings}`,
  );
  return run(t, folder, sipPort, apiPort);
}

async function run(t: Test, folder: string, sipPort: number, apiPort: number): Promise<ServerProcess> {
  const child: ChildProcess = spawn(
    process.execPath,
    [MAIN, 'start', '--config', join(folder, 'trunkline.yaml')],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      // The test runner's own loaders have no business in the server.
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  let output = '';
  const ended = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? '')),
  );
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready in time:\n${output}`)), START_MS);
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes('Ready.')) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    void ended.then((code) => reject(new Error(`ended with ${code}:\n${output}`)));
  });
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const api: ServerProcess['api'] = async (path, init) => {
    const response = await fetch(apiUrl + path, init);
    const text = await response.text();
    return {
      status: response.status,
      body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
    };
  };
  return {
    sipPort,
    apiUrl,
    folder,
    output: () => output,
    api,
    waitFor: async (path, isDone) => {
      for (let tries = 0; tries < 200; tries++) {
        const { body } = await api(path);
        if (isDone(body)) return body;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(
        `${path} did not come to what was waited for:\n${JSON.stringify((await api(path)).body)}`,
      );
    },
    signal: (name) => void child.kill(name),
    ended,
    again: () => run(t, folder, sipPort, apiPort),
  };
}
