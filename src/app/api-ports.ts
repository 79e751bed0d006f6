import type { ApiPorts, ApiQueues } from '../api/index.js';
import type { Clock } from '../base/clock.js';
import type { Border } from '../border/index.js';
import type { Calls } from '../calls/index.js';
import type { DialplanService } from '../dialplan/index.js';
import type { Binding, Registrar } from '../registrar/index.js';
import type { Router } from '../routing/index.js';
import type { Store } from '../store/index.js';
import type { Trunks } from '../trunks/index.js';
import { apiVoice } from './api-voice.js';
import type { CallEvents } from './call-events.js';
import type { MediaRoom } from './create-media.js';
import { healthOf } from './health.js';
import { accepted, type ReloadAnswer } from './reload.js';

/** What the API shows and steers, made of the rooms. */
export function apiPorts(deps: {
  version: string;
  startedAt: number;
  clock: Clock;
  store: Store<Binding>;
  dialplan: DialplanService;
  calls: Calls;
  events: CallEvents;
  router: Router;
  registrar: Registrar;
  trunks: Trunks;
  border: Border;
  media: MediaRoom;
  recordingsFolder: string;
  queues: ApiQueues;
  reload: (who: string) => Promise<ReloadAnswer>;
  listeners: () => readonly string[];
  state: () => { draining: boolean; signallingUp: boolean; storeFailing: boolean };
}): ApiPorts {
  const { clock, store, dialplan, calls, router, registrar, trunks, border, media, queues } = deps;
  return {
    health: () =>
      healthOf(
        { ...deps.state(), media: media.parts.engine.load(), queues },
        {
          version: deps.version,
          uptimeS: Math.floor((clock.now() - deps.startedAt) / 1000),
          listeners: deps.listeners(),
          calls: calls.size,
          planRevision: dialplan.current().revision,
        },
      ),
    calls: {
      list: () => calls.list(),
      hangUp: (id) => calls.hangUp(id),
      transfer: (id, order) => calls.transfer(id, order),
      supervise: (id, order) => calls.supervise(id, order),
      record: (id, what) => calls.record(id, what),
    },
    records: { list: (query) => store.records.list(query), get: (id) => store.records.get(id) },
    explain: (call) => router.explainCall(call),
    dialplan: {
      current: () => {
        const { plan, revision, loadedAt, warnings, tests } = dialplan.current();
        return {
          revision,
          hash: plan.hash,
          loadedAt,
          files: plan.files.map(({ path }) => path),
          numbers: plan.numbers.size,
          extensions: plan.extensions.size + plan.extensionBlocks.length,
          tests,
          warnings,
        };
      },
      reload: () => deps.reload('api'),
      revisions: () =>
        Promise.resolve(
          dialplan.revisions().map(({ number, hash, at, who, files, inForce }) => ({
            number,
            hash,
            at,
            by: who,
            files,
            inForce,
          })),
        ),
      restore: async (number) => ({ ...accepted(await dialplan.restore(number, 'api')), restartNeeded: [] }),
    },
    hours: {
      list: () => dialplan.hours.list(),
      set: (override) => {
        if (!dialplan.current().plan.hours.has(override.hours)) return false;
        dialplan.hours.set(override);
        return true;
      },
      clear: (hours) => dialplan.hours.clear(hours),
    },
    events: { subscribe: (listener) => deps.events.subscribe(listener) },
    registrations: () => registrar.list(),
    trunks: () => trunks.status(),
    bans: { list: () => border.bans.list(), lift: (address) => border.bans.lift(address) },
    voice: apiVoice(deps),
    queues,
    borderCounters: () => Object.fromEntries(border.counters()),
  };
}
