import type { Clock, Timer } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { CallRecord, LegRecord } from '../model/index.js';
import { type AnnouncementRepository, createAnnouncementRepository } from './announcements.js';
import { type BanRepository, createBanRepository } from './bans.js';
import { type CallFields, createCallWriter } from './call-rows.js';
import { type CallRecordingRepository, createCallRecordingRepository } from './call-recordings.js';
import { createGroupCommit, type StoreAlarm, type WriteStats } from './group-commit.js';
import { ALIVE_KEY, closeInterrupted } from './interrupted.js';
import { createKeyedWrites } from './keyed-writes.js';
import { createLegKeys } from './leg-keys.js';
import { createLegWriter, type LegFields } from './leg-rows.js';
import type { Maintenance } from './maintenance.js';
import { createInProcessMaintenance, HAS_WORKER, startWorker } from './maintenance-host.js';
import { openDatabase, type OpenedDatabase, openFault } from './open-database.js';
import { createPendingRows } from './pending-rows.js';
import {
  type AgentStateRepository,
  type CallbackRepository,
  createAgentStateRepository,
  createCallbackRepository,
} from './queue-state.js';
import { createQueueEventRepository, type QueueEventRepository } from './queue-events.js';
import type { RecordDetail, RecordPage, RecordQuery } from './record-query.js';
import {
  type BindingKey,
  createRegistrationRepository,
  type RegistrationRepository,
} from './registrations.js';
import { createRevisionRepository, type RevisionRepository } from './revisions.js';
import { createStateRepository, type StateRepository } from './state.js';
import { createSurveyAnswerRepository, type SurveyAnswerRepository } from './survey-answers.js';
import { createVoicemailRepository, type VoicemailRepository } from './voicemail.js';
import { createWalSync } from './wal-sync.js';

/** How often the time is noted that `interrupted` calls are ended with. */
const ALIVE_EVERY_MS = 5000;

const FIRST_SWEEP_MS = 60_000;
const SWEEP_EVERY_MS = 3_600_000;

export interface StoreOptions {
  /** Database file; its folder is locked. */
  readonly path: string;
  /** `crash`: survives the end of the process. `power-loss`: each commit waits for the disk. */
  readonly durability: 'crash' | 'power-loss';
  /** Age at which ended calls are deleted, in milliseconds. */
  readonly keepRecordsMs: number;
}

export interface StoreDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told when records cannot be written, and when they can be again. */
  readonly onAlarm?: (alarm: StoreAlarm) => void;
}

/** Records of calls and of their legs. What happens to a call within one group (5 ms) becomes one statement. */
export interface RecordRepository {
  open(record: CallRecord): void;
  /** Fields that are absent keep their value. */
  update(id: string, patch: Partial<CallRecord>): void;
  /** Resolves when the answered call is on disk; never rejects: while nothing can be written it resolves at once, and calls go on. */
  answered(id: string, patch: Partial<CallRecord>): Promise<void>;
  close(id: string, patch: Partial<CallRecord>): void;
  openLeg(leg: LegRecord): void;
  updateLeg(id: string, patch: Partial<LegRecord>): void;
  /** Newest first. Throws REQUEST_INVALID. */
  list(query: RecordQuery): Promise<RecordPage>;
  get(id: string): Promise<RecordDetail | undefined>;
}

