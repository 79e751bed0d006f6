import { serializeForControl, type SipMessage, type SipRequest } from '../../sip/index.js';
import type { ControlConnection } from '../control/connection.js';
import { messageFrame, newRequestFrame, type MessageMeta } from '../control/frames.js';
import type { SentInfo } from '../transport/flow.js';
import type { Flow } from '../transport/flow.js';

/** Hands messages to applications. What comes from the network passes `serializeForControl`, so that nothing drachtio-srf chokes on gets there. */

function networkMeta(flow: Flow, bytes: number, at: number): MessageMeta {
  return {
    source: 'network',
    bytes,
    protocol: flow.transport,
    address: flow.remoteAddress,
    port: flow.remotePort,
    at,
  };
}

/** A request outside of dialogs: frame 3.2a. */
export function deliverNewRequest(
  app: ControlConnection,
  request: SipRequest,
  flow: Flow,
  txnId: string,
  now: number,
): void {
  const raw = serializeForControl(request);
  const local = localAddress(flow);
  app.send(newRequestFrame(networkMeta(flow, raw.length, now), txnId, local, flow.listener.port, raw));
}

/** A request of a dialog, an ACK or a CANCEL: frames 3.2b, c, d, e. */
export function deliverRequest(
  app: ControlConnection,
  request: SipRequest,
  flow: Flow,
  txnId: string,
  dialogId: string,
  now: number,
): void {
  const raw = serializeForControl(request);
  app.sendRequest(messageFrame(networkMeta(flow, raw.length, now), txnId, dialogId, raw));
}

/** A response: frame 3.2f. */
export function deliverResponse(
  app: ControlConnection,
  response: SipMessage,
  flow: Flow,
  txnId: string,
  dialogId: string,
  now: number,
): void {
  const raw = serializeForControl(response);
  app.send(messageFrame(networkMeta(flow, raw.length, now), txnId, dialogId, raw));
}

/** A failure found by the server itself looks like a response of the network: frame 3.2g. */
export function deliverInternalResponse(
  app: ControlConnection,
  response: SipMessage,
  txnId: string,
  dialogId: string,
  now: number,
): void {
  const meta: MessageMeta = { source: 'network', bytes: 0, protocol: 'udp', address: '', port: 0, at: now };
  app.send(messageFrame(meta, txnId, dialogId, serializeForControl(response)));
}

/** A BYE the server has made by itself: frame 3.2h. */
export function deliverServerBye(
  app: ControlConnection,
  bye: SipRequest,
  sent: SentInfo | undefined,
  dialogId: string,
  now: number,
): void {
  const raw = serializeForControl(bye);
  const meta: MessageMeta = {
    source: 'application',
    bytes: sent?.bytes ?? raw.length,
    protocol: sent?.flow.transport ?? 'udp',
    address: sent?.flow.address ?? '',
    port: sent?.flow.port ?? 0,
    at: sent?.at ?? now,
  };
  app.sendRequest(messageFrame(meta, 'unsolicited', dialogId, raw));
}

/** The local address a message came in on: of a wildcard listener the one nearest to the peer. */
function localAddress(flow: Flow): string {
  const { listener } = flow;
  if (listener.address !== '0.0.0.0' && listener.address !== '::') return listener.address;
  const sentBy = listener.sentByFor(flow.remoteAddress);
  const colon = sentBy.lastIndexOf(':');
  const host = colon > sentBy.lastIndexOf(']') ? sentBy.slice(0, colon) : sentBy;
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
