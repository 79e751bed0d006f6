import type { TraceEntry } from '../model/index.js';

/** A trace in an admin's words, a line each; what belongs to the line before is indented. */
export function formatTrace(trace: readonly TraceEntry[]): string[] {
  return trace.flatMap(linesOf);
}

function linesOf(entry: TraceEntry): string[] {
  switch (entry.kind) {
    case 'border': {
      const { check, verdict } = entry.finding;
      if (verdict.kind === 'admit') return [`border ${check}: passed`];
      const observed = verdict.observed ? ' (only observed)' : '';
      return [`border ${check}: refused${observed}, ${verdict.code}: ${verdict.reason}`];
    }
    case 'trunk':
      return [`trunk ${entry.trunk ?? 'unknown'}: ${entry.why}`];
    case 'rule':
      return [
        `rule ${entry.rule} (${entry.place}): ${entry.why}`,
        ...entry.rivals.map((rival) => `  not ${rival.rule} (${rival.place}): ${rival.why}`),
      ];
    case 'no-rule':
      return [`no rule fits ${entry.number}${entry.near === undefined ? '' : `; nearest: ${entry.near}`}`];
    case 'step':
      return [
        `${entry.verb}: ${entry.name} (${entry.place})${entry.note === undefined ? '' : `: ${entry.note}`}`,
      ];
    case 'outcome':
      return [`  ${entry.verb} ${entry.outcome}: ${entry.next}`];
    case 'attempt':
      return [`  ${entry.target}: ${entry.result}`];
    case 'note':
      return [`  ${entry.text}`];
  }
}
