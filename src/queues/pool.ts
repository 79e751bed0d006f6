import type { Lane, Member, Queue } from './house.js';
import { meets } from './lanes.js';
import type { Strategy } from './settings.js';
import { createSortedList, type SortedList } from './sorted-list.js';

/** The free agents of a queue in the order of its strategy, within tier and penalty. */
export function createPool(strategy: Strategy): SortedList<Member> {
  const within = ORDER[strategy];
  return createSortedList(
    (a, b) => a.tier - b.tier || a.penalty - b.penalty || within(a, b) || a.index - b.index,
  );
}

const listed = (): number => 0;
const idle = (a: Member, b: Member): number => a.agent.idleSince - b.agent.idleSince;

const ORDER: Readonly<Record<Strategy, (a: Member, b: Member) => number>> = {
  'ring-all': listed,
  'round-robin': listed,
  random: listed,
  'top-down': listed,
  'longest-idle': idle,
  skills: idle,
  'fewest-calls': (a, b) => a.calls - b.calls || idle(a, b),
};

/** Who is rung next for callers of the lane: none, one, or with ring-all several. */
export function pick(lane: Lane, random: () => number): readonly Member[] {
  for (const queue of lane.from) {
    if (queue.pool.size === 0) continue;
    const picked = pickFrom(queue, lane.demand, random);
    if (picked.length > 0) return picked;
  }
  return [];
}

function pickFrom(queue: Queue, demand: Lane['demand'], random: () => number): readonly Member[] {
  const { pool } = queue;
  switch (queue.settings.strategy) {
    case 'longest-idle':
    case 'fewest-calls':
    case 'top-down':
      for (const member of pool) if (meets(member, demand)) return [member];
      return [];
    case 'ring-all':
      return bestGroup(pool, demand);
    case 'random':
      return one(bestGroup(pool, demand), (group) => group[Math.floor(random() * group.length)]);
    case 'round-robin':
      return one(
        bestGroup(pool, demand),
        (group) => group.find(({ index }) => index > queue.cursor) ?? group[0],
      );
    case 'skills':
      return one(bestGroup(pool, demand), (group) => mostSkilled(group, demand));
  }
}

function one(
  group: readonly Member[],
  choose: (group: readonly Member[]) => Member | undefined,
): readonly Member[] {
  const chosen = group.length === 0 ? undefined : choose(group);
  return chosen === undefined ? [] : [chosen];
}

/** Of the first tier and penalty that has somebody who will do, all who will. */
function bestGroup(pool: SortedList<Member>, demand: Lane['demand']): Member[] {
  const group: Member[] = [];
  for (const member of pool) {
    const first = group[0];
    if (first !== undefined && (first.tier !== member.tier || first.penalty !== member.penalty)) break;
    if (meets(member, demand)) group.push(member);
  }
  return group;
}

/** The highest sum of levels in what is demanded; among equals the first. */
function mostSkilled(group: readonly Member[], demand: Lane['demand']): Member {
  let best = group[0]!;
  let bestScore = -1;
  for (const member of group) {
    let score = 0;
    for (const [skill] of demand) score += member.skills[skill] ?? 0;
    if (score > bestScore) [best, bestScore] = [member, score];
  }
  return best;
}
