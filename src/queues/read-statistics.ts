import { type EncodedHistogram, percentile } from '../base/histogram.js';
import type {
  AgentFigures,
  QueueFigures,
  QueueStatistics,
  QueueTally,
  QueueTallyQuery,
  Spread,
  TallyCount,
} from '../model/index.js';
import type { QueueEvents } from './ports.js';

/** Reads sums out of the store and makes figures of them, in the order of time and name. */
export async function readStatistics(events: QueueEvents, query: QueueTallyQuery): Promise<QueueStatistics> {
  const tallies = [...(await events.tally(query))].sort(
    (a, b) => a.at - b.at || (nameOf(a) < nameOf(b) ? -1 : 1),
  );
  return {
    queues: tallies.filter(({ queue }) => queue !== undefined).map(queueFigures),
    agents: tallies.filter(({ agent }) => agent !== undefined).map(agentFigures),
  };
}

function nameOf(tally: QueueTally): string {
  return tally.queue ?? tally.agent ?? '';
}

function queueFigures(tally: QueueTally): QueueFigures {
  const count = counter(tally);
  const { answerWait, abandonWait } = tally.spreads;
  const unserved = count('abandoned') + count('timedOut') + count('leftEmpty') + count('leftByKey');
  const ended = count('answered') + unserved;
  return {
    at: tally.at,
    queue: nameOf(tally),
    offered: count('offered'),
    refused: count('refused'),
    answered: count('answered'),
    abandoned: count('abandoned'),
    abandonedShort: count('abandonedShort'),
    timedOut: count('timedOut'),
    leftEmpty: count('leftEmpty'),
    leftByKey: count('leftByKey'),
    transferred: count('transferred'),
    ...share('serviceLevel', count('answeredInLevel'), ended),
    ...share('abandonRate', count('abandoned'), ended),
    ...share('asaMs', answerWait?.sum ?? 0, answerWait?.count ?? 0),
    longestWaitMs: Math.max(answerWait?.max ?? 0, abandonWait?.max ?? 0),
    ...handling(tally),
    ...spread('answerWait', answerWait),
    ...spread('abandonWait', abandonWait),
    ...spread('score', tally.spreads.score),
    callbacks: {
      requested: count('callbacksRequested'),
      reached: count('callbacksReached'),
      failed: count('callbacksFailed'),
    },
    ...share('firstCallResolution', count('notRepeated'), count('repeatKnown')),
  };
}

function agentFigures(tally: QueueTally): AgentFigures {
  const count = counter(tally);
  const { states } = tally;
  const busy = (states.talking ?? 0) + (states['wrap-up'] ?? 0);
  const ready = (states.available ?? 0) + (states.ringing ?? 0) + (states.resting ?? 0);
  return {
    at: tally.at,
    agent: nameOf(tally),
    rung: count('rung'),
    answered: count('answered'),
    missed: count('missed'),
    transferred: count('transferred'),
    ...handling(tally),
    ...spread('score', tally.spreads.score),
    states,
    ...share('occupancy', busy, busy + ready),
  };
}

function handling({ spreads }: QueueTally): Pick<QueueFigures, 'ahtMs' | 'talk' | 'hold' | 'wrapUp'> {
  const { talk, hold, wrapUp } = spreads;
  const total = (talk?.sum ?? 0) + (hold?.sum ?? 0) + (wrapUp?.sum ?? 0);
  return {
    ...share('ahtMs', total, talk?.count ?? 0),
    ...spread('talk', talk),
    ...spread('hold', hold),
    ...spread('wrapUp', wrapUp),
  };
}

function counter({ counts }: QueueTally): (what: TallyCount) => number {
  return (what) => counts[what] ?? 0;
}

/** A ratio under this name; nothing where nothing was counted. */
function share<Name extends string>(name: Name, part: number, whole: number): Partial<Record<Name, number>> {
  return whole === 0 ? {} : ({ [name]: part / whole } as Partial<Record<Name, number>>);
}

function spread<Name extends string>(
  name: Name,
  histogram: EncodedHistogram | undefined,
): Partial<Record<Name, Spread>> {
  if (histogram === undefined || histogram.count === 0) return {};
  const { count, sum, min, max } = histogram;
  const at = (part: number): number => Math.round(percentile(histogram, part));
  const value = {
    count,
    mean: sum / count,
    min,
    max,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
  };
  return { [name]: value } as Partial<Record<Name, Spread>>;
}
