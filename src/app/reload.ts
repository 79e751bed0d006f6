import { AppError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { Diagnostic } from '../base/diagnostic.js';
import { loadSettings, restartNeeded, type Settings } from '../config/index.js';
import type { DialplanService, ReloadOutcome } from '../dialplan/index.js';
import { warnOfSites } from './check-sites.js';

export interface ReloadAnswer {
  readonly revision: number;
  readonly changed: boolean;
  readonly warnings: readonly Diagnostic[];
  readonly restartNeeded: readonly string[];
}

/**
 * Reads settings and dialplan again, one reload after another. All or nothing: the dialplan is loaded against the new trunks, and when
 * it is refused the old settings stay too. Settings that need a restart are named and keep their old value until then.
 */
export function createReload(deps: {
  current: () => Settings;
  env: (name: string) => string | undefined;
  dialplan: DialplanService;
  logger: Logger;
  /** Puts settings in force. */
  apply: (settings: Settings) => Promise<void>;
}): (who: string) => Promise<ReloadAnswer> {
  const { current, env, dialplan, apply, logger } = deps;
  let last: Promise<unknown> = Promise.resolve();

  async function reload(who: string): Promise<ReloadAnswer> {
    const before = current();
    const { settings: after, diagnostics } = loadSettings(before.file, env);
    if (after === undefined) {
      throw new AppError('SETTINGS_INVALID', `${before.file} has errors; what was in force stays`, {
        diagnostics,
      });
    }
    const next = keepStarted(before, after);
    await apply(next);
    const { revision, changed, warnings } = await dialplan
      .reload(who)
      .then(accepted)
      .catch(async (error: unknown) => {
        await apply(before);
        throw error;
      });
    return {
      revision,
      changed,
      warnings: [...diagnostics, ...warnings, ...warnOfSites(next, dialplan, logger)],
      restartNeeded: restartNeeded(before, after),
    };
  }

  return (who) => {
    const turn = last.then(
      () => reload(who),
      () => reload(who),
    );
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** The outcome of a load, a refusal as a fault. */
export function accepted(outcome: ReloadOutcome): Extract<ReloadOutcome, { kind: 'in-force' }> {
  if (outcome.kind === 'in-force') return outcome;
  const { diagnostics } = outcome;
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  throw new AppError('DIALPLAN_INVALID', `the dialplan has ${errors} errors; the one in force stays`, {
    diagnostics,
  });
}

/** The new settings with the old value of all that only takes force at a start. */
function keepStarted(before: Settings, after: Settings): Settings {
  const { host, port } = before.api;
  return {
    ...after,
    sip: before.sip,
    media: before.media,
    dialplans: before.dialplans,
    api: { ...after.api, host, port },
    store: before.store,
    log: before.log,
  };
}
