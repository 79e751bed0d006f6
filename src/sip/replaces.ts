import { isAll, skipSpace, trimSpace, WORD } from './chars.js';
import { parseParams } from './params.js';

/** The dialog a Replaces (RFC 3891) or Target-Dialog (RFC 4538) header names. */
export interface Replaces {
  readonly callId: string;
  readonly toTag: string;
  readonly fromTag: string;
  readonly earlyOnly: boolean;
}

export function parseReplaces(text: string): Replaces | undefined {
  const start = skipSpace(text, 0);
  const semicolon = text.indexOf(';', start);
  if (semicolon === -1) return undefined;
  const callId = trimSpace(text.slice(start, semicolon));
  const params = isCallId(callId) ? parseParams(text, semicolon) : undefined;
  const toTag = params?.get('to-tag') ?? params?.get('remote-tag');
  const fromTag = params?.get('from-tag') ?? params?.get('local-tag');
  if (params === undefined || !toTag || !fromTag) return undefined;
  return { callId, toTag, fromTag, earlyOnly: params.has('early-only') };
}

export function formatReplaces(value: Replaces): string {
  return `${value.callId};to-tag=${value.toTag};from-tag=${value.fromTag}${value.earlyOnly ? ';early-only' : ''}`;
}

/** `word [ "@" word ]` (RFC 3261 §25.1, callid). */
export function isCallId(text: string): boolean {
  const at = text.indexOf('@');
  if (at === -1) return isAll(text, 0, text.length, WORD);
  return isAll(text, 0, at, WORD) && isAll(text, at + 1, text.length, WORD);
}
