import { Command, CommanderError } from 'commander';
import { formatDiagnostics } from '../base/diagnostic.js';
import { AppError } from '../base/errors.js';
import { createApiClient } from './api-client.js';
import { checkFiles } from './check-command.js';
import { explainNumber, type ExplainOptions } from './explain-command.js';
import type { CommandIo } from './io.js';
import { addKey } from './keys-command.js';
import { testFiles } from './test-command.js';

/** Exit code when what was asked could not be done at all; a command that finds something wrong exits with 1. */
const EXIT_FAULT = 2;

/** What the command line needs from outside; `main` supplies it. */
export interface ProgramDeps {
  readonly io: CommandIo;
  readonly version: string;
  /** The settings file used when `--config` is not given. */
  readonly defaultConfig: string;
  readonly randomHex: (bytes: number) => string;
  /** Runs the server until it is told to stop; resolves with the exit code. */
  readonly start: (configFile: string) => Promise<number>;
  /** Runs the SIP server alone; resolves with the exit code. */
  readonly sipServer: (options: SipServerCommand) => Promise<number>;
}

export interface SipServerCommand {
  readonly listen: readonly string[];
  readonly control: string;
  readonly secret: string;
}

const DEFAULT_API = 'http://127.0.0.1:3000';

/** Runs one command; resolves with the exit code. Nothing is thrown: faults are printed with their remedy. */
export async function runProgram(argv: readonly string[], deps: ProgramDeps): Promise<number> {
  const { io } = deps;
  let code = 0;
  const program = new Command('trunkline')
    .description('SIP trunking and DID routing server')
    .version(deps.version, '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.error(text.trimEnd()),
    });
  const withConfig = (command: Command) =>
    command.option('-c, --config <file>', 'settings file', deps.defaultConfig);

  withConfig(program.command('start'))
    .description('run the server')
    .action(async ({ config }: { config: string }) => {
      code = await deps.start(config);
    });
  withConfig(program.command('check'))
    .description('read settings and dialplan, and print every error and warning')
    .option('--json', 'print JSON')
    .action(async (options: { config: string; json?: boolean }) => {
      code = await checkFiles(options, io);
    });
  withConfig(program.command('test'))
    .description("run the dialplan's inline tests")
    .option('--json', 'print JSON')
    .action(async (options: { config: string; json?: boolean }) => {
      code = await testFiles(options, io);
    });
  withConfig(program.command('explain <number>'))
    .description('what would become of a call, and why')
    .option('--from <number>', "the caller's number, or anonymous")
    .option('--at <time>', 'ISO 8601 time; now when left out')
    .option('--trunk <name>', 'trunk the call comes in on')
    .option('--extension <name>', 'extension that calls')
    .option('--press <keys>', 'keys for each prompt, with commas between prompts; "wait" lets one time out')
    .option('--json', 'print JSON')
    .action(async (number: string, options: ExplainOptions) => {
      code = await explainNumber(number, options, io);
    });
  program
    .command('reload')
    .description('tell the running server to read its files again')
    .option('--api <url>', "the server's API", io.env('TRUNKLINE_API') ?? DEFAULT_API)
    .action(async ({ api }: { api: string }) => {
      const answer = (await createApiClient(api, io.env('TRUNKLINE_KEY')).request(
        'POST',
        '/v1/dialplan/reload',
      )) as {
        revision: number;
        changed: boolean;
        restartNeeded: string[];
      };
      io.out(`revision ${answer.revision} is in force${answer.changed ? '' : ' (nothing changed)'}`);
      for (const setting of answer.restartNeeded) io.out(`${setting} changed; it takes force at a restart`);
    });
  program
    .command('keys')
    .description('API keys')
    .command('add <name>')
    .description('make an API key and the line for the settings that admits it')
    .requiredOption('--role <role>', 'viewer, operator or admin')
    .action((name: string, { role }: { role: string }) => {
      code = addKey(name, role, deps.randomHex, io);
    });
  program
    .command('sip-server')
    .description('run the SIP server alone, as a drop-in for drachtio-server')
    .requiredOption('--listen <url...>', 'such as udp://127.0.0.1:5060')
    .option('--control <address>', 'where applications connect', '127.0.0.1:9022')
    .requiredOption('--secret <secret>', 'what applications must know')
    .action(async (options: SipServerCommand) => {
      code = await deps.sipServer(options);
    });
  program
    .command('version')
    .description('print the version')
    .action(() => io.out(deps.version));

  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_FAULT;
    if (error instanceof AppError) {
      printFault(error, io);
      return EXIT_FAULT;
    }
    throw error;
  }
}

/** A fault as a user sees it: what was found in the files, then one line that says what failed, and the remedy. */
export function printFault(
  fault: AppError,
  io: CommandIo,
  sourceOf: (file: string) => string | undefined = () => undefined,
): void {
  if (fault.diagnostics.length > 0) io.error(formatDiagnostics(fault.diagnostics, sourceOf));
  io.error(`${fault.code}: ${fault.message}`);
  io.error(`  ${fault.remedy}`);
}
