import type { Outcome } from '../dialplan/index.js';

/** What one attempt showed before its final answer. */
export interface AttemptHistory {
  /** It gave an 18x. */
  readonly rang: boolean;
  /** It went to a registered device, whose bare 480 means do not disturb. */
  readonly toDevice: boolean;
}

/** The outcome a refusal stands for: the table of the dialplan language. Redirections that were not followed are `unreachable`. */
export function outcomeOfStatus(status: number, history: AttemptHistory): Outcome {
  switch (status) {
    case 486:
    case 600:
      return 'busy';
    case 480:
      if (history.rang) return 'no-answer';
      return history.toDevice ? 'busy' : 'unreachable';
    case 408:
      return history.rang ? 'no-answer' : 'unreachable';
    case 603:
    case 607:
    case 608:
      return 'declined';
    case 404:
    case 410:
    case 484:
    case 604:
      return 'unknown';
    default:
      return 'unreachable';
  }
}

/** Which outcome names a mixed result. */
const PRECEDENCE: readonly Outcome[] = ['no-answer', 'declined', 'busy', 'limited', 'unreachable'];

/** One outcome for several legs: theirs when they agree, else the first of no-answer, declined, busy, limited, unreachable. */
export function mixOutcomes(outcomes: readonly Outcome[]): Outcome {
  const first = outcomes[0];
  if (first === undefined) return 'unreachable';
  if (outcomes.every((outcome) => outcome === first)) return first;
  return PRECEDENCE.find((outcome) => outcomes.includes(outcome)) ?? 'unreachable';
}

/** The status a call ends with when this was its last failure. */
export function statusOfOutcome(outcome: Outcome): number {
  switch (outcome) {
    case 'busy':
      return 486;
    case 'declined':
      return 603;
    case 'unknown':
      return 404;
    case 'limited':
      return 503;
    default:
      return 480;
  }
}
