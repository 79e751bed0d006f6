import type { EndCause, HangupParty } from '../model/index.js';
import type { Headers } from '../signalling/index.js';
import { formatReason, parseReasons, q850FromSip, q850Text, type SipResponse } from '../sip/index.js';

/** Causes by which a leg ends without anybody hanging up. */
const SYSTEM_KINDS: ReadonlySet<string> = new Set([
  'ack-timeout',
  'session-expired',
  'engine-lost',
  'peer-gone',
]);

/** How a dialog ended, told from this call's point of view: the leg below does not know which side it is. */
export function causeOfLeg(cause: EndCause, party: 'caller' | 'callee'): EndCause {
  return { ...cause, by: SYSTEM_KINDS.has(cause.kind) ? 'system' : party };
}

/** Why a leg was refused; a Reason header of the peer (RFC 6432) is more exact than the table of RFC 3398. */
export function causeOfRefusal(response: SipResponse, kind: string): EndCause {
  return {
    sip: response.status,
    q850: reasonOf(response) ?? q850FromSip(response.status),
    text: response.reason,
    by: 'callee',
    kind,
  };
}

function reasonOf(response: SipResponse): number | undefined {
  for (const line of response.headers.getAll('Reason')) {
    for (const { protocol, cause } of parseReasons(line)) {
      if (protocol.toUpperCase() === 'Q.850' && cause !== undefined && cause > 0 && cause < 128) return cause;
    }
  }
  return undefined;
}

/** A cause of our own. */
export function systemCause(kind: string, sip: number, text?: string): EndCause {
  return { sip, q850: q850FromSip(sip), ...(text === undefined ? {} : { text }), by: 'system', kind };
}

/** A leg that lost to another: RFC 3326 §2 names this very text. */
export const COMPLETED_ELSEWHERE: EndCause = {
  sip: 200,
  text: 'Call completed elsewhere',
  by: 'system',
  kind: 'completed-elsewhere',
};

export function cancelledCause(by: HangupParty): EndCause {
  return { sip: 487, q850: 16, by, kind: 'cancelled' };
}

/** What the other side is told of a peer's cause: its codes, not its words. */
export function toldCause(cause: EndCause): EndCause {
  if (cause.by === 'system' || cause.text === undefined) return cause;
  const { sip, q850, by, kind } = cause;
  return { sip, by, kind, ...(q850 === undefined ? {} : { q850 }) };
}

/** `Reason: Q.850` for a refusal we send (RFC 6432). */
export function reasonHeaders(q850: number | undefined): Headers {
  if (q850 === undefined) return [];
  return [['Reason', formatReason({ protocol: 'Q.850', cause: q850, text: q850Text(q850) })]];
}

/** How a call ends whose plan says so: by the failure that came before, if any. */
export function causeOfPlanEnd(
  { status, reason, q850 }: { readonly status: number; readonly reason?: string; readonly q850: number },
  answered: boolean,
  failure: EndCause | undefined,
): EndCause {
  return {
    sip: answered ? 200 : status,
    q850,
    by: failure?.by ?? 'system',
    kind: failure?.kind ?? (answered ? 'normal' : 'rejected'),
    ...(reason === undefined ? {} : { text: reason }),
  };
}
