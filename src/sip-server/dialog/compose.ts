import { isIP, isIPv6 } from 'node:net';
import {
  isCallId,
  parseNameAddr,
  parseUri,
  SipRequest,
  type SipHeaders,
  type SipResponse,
} from '../../sip/index.js';
import { randomHex } from '../../base/ids.js';
import { splitChallenges, type AppMessage } from '../control/app-message.js';
import type { Listener } from '../transport/flow.js';
import type { Dialog, Leg } from './dialog.js';
import { applyRouteSet } from './route-set.js';

/** Fills in what applications leave out: sections 5.3 to 5.5 of the control protocol. */

const DEFAULT_MAX_FORWARDS = '70';

export function newTag(): string {
  return randomHex(8);
}

/** `sip:…@localhost` as drachtio-srf writes it for `callingNumber`: the local address takes its place. */
export function replaceLocalhost(value: string, sentBy: string): string {
  if (!value.includes('@localhost')) return value;
  return value.replace(/@localhost(?=[>;?,\s]|$)/g, () => `@${sentBy}`);
}

/** Our Contact on a listener. */
export function contactOf(listener: Listener, sentBy: string): string {
  return listener.transport === 'tcp' ? `<sip:${sentBy};transport=tcp>` : `<sip:${sentBy}>`;
}

export interface Target {
  readonly scheme: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly transport: string | undefined;
}

/** Host, port and transport a SIP URI, or `host[:port]`, names. */
export function readTarget(text: string): Target | undefined {
  const trimmed = text.trim().replace(/^<|>$/g, '');
  const uri = parseUri(/^(?:sips?|tel):/i.test(trimmed) ? trimmed : `sip:${trimmed}`);
  if (uri === undefined || uri.host === '') return undefined;
  return {
    scheme: uri.scheme,
    host: uri.host.startsWith('[') ? uri.host.slice(1, -1) : uri.host,
    port: uri.port,
    transport: uri.params.get('transport')?.toLowerCase(),
  };
}

/** The listener a request to `target` is to leave from; undefined: none has that transport. */
export function pickListener(listeners: readonly Listener[], target: Target): Listener | undefined {
  if (target.scheme === 'sips') return undefined;
  const fitting =
    target.transport === undefined
      ? preferUdp(listeners)
      : listeners.filter((listener) => listener.transport === target.transport);
  if (fitting.length <= 1) return fitting[0];
  const six = isIPv6(target.host);
  const sameFamily = fitting.filter((listener) => isIPv6(listener.address) === six);
  const rest = sameFamily.length === 0 ? fitting : sameFamily;
  const loopback = isLoopback(target.host);
  return rest.find((listener) => isLoopback(listener.address) === loopback) ?? rest[0];
}

function preferUdp(listeners: readonly Listener[]): readonly Listener[] {
  const udp = listeners.filter((listener) => listener.transport === 'udp');
  return udp.length > 0 ? udp : listeners;
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || host === 'localhost';
}

/** Whether `target` is one of our own sockets; of a wildcard listener any address of this machine. */
export function isOurselves(listeners: readonly Listener[], target: Target): boolean {
  return listeners.some((listener) => {
    if (listener.port !== (target.port ?? 5060)) return false;
    if (target.transport !== undefined && target.transport !== listener.transport) return false;
    const there = sentByOf(target.host, listener.port);
    return (
      listener.address === target.host ||
      listener.sentBy === there ||
      (isIP(target.host) !== 0 && listener.sentByFor(target.host) === there)
    );
  });
}

function sentByOf(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Headers of requests that are the server's alone. */
const SERVER_OWNED = new Set(['Via', 'Record-Route', 'RSeq', 'Content-Length']);
const NEW_REQUEST_SET = new Set([
  ...SERVER_OWNED,
  'Route',
  'Max-Forwards',
  'From',
  'To',
  'Call-ID',
  'CSeq',
  'Contact',
]);
const DIALOG_REQUEST_SET = NEW_REQUEST_SET;
const RESPONSE_SET = new Set([...SERVER_OWNED, 'Route', 'From', 'To', 'Call-ID', 'CSeq', 'Contact', 'RAck']);

/** Methods whose requests carry a Contact of ours outside of dialogs. */
const CONTACT_OUTSIDE = new Set(['INVITE', 'SUBSCRIBE']);
/** Methods that refresh the target inside a dialog, or make a dialog usage. */
const CONTACT_INSIDE = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'UPDATE', 'NOTIFY']);

function copyRest(from: SipHeaders, to: SipHeaders, except: ReadonlySet<string>, sentBy: string): void {
  for (const [name, value] of from) {
    if (except.has(name)) continue;
    if (name === 'WWW-Authenticate' || name === 'Proxy-Authenticate') {
      for (const challenge of splitChallenges(value)) to.add(name, challenge);
    } else {
      to.add(name, name === 'P-Asserted-Identity' ? replaceLocalhost(value, sentBy) : value);
    }
  }
}

function addBody(to: SipRequest | SipResponse, body: string): void {
  if (body === '') return;
  to.body = body;
  if (!to.headers.has('Content-Type') && body.startsWith('v=0'))
    to.headers.add('Content-Type', 'application/sdp');
}

function withAngles(value: string): string {
  return value.includes('<') ? value : `<${value}>`;
}

