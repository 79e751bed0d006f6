import { spawn } from 'node:child_process';
import type { VoicemailMessage } from '../../model/index.js';
import type { MessageHook } from '../ports.js';

const MAX_STDERR = 500;

/** A message as hooks see it: the body of a webhook, and what a command reads from its standard input. */
export function describeMessage(message: VoicemailMessage, audio: string): Readonly<Record<string, unknown>> {
  return {
    event: 'voicemail',
    id: message.id,
    mailbox: message.mailbox,
    at: new Date(message.at).toISOString(),
    seconds: Math.round(message.durationMs / 1000),
    caller: message.caller ?? null,
    callerName: message.callerName ?? null,
    did: message.did ?? null,
    callId: message.callId ?? null,
    file: audio,
  };
}

/**
 * A hook that runs a program for each message, `sendmail` for instance. `{mailbox}`, `{caller}`, `{seconds}`, `{id}` and `{file}` in its
 * arguments are replaced; the description comes as JSON on standard input. No shell is involved. It has failed when it ends with
 * another status than 0, and is killed when it takes too long.
 */
export function createCommandHook(command: readonly [program: string, ...args: string[]]): MessageHook {
  const [program, ...args] = command;
  return {
    deposited: (message, audio, signal) => {
      const facts = describeMessage(message, audio);
      const filled = args.map((arg) =>
        arg.replace(/\{(mailbox|caller|seconds|id|file)\}/g, (_, name: string) => textOf(facts[name])),
      );
      return run(program, filled, JSON.stringify(facts), signal);
    },
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function run(program: string, args: readonly string[], input: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'], signal, killSignal: 'SIGKILL' });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < MAX_STDERR) said = (said + text).slice(0, MAX_STDERR);
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`${program} ended with status ${status ?? 'none'}: ${said.trim()}`));
    });
    // A program that does not read must not throw here.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
