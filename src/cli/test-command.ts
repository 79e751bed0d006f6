import { formatDiagnostics, showPlace, type Diagnostic } from '../base/diagnostic.js';
import { runPlanTests, type PlanTestResult } from '../dialplan/index.js';
import type { CommandIo } from './io.js';
import { loadProject, type Project } from './load-project.js';

/** `trunkline test`: runs the dialplan's inline tests; 0 when all pass. */
export async function testFiles(options: { config: string; json?: boolean }, io: CommandIo): Promise<number> {
  const project = await loadProject(options.config, io);
  if (project.plan === undefined) {
    if (options.json === true) io.out(JSON.stringify({ ok: false, diagnostics: project.diagnostics }));
    else io.error(formatDiagnostics(project.diagnostics, project.sourceOf));
    return 1;
  }
  const results = runPlanTests(project.plan);
  const failed = results.filter(({ passed }) => !passed).length;
  if (options.json === true) {
    const tests = results.map(({ test, passed, failures, got }) => ({
      name: test.name,
      place: test.place,
      passed,
      failures,
      got,
    }));
    io.out(JSON.stringify({ ok: failed === 0, tests }));
  } else {
    for (const result of results) print(result, io);
    io.out(`${results.length - failed} passed, ${failed} failed`);
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

/** Failing tests as errors of the files. */
export function testFindings(project: Project): readonly Diagnostic[] {
  if (project.plan === undefined) return [];
  return runPlanTests(project.plan)
    .filter(({ passed }) => !passed)
    .map(({ test, failures, got }) => ({
      severity: 'error',
      code: 'test-failed',
      message: `test "${test.name}" fails: ${failures.join('; ')}`,
      place: test.place,
      hint: `it went ${got.join(' → ')}`,
    }));
}
