import { parseNameAddr, SipResponse } from '../../sip/index.js';
import type { AppMessage } from '../control/app-message.js';
import type { ControlConnection } from '../control/connection.js';
import type { SipCommand } from '../control/commands.js';
import { responseEcho, responseFrame } from '../control/frames.js';
import type { Listener, SentInfo } from '../transport/flow.js';
import { serializeForControl } from '../../sip/index.js';
import { completeResponse, contactOf } from './compose.js';
import type { Core } from './core.js';
import { Dialog, dialogId, Leg } from './dialog.js';
import { endDialog, forgetPending, refusePending, UNKNOWN_TRANSACTION } from './ending.js';
import { isBehindNat } from './in-dialog-send.js';
import type { PendingRequest } from './pending.js';
import { nextRSeq, repeatReliable, settleReliable, supports100rel } from './reliable.js';
import { routeSetOfRequest } from './route-set.js';
import { echoSessionExpires, watchSession } from './session-timer.js';

/** Answers of an application that wait for a PRACK at most. */
const MAX_WAITING_ANSWERS = 16;

/** An application answers a request: section 2.6. */
export function respond(core: Core, app: ControlConnection, command: SipCommand): void {
  const pending = core.pending.get(command.txnId);
  if (pending === undefined) return refuse(app, command, UNKNOWN_TRANSACTION);
  if (isEarlyUpdateAnswer(pending, command.message)) return answerEarlyUpdate(core, app, command, pending);
  if (mustWait(pending, command.message)) {
    pending.waiting ??= [];
    if (pending.waiting.length >= MAX_WAITING_ANSWERS)
      return refuse(app, command, 'too many responses wait for a PRACK');
    pending.waiting.push({ app, command });
    return;
  }
  send(core, app, command, pending);
}

/** The PRACK has come: what waited for it goes out. */
export function releaseWaiting(core: Core, pending: PendingRequest): void {
  while (pending.reliable === undefined) {
    const next = pending.waiting?.shift();
    if (next === undefined) return;
    send(core, next.app, next.command, pending);
  }
}

function refuse(app: ControlConnection, command: SipCommand, reason: string): void {
  app.send(responseFrame(command.id, 'NOK', reason));
}

function statusOf(message: AppMessage): number {
  return message.start.kind === 'response' ? message.start.status : 0;
}

/** RFC 3262 §3: one reliable provisional response at a time, and no 2xx before the PRACK of one with a session description. */
function mustWait(pending: PendingRequest, message: AppMessage): boolean {
  const status = statusOf(message);
  if (status >= 300) return false;
  if (pending.waiting !== undefined && pending.waiting.length > 0) return true;
  if (pending.reliable === undefined) return false;
  return status >= 200 ? pending.reliable.offers : wantsReliable(message);
}

function wantsReliable(message: AppMessage): boolean {
  const status = statusOf(message);
  if (status <= 100 || status >= 200 || !message.headers.has('Require')) return false;
  return message.headers.list('Require').some((tag) => tag.toLowerCase() === '100rel');
}

