import { SipRequest, SipResponse } from '../../sip/index.js';
import { newUuid, randomHex } from '../../base/ids.js';
import type { ServerTransaction, ServerTransactionEnd, TransactionUser } from '../transaction/types.js';
import type { Flow } from '../transport/flow.js';
import { newTag } from './compose.js';
import type { Core } from './core.js';
import { deliverNewRequest, deliverRequest } from './delivery.js';
import { Leg, MAX_FORKS, type Dialog } from './dialog.js';
import { dismissLeg, endDialog, forgetPending, refusePending, sendServerBye } from './ending.js';
import { sendAck } from './in-dialog-send.js';
import { pendingRequest, type PendingRequest } from './pending.js';
import { takePrack } from './reliable.js';
import { releaseWaiting } from './respond.js';
import { routeSetOfRequest, routeSetOfResponse } from './route-set.js';
import { screenNewRequest } from './screen-new-request.js';
import type { DialogMatch } from './table.js';

/** What a proxy takes out of the stream of requests before dialogs see them. */
export interface ProxyDoor {
  /** A request of a call the server proxied and stays in the path of: forwarded, true. */
  forward(tx: ServerTransaction): boolean;
  /** The ACK of such a call. */
  forwardAck(ack: SipRequest, flow: Flow): boolean;
  /** The INVITE of `tx.data` is being proxied: its branches are cancelled. */
  cancel(invite: ServerTransaction): boolean;
}

export interface IncomingDeps {
  readonly core: Core;
  readonly proxy: ProxyDoor;
  /** The held BYE of a dialog may go now. */
  readonly releaseBye: (dialog: Dialog, leg: Leg) => void;
  /** False: new requests are refused (the server is being drained). */
  readonly admits: () => boolean;
}

/** Receives from the transaction layer: section 5.2 of the control protocol. */
export function createIncoming(deps: IncomingDeps): TransactionUser {
  const { core, proxy } = deps;
  return {
    request: (tx) => {
      const { request } = tx;
      if (proxy.forward(tx)) return;
      const toTag = request.toTag;
      if (toTag !== undefined && request.method !== 'REGISTER') {
        const match = core.dialogs.ofRequest(request, toTag, request.fromTag ?? '');
        if (match === undefined) return answer(core, tx, 481);
        return insideDialog(core, tx, match);
      }
      newRequest(core, tx, deps.admits());
    },
    ack: (ack, flow) => {
      if (proxy.forwardAck(ack, flow)) return;
      receiveAck(deps, ack, flow);
    },
    cancel: (cancel, invite) => receiveCancel(core, proxy, cancel, invite),
    strayResponse: (response) => receiveStray(core, response),
  };
}

function answer(
  core: Core,
  tx: ServerTransaction,
  status: number,
  headers: readonly (readonly [string, string])[] = [],
): void {
  const response = SipResponse.reply(tx.request, status, undefined, status === 100 ? undefined : newTag());
  for (const [name, value] of headers) response.headers.add(name, value);
  if (core.settings.userAgent !== undefined) response.headers.add('Server', core.settings.userAgent);
  tx.respond(response);
}

/** Methods of RFC 3261 and its extensions: refused with 405, others with 501. */
const KNOWN_METHODS = new Set(
  'INVITE ACK BYE CANCEL REGISTER OPTIONS PRACK SUBSCRIBE NOTIFY PUBLISH INFO REFER MESSAGE UPDATE'.split(
    ' ',
  ),
);

function newRequest(core: Core, tx: ServerTransaction, admits: boolean): void {
  const { request } = tx;
  const { method } = request;
  // These live in dialogs only; without a To tag they mean none (RFC 3261 §15.1.2, RFC 3262 §3, RFC 3311 §5.2).
  if (method === 'BYE' || method === 'PRACK' || method === 'UPDATE') return answer(core, tx, 481);
  if (!admits) return answer(core, tx, 503, [['Retry-After', '30']]);
  const app = core.apps.pick(method.toLowerCase());
  if (app === undefined) return refuseUnserved(core, tx);
  const refusal = screenNewRequest(request, core.settings.bodies);
  if (refusal !== undefined) return answer(core, tx, refusal.status, refusal.headers);
  if (core.dialogs.size >= core.settings.maxDialogs && method === 'INVITE')
    return answer(core, tx, 503, [['Retry-After', '10']]);
  const txnId = newUuid();
  const pending = pendingRequest({
    txnId,
    tx,
    app,
    kind: method === 'INVITE' || method === 'SUBSCRIBE' ? 'invite' : 'request',
    since: core.clock.monotonic(),
    localTag: newTag(),
  });
  hold(core, pending);
  if (method === 'INVITE') {
    tx.trying();
    core.cdr.attempt('network', request);
  }
  deliverNewRequest(app, request, tx.flow, txnId, core.clock.now());
}

