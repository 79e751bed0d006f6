import { QUARTER_MS, recordState } from './agent-state.js';
import { createAgenda } from './agenda.js';
import { createAgents } from './agents.js';
import { cancelCallback } from './callbacks.js';
import { admit, ticketFor, watchCaller } from './callers.js';
import { configure } from './configure.js';
import { settle } from './dispatch.js';
import { compareCallers, type House } from './house.js';
import { outOfLane } from './lanes.js';
import type { QueueDeps, Queues } from './queues.js';
import { readStatistics } from './read-statistics.js';
import { takeSnapshot } from './snapshot.js';
import { createSortedList } from './sorted-list.js';

/** All queues. What was promised and what agents chose before a restart is taken up from the repositories. */
export function createQueues<Connection>(deps: QueueDeps<Connection>): Queues<Connection> {
  const house = createHouse(deps);
  return {
    configure: (queues) => house.run(() => configure(house, queues)),
    enter: (entry, on) =>
      house.runAnswering(() => {
        const admitted = admit(house, entry, on);
        return typeof admitted === 'string'
          ? { kind: 'refused', outcome: admitted }
          : { kind: 'waiting', ticket: ticketFor(house, admitted) };
      }),
    agents: createAgents(house),
    snapshot: () => takeSnapshot(house),
    statistics: (query) => readStatistics(deps.events, query),
    survey: ({ queue, callId, agent, caller, score }) =>
      house.run(() =>
        house.record({
          kind: 'survey',
          at: deps.clock.now(),
          queue,
          callId,
          ...(agent !== undefined && { agent }),
          ...(caller !== undefined && { caller }),
          score,
        }),
      ),
    cancelCallback: (id) => house.run(() => cancelCallback(house, id)),
    drain: () =>
      house.run(() => {
        house.draining = true;
        for (const caller of house.callbacks.values()) if (caller.on === undefined) outOfLane(caller);
      }),
    stop() {
      if (house.stopped) return;
      house.stopped = true;
      for (const agent of house.agents.values()) recordState(house, agent);
      house.agenda.stop();
    },
  };
}

function createHouse(deps: QueueDeps<unknown>): House {
  const { clock, logger } = deps;
  const defer = deps.defer ?? queueMicrotask;
  const recent = deps.events.recentAnswers(clock.now() - 3_600_000);
  const effects: (() => void)[] = [];
  let order = 0;
  let depth = 0;
  let flushing = false;

  function flush(): void {
    if (flushing) return;
    flushing = true;
    for (let next = effects.shift(); next !== undefined; next = effects.shift()) {
      attempt(next);
    }
    flushing = false;
  }

  /** A fault stays with what caused it: nothing is thrown into the event loop. */
  function attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      logger.error(
        { reason: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        'queues failed',
      );
    }
  }

  function change<T>(apply: () => T): T {
    depth++;
    try {
      const result = apply();
      if (depth === 1) {
        settle(house);
        house.agenda.arm();
      }
      return result;
    } finally {
      depth--;
    }
  }

  const house: House = {
    deps,
    queues: new Map(),
    agents: new Map(),
    callbacks: new Map(),
    orphans: new Map(deps.callbacks.load().map((record) => [record.id, record])),
    choices: new Map(deps.agentStates.load().map((state) => [state.agent, state])),
    busyOutside: new Set(),
    agenda: createAgenda(clock, (next) => {
      house.run(() => {
        for (let alarm = next(); alarm !== undefined; alarm = next()) attempt(alarm.run);
      });
    }),
    seeking: createSortedList(compareCallers),
    freed: new Set(),
    draining: false,
    stopped: false,
    now: () => clock.monotonic(),
    timeOf: (monotonic) => Math.round(clock.now() - (clock.monotonic() - monotonic)),
    record(event) {
      deps.events.append(event);
      const { onEvent } = deps;
      if (onEvent !== undefined) effects.push(() => onEvent(event));
    },
    later: (effect) => void effects.push(effect),
    recentAnswers: (since) => recent.filter(({ at }) => at >= since),
    ticketFor: (caller) => ticketFor(house, caller),
    watchCaller: (caller) => watchCaller(house, caller),
    nextOrder: () => order++,
    run(apply) {
      const result = change(apply);
      if (depth === 0) flush();
      return result;
    },
    runAnswering(apply) {
      const result = change(apply);
      if (effects.length > 0 && !flushing) defer(flush);
      return result;
    },
  };
  house.run(() => watchQuarters(house));
  return house;
}

/** States that last are written each quarter of an hour, so that a crash loses little of them. */
function watchQuarters(house: House): void {
  const wall = house.deps.clock.now();
  const next = (Math.floor(wall / QUARTER_MS) + 1) * QUARTER_MS;
  house.agenda.set(house.now() + (next - wall), () => {
    for (const agent of house.agents.values()) recordState(house, agent);
    watchQuarters(house);
  });
}
