import { formatDiagnostics } from '../base/diagnostic.js';
import type { CommandIo } from './io.js';
import { loadProject } from './load-project.js';

/** `trunkline check`: every error and warning of settings and dialplan, failing tests included; 0 when there is no error. */
export async function checkFiles(
  options: { config: string; json?: boolean },
  io: CommandIo,
): Promise<number> {
  const project = await loadProject(options.config, io);
  const { diagnostics } = project;
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  const warnings = diagnostics.length - errors;
  if (options.json === true) {
    io.out(JSON.stringify({ ok: errors === 0, diagnostics }));
    return errors === 0 ? 0 : 1;
  }
  if (diagnostics.length > 0) io.error(formatDiagnostics(diagnostics, project.sourceOf));
  const { plan } = project;
  if (errors === 0 && plan !== undefined) {
    io.out(`${plan.numbers.size} numbers, ${plan.tests.length} tests passed, ${count(warnings, 'warning')}`);
    return 0;
  }
  io.error(`${count(errors, 'error')}, ${count(warnings, 'warning')}`);
  return 1;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