function hold(core: Core, pending: PendingRequest): void {
  const { tx } = pending;
  core.pending.set(pending.txnId, pending);
  pending.dialog?.pending.push(pending);
  tx.data = pending;
  tx.onTerminated = (why) => core.guard(() => transactionOver(core, pending, why));
}

/** No application serves the method. */
function refuseUnserved(core: Core, tx: ServerTransaction): void {
  const { method } = tx.request;
  if (method === 'INVITE' || core.apps.size === 0) return answer(core, tx, 503, [['Retry-After', '10']]);
  if (!KNOWN_METHODS.has(method)) return answer(core, tx, 501);
  answer(core, tx, 405, [
    ['Allow', [...new Set(['ACK', 'BYE', 'CANCEL', ...core.apps.methods()])].join(', ')],
  ]);
}

function transactionOver(core: Core, pending: PendingRequest, why: ServerTransactionEnd): void {
  const { dialog, leg } = pending;
  const waiting = leg?.awaitedAck?.pending === pending;
  if (waiting) leg.awaitedAck = undefined;
  if (pending.state !== 'final' && pending.kind === 'invite' && pending.tx.request.method === 'INVITE') {
    // The peer cannot be reached any more: for the application this is a CANCEL.
    tellCancelled(core, pending, pending.tx.flow);
    forgetPending(core, pending);
    if (dialog !== undefined) endDialog(core, dialog);
    return;
  }
  forgetPending(core, pending);
  if (!waiting || dialog === undefined || why === 'done') return;
  sendServerBye(core, dialog, leg, 'ACK timeout', 'system-initiated-termination');
}

function insideDialog(core: Core, tx: ServerTransaction, match: DialogMatch): void {
  const { request } = tx;
  const { dialog } = match;
  const leg = match.leg ?? legOfNotify(dialog, tx);
  if (leg === undefined || leg.state === 'ended') return answer(core, tx, 481);
  const { seq } = request.cseq;
  // RFC 3261 §12.2.2: out of order.
  if (seq < leg.remoteSeq) return answer(core, tx, 500, [['Retry-After', '0']]);
  leg.remoteSeq = seq;
  leg.flow = tx.flow;
  switch (request.method) {
    case 'INVITE':
      return receiveReinvite(core, tx, dialog, leg);
    case 'BYE':
      return receiveBye(core, tx, dialog, leg);
    case 'PRACK':
      return receivePrack(core, tx, dialog, leg);
    case 'UPDATE':
      return receiveUpdate(core, tx, dialog, leg);
    default: {
      hand(core, tx, dialog, leg, 'request');
    }
  }
}

/** RFC 6665 §4.4.1: a NOTIFY may come before the 2xx of the SUBSCRIBE, or from another fork of it, and makes a dialog. */
function legOfNotify(dialog: Dialog, tx: ServerTransaction): Leg | undefined {
  const { request, flow } = tx;
  const contact = request.contact?.uri;
  if (
    dialog.kind !== 'SUBSCRIBE' ||
    request.method !== 'NOTIFY' ||
    contact === undefined ||
    dialog.legs.length >= MAX_FORKS
  )
    return undefined;
  const leg = new Leg(
    request.fromTag ?? '',
    request.headers.get('From') ?? '',
    contact,
    routeSetOfRequest(request),
    dialog.firstSeq,
  );
  leg.flow = flow;
  leg.state = 'confirmed';
  dialog.legs.push(leg);
  dialog.confirmed ??= leg;
  return leg;
}

