import { formatDiagnostics } from '../base/diagnostic.js';
import { AppError } from '../base/errors.js';
import { explainCall, type ImaginedCall } from '../routing/index.js';
import type { CommandIo } from './io.js';
import { loadProject } from './load-project.js';

export interface ExplainOptions {
  readonly config: string;
  readonly from?: string;
  readonly at?: string;
  readonly trunk?: string;
  readonly extension?: string;
  readonly press?: string;
  readonly json?: boolean;
}

/** `trunkline explain NUMBER`: what the files would do with a call, with every decision on its way; 1 when it would be refused. */
export async function explainNumber(number: string, options: ExplainOptions, io: CommandIo): Promise<number> {
  const { settings, plan, diagnostics, sourceOf } = await loadProject(options.config, io);
  if (settings === undefined || plan === undefined) {
    if (options.json === true) io.out(JSON.stringify({ ok: false, diagnostics }));
    else io.error(formatDiagnostics(diagnostics, sourceOf));
    return 1;
  }
  const { trunk } = options;
  if (trunk !== undefined && !settings.trunks.some(({ name }) => name === trunk)) {
    const names = settings.trunks.map(({ name }) => name).join(', ');
    throw new AppError('USAGE', `--trunk: there is no trunk "${trunk}"; there are ${names}`);
  }
  const explanation = explainCall(imagined(number, options), {
    plan,
    trunk: (name) => settings.trunks.find((each) => each.name === name),
    numbers: settings.numbers,
    now: Date.now(),
  });
  if (options.json === true) {
    const { decision, verdict, status, trace, lines } = explanation;
    io.out(JSON.stringify({ decision, verdict, status, trace, lines }));
  } else {
    io.out(explanation.decision);
    for (const line of explanation.lines) io.out(`  ${line}`);
  }
  return explanation.status === undefined ? 0 : 1;
}

function imagined(number: string, options: ExplainOptions): ImaginedCall {
  const at = options.at === undefined ? undefined : Date.parse(options.at);
  if (at !== undefined && Number.isNaN(at)) {
    throw new AppError(
      'USAGE',
      `--at: "${options.at ?? ''}" is no ISO 8601 time such as 2026-12-25T10:00:00-05:00`,
    );
  }
  return {
    number,
    ...(options.from !== undefined && { from: options.from }),
    ...(options.trunk !== undefined && { trunk: options.trunk }),
    ...(options.extension !== undefined && { extension: options.extension }),
    ...(options.press !== undefined && { press: options.press.split(',') }),
    ...(at !== undefined && { at }),
  };
}
