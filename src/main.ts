#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { createApp } from './app/index.js';
import { formatDiagnostics } from './base/diagnostic.js';
import { AppError } from './base/errors.js';
import { randomHex } from './base/ids.js';
import { printFault, runProgram, startBanner, type CommandIo, type SipServerCommand } from './cli/index.js';
import { loadSettings, type Settings } from './config/index.js';
import { runStandalone } from './sip-server/index.js';

const EXIT_FAULT = 2;
/** A second signal: the process ends at once, as a signal would have ended it. */
const EXIT_AT_ONCE = 130;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const env = (name: string): string | undefined => process.env[name];
const io: CommandIo = {
  out: (line) => void process.stdout.write(`${line}\n`),
  error: (line) => void process.stderr.write(`${line}\n`),
  env,
  cwd: process.cwd(),
};

process.exitCode = await runProgram(process.argv.slice(2), {
  io,
  version,
  defaultConfig: join(root, 'config', 'trunkline.yaml'),
  randomHex,
  start: runServer,
  sipServer: runSipServer,
});

/** Runs the server until a signal has drained it; resolves with the exit code. */
async function runServer(configFile: string): Promise<number> {
  const settings = readSettings(configFile);
  if (settings === undefined) return EXIT_FAULT;
  const logger = createLogger(settings);
  let stop: (code: number) => void = () => undefined;
  const stopped = new Promise<number>((resolve) => {
    stop = resolve;
  });
  const app = await createApp(settings, {
    logger,
    env,
    version,
    onFatal: (error) => {
      logger.error({ err: error }, 'the SIP server died; ending');
      stop(EXIT_FAULT);
    },
  }).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    printFault(error, io, sourceIn(settings.dialplans));
    return undefined;
  });
  if (app === undefined) return EXIT_FAULT;
  const { listeners, apiUrl, planRevision, shown } = app.facts;
  const { path: database } = settings.store;
  const facts = {
    version,
    listeners,
    apiUrl,
    database,
    planRevision,
    numbers: shown.numbers,
    moreNumbers: shown.more,
  };
  for (const line of startBanner(facts)) io.out(line);

  onStopSignal(() => {
    io.out(`Draining: ${app.calls.size} calls run; no new ones are taken. Again to end at once.`);
    app
      .drain()
      .catch((error: unknown) => logger.error({ err: error }, 'draining failed; ending'))
      .finally(() => stop(0));
  });
  process.on('SIGHUP', () => {
    app
      .reload('signal')
      .catch((error: unknown) => logger.error({ err: error }, 'reload refused; what was in force stays'));
  });
  const code = await stopped;
  await app.stop();
  return code;
}

async function runSipServer(options: SipServerCommand): Promise<number> {
  const logger = pino({ level: env('LOG_LEVEL') ?? 'info' });
  const server = await runStandalone({ ...options, logger });
  io.out(`SIP on ${server.listeners.join(' ')}; applications connect to ${server.control}. Ready.`);
  await new Promise<void>((resolve) => onStopSignal(resolve));
  await server.stop();
  return 0;
}

/** The settings, or undefined once what is wrong with them has been printed. */
function readSettings(file: string): Settings | undefined {
  const { settings, diagnostics } = loadSettings(file, env);
  if (diagnostics.length > 0) io.error(formatDiagnostics(diagnostics, sourceIn('.')));
  if (settings === undefined) printFault(new AppError('SETTINGS_INVALID', `${file} cannot be used`), io);
  return settings;
}

function sourceIn(folder: string): (file: string) => string | undefined {
  return (file) => {
    for (const path of [file, join(folder, file)]) {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        // Not there: the next.
      }
    }
    return undefined;
  };
}

/** Calls `drain` at the first SIGTERM or SIGINT; the second ends the process at once. */
function onStopSignal(drain: () => void): void {
  let signals = 0;
  const onSignal = () => {
    signals += 1;
    if (signals > 1) process.exit(EXIT_AT_ONCE);
    drain();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

function createLogger(settings: Settings) {
  const { level, redactNumbers } = settings.log;
  const numbers = ['caller', 'dialed', 'number', 'callerRaw', 'dialedRaw'];
  return pino({
    level,
    redact: { paths: ['password', 'secret', '*.password', '*.secret', ...(redactNumbers ? numbers : [])] },
  });
}