/** Hands a request of a dialog to the application that owns it. */
function hand(
  core: Core,
  tx: ServerTransaction,
  dialog: Dialog,
  leg: Leg,
  kind: PendingRequest['kind'],
): PendingRequest | undefined {
  const app = core.apps.heirOf(dialog.owner);
  if (app === undefined) {
    answer(core, tx, 500, [['Retry-After', '5']]);
    return undefined;
  }
  dialog.owner = app;
  const pending = pendingRequest({
    txnId: newUuid(),
    tx,
    app,
    kind,
    since: core.clock.monotonic(),
    localTag: dialog.localTag,
    dialog,
    leg,
  });
  hold(core, pending);
  deliverRequest(app, tx.request, tx.flow, pending.txnId, dialog.id, core.clock.now());
  return pending;
}

/** RFC 3261 §14.2. */
function receiveReinvite(core: Core, tx: ServerTransaction, dialog: Dialog, leg: Leg): void {
  if (leg.state !== 'confirmed') return answer(core, tx, 481);
  if (leg.inviteIn !== undefined)
    return answer(core, tx, 500, [['Retry-After', String(Number.parseInt(randomHex(1), 16) % 11)]]);
  if (leg.offerOut !== undefined || leg.ackDue !== undefined) return answer(core, tx, 491);
  tx.trying();
  leg.inviteIn = hand(core, tx, dialog, leg, 'reinvite');
}

/** RFC 3311 §5.2. */
function receiveUpdate(core: Core, tx: ServerTransaction, dialog: Dialog, leg: Leg): void {
  const early = dialog.role === 'uas' && leg.state === 'early' ? leg.inviteIn : undefined;
  const busy = leg.updateIn !== undefined || early?.earlyUpdate !== undefined;
  if (busy) return answer(core, tx, 500, [['Retry-After', String(Number.parseInt(randomHex(1), 16) % 11)]]);
  if (leg.offerOut !== undefined && tx.request.body !== '') return answer(core, tx, 491);
  if (early === undefined) {
    leg.updateIn = hand(core, tx, dialog, leg, 'request');
    return;
  }
  // In the early dialog of an INVITE received the UPDATE goes by the INVITE's transaction id.
  early.earlyUpdate = tx;
  tx.onTerminated = () => {
    if (early.earlyUpdate === tx) early.earlyUpdate = undefined;
  };
  deliverRequest(early.app, tx.request, tx.flow, early.txnId, dialog.id, core.clock.now());
}

/** RFC 3262 §3. */
function receivePrack(core: Core, tx: ServerTransaction, dialog: Dialog, leg: Leg): void {
  const invite = leg.inviteIn ?? leg.awaitedAck?.pending;
  if (invite === undefined || !takePrack(invite, tx.request)) return answer(core, tx, 481);
  hand(core, tx, dialog, leg, 'request');
  releaseWaiting(core, invite);
}

/** RFC 3261 §15.1.2. */
function receiveBye(core: Core, tx: ServerTransaction, dialog: Dialog, leg: Leg): void {
  if (leg.state === 'early') return receiveEarlyBye(core, tx, dialog, leg);
  leg.awaitedAck?.pending.tx.acknowledged();
  leg.offerOut?.tx?.cancel();
  core.cdr.stop('network', 'normal-release', tx.request);
  if (core.apps.heirOf(dialog.owner) === undefined) answer(core, tx, 481);
  else hand(core, tx, dialog, leg, 'bye');
  endDialog(core, dialog);
}

/** The caller hangs up by BYE before the answer: to the application this is a CANCEL. From a callee it means its 2xx got lost. */
function receiveEarlyBye(core: Core, tx: ServerTransaction, dialog: Dialog, leg: Leg): void {
  tx.respond(SipResponse.reply(tx.request, 200));
  if (dialog.role === 'uac') {
    leg.endedByPeer = true;
    return;
  }
  const invite = leg.inviteIn;
  if (invite !== undefined) {
    tellCancelled(core, invite, tx.flow);
    refusePending(core, invite, 487);
  }
  endDialog(core, dialog);
}

