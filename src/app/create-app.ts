import { createApi } from '../api/index.js';
import { systemClock } from '../base/clock.js';
import { AppError } from '../base/errors.js';
import { newOrderedUuid } from '../base/ids.js';
import type { Logger } from '../base/logger.js';
import { createBorder, type Border } from '../border/index.js';
import { createCalls, createWebhookClient, type Calls } from '../calls/index.js';
import { createPromptLookup, type Settings } from '../config/index.js';
import { createDialplanService, type DialplanService, type Plan } from '../dialplan/index.js';
import type { Binding } from '../registrar/index.js';
import { createRouter } from '../routing/index.js';
import { openStore } from '../store/index.js';
import { createTrunks, resolveTrunkHost, type Trunks } from '../trunks/index.js';
import { answerRequest } from './answer-requests.js';
import { callbackNumber } from './callback-number.js';
import { apiPorts } from './api-ports.js';
import { createCallEvents } from './call-events.js';
import { warnOfSites } from './check-sites.js';
import { compileNumbers } from './compile-numbers.js';
import { createSignallingEngine } from './create-signalling-engine.js';
import { createMedia } from './create-media.js';
import { createQueuesRoom } from './create-queues-room.js';
import { createPhones } from './create-phones.js';
import { createReload } from './reload.js';
import { sendOptions } from './send-options.js';
import { showNumbers, type ShownNumbers } from './show-numbers.js';

export interface AppDeps {
  readonly logger: Logger;
  /** Looks up an environment variable; for reloads. */
  readonly env: (name: string) => string | undefined;
  readonly version: string;
  /** The signalling engine died; the process cannot go on. */
  readonly onFatal: (error: Error) => void;
}

/** What can be said of a server that has started. */
export interface AppFacts {
  readonly listeners: readonly string[];
  readonly apiUrl: string;
  readonly planRevision: number;
  readonly shown: ShownNumbers;
}

export interface App {
  readonly facts: AppFacts;
  readonly calls: { readonly size: number };
  /** Reads settings and dialplan again; throws `SETTINGS_INVALID` or `DIALPLAN_INVALID` and changes nothing then. */
  reload(who: string): Promise<void>;
  /** No new calls; resolves when none runs any more, or when `sip.drain-timeout` has ended those that did. */
  drain(): Promise<void>;
  /** Ends everything, in the reverse order of the start. Idempotent. */
  stop(): Promise<void>;
}

/** Wires the rooms together and starts them. When it rejects, nothing is left running. */
export async function createApp(settings: Settings, deps: AppDeps): Promise<App> {
  const undo: (() => Promise<void> | void)[] = [];
  try {
    return await startApp(settings, deps, undo);
  } catch (error) {
    await undoAll(undo, deps.logger);
    throw error;
  }
}

