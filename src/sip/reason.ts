import { isToken, quote, readNumber, skipClass, skipSpace, TOKEN } from './chars.js';
import { parseParams, splitList } from './params.js';

/** One value of a Reason header (RFC 3326). */
export interface Reason {
  /** `SIP`, `Q.850` … */
  readonly protocol: string;
  readonly cause?: number;
  readonly text?: string;
}

/** All values of one Reason line; malformed ones are left out. */
export function parseReasons(text: string): Reason[] {
  const reasons: Reason[] = [];
  for (const element of splitList(text)) {
    const reason = parseReason(element);
    if (reason !== undefined) reasons.push(reason);
  }
  return reasons;
}

/** One Reason value such as `Q.850;cause=16;text="Normal call clearing"`. */
export function parseReason(text: string): Reason | undefined {
  const start = skipSpace(text, 0);
  const end = skipClass(text, start, text.length, TOKEN);
  const params = end === start ? undefined : parseParams(text, end);
  if (params === undefined) return undefined;
  const causeText = params.get('cause');
  const cause = causeText === undefined ? -1 : readNumber(causeText, 0, causeText.length, 999);
  const phrase = params.get('text');
  return {
    protocol: text.slice(start, end),
    ...(cause === -1 ? {} : { cause }),
    ...(phrase === undefined ? {} : { text: phrase }),
  };
}

export function formatReason(reason: Reason): string {
  const protocol = isToken(reason.protocol) ? reason.protocol : 'SIP';
  const cause = reason.cause === undefined ? '' : `;cause=${reason.cause}`;
  return `${protocol}${cause}${reason.text === undefined ? '' : `;text=${quote(reason.text)}`}`;
}