function receiveAck(deps: IncomingDeps, ack: SipRequest, flow: Flow): void {
  const { core } = deps;
  const match = core.dialogs.ofRequest(ack, ack.toTag ?? '', ack.fromTag ?? '');
  const leg = match?.leg;
  const awaited = leg?.awaitedAck;
  if (match === undefined || leg === undefined || awaited?.cseq !== ack.cseq.seq) return;
  leg.awaitedAck = undefined;
  const { tx } = awaited.pending;
  tx.acknowledged();
  // It lives on to absorb repetitions, and need not hold on to the call for that.
  tx.onTerminated = undefined;
  tx.data = awaited.pending.localTag;
  forgetPending(core, awaited.pending);
  const app = core.apps.heirOf(match.dialog.owner);
  if (app !== undefined)
    deliverRequest(app, ack, flow, awaited.pending.txnId, match.dialog.id, core.clock.now());
  deps.releaseBye(match.dialog, leg);
}

/** RFC 3261 §9.2. Of an INVITE that was answered and acknowledged only its tag is left. */
function receiveCancel(
  core: Core,
  proxy: ProxyDoor,
  cancel: ServerTransaction,
  invite: ServerTransaction | undefined,
): void {
  if (invite === undefined) return answer(core, cancel, 481);
  const { data } = invite as { data?: PendingRequest | string | undefined };
  const pending = typeof data === 'object' ? data : undefined;
  if (proxy.cancel(invite)) {
    cancel.respond(SipResponse.reply(cancel.request, 200, undefined, newTag()));
    return;
  }
  cancel.respond(
    SipResponse.reply(
      cancel.request,
      200,
      undefined,
      pending?.localTag ?? (typeof data === 'string' ? data : newTag()),
    ),
  );
  if (pending === undefined || pending.state === 'final') return;
  const { dialog } = pending;
  tellCancelled(core, pending, cancel.flow, cancel.request);
  core.cdr.stop('network', 'call-canceled', invite.request);
  refusePending(core, pending, 487);
  if (pending.kind === 'invite' && dialog !== undefined) endDialog(core, dialog);
}

/** Frame 3.2d. `cancel` undefined: one made up from the INVITE, since something else ended it. */
function tellCancelled(core: Core, pending: PendingRequest, flow: Flow, cancel?: SipRequest): void {
  const known = pending.state === 'provisional' || pending.kind === 'reinvite';
  const id = known ? (pending.dialog?.id ?? '') : '';
  deliverRequest(
    pending.app,
    cancel ?? cancelOf(pending.tx.request),
    flow,
    pending.txnId,
    id,
    core.clock.now(),
  );
}

function cancelOf(invite: SipRequest): SipRequest {
  const cancel = new SipRequest('CANCEL', invite.uri);
  for (const name of ['Via', 'From', 'To', 'Call-ID']) {
    const value = invite.headers.get(name);
    if (value !== undefined) cancel.headers.add(name, value);
  }
  cancel.headers.add('CSeq', `${invite.cseq.seq} CANCEL`);
  cancel.headers.add('Max-Forwards', '70');
  return cancel;
}

/** A 2xx that came once more after its transaction was forgotten, or from a fork that is late (RFC 3261 §13.2.2.4). */
function receiveStray(core: Core, response: SipResponse): void {
  const { cseq } = response;
  if (cseq.method !== 'INVITE' || response.status < 200 || response.status >= 300) return;
  const match = core.dialogs.ofResponse(response);
  if (match === undefined) return;
  const { dialog, leg } = match;
  if (leg !== undefined) {
    if (leg.sentAck?.cseq === cseq.seq) sendAck(core, dialog, leg, cseq.seq, leg.sentAck.message);
    return;
  }
  const target = response.contact?.uri;
  if (dialog.role !== 'uac' || dialog.firstSeq !== cseq.seq || target === undefined) return;
  if (dialog.legs.length >= MAX_FORKS) return;
  const late = new Leg(
    response.toTag ?? '',
    response.headers.get('To') ?? '',
    target,
    routeSetOfResponse(response),
    cseq.seq,
  );
  dialog.legs.push(late);
  dismissLeg(core, dialog, late, cseq.seq);
}
