import { formatReason, SipResponse, type SipRequest } from '../../sip/index.js';
import { responseFrame } from '../control/frames.js';
import { composeInDialog } from './compose.js';
import type { CdrEnd } from './cdr.js';
import type { Core } from './core.js';
import { deliverServerBye } from './delivery.js';
import type { Dialog, Leg } from './dialog.js';
import { sendAck, sendOwn } from './in-dialog-send.js';
import type { PendingRequest } from './pending.js';
import { settleReliable } from './reliable.js';

/** The dialog is over: nothing finds it any more, and what was still unanswered in it is answered. */
export function endDialog(core: Core, dialog: Dialog): void {
  if (dialog.ended) return;
  dialog.ended = true;
  core.dialogs.delete(dialog);
  dialog.sessionTimer?.stop();
  dialog.sessionTimer = undefined;
  for (const leg of dialog.legs) endLeg(leg);
  // What still waits for the 200 of another fork need not where nobody forked.
  if (dialog.confirmed !== undefined && !dialog.forked) dialog.opening?.terminate();
  dialog.opening = undefined;
  for (const pending of [...dialog.pending]) {
    // A BYE is answered by its application; of an INVITE RFC 3261 §15.1.2 says 487.
    if (pending.kind === 'bye' || pending.state === 'final') continue;
    const invite = pending.kind === 'invite' || pending.kind === 'reinvite';
    refusePending(core, pending, invite ? 487 : 500);
  }
}

function endLeg(leg: Leg): void {
  leg.state = 'ended';
  leg.endAfterAck?.timer.clear();
  leg.endAfterAck = undefined;
  const { heldBye } = leg;
  leg.heldBye = undefined;
  heldBye?.app.send(responseFrame(heldBye.command.id, 'NOK', NO_DIALOG));
  for (const { app, command } of leg.queue ?? []) app.send(responseFrame(command.id, 'NOK', NO_DIALOG));
  leg.queue = undefined;
}

/** drachtio-srf looks for these words. */
export const NO_DIALOG = 'Server error: unable to find dialog for dialog id provided';

/** Answers a request that its application will not answer any more. */
export function refusePending(
  core: Core,
  pending: PendingRequest,
  status: number,
  headers?: Iterable<readonly [string, string]>,
): void {
  if (pending.state === 'final') return;
  const response = SipResponse.reply(pending.tx.request, status, undefined, pending.localTag);
  if (core.settings.userAgent !== undefined) response.headers.add('Server', core.settings.userAgent);
  for (const [name, value] of headers ?? []) response.headers.add(name, value);
  forgetPending(core, pending);
  pending.state = 'final';
  pending.tx.respond(response);
}

/** Takes a request off all lists; answers of the application to it get `NOK` from here on. */
export function forgetPending(core: Core, pending: PendingRequest): void {
  core.pending.delete(pending.txnId);
  pending.dialog?.drop(pending);
  settleReliable(pending);
  const { leg, earlyUpdate } = pending;
  if (leg?.inviteIn === pending) leg.inviteIn = undefined;
  if (leg?.updateIn === pending) leg.updateIn = undefined;
  pending.earlyUpdate = undefined;
  earlyUpdate?.respond(SipResponse.reply(earlyUpdate.request, 500, undefined, pending.localTag));
  for (const { app, command } of pending.waiting?.splice(0) ?? [])
    app.send(responseFrame(command.id, 'NOK', UNKNOWN_TRANSACTION));
}

export const UNKNOWN_TRANSACTION = 'Response not sent due to unknown transaction';

/** Ends a confirmed dialog by a BYE of the server's own, and tells the application (frame 3.2h). */
export function sendServerBye(core: Core, dialog: Dialog, leg: Leg, text: string, why: CdrEnd): void {
  if (dialog.ended) return;
  // A 2xx must have its ACK before the BYE.
  if (leg.ackDue !== undefined) {
    sendAck(core, dialog, leg, leg.ackDue, undefined);
    leg.ackDue = undefined;
  }
  leg.offerOut?.tx?.cancel();
  const bye = byeOf(core, dialog, leg, text);
  let told = false;
  const tell = (sent: Parameters<typeof deliverServerBye>[2], request: SipRequest): void => {
    if (told) return;
    told = true;
    const app = core.apps.heirOf(dialog.owner);
    if (app !== undefined) deliverServerBye(app, request, sent, dialog.id, core.clock.now());
    core.cdr.stop('application', why, request);
  };
  sendOwn(core, dialog, leg, bye, (info, request) => tell(info, request));
  tell(undefined, bye);
  endDialog(core, dialog);
}

/** Acknowledges and ends a leg nobody wants: a fork that answered after another one. The application hears nothing of it. */
export function dismissLeg(core: Core, dialog: Dialog, leg: Leg, cseq: number): void {
  sendAck(core, dialog, leg, cseq, undefined);
  sendOwn(core, dialog, leg, byeOf(core, dialog, leg, 'Call completed elsewhere'));
  leg.state = 'ended';
}

function byeOf(core: Core, dialog: Dialog, leg: Leg, text: string): SipRequest {
  const bye = composeInDialog(dialog, leg, 'BYE', ++leg.localSeq);
  bye.headers.add('Reason', formatReason({ protocol: 'SIP', cause: 200, text }));
  if (core.settings.userAgent !== undefined) bye.headers.add('User-Agent', core.settings.userAgent);
  return bye;
}
