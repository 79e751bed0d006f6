import type { SrvRecord } from 'node:dns';

/** The records in the order to try them: by priority, within one by weighted chance (RFC 2782). `random` is uniform in [0, 1). */
export function orderSrv(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  // Records of weight 0 first, so that they are drawn rarely but can be.
  const left = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight);
  const ordered: SrvRecord[] = [];
  while (left.length > 0) {
    const priority = left[0]!.priority;
    const end = left.findIndex((record) => record.priority !== priority);
    const group = end === -1 ? left : left.slice(0, end);
    const sum = group.reduce((total, record) => total + record.weight, 0);
    // RFC 2782 draws an integer from 0 to the sum, both included.
    let drawn = Math.floor(random() * (sum + 1));
    let index = 0;
    while (index < group.length - 1 && drawn > group[index]!.weight) drawn -= group[index++]!.weight;
    ordered.push(...left.splice(index, 1));
  }
  return ordered;
}