function send(core: Core, app: ControlConnection, command: SipCommand, pending: PendingRequest): void {
  if (pending.final !== undefined) {
    // A second final response is discarded, but answered OK with the first one.
    const { sent, raw } = pending.final;
    app.send(responseEcho(command.id, sent, core.clock.now(), pending.txnId, echoedId(pending), raw));
    return;
  }
  const { message } = command;
  const { tx } = pending;
  const { request } = tx;
  const status = statusOf(message);
  const invite = request.method === 'INVITE';
  const makesDialog = invite || request.method === 'SUBSCRIBE';
  const reliable = invite && wantsReliable(message);
  if (reliable && !supports100rel(request))
    return refuse(app, command, 'Remote endpoint does not support 100rel');
  if (pending.state === 'unanswered' && pending.kind === 'invite') takeTag(pending, message);

  const reason =
    message.start.kind === 'response' && message.start.reason !== '' ? message.start.reason : undefined;
  const response = SipResponse.reply(request, status, reason, pending.localTag);
  const success = status >= 200 && status < 300;
  const sentBy = tx.flow.listener.sentByFor(tx.flow.remoteAddress);
  const contact =
    (success && (makesDialog || request.method === 'UPDATE')) || reliable
      ? (pending.dialog?.localContact ?? contactOf(tx.flow.listener, sentBy))
      : undefined;
  completeResponse(response, message, contact, sentBy);
  if (reliable) response.headers.set('RSeq', String(nextRSeq(pending)));
  const timer =
    success && (invite || request.method === 'UPDATE')
      ? echoSessionExpires(core, request, response)
      : undefined;

  const before = pending.dialog;
  if (status > 100 && status < 300 && makesDialog && pending.kind === 'invite' && (invite || success)) {
    if (!ensureDialog(core, pending, response)) {
      refusePending(core, pending, 503, [['Retry-After', '10']]);
      return refuse(app, command, 'too many dialogs');
    }
  }
  const sent = tx.respond(response);
  if (sent === undefined) {
    if (before === undefined && pending.dialog !== undefined) endDialog(core, pending.dialog);
    return refuse(app, command, UNKNOWN_TRANSACTION);
  }
  const raw = serializeForControl(response);
  const echo = responseEcho(command.id, sent, core.clock.now(), pending.txnId, echoedId(pending), raw);
  if (success && makesDialog) app.sendEcho(echo);
  else app.send(echo);

  pending.state = status >= 200 ? 'final' : 'provisional';
  if (reliable && pending.rseq !== undefined) {
    repeatReliable(core, pending, response, pending.rseq, () => refusePending(core, pending, 504));
  }
  if (status >= 200) finish(core, pending, response, sent, raw);
  if (timer !== undefined && pending.dialog !== undefined && pending.leg !== undefined) {
    watchSession(core, pending.dialog, pending.leg, timer, response.body);
  }
}

/** The application may choose the tag, by the To header of its first answer. */
function takeTag(pending: PendingRequest, message: AppMessage): void {
  const to = message.headers.get('To');
  if (to === undefined || !to.includes('tag=') || pending.tx.request.toTag !== undefined) return;
  const tag = parseNameAddr(to)?.tag;
  if (tag !== undefined && tag.length <= 128) pending.localTag = tag;
}

/** The first answer with a tag makes the dialog (RFC 3261 §12.1.1). False: there are too many. */
function ensureDialog(core: Core, pending: PendingRequest, response: SipResponse): boolean {
  if (pending.dialog !== undefined) return true;
  if (core.dialogs.size >= core.settings.maxDialogs) return false;
  const { request, flow } = pending.tx;
  const dialog = createUasDialog(core, pending, response, flow.listener);
  const leg = new Leg(
    request.fromTag ?? '',
    request.headers.get('From') ?? '',
    request.contact?.uri ?? request.from.uri,
    routeSetOfRequest(request),
    0,
  );
  leg.flow = flow;
  leg.behindNat = isBehindNat(request, flow);
  leg.remoteSeq = request.cseq.seq;
  dialog.legs.push(leg);
  dialog.pending.push(pending);
  pending.dialog = dialog;
  pending.leg = leg;
  if (request.method === 'INVITE') leg.inviteIn = pending;
  return core.dialogs.add(dialog);
}

function createUasDialog(
  core: Core,
  pending: PendingRequest,
  response: SipResponse,
  listener: Listener,
): Dialog {
  const { request } = pending.tx;
  const dialog = new Dialog(
    core.dialogs.freeId(request.callId, request.fromTag ?? ''),
    'uas',
    request.method === 'INVITE' ? 'INVITE' : 'SUBSCRIBE',
    request.callId,
    pending.localTag,
    response.headers.get('To') ?? '',
    listener,
    pending.app,
  );
  return dialog;
}

function finish(
  core: Core,
  pending: PendingRequest,
  response: SipResponse,
  sent: SentInfo,
  raw: string,
): void {
  const { request } = pending.tx;
  const { status } = response;
  const { dialog, leg } = pending;
  const invite = request.method === 'INVITE';
  if (dialog !== undefined && leg !== undefined && status < 300)
    refresh(core, pending, dialog, leg, response);
  if (!invite) {
    forgetPending(core, pending);
    if (dialog !== undefined && isLastNotify(pending)) endDialog(core, dialog);
    return;
  }
  settleReliable(pending);
  pending.final = { sent, raw };
  if (leg !== undefined) leg.inviteIn = undefined;
  if (status < 300 && leg !== undefined) {
    leg.awaitedAck = { cseq: request.cseq.seq, pending };
    if (pending.kind === 'invite') core.cdr.start('application', 'uas', response);
    return;
  }
  if (pending.kind === 'invite') {
    core.cdr.stop('application', 'call-rejected', response);
    if (dialog !== undefined) endDialog(core, dialog);
  }
  dialog?.drop(pending);
}