/** A value with a tag: its own, or `tag`. Undefined: it is no name-addr. */
function tagged(value: string, tag: string): { value: string; tag: string } | undefined {
  const parsed = parseNameAddr(value);
  if (parsed === undefined) return undefined;
  if (parsed.tag !== undefined) return { value, tag: parsed.tag };
  const bare = value.includes('<') ? value : withAngles(value);
  return { value: `${bare};tag=${tag}`, tag };
}

export type Composed =
  | {
      readonly kind: 'request';
      readonly request: SipRequest;
      readonly callId: string;
      readonly fromTag: string;
    }
  | { readonly kind: 'invalid'; readonly reason: string };

/** A new request outside of dialogs (5.4). `method` and `uri` are those of the start line. */
export function composeNewRequest(
  app: AppMessage,
  method: string,
  uri: string,
  listener: Listener,
  sentBy: string,
): Composed {
  if (parseUri(uri) === undefined)
    return { kind: 'invalid', reason: `invalid request-uri: ${printable(uri)}` };
  const given = app.headers;
  const contact = given.get('Contact');
  const ownContact = contactOf(listener, sentBy);
  const from = tagged(replaceLocalhost(given.get('From') ?? ownContact, sentBy), newTag());
  if (from === undefined) return { kind: 'invalid', reason: 'invalid From header' };
  const to = replaceLocalhost(given.get('To') ?? `<${uri}>`, sentBy);
  if (parseNameAddr(to) === undefined) return { kind: 'invalid', reason: 'invalid To header' };
  const callId = given.get('Call-ID') ?? randomHex(16);
  if (!isCallId(callId)) return { kind: 'invalid', reason: 'invalid Call-ID header' };
  const cseq = readSeq(given.get('CSeq')) ?? firstSeq();
  const request = new SipRequest(method, uri);
  const { headers } = request;
  for (const route of given.getAll('Route')) headers.add('Route', route);
  headers.add('Max-Forwards', given.get('Max-Forwards') ?? DEFAULT_MAX_FORWARDS);
  headers.add('From', from.value);
  headers.add('To', to);
  headers.add('Call-ID', callId);
  headers.add('CSeq', `${cseq} ${method}`);
  if (contact !== undefined)
    for (const value of given.getAll('Contact')) headers.add('Contact', replaceLocalhost(value, sentBy));
  else if (CONTACT_OUTSIDE.has(method)) headers.add('Contact', ownContact);
  copyRest(given, headers, NEW_REQUEST_SET, sentBy);
  addBody(request, app.body);
  if (app.body !== '' && !headers.has('Content-Type'))
    return { kind: 'invalid', reason: 'missing content-type' };
  return { kind: 'request', request, callId, fromTag: from.tag };
}

/** A request inside a dialog (5.5); `app` undefined: one of the server's own. */
export function composeInDialog(
  dialog: Dialog,
  leg: Leg,
  method: string,
  cseq: number,
  app?: AppMessage,
): SipRequest {
  const { uri, routes } = applyRouteSet(leg.remoteTarget, leg.routeSet);
  const request = new SipRequest(method, uri);
  const { headers } = request;
  for (const route of routes) headers.add('Route', route);
  headers.add('Max-Forwards', app?.headers.get('Max-Forwards') ?? DEFAULT_MAX_FORWARDS);
  headers.add('From', dialog.localParty);
  headers.add('To', leg.remoteParty);
  headers.add('Call-ID', dialog.callId);
  headers.add('CSeq', `${cseq} ${method}`);
  const sentBy = dialog.listener.sentBy;
  const contact = app?.headers.get('Contact');
  if (contact !== undefined && method !== 'ACK' && method !== 'BYE')
    headers.add('Contact', replaceLocalhost(contact, sentBy));
  else if (CONTACT_INSIDE.has(method))
    headers.add('Contact', dialog.localContact ?? contactOf(dialog.listener, sentBy));
  if (app !== undefined) {
    copyRest(app.headers, headers, DIALOG_REQUEST_SET, sentBy);
    addBody(request, app.body);
  }
  return request;
}

/** Puts the application's headers and body on a response that `SipResponse.reply` began (5.3). */
export function completeResponse(
  response: SipResponse,
  app: AppMessage,
  contact: string | undefined,
  sentBy: string,
): void {
  const given = app.headers.getAll('Contact');
  if (given.length > 0)
    for (const value of given) response.headers.add('Contact', replaceLocalhost(value, sentBy));
  else if (contact !== undefined) response.headers.add('Contact', contact);
  copyRest(app.headers, response.headers, RESPONSE_SET, sentBy);
  addBody(response, app.body);
}

/** The number of a CSeq value an application gave. */
export function readSeq(value: string | undefined): number | undefined {
  const match = value === undefined ? null : /^(\d{1,10})(?:\s|$)/.exec(value);
  const seq = match === null ? Number.NaN : Number(match[1]);
  return seq >= 0 && seq < 0x8000_0000 ? seq : undefined;
}

/** RFC 3261 §8.1.1.5: any number below 2³¹; small ones leave room. */
function firstSeq(): number {
  return 1 + Number.parseInt(randomHex(3), 16);
}

function printable(text: string): string {
  return text.slice(0, 100).replace(/[^\x20-\x7b}~]/g, '?');
}
