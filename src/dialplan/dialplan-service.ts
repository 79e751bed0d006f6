import type { Clock } from '../base/clock.js';
import { showPlace } from '../base/diagnostic.js';
import type { Diagnostic } from '../base/diagnostic.js';
import { AppError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import { createHoursOverrides } from './hours-overrides.js';
import type { HoursOverrides } from './hours-overrides.js';
import type { LoadOptions } from './load-dialplan.js';
import { loadTested } from './load-tested.js';
import type { TestedLoad } from './load-tested.js';
import { warmLocalPresence } from './local-presence.js';
import { hashOf } from './language/compile.js';
import type { Plan } from './plan.js';
import type { RevisionStore, RevisionSummary, StateStore } from './ports.js';
import { watchFolder } from './watch-folder.js';

export interface DialplanServiceDeps {
  /** The dialplan's folder. */
  readonly folder: string;
  /** Asked at each load: trunk names change with the settings. */
  readonly loadOptions: () => LoadOptions;
  readonly revisions: RevisionStore;
  readonly state: StateStore;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Told of each plan that takes force, the first included. Must not throw. */
  readonly onInForce?: (inForce: PlanInForce) => void;
  /** Whether changed files are loaded by themselves. Default: true. */
  readonly watch?: boolean;
}

/** The plan that new calls begin with. */
export interface PlanInForce {
  readonly plan: Plan;
  readonly revision: number;
  /** Milliseconds since the epoch. */
  readonly loadedAt: number;
  readonly warnings: readonly Diagnostic[];
  readonly tests: { readonly passed: number; readonly failed: number };
}

export type ReloadOutcome =
  /** `changed`: other files than before are in force now. */
  | {
      readonly kind: 'in-force';
      readonly revision: number;
      readonly changed: boolean;
      readonly warnings: readonly Diagnostic[];
    }
  /** What was in force stays so. All findings, errors first; `sourceOf` is for `formatDiagnostics`. */
  | {
      readonly kind: 'refused';
      readonly diagnostics: readonly Diagnostic[];
      readonly sourceOf: (file: string) => string | undefined;
    };

export interface DialplanService {
  /** Loads the folder (or the revision that was put back, as long as the folder is unchanged) and watches it. */
  start(): Promise<ReloadOutcome>;
  /** Stops watching. Idempotent. */
  stop(): Promise<void>;
  /** @throws AppError DIALPLAN_INVALID before a plan is in force. */
  current(): PlanInForce;
  /** Loads the folder; loads run one after another. `who` asked for it, for the revision. */
  reload(who: string): Promise<ReloadOutcome>;
  /** Puts a former revision back in force, until the folder changes or is reloaded. @throws AppError NOT_FOUND */
  restore(number: number, who: string): Promise<ReloadOutcome>;
  /** Newest first. */
  revisions(): readonly (RevisionSummary & { readonly inForce: boolean })[];
  hoursOverride(name: string): 'open' | 'closed' | 'holiday' | undefined;
  readonly hours: HoursOverrides;
}

/** Remembers a revision that was put back, and the files it was put back over. */
const PINNED = 'dialplan/pinned';

interface Pinned {
  readonly revision: number;
  readonly folderHash: string;
}

export function createDialplanService(deps: DialplanServiceDeps): DialplanService {
  const { folder, revisions, state, logger, clock } = deps;
  const hours = createHoursOverrides(state, () => clock.now());
  let inForce: PlanInForce | undefined;
  let watching: { close(): Promise<void> } | undefined;
  /** Hash of the folder's files when they were last looked at. */
  let folderHash = '';
  let last: Promise<unknown> = Promise.resolve();

  /** One load at a time, in the order they were asked for. */
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const turn = last.then(run, run);
    last = turn.catch(() => undefined);
    return turn;
  };

  const loadFolder = async (): Promise<TestedLoad> => {
    const load = await loadTested({ ...deps.loadOptions(), folder });
    folderHash = hashOf(load.files);
    return load;
  };

  const loadRevision = async (number: number): Promise<TestedLoad | undefined> => {
    const revision = await revisions.get(number);
    if (revision === undefined) return undefined;
    const files = [...revision.contents].map(([path, text]) => ({ path, text }));
    return loadTested({ ...deps.loadOptions(), files });
  };

  const putInForce = async (load: TestedLoad, who: string): Promise<ReloadOutcome> => {
    const { plan, diagnostics, sourceOf } = load;
    if (plan === undefined) {
      logRefused(diagnostics, who);
      return { kind: 'refused', diagnostics, sourceOf };
    }
    const changed = inForce?.plan.hash !== plan.hash;
    const revision = await saved(plan, who);
    warmLocalPresence(plan);
    const failed = load.tests.filter((test) => !test.passed).length;
    inForce = {
      plan,
      revision,
      loadedAt: clock.now(),
      warnings: diagnostics,
      tests: { passed: load.tests.length - failed, failed },
    };
    for (const warning of diagnostics) {
      logger.warn(
        { place: showPlace(warning.place), code: warning.code, hint: warning.hint },
        warning.message,
      );
    }
    logger.info({ revision, who, changed, hash: plan.hash }, 'dialplan in force');
    deps.onInForce?.(inForce);
    return { kind: 'in-force', revision, changed, warnings: diagnostics };
  };

  /** A store that fails must not keep an admin from a change: the plan takes force under the number before. */
  const saved = async (plan: Plan, who: string): Promise<number> => {
    try {
      return await revisions.save({
        hash: plan.hash,
        who,
        files: new Map(plan.files.map(({ path, text }) => [path, text])),
      });
    } catch (error) {
      logger.error({ err: error, who }, 'the revision of the dialplan could not be kept');
      return inForce?.revision ?? revisions.latest()?.number ?? 0;
    }
  };

  const logRefused = (diagnostics: readonly Diagnostic[], who: string): void => {
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    const shown = errors.slice(0, 20).map(({ place, message }) => `${showPlace(place)}: ${message}`);
    const why = inForce === undefined ? 'dialplan refused' : 'dialplan refused, the one in force stays';
    logger.error({ who, errors: errors.length, shown }, why);
  };

  const reload = (who: string): Promise<ReloadOutcome> =>
    inTurn(async () => {
      const load = await loadFolder();
      const outcome = await putInForce(load, who);
      if (outcome.kind === 'in-force') state.remove(PINNED);
      return outcome;
    });

  /** Files that came back to what they were when a revision was put over them leave it in force. */
  const reloadChanged = (): void => {
    const run = inTurn(async () => {
      const load = await loadFolder();
      if (pinned()?.folderHash === folderHash) return;
      const outcome = await putInForce(load, 'file');
      if (outcome.kind === 'in-force') state.remove(PINNED);
    });
    run.catch((error: unknown) =>
      logger.error({ err: error }, 'dialplan cannot be read, the one in force stays'),
    );
  };

  const pinned = (): Pinned | undefined => readPinned(state.get(PINNED));

  /** The revision put back before a restart, while the folder is as it was then. */
  const loadPinned = async (): Promise<TestedLoad | undefined> => {
    const pin = pinned();
    if (pin?.folderHash !== folderHash) return undefined;
    const load = await loadRevision(pin.revision);
    if (load?.plan !== undefined) return load;
    logger.warn({ revision: pin.revision }, 'the revision that was put back does not load any more');
    state.remove(PINNED);
    return undefined;
  };

  return {
    start: () =>
      inTurn(async () => {
        const load = await loadFolder();
        const outcome = await putInForce((await loadPinned()) ?? load, 'start');
        if (outcome.kind === 'in-force' && deps.watch !== false && watching === undefined) {
          watching = await watchFolder({
            folder,
            clock,
            onChange: reloadChanged,
            onError: (error) => logger.warn({ err: error, folder }, 'the dialplan folder cannot be watched'),
          });
        }
        return outcome;
      }),
    async stop() {
      await inTurn(async () => {
        await watching?.close();
        watching = undefined;
      });
    },
    current() {
      if (inForce === undefined) throw new AppError('DIALPLAN_INVALID', 'no dialplan is in force');
      return inForce;
    },
    reload,
    restore: (number, who) =>
      inTurn(async () => {
        const load = await loadRevision(number);
        if (load === undefined)
          throw new AppError('NOT_FOUND', `there is no revision ${number} of the dialplan`);
        const outcome = await putInForce(load, who);
        if (outcome.kind === 'in-force') {
          const pin: Pinned = { revision: outcome.revision, folderHash };
          state.set(PINNED, JSON.stringify(pin));
        }
        return outcome;
      }),
    revisions: () =>
      revisions.list().map((revision) => ({ ...revision, inForce: revision.number === inForce?.revision })),
    hoursOverride: (name) => hours.verdict(name),
    hours,
  };
}

function readPinned(text: string | undefined): Pinned | undefined {
  if (text === undefined) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Pinned> | null;
    return typeof value?.revision === 'number' && typeof value.folderHash === 'string'
      ? { revision: value.revision, folderHash: value.folderHash }
      : undefined;
  } catch {
    return undefined;
  }
}
