import { formatDiagnostics, showPlace } from '../base/diagnostic.js';
import type { PlanTestResult } from '../dialplan/index.js';
import type { CommandIo } from './io.js';
import { loadProject } from './load-project.js';

/** `trunkline test`: runs the dialplan's inline tests; 0 when all pass. A dialplan with other errors runs none. */
export async function testFiles(options: { config: string; json?: boolean }, io: CommandIo): Promise<number> {
  const { plan, tests, diagnostics, sourceOf } = await loadProject(options.config, io);
  if (plan === undefined && tests.length === 0) {
    if (options.json === true) io.out(JSON.stringify({ ok: false, diagnostics }));
    else io.error(formatDiagnostics(diagnostics, sourceOf));
    return 1;
  }
  const failed = tests.filter(({ passed }) => !passed).length;
  if (options.json === true) {
    const results = tests.map(({ test, passed, failures, got }) => ({
      name: test.name,
      place: test.place,
      passed,
      failures,
      got,
    }));
    io.out(JSON.stringify({ ok: failed === 0, tests: results }));
  } else {
    for (const result of tests) print(result, io);
    io.out(`${tests.length - failed} passed, ${failed} failed`);
  }
  return failed === 0 ? 0 : 1;
}

function print({ test, passed, failures, got }: PlanTestResult, io: CommandIo): void {
  io.out(`${passed ? 'ok    ' : 'FAILED'} ${test.name}`);
  if (passed) return;
  io.out(`       ${showPlace(test.place)}`);
  for (const failure of failures) io.out(`       ${failure}`);
  io.out(`       it went ${got.join(' → ')}`);
}