async function startApp(first: Settings, deps: AppDeps, undo: (() => Promise<void> | void)[]): Promise<App> {
  const { logger, env, version } = deps;
  const clock = systemClock;
  const startedAt = clock.now();
  let settings = first;
  let signallingUp = false;
  let draining = false;
  let storeFailing = false;
  let followPlan: (plan: Plan) => void = () => undefined;

  const store = await openStore<Binding>(settings.store, {
    clock,
    logger,
    onAlarm: (alarm) => {
      storeFailing = alarm.kind === 'records-not-written';
    },
  });
  undo.push(() => store.close());
  logger.info(
    { path: settings.store.path, interruptedCalls: store.interruptedCalls, ...store.stats() },
    'store open',
  );

  const dialplan: DialplanService = createDialplanService({
    folder: settings.dialplans,
    loadOptions: () => ({
      env,
      trunkNames: settings.trunks.map(({ name }) => name),
      promptExists: createPromptLookup(settings.media.prompts),
    }),
    onInForce: ({ plan }) => followPlan(plan),
    revisions: store.revisions,
    state: store.state,
    logger,
    clock,
  });
  const loaded = await dialplan.start();
  undo.push(() => dialplan.stop());
  if (loaded.kind === 'refused') {
    throw new AppError('DIALPLAN_INVALID', `the dialplan in ${settings.dialplans} has errors`, {
      diagnostics: loaded.diagnostics,
    });
  }

  warnOfSites(settings, dialplan, logger);

  const engine = await createSignallingEngine(settings, {
    logger,
    onFailed: deps.onFatal,
    onMalformed: (address, count) => border.noteFailure(address, 'malformed', count),
  });
  undo.push(() => engine.stop());
  const { signalling } = engine;

  const trunks: Trunks = createTrunks({
    clock,
    logger,
    domain: settings.sip.domain,
    resolve: resolveTrunkHost,
    sendOptions: sendOptions(signalling, settings.sip.domain),
    onNetworksChanged: () => configureBorder(),
  });
  undo.push(() => trunks.stop());

  const borderTrunks = () =>
    settings.trunks.map(({ name, limits }) => ({ name, limits, networks: trunks.networksOf(name) }));
  const border: Border = createBorder(settings.border, [], {
    clock,
    logger,
    compileNumbers,
    bans: store.bans,
    onBansChanged: () => signalling.screen(border.gateRules()),
    isHome: (address) => phones.registrar.isHome(address),
  });
  function configureBorder(): void {
    border.configure(settings.border, borderTrunks());
    signalling.screen(border.gateRules());
  }

  const phones = createPhones({
    clock,
    logger,
    domain: settings.sip.domain,
    algorithms: settings.sip.digest,
    natKeepAliveMs: () => settings.sip.natKeepAliveMs,
    signalling,
    dialplan,
    trunkLogin: (username) => trunks.byLogin(username),
    store,
    onFailure: (address) => border.noteFailure(address, 'failed-digest'),
  });
  undo.push(() => phones.stop());
  const { registrar, messageWaiting } = phones;

  const router = createRouter({
    plans: dialplan,
    trunks,
    authentication: registrar,
    border,
    numbers: () => settings.numbers,
    now: () => clock.now(),
    newId: newOrderedUuid,
    random: Math.random,
  });
  const events = createCallEvents();
  const media = await createMedia(settings, {
    clock,
    logger,
    env,
    store,
    waiting: messageWaiting,
  });
  undo.push(() => media.stop());
  const queuesRoom = createQueuesRoom(
    { events: store.queueEvents, callbacks: store.callbacks, agentStates: store.agentStates },
    { clock, logger, calls: () => calls, onEvent: () => undefined },
  );
  const { queues } = queuesRoom;
  undo.push(() => queues.stop());
  const calls: Calls = createCalls({
    clock,
    logger,
    random: Math.random,
    signalling,
    router,
    records: store.records,
    trunks,
    devices: registrar,
    capacity: border,
    webhooks: createWebhookClient({ fetch, clock }),
    media: media.parts,
    queues,
    callbackNumber: (digits) => callbackNumber(digits, settings.numbers),
    plan: () => dialplan.current(),
    onEvent: (event) => events.tell(event),
    settings: () => {
      const { domain, ringTimeoutMs, ringFastMs } = settings.sip;
      return { domain, ringTimeoutMs, ringFastMs };
    },
  });

  followPlan = (plan) => {
    queuesRoom.follow(plan);
    media.follow(plan);
  };
  followPlan(dialplan.current().plan);
  await trunks.configure(settings.trunks);
  configureBorder();
  await signalling.start({
    invite: (call) => calls.incoming(call),
    request: (request) => answerRequest(request, { ...phones, isDraining: () => draining }),
    engine: (state, engineId) => {
      signallingUp = state === 'up';
      logger.info({ state, engineId }, 'signalling engine');
    },
  });
  undo.push(() => signalling.stop());
  undo.push(() => calls.stop());

  const reload = createReload({
    current: () => settings,
    env,
    dialplan,
    logger,
    apply: async (next) => {
      settings = next;
      await trunks.configure(next.trunks);
      configureBorder();
    },
  });
  const api = createApi(
    {
      host: settings.api.host,
      port: settings.api.port,
      keys: () => settings.api.keys,
      version,
      now: () => clock.now(),
    },
    apiPorts({
      version,
      startedAt,
      clock,
      store,
      dialplan,
      calls,
      events,
      router,
      registrar,
      trunks,
      border,
      media,
      recordingsFolder: settings.media.recordings,
      queues,
      reload,
      listeners: () => engine.listeners(),
      state: () => ({ draining, signallingUp, storeFailing }),
    }),
    logger,
  );
  undo.push(() => api.stop());
  const apiUrl = await api.start();

  return {
    facts: {
      listeners: engine.listeners(),
      apiUrl,
      planRevision: loaded.revision,
      shown: showNumbers(dialplan.current().plan, router),
    },
    calls,
    reload: async (who) => {
      await reload(who);
    },
    drain: async () => {
      draining = true;
      await signalling.drain();
      queues.drain();
      await calls.drain(settings.sip.drainTimeoutMs);
    },
    stop: () => undoAll(undo, logger),
  };
}

/** Runs what undoes the start, last first; one that fails does not keep the others from running. */
async function undoAll(undo: (() => Promise<void> | void)[], logger: Logger): Promise<void> {
  for (const step of undo.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      logger.error({ err: error }, 'a part did not stop cleanly');
    }
  }
}
