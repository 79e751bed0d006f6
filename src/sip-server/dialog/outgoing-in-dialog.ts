import { formatRAck, parseRAck, SipResponse } from '../../sip/index.js';
import { newUuid } from '../../base/ids.js';
import type { ControlConnection } from '../control/connection.js';
import type { SipCommand } from '../control/commands.js';
import { requestEcho, responseFrame } from '../control/frames.js';
import type { Flow } from '../transport/flow.js';
import type { ClientCall } from './client-call.js';
import { composeInDialog, readSeq } from './compose.js';
import type { Core } from './core.js';
import { deliverInternalResponse } from './delivery.js';
import type { Dialog, Leg } from './dialog.js';
import { dialogId } from './dialog.js';
import { endDialog, NO_DIALOG, sendServerBye } from './ending.js';
import { destinationOf, sendAck } from './in-dialog-send.js';
import { AUTOMATIC_ACK, deliver, finishCall, launch } from './outgoing.js';
import { extendSubscription } from './respond.js';
import { agreedTimer, watchSession } from './session-timer.js';

/** INVITEs of an application that may wait for a refresh of the server's own. */
const MAX_QUEUED = 8;

/** Section 2.5: the dialog a command means, by its id, or by the Call-ID and tag it carries. */
export function dialogOfCommand(core: Core, command: SipCommand): Dialog | undefined {
  if (command.dialogId !== '') return core.dialogs.get(command.dialogId);
  const { headers } = command.message;
  const callId = headers.get('Call-ID');
  if (callId === undefined) return undefined;
  for (const name of ['From', 'To'] as const) {
    const tag = /;\s*tag=([^;\s]+)/i.exec(headers.get(name) ?? '')?.[1];
    const dialog = tag === undefined ? undefined : core.dialogs.get(dialogId(callId, tag));
    if (dialog?.confirmed !== undefined) return dialog;
  }
  return undefined;
}

/** Sends a request inside a dialog: section 5.5. */
export function sendInDialog(core: Core, app: ControlConnection, command: SipCommand): void {
  const { start } = command.message;
  if (start.kind !== 'request') return;
  const refuse = (reason: string): void => app.send(responseFrame(command.id, 'NOK', reason));
  const dialog = dialogOfCommand(core, command);
  const leg = dialog?.current;
  if (dialog === undefined || leg === undefined || leg.state === 'ended') {
    return refuse(start.method === 'ACK' ? AUTOMATIC_ACK : NO_DIALOG);
  }
  if (!dialog.owner.open) dialog.owner = app;
  switch (start.method) {
    case 'ACK':
      return acknowledge(core, app, command, dialog, leg);
    case 'PRACK':
      return sendPrack(core, app, command, dialog);
    case 'INVITE':
      return sendReinvite(core, app, command, dialog, leg);
    case 'BYE':
      return sendBye(core, app, command, dialog, leg);
    default:
      return transmit(core, app, command, dialog, leg);
  }
}

function acknowledge(
  core: Core,
  app: ControlConnection,
  command: SipCommand,
  dialog: Dialog,
  leg: Leg,
): void {
  const cseq = leg.ackDue;
  if (cseq === undefined) return app.send(responseFrame(command.id, 'NOK', AUTOMATIC_ACK));
  leg.ackDue = undefined;
  const { message } = command;
  const plain = message.body === '' && message.headers.size <= 1;
  let raw: string | undefined;
  sendAck(core, dialog, leg, cseq, plain ? undefined : message, (outcome, request) => {
    const info = 'error' in outcome ? undefined : outcome;
    raw = info?.raw ?? request.serialize();
    app.send(requestEcho(command.id, info, core.clock.now(), newUuid(), raw));
  });
  if (message.body !== '' && dialog.sessionTimer !== undefined) dialog.sessionTimer.localSdp = message.body;
  if (leg.endAfterAck !== undefined) sendServerBye(core, dialog, leg, leg.endAfterAck.text, 'ackbye');
}

/** RFC 3262 §4: which response it acknowledges is told by its RAck, else by the order of delivery (the forks of an INVITE share an id). */
function sendPrack(core: Core, app: ControlConnection, command: SipCommand, dialog: Dialog): void {
  const waiting = dialog.unpracked ?? [];
  const given = parseRAck(command.message.headers.get('RAck') ?? '');
  const named = waiting.findIndex((entry) => entry.rseq === given?.rseq && entry.cseq === given.cseq);
  const [entry] = waiting.splice(Math.max(0, named), 1);
  if (entry === undefined)
    return app.send(responseFrame(command.id, 'NOK', 'no provisional response waits for a PRACK'));
  transmit(
    core,
    app,
    command,
    dialog,
    entry.leg,
    formatRAck({ rseq: entry.rseq, cseq: entry.cseq, method: 'INVITE' }),
  );
}

/** RFC 3261 §14.1: not while another INVITE of the dialog is under way. */
function sendReinvite(
  core: Core,
  app: ControlConnection,
  command: SipCommand,
  dialog: Dialog,
  leg: Leg,
): void {
  if (leg.state !== 'confirmed')
    return app.send(responseFrame(command.id, 'NOK', 'the dialog is not confirmed'));
  const busy = leg.offerOut;
  if (busy !== undefined) {
    leg.queue ??= [];
    if (leg.queue.length >= MAX_QUEUED)
      return app.send(responseFrame(command.id, 'NOK', 'an INVITE of the dialog is under way'));
    leg.queue.push({ app, command });
    leg.drainQueue ??= () => {
      if (leg.offerOut !== undefined) return;
      const next = leg.queue?.shift();
      if (next !== undefined) sendReinvite(core, next.app, next.command, dialog, leg);
    };
    return;
  }
  if (leg.inviteIn !== undefined) return pretendGlare(core, app, command, dialog, leg);
  transmit(core, app, command, dialog, leg);
}

