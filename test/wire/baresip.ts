import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import type { Test } from 'tap';
import { wavChannels } from './media-peer.js';
import { freeSipPort, type ServerProcess } from './server-process.js';

/** baresip, a real softphone, without a screen: it says a tone, and writes what it hears. */
export interface Baresip {
  /** A command as its user would type it, by its long name: `dial`, `sndcode`, `hangup`. */
  command(name: string, parameters?: string): void;
  /** Waits for one of its events, `CALL_ESTABLISHED` for instance, and takes it off. */
  event(type: string): Promise<Record<string, unknown>>;
  /** What it has heard in all calls that are over, in order. */
  heard(): Int16Array;
}

const WAIT_MS = 20_000;
const MODULES = ['/usr/lib/baresip/modules', '/usr/lib/x86_64-linux-gnu/baresip/modules'];

/** Starts it with an account; it has sent its REGISTER soon after, and answers calls by itself. */
export async function startBaresip(
  t: Test,
  server: Pick<ServerProcess, 'sipPort' | 'folder'>,
  account: { readonly user: string; readonly password: string; readonly hz: number },
): Promise<Baresip> {
  const folder = join(server.folder, `baresip-${account.user}`);
  const sounds = join(folder, 'sounds');
  mkdirSync(sounds, { recursive: true });
  const [sipPort, controlPort, rtpPort] = [await freeSipPort(), await freeSipPort(), await freeSipPort()];
  const modules = MODULES.find((path) => hasEntries(path)) ?? MODULES[0]!;
  writeFileSync(
    join(folder, 'config'),
    [
      'poll_method epoll',
      `sip_listen 127.0.0.1:${sipPort}`,
      'net_interface 127.0.0.1',
      `rtp_ports ${rtpPort & ~1}-${(rtpPort & ~1) + 20}`,
      // The sine module speaks 48 kHz stereo only.
      `audio_source ausine,${account.hz}`,
      'ausrc_srate 48000',
      'ausrc_channels 2',
      'audio_player aubridge,heard',
      'audio_alert aubridge,alert',
      `audio_path ${folder}`,
      `snd_path ${sounds}`,
      `module_path ${modules}`,
      ...['g711', 'sndfile', 'ausine', 'aubridge'].map((name) => `module ${name}.so`),
      'module_tmp account.so',
      'module_app menu.so',
      'module_app ctrl_tcp.so',
      `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
      '',
    ].join('\n'),
  );
  writeFileSync(
    join(folder, 'accounts'),
    `<sip:${account.user}@voice.example.com>;auth_pass=${account.password};outbound="sip:127.0.0.1:${server.sipPort}";regint=60;answermode=auto\n`,
  );
  writeFileSync(join(folder, 'contacts'), '');
  const child = spawn('baresip', ['-f', folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const read = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const state = { over: false };
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => {
      resolve();
    });
    child.once('exit', () => {
      resolve();
    });
  }).then(() => {
    state.over = true;
  });
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });

  const events: Record<string, unknown>[] = [];
  const socket = await control(
    controlPort,
    () => state.over,
    () => output,
  );
  t.teardown(() => socket.destroy());
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const colon = pending.indexOf(':');
      const length = Number(pending.toString('latin1', 0, colon));
      if (colon < 0 || pending.length < colon + length + 2) return;
      const message = JSON.parse(pending.toString('utf8', colon + 1, colon + 1 + length)) as Record<
        string,
        unknown
      >;
      if (message['event'] === true) events.push(message);
      pending = pending.subarray(colon + length + 2);
    }
  });
  return {
    command: (command, params) => {
      const text = JSON.stringify({ command, ...(params === undefined ? {} : { params }) });
      socket.write(`${Buffer.byteLength(text)}:${text},`);
    },
    event: async (type) => {
      for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline && !state.over;) {
        const index = events.findIndex((event) => event['type'] === type);
        if (index >= 0) return events.splice(index, 1)[0]!;
        await after(20);
      }
      throw new Error(`baresip told of no ${type}, but ${JSON.stringify(events)}:\n${output}`);
    },
    heard: () => {
      const files = readdirSync(sounds)
        .filter((name) => name.endsWith('-dec.wav'))
        .sort();
      const parts = files.map((name) => wavChannels(readFileSync(join(sounds, name)))[0]!);
      const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        all.set(part, at);
        at += part.length;
      }
      return all;
    },
  };
}

async function control(port: number, isOver: () => boolean, output: () => string): Promise<Socket> {
  for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline && !isOver();) {
    const socket = connect(port, '127.0.0.1');
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => {
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
    if (connected) return socket;
    await after(50);
  }
  throw new Error(`baresip takes no commands:\n${output()}`);
}

function hasEntries(path: string): boolean {
  try {
    return readdirSync(path).length > 0;
  } catch {
    return false;
  }
}
