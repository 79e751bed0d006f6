import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { freePort, startPinned, waitForOutput } from './processes.js';

type Bencoded = string | number | readonly Bencoded[] | { readonly [key: string]: Bencoded };

/** rtpengine in userspace (no kernel module), one thread, steered over its NG protocol. */
export interface RtpEngine {
  readonly process: ChildProcess;
  /** A call between two peers' ports; returns the ports it opened towards each. */
  call(a: number, b: number): Promise<[number, number]>;
  close(): void;
}

export async function startRtpEngine(core: number): Promise<RtpEngine> {
  const control = await freePort();
  const child = startPinned(core, [
    'rtpengine',
    '--config-file=none',
    '--interface=127.0.0.1',
    `--listen-ng=127.0.0.1:${control}`,
    '--table=-1',
    '--foreground',
    '--log-stderr',
    '--log-level=6',
    '--num-threads=1',
    '--port-min=30000',
    '--port-max=39999',
  ]);
  await waitForOutput(child, 'Startup complete', 10_000);
  child.stdout?.resume();
  child.stderr?.resume();
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  let cookie = 0;
  const ask = (command: Record<string, Bencoded>): Promise<string> =>
    new Promise((resolve, reject) => {
      const id = `c${++cookie}`;
      const timer = setTimeout(() => reject(new Error('rtpengine does not answer')), 5000);
      const hear = (data: Buffer): void => {
        const text = data.toString('latin1');
        if (!text.startsWith(`${id} `)) return;
        clearTimeout(timer);
        socket.off('message', hear);
        resolve(text);
      };
      socket.on('message', hear);
      socket.send(`${id} ${bencode(command)}`, control, '127.0.0.1');
    });
  let calls = 0;
  return {
    process: child,
    call: async (a, b) => {
      const id = `bench-${++calls}`;
      const common = { 'call-id': id, 'from-tag': 'a', replace: ['origin'], ICE: 'remove' };
      const towardsB = await ask({ command: 'offer', ...common, sdp: sdp(a) });
      const towardsA = await ask({ command: 'answer', ...common, 'to-tag': 'b', sdp: sdp(b) });
      return [portIn(towardsA), portIn(towardsB)];
    },
    close: () => socket.close(),
  };
}

function bencode(value: Bencoded): string {
  if (typeof value === 'number') return `i${value}e`;
  if (typeof value === 'string') return `${Buffer.byteLength(value)}:${value}`;
  if (Array.isArray(value)) return `l${value.map(bencode).join('')}e`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `d${entries.map(([key, entry]) => bencode(key) + bencode(entry)).join('')}e`;
}

function sdp(port: number): string {
  return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`;
}

function portIn(text: string): number {
  const found = /m=audio (\d+)/.exec(text);
  if (found === null) throw new Error(`rtpengine refused: ${text}`);
  return Number(found[1]);
}