export interface Store<Binding extends BindingKey = BindingKey> {
  readonly records: RecordRepository;
  readonly revisions: RevisionRepository;
  readonly bans: BanRepository;
  readonly registrations: RegistrationRepository<Binding>;
  readonly state: StateRepository;
  readonly voicemail: VoicemailRepository;
  readonly queueEvents: QueueEventRepository;
  readonly callbacks: CallbackRepository;
  readonly agentStates: AgentStateRepository;
  readonly surveyAnswers: SurveyAnswerRepository;
  readonly announcements: AnnouncementRepository;
  readonly recordings: CallRecordingRepository;
  /** Calls that a crash had left open; they were ended as `interrupted` when this store was opened. */
  readonly interruptedCalls: number;
  stats(): WriteStats;
  /** Resolves when all that was written before is on disk. */
  flush(): Promise<void>;
  /** Deletes ended calls past their time now; says how many. Runs by itself each hour. */
  sweep(): Promise<number>;
  /** Commits what waits, ends the worker and gives the folder back. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the database of call records and run-time state, after a crash as well.
 * Rejects with AppError STORE_LOCKED, STORE_UNWRITABLE, STORE_DAMAGED or STORE_TOO_NEW.
 */
export async function openStore<Binding extends BindingKey = BindingKey>(
  options: StoreOptions,
  deps: StoreDeps,
): Promise<Store<Binding>> {
  const opened = openDatabase({ path: options.path, checkpointElsewhere: HAS_WORKER });
  try {
    return await Promise.resolve(createStore<Binding>(opened, options, deps));
  } catch (cause) {
    // A large database is not read in full when it is opened: damage may show only here.
    opened.database.close();
    opened.lock.release();
    throw openFault(options.path, cause);
  }
}

function createStore<Binding extends BindingKey>(
  { database, lock }: OpenedDatabase,
  options: StoreOptions,
  deps: StoreDeps,
): Store<Binding> {
  const { clock, logger } = deps;
  const interruptedCalls = closeInterrupted(database, clock.now());
  const walSync = options.durability === 'power-loss' ? createWalSync(options.path) : undefined;
  const group = createGroupCommit(database, {
    clock,
    logger,
    onAlarm: deps.onAlarm ?? (() => undefined),
    ...(walSync !== undefined && { sync: () => walSync.sync() }),
  });
  const calls = createPendingRows<CallFields>(createCallWriter(database));
  const legs = createPendingRows<LegFields>(createLegWriter(database));
  group.add(calls);
  group.add(legs);
  const legKeys = createLegKeys();
  const writes = createKeyedWrites(group);
  const state = createStateRepository(database, writes);
  const maintenance: Maintenance = HAS_WORKER
    ? startWorker(options.path, logger)
    : createInProcessMaintenance(database, group);
  let timers: Timer[] = [];
  let closed: Promise<void> | undefined;

  function noteAlive(): void {
    state.set(ALIVE_KEY, String(clock.now()));
    timers[0] = clock.after(ALIVE_EVERY_MS, noteAlive);
  }

  function sweepLater(delayMs: number): void {
    timers[1] = clock.after(delayMs, () => {
      sweep()
        .catch((error: unknown) => logger.warn({ reason: String(error) }, 'old records not deleted'))
        .finally(() => {
          if (closed === undefined) sweepLater(SWEEP_EVERY_MS);
        });
    });
  }

  async function sweep(): Promise<number> {
    const deleted = await maintenance.sweep(clock.now() - options.keepRecordsMs);
    if (deleted > 0) logger.info({ deleted }, 'old records deleted');
    return deleted;
  }

  function update(id: string, patch: Partial<CallRecord>): void {
    calls.update(id, patch);
    group.queued();
  }

  noteAlive();
  sweepLater(FIRST_SWEEP_MS);
  if (interruptedCalls > 0)
    logger.warn({ calls: interruptedCalls }, 'calls of the last run were interrupted');

  return {
    records: {
      open(record) {
        calls.insert(record.id, record);
        group.queued();
      },
      update,
      answered(id, patch) {
        calls.update(id, patch);
        return group.committed();
      },
      close: (id, patch) => update(id, patch.endAt === undefined ? { ...patch, endAt: clock.now() } : patch),
      openLeg(leg) {
        legKeys.opened(leg);
        legs.insert(leg.id, leg);
        group.queued();
      },
      updateLeg(id, patch) {
        const key = legKeys.find(id);
        if (key === undefined) return;
        legs.update(id, { ...patch, ...key });
        if (patch.endAt !== undefined) legKeys.ended(id);
        group.queued();
      },
      async list(query) {
        await settled();
        return maintenance.list(query);
      },
      async get(id) {
        await settled();
        return maintenance.get(id);
      },
    },
    revisions: createRevisionRepository(database, group, () => clock.now()),
    bans: createBanRepository(database, writes),
    registrations: createRegistrationRepository<Binding>(database, writes, () => clock.now()),
    state,
    voicemail: createVoicemailRepository(database, group),
    queueEvents: createQueueEventRepository(database, group, {
      now: () => clock.now(),
      tally: async (request) => {
        await settled();
        return maintenance.tally(request);
      },
    }),
    callbacks: createCallbackRepository(database, writes, group),
    agentStates: createAgentStateRepository(database, writes),
    surveyAnswers: createSurveyAnswerRepository(database, group),
    announcements: createAnnouncementRepository(database, group),
    recordings: createCallRecordingRepository(database, group),
    interruptedCalls,
    stats: () => group.stats,
    flush: settled,
    sweep,
    close() {
      closed ??= end();
      return closed;
    },
  };

  /** Readers see what was written before they asked. */
  function settled(): Promise<void> {
    return group.stats.waitingRows === 0 ? Promise.resolve() : group.committed();
  }

  async function end(): Promise<void> {
    for (const timer of timers) timer.clear();
    timers = [];
    group.close();
    await walSync
      ?.sync()
      .catch((error: unknown) => logger.error({ reason: String(error) }, 'disk not synced'));
    walSync?.close();
    await maintenance.close();
    database.close();
    lock.release();
  }
}
