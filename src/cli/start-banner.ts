import type { Explanation } from '../routing/index.js';

/** Numbers of the plan that the banner shows, at most. */
const MAX_NUMBERS = 12;

export interface BannerFacts {
  readonly version: string;
  readonly listeners: readonly string[];
  readonly apiUrl: string;
  readonly database: string;
  readonly planRevision: number;
  /** A number of each rule, as a caller would dial it, with what becomes of the call. */
  readonly numbers: readonly {
    readonly number: string;
    readonly name?: string;
    readonly decision: Explanation['decision'];
  }[];
  readonly moreNumbers: number;
}

/** What `npm start` prints: where it listens, what can be called with which result, and where the API is. */
export function startBanner(facts: BannerFacts): string[] {
  const shown = facts.numbers.slice(0, MAX_NUMBERS);
  const width = Math.max(0, ...shown.map(({ number }) => number.length));
  const more = facts.moreNumbers + facts.numbers.length - shown.length;
  return [
    `Trunkline ${facts.version}`,
    `  SIP      ${facts.listeners.join('  ')}`,
    `  API      ${facts.apiUrl}  (reference at ${facts.apiUrl}/docs)`,
    `  records  ${facts.database}`,
    `  dialplan revision ${facts.planRevision}; call these numbers:`,
    ...shown.map(
      ({ number, name, decision }) =>
        `    ${number.padEnd(width)}  ${name === undefined ? '' : `${name}: `}${decision}`,
    ),
    ...(more > 0 ? [`    … and ${more} more rules`] : []),
    'Ready. Ctrl-C drains and stops; a second one stops at once.',
  ];
}
