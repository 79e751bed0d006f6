import { isIP } from 'node:net';
import type { SipRequest } from '../../sip/index.js';
import type { AppMessage } from '../control/app-message.js';
import type { ClientUser, Destination, SendOutcome } from '../transaction/types.js';
import type { Flow } from '../transport/flow.js';
import { composeInDialog, readTarget } from './compose.js';
import type { Core } from './core.js';
import type { Dialog, Leg } from './dialog.js';

/** Where requests of a dialog go, when its route set does not say it. */
export function destinationOf(dialog: Dialog, leg: Leg): Destination {
  if (leg.routeSet.length > 0) return {};
  const { flow } = leg;
  // A TCP peer is answered on its own connection while that lasts (its Contact often names a port nobody listens on).
  if (flow !== undefined && (leg.behindNat || flow.connection?.open === true)) return { flow };
  const target = readTarget(leg.remoteTarget);
  const sameTransport = (target?.transport ?? dialog.listener.transport) === dialog.listener.transport;
  return sameTransport ? { listener: dialog.listener.name } : {};
}

/** Sends the ACK of a 2xx, the first time or again; `sent` is told when it has left. */
export function sendAck(
  core: Core,
  dialog: Dialog,
  leg: Leg,
  cseq: number,
  message: AppMessage | undefined,
  sent?: (outcome: SendOutcome, request: SipRequest) => void,
): void {
  const ack = composeInDialog(dialog, leg, 'ACK', cseq, message);
  // RFC 3261 §13.2.2.4: the credentials of the INVITE.
  for (const [name, value] of dialog.credentials ?? [])
    if (!ack.headers.has(name)) ack.headers.add(name, value);
  leg.sentAck = { cseq, message };
  core.layer.sendDirect(ack, destinationOf(dialog, leg), (outcome) => sent?.(outcome, ack));
}

/** Sends a request of a dialog that no application asked for; its answers are not looked at. */
export function sendOwn(
  core: Core,
  dialog: Dialog,
  leg: Leg,
  request: SipRequest,
  sent?: ClientUser['sent'],
): void {
  core.layer.send(request, destinationOf(dialog, leg), {
    ...(sent === undefined ? {} : { sent }),
    response: () => undefined,
    failed: () => undefined,
  });
}

/** Addresses of private use (RFC 1918, RFC 6598, RFC 4193) and of this machine or link alone. */
const PRIVATE =
  /^(?:10\.|127\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1$|f[cd][0-9a-f]{2}:|fe80:)/i;

/** Whether a callee sits behind a NAT: it names a private address, and its answer came from a public one without a proxy in between. */
export function isCalleeBehindNat(contact: string, routeSet: readonly string[], flow: Flow): boolean {
  if (routeSet.length > 0 || PRIVATE.test(flow.remoteAddress)) return false;
  const host = readTarget(contact)?.host;
  return host !== undefined && isIP(host) !== 0 && PRIVATE.test(host);
}

/** Whether the peer behind a request sits behind a NAT: it says of itself another address than the one seen, and no proxy stands between. */
export function isBehindNat(request: SipRequest, flow: Flow): boolean {
  const vias = request.headers.list('Via');
  if (vias.length !== 1 || request.headers.has('Record-Route')) return false;
  const { host } = request.topVia;
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  return isIP(bare) !== 0 && bare !== flow.remoteAddress;
}
