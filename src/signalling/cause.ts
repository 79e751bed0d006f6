import type { EndCause, HangupParty } from '../model/index.js';
import { formatReason, parseReasons, q850Text, type Reason, type SipHeaders } from '../sip/index.js';

/** Longest text of a far side's Reason that is kept. */
const MAX_TEXT = 200;

/** Why a call ended, from the Reason header of the BYE or CANCEL that ended it (RFC 3326). */
export function causeFrom(
  headers: SipHeaders | undefined,
  end: { readonly sip: number; readonly by: HangupParty; readonly kind: string },
): EndCause {
  const reasons = (headers?.getAll('Reason') ?? []).flatMap(parseReasons);
  const q850 = reasons.find(
    (reason) => reason.protocol.toUpperCase() === 'Q.850' && inRange(reason.cause, 1, 127),
  );
  const text = (q850 ?? reasons[0])?.text?.slice(0, MAX_TEXT);
  return {
    ...end,
    ...(q850?.cause === undefined ? {} : { q850: q850.cause }),
    ...(text === undefined ? {} : { text }),
  };
}

/** What the server says in the Reason of a BYE that it made by itself. */
export function serverEndCause(headers: SipHeaders | undefined, by: HangupParty): EndCause {
  const text = (headers?.get('Reason') ?? '').toLowerCase();
  if (text.includes('ack timeout')) return { sip: 408, q850: 102, by: 'system', kind: 'ack-timeout' };
  if (text.includes('session timer') || text.includes('session expired')) {
    return { sip: 408, q850: 102, by: 'system', kind: 'session-expired' };
  }
  if (text.includes('cancel')) return { sip: 487, by, kind: 'cancelled' };
  return { sip: 503, q850: 41, by: 'system', kind: 'engine-ended' };
}

export function engineLost(): EndCause {
  return { sip: 503, q850: 41, text: 'the signalling engine was lost', by: 'system', kind: 'engine-lost' };
}

/** The far side no longer knows the dialog, or answers nothing any more. */
export function peerGone(status: number): EndCause {
  return { sip: status, q850: 102, by: 'system', kind: 'peer-gone' };
}

export function sessionExpired(): EndCause {
  return { sip: 408, q850: 102, by: 'system', kind: 'session-expired' };
}

/** Reason lines for a BYE or CANCEL. Of SIP codes a BYE names failures only; a CANCEL also 200: answered elsewhere. */
export function reasonLines(cause: EndCause | undefined, method: 'BYE' | 'CANCEL'): string {
  if (cause === undefined) return '';
  const text = cause.text === undefined ? undefined : cleanText(cause.text);
  let lines = '';
  if (inRange(cause.sip, method === 'BYE' ? 300 : 200, 699)) {
    lines += reasonLine({ protocol: 'SIP', cause: cause.sip, ...(text === undefined ? {} : { text }) });
  }
  if (inRange(cause.q850, 1, 127)) {
    lines += reasonLine({ protocol: 'Q.850', cause: cause.q850, text: text ?? q850Text(cause.q850) });
  }
  return lines;
}

function reasonLine(reason: Reason): string {
  return `Reason: ${formatReason(reason)}\r\n`;
}

function cleanText(text: string): string {
  return text.slice(0, MAX_TEXT).replace(/[\x00-\x1f\x7f|"\\]/g, ' ');
}

function inRange(value: number | undefined, low: number, high: number): value is number {
  return value !== undefined && Number.isInteger(value) && value >= low && value <= high;
}
