import { DIGIT, readNumber, skipClass, skipSpace } from './chars.js';
import { parseParams } from './params.js';

/** Session-Expires (RFC 4028 §4). */
export interface SessionExpires {
  /** Seconds. */
  readonly seconds: number;
  readonly refresher?: 'uac' | 'uas';
}

const MAX_SECONDS = 0xffffffff;

export function parseSessionExpires(text: string): SessionExpires | undefined {
  const start = skipSpace(text, 0);
  const end = skipClass(text, start, text.length, DIGIT);
  const seconds = readNumber(text, start, end, MAX_SECONDS);
  const params = seconds === -1 ? undefined : parseParams(text, end);
  if (params === undefined) return undefined;
  const refresher = params.get('refresher')?.toLowerCase();
  return refresher === 'uac' || refresher === 'uas' ? { seconds, refresher } : { seconds };
}

export function formatSessionExpires(value: SessionExpires): string {
  return value.refresher === undefined
    ? String(value.seconds)
    : `${value.seconds};refresher=${value.refresher}`;
}

/** Min-SE in seconds (RFC 4028 §5); undefined when malformed. */
export function parseMinSe(text: string): number | undefined {
  return parseSessionExpires(text)?.seconds;
}