/** What a 2xx changes in the dialog (RFC 3261 §12.2.2: the remote target). */
function refresh(core: Core, pending: PendingRequest, dialog: Dialog, leg: Leg, response: SipResponse): void {
  const { request } = pending.tx;
  if (pending.kind === 'invite') {
    leg.state = 'confirmed';
    dialog.confirmed = leg;
    dialog.localContact = response.headers.get('Contact') ?? dialog.localContact;
  } else if (request.method === 'INVITE' || request.method === 'UPDATE' || request.method === 'SUBSCRIBE') {
    const contact = request.contact?.uri;
    if (contact !== undefined) leg.remoteTarget = contact;
  }
  if (dialog.kind === 'SUBSCRIBE' && request.method === 'SUBSCRIBE') {
    const seconds = Number(response.headers.get('Expires') ?? request.headers.get('Expires') ?? 3600);
    extendSubscription(core, dialog, seconds);
  }
}

/** A subscription is kept for its time and a little more (RFC 6665 §4.1.2.4: the last NOTIFY takes its time). */
export function extendSubscription(core: Core, dialog: Dialog, seconds: number): void {
  const bounded = Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 86_400) : 3600;
  dialog.expiresAt = core.clock.monotonic() + bounded * 1000 + core.settings.timeoutMs;
}

/** The NOTIFY that ends a subscription of ours has been answered. */
function isLastNotify(pending: PendingRequest): boolean {
  const { request } = pending.tx;
  if (request.method !== 'NOTIFY' || pending.dialog?.kind !== 'SUBSCRIBE') return false;
  return /^\s*terminated/i.test(request.headers.get('Subscription-State') ?? '');
}

/** The dialog id an echo names: of INVITE, SUBSCRIBE and requests of dialogs, but not of BYE, whose dialog is gone. */
function echoedId(pending: PendingRequest): string {
  if (pending.kind === 'bye') return '';
  if (pending.dialog !== undefined) return pending.dialog.id;
  const { request } = pending.tx;
  if (request.method !== 'INVITE' && request.method !== 'SUBSCRIBE') return '';
  return dialogId(request.callId, request.fromTag ?? '');
}

/** 3.2e: the answer to an early UPDATE comes under the INVITE's transaction id and says `UPDATE` in its CSeq. */
function isEarlyUpdateAnswer(pending: PendingRequest, message: AppMessage): boolean {
  return pending.earlyUpdate !== undefined && / UPDATE$/i.test(message.headers.get('CSeq') ?? '');
}

function answerEarlyUpdate(
  core: Core,
  app: ControlConnection,
  command: SipCommand,
  pending: PendingRequest,
): void {
  const update = pending.earlyUpdate!;
  const status = statusOf(command.message);
  const reason = command.message.start.kind === 'response' ? command.message.start.reason : undefined;
  const response = SipResponse.reply(
    update.request,
    status,
    reason === '' ? undefined : reason,
    pending.localTag,
  );
  const { flow } = update;
  const sentBy = flow.listener.sentByFor(flow.remoteAddress);
  const success = status >= 200 && status < 300;
  const contact = pending.dialog?.localContact ?? contactOf(flow.listener, sentBy);
  completeResponse(response, command.message, success ? contact : undefined, sentBy);
  const sent = update.respond(response);
  if (sent === undefined) return refuse(app, command, UNKNOWN_TRANSACTION);
  if (status >= 200) {
    pending.earlyUpdate = undefined;
    const target = update.request.contact?.uri;
    if (success && target !== undefined && pending.leg !== undefined) pending.leg.remoteTarget = target;
  }
  app.send(
    responseEcho(command.id, sent, core.clock.now(), pending.txnId, '', serializeForControl(response)),
  );
}
