/** A place in a file; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One finding about an admin's file, printed like a good compiler does. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** Stable short name of the kind of finding, e.g. `unknown-key`. */
  readonly code: string;
  /** What is wrong and what was expected. */
  readonly message: string;
  readonly place: Place;
  /** What to do about it, e.g. `did you mean "timezone"?`. */
  readonly hint?: string;
  /** Further places that belong to it, e.g. the rule that ties with this one. */
  readonly related?: readonly { readonly place: Place; readonly message: string }[];
}

/** The name among `candidates` nearest to `name` (edit distance of at most a third of its length, at least 1). */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Optimal string alignment distance (a swap of neighbours counts one); stops at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        previous[column]! + 1,
        current[column - 1]! + 1,
        previous[column - 1]! + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, before[column - 2]! + 1);
      }
      current.push(cost);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length]!;
}

/** The findings as text, each as `file:line:column: severity: message`, the line, a caret and the hint. */
export function formatDiagnostics(
  diagnostics: readonly Diagnostic[],
  sourceOf: (file: string) => string | undefined,
): string {
  const lines: string[] = [];
  for (const finding of diagnostics) {
    lines.push(`${showPlace(finding.place)}: ${finding.severity}: ${finding.message} [${finding.code}]`);
    lines.push(...excerpt(finding.place, sourceOf));
    if (finding.hint !== undefined) lines.push(`  hint: ${finding.hint}`);
    for (const related of finding.related ?? []) {
      lines.push(`${showPlace(related.place)}: note: ${related.message}`);
      lines.push(...excerpt(related.place, sourceOf));
    }
  }
  return lines.join('\n');
}

/** `file:line:column` */
export function showPlace(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`;
}

function excerpt(place: Place, sourceOf: (file: string) => string | undefined): string[] {
  const text = sourceOf(place.file)?.split(/\r?\n/, place.line)[place.line - 1];
  if (text === undefined || text.length > 400) return [];
  const number = String(place.line);
  const padding = text.slice(0, place.column - 1).replace(/[^\t]/g, ' ');
  return [` ${number} | ${text}`, ` ${' '.repeat(number.length)} | ${padding}^`];
}
