import type { Timer } from '../../base/clock.js';
import { parseRAck, type SipRequest, type SipResponse } from '../../sip/index.js';
import { randomHex } from '../../base/ids.js';
import type { Core } from './core.js';
import type { PendingRequest } from './pending.js';

/** A reliable provisional response of ours that waits for its PRACK (RFC 3262 §3). */
export interface ReliableProvisional {
  readonly rseq: number;
  /** It carries a session description: the 2xx must wait for the PRACK. */
  readonly offers: boolean;
  timer: Timer | undefined;
}

/** The peer understands reliable provisional responses. */
export function supports100rel(invite: SipRequest): boolean {
  return hasTag(invite, 'Supported') || hasTag(invite, 'Require');
}

function hasTag(message: SipRequest, header: string): boolean {
  return (
    message.headers.has(header) && message.headers.list(header).some((tag) => tag.toLowerCase() === '100rel')
  );
}

/** The next RSeq of an INVITE: the first is random (RFC 3262 §3). */
export function nextRSeq(pending: PendingRequest): number {
  pending.rseq =
    pending.rseq === undefined ? 1 + (Number.parseInt(randomHex(4), 16) % 0x3fff_ffff) : pending.rseq + 1;
  return pending.rseq;
}

/** Repeats a response at T1, 2 T1, 4 T1 … until `settleReliable`; `gaveUp` after 64 T1. */
export function repeatReliable(
  core: Core,
  pending: PendingRequest,
  response: SipResponse,
  rseq: number,
  gaveUp: () => void,
): void {
  const reliable: ReliableProvisional = { rseq, offers: response.body !== '', timer: undefined };
  pending.reliable = reliable;
  const until = core.clock.monotonic() + core.settings.timeoutMs;
  let gap = core.settings.t1Ms;
  const again = (): void => {
    if (pending.reliable !== reliable) return;
    if (core.clock.monotonic() >= until) {
      pending.reliable = undefined;
      gaveUp();
      return;
    }
    pending.tx.respond(response);
    gap *= 2;
    reliable.timer = core.clock.after(gap, again);
  };
  reliable.timer = core.clock.after(gap, again);
}

/** Stops the repetition; its PRACK is still welcome. */
export function settleReliable(pending: PendingRequest): void {
  if (pending.reliable === undefined) return;
  pending.reliable.timer?.clear();
  pending.rseqs = [...(pending.rseqs ?? []), pending.reliable.rseq];
  pending.reliable = undefined;
}

/** Whether a PRACK acknowledges something of that INVITE; settles it when it was waited for. */
export function takePrack(pending: PendingRequest, prack: SipRequest): boolean {
  const rack = parseRAck(prack.headers.get('RAck') ?? '');
  if (rack?.method !== 'INVITE' || rack.cseq !== pending.tx.request.cseq.seq) return false;
  if (pending.reliable?.rseq === rack.rseq) {
    settleReliable(pending);
    return true;
  }
  return pending.rseqs?.includes(rack.rseq) === true;
}
