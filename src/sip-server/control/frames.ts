import { newUuid } from '../../base/ids.js';
import type { SentInfo } from '../transport/flow.js';

/** Leaders of what the server says, section 3 of the control protocol. Positions of the fields are law: drachtio-srf counts them. */

let lastTime = -1;
let lastText = '';

/** `HH:MM:SS.uuuuuu` in UTC of milliseconds since the epoch. */
export function timeOfDay(ms: number): string {
  if (ms === lastTime) return lastText;
  const day = Math.floor(ms) % 86_400_000;
  const two = (value: number): string => (value < 10 ? `0${value}` : String(value));
  const seconds = Math.floor(day / 1000);
  lastTime = ms;
  lastText =
    `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.` +
    `${String(day % 1000).padStart(3, '0')}000`;
  return lastText;
}

/** The plain answer to a command: `OK`, `OK|more`, `NOK|reason`, `NO|reason`. */
export function responseFrame(id: string, ...fields: readonly string[]): string {
  return `${newUuid()}|response|${id}|${fields.join('|')}`;
}

/** What is told about a message that left: `application|bytes|proto|addr|port|time`. */
function sentFields(sent: SentInfo | undefined, now: number): string {
  if (sent === undefined) return `application|0|unknown||0|${timeOfDay(now)}`;
  // For UDP the local name, for TCP the peer: as the reference does.
  const { flow } = sent;
  const local = flow.transport === 'udp';
  const address = local ? flow.listener.address : flow.address;
  const port = local ? flow.listener.port : flow.port;
  return `application|${sent.bytes}|${flow.transport}|${address}|${port}|${timeOfDay(sent.at)}`;
}

/** A request was sent; its responses will carry `txnId`. */
export function requestEcho(
  id: string,
  sent: SentInfo | undefined,
  now: number,
  txnId: string,
  raw: string,
): string {
  return `${newUuid()}|response|${id}|OK|${sentFields(sent, now)}|${txnId}|Msg sent:|\r\n${raw}`;
}

/** A response was sent. */
export function responseEcho(
  id: string,
  sent: SentInfo | undefined,
  now: number,
  txnId: string,
  dialogId: string,
  raw: string,
): string {
  return `${newUuid()}|response|${id}|OK|${sentFields(sent, now)}|${txnId}|${dialogId}||Msg sent:|\r\n${raw}`;
}

/** Where a message came from. */
export interface MessageMeta {
  readonly source: 'network' | 'application';
  readonly bytes: number;
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

function metaFields(meta: MessageMeta): string {
  return `${meta.source}|${meta.bytes}|${meta.protocol}|${meta.address}|${meta.port}|${timeOfDay(meta.at)}`;
}

/** A request outside of dialogs. */
export function newRequestFrame(
  meta: MessageMeta,
  txnId: string,
  localAddress: string,
  localPort: number,
  raw: string,
): string {
  return `${newUuid()}|sip|${metaFields(meta)}|${txnId}||${localAddress}|${localPort}|\r\n${raw}`;
}

/** Any other SIP message: of a dialog, a response, a CANCEL. */
export function messageFrame(meta: MessageMeta, txnId: string, dialogId: string, raw: string): string {
  return `${newUuid()}|sip|${metaFields(meta)}|${txnId}|${dialogId}|\r\n${raw}`;
}

/** A final response of one proxied target; more follows. `continue` must be the thirteenth field. */
export function proxyResponseFrame(id: string, meta: MessageMeta, raw: string): string {
  return `${newUuid()}|response|${id}|OK|${metaFields(meta)}|||continue\r\n${raw}`;
}

/** A record of a call for applications that asked for `cdr:attempt`, `cdr:start` or `cdr:stop`. */
export function cdrFrame(
  event: 'attempt' | 'start' | 'stop',
  source: 'network' | 'application',
  at: number,
  detail: string,
  raw: string,
): string {
  const tail = event === 'attempt' ? '' : `|${detail}`;
  return `${newUuid()}|cdr:${event}|${source}|${timeOfDay(at)}${tail}\r\n${raw}`;
}
