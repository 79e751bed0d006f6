import { loadDialplan } from './load-dialplan.js';
import type { LoadInput, LoadResult } from './load-dialplan.js';
import { runPlanTests, testDiagnostics } from './run-tests.js';
import type { PlanTestResult } from './run-tests.js';

/** A load whose inline tests have run. */
export interface TestedLoad extends LoadResult {
  /** Empty when there is no plan to test. */
  readonly tests: readonly PlanTestResult[];
}

/**
 * Loads a dialplan and runs its tests: a plan whose tests fail is refused like one with any other error, at the start
 * and at each reload.
 * @throws AppError FILE_UNREADABLE when the folder or a file in it cannot be read.
 */
export async function loadTested(input: LoadInput): Promise<TestedLoad> {
  const loaded = await loadDialplan(input);
  if (loaded.plan === undefined) return { ...loaded, tests: [] };
  const tests = runPlanTests(loaded.plan);
  const failures = testDiagnostics(tests);
  if (failures.length === 0) return { ...loaded, tests };
  const { files, sourceOf } = loaded;
  return { files, sourceOf, diagnostics: [...failures, ...loaded.diagnostics], tests };
}