/** The peer's INVITE is being answered: to the application this looks as if the peer had refused. */
function pretendGlare(
  core: Core,
  app: ControlConnection,
  command: SipCommand,
  dialog: Dialog,
  leg: Leg,
): void {
  const request = composeInDialog(dialog, leg, 'INVITE', leg.localSeq + 1, command.message);
  const txnId = newUuid();
  const now = core.clock.now();
  app.send(requestEcho(command.id, undefined, now, txnId, request.serialize()));
  deliverInternalResponse(app, SipResponse.reply(request, 491), txnId, dialog.id, now);
}

function sendBye(core: Core, app: ControlConnection, command: SipCommand, dialog: Dialog, leg: Leg): void {
  if (leg.state === 'early' && dialog.role === 'uas')
    return app.send(responseFrame(command.id, 'NOK', NO_DIALOG));
  if (leg.awaitedAck !== undefined) {
    // RFC 3261 §15: the callee must not send BYE before the ACK has come.
    if (leg.heldBye !== undefined) return app.send(responseFrame(command.id, 'NOK', 'a BYE is under way'));
    leg.heldBye = { app, command };
    return;
  }
  leg.offerOut?.tx?.cancel();
  if (leg.ackDue !== undefined) {
    sendAck(core, dialog, leg, leg.ackDue, undefined);
    leg.ackDue = undefined;
  }
  transmit(core, app, command, dialog, leg);
}

/** The ACK has come: the BYE that waited for it goes. */
export function releaseBye(core: Core, dialog: Dialog, leg: Leg): void {
  const held = leg.heldBye;
  leg.heldBye = undefined;
  if (held !== undefined) sendBye(core, held.app, held.command, dialog, leg);
}

function transmit(
  core: Core,
  app: ControlConnection,
  command: SipCommand,
  dialog: Dialog,
  leg: Leg,
  rack?: string,
): void {
  const { message } = command;
  if (message.start.kind !== 'request') return;
  const { method } = message.start;
  // The retry of a challenged request comes with a number of the application's.
  const wanted = readSeq(message.headers.get('CSeq'));
  leg.localSeq = wanted !== undefined && wanted > leg.localSeq ? wanted : leg.localSeq + 1;
  const request = composeInDialog(dialog, leg, method, leg.localSeq, message);
  if (rack !== undefined) request.headers.set('RAck', rack);
  if (request.body !== '' && !request.headers.has('Content-Type')) {
    return app.send(responseFrame(command.id, 'NOK', 'missing content-type'));
  }
  const call: ClientCall = {
    txnId: newUuid(),
    method,
    cseq: leg.localSeq,
    app,
    dialog,
    leg,
    tx: undefined,
    cancelled: false,
    done: false,
  };
  if (method === 'INVITE') core.calls.set(call.txnId, call);
  if (method === 'INVITE' || method === 'UPDATE') leg.offerOut = call;
  launch(core, call, command, request, destinationOf(dialog, leg), (response, flow) => {
    answered(core, call, dialog, leg, response, flow);
  });
}

function answered(
  core: Core,
  call: ClientCall,
  dialog: Dialog,
  leg: Leg,
  response: SipResponse,
  flow: Flow,
): void {
  const { status } = response;
  const { method } = call;
  if (call.done) {
    // A repeated 2xx of a re-INVITE.
    const again = method === 'INVITE' && status >= 200 && status < 300 && leg.sentAck?.cseq === call.cseq;
    if (again) sendAck(core, dialog, leg, call.cseq, leg.sentAck?.message);
    return;
  }
  if (status >= 200 && status < 300) succeeded(core, call, dialog, leg, response);
  deliver(core, call, response, flow, dialog.id);
  if (status < 200) return;
  finishCall(core, call);
  if (method === 'BYE' && status !== 401 && status !== 407) {
    core.cdr.stop('application', 'normal-release', call.tx?.request ?? response);
    endDialog(core, dialog);
  } else if (
    method === 'NOTIFY' &&
    dialog.role === 'uas' &&
    dialog.kind === 'SUBSCRIBE' &&
    endsSubscription(call)
  ) {
    endDialog(core, dialog);
  }
  leg.drainQueue?.();
}

function endsSubscription(call: ClientCall): boolean {
  return /^\s*terminated/i.test(call.tx?.request.headers.get('Subscription-State') ?? '');
}

function succeeded(core: Core, call: ClientCall, dialog: Dialog, leg: Leg, response: SipResponse): void {
  const { method } = call;
  if (method === 'INVITE' || method === 'UPDATE') {
    const target = response.contact?.uri;
    if (target !== undefined) leg.remoteTarget = target;
    if (method === 'INVITE') leg.ackDue = call.cseq;
    if (leg.state === 'confirmed') {
      watchSession(core, dialog, leg, agreedTimer(core, response, 'uac'), call.tx?.request.body ?? '');
    }
  } else if (method === 'SUBSCRIBE') {
    extendSubscription(core, dialog, Number(response.headers.get('Expires') ?? 3600));
  }
}
