import { parseDurationMs } from '../../base/duration.js';
import { parseAppMessage, type AppMessage } from './app-message.js';

/** What an application may ask for: section 2 of the control protocol. */
export type Command =
  | {
      readonly kind: 'authenticate';
      readonly id: string;
      readonly secret: string;
      readonly tags: readonly string[];
    }
  | { readonly kind: 'route'; readonly id: string; readonly verb: string }
  | { readonly kind: 'remove-route'; readonly id: string; readonly verb: string }
  | { readonly kind: 'ping'; readonly id: string }
  | SipCommand
  | ProxyCommand
  /** `NO`, and the connection is closed. */
  | { readonly kind: 'refused'; readonly id: string; readonly reason: string };

/** A request or response to send. */
export interface SipCommand {
  readonly kind: 'sip';
  readonly id: string;
  /** Of the request answered, or of the INVITE to cancel; else empty. */
  readonly txnId: string;
  /** Of the dialog the request belongs to; else empty. */
  readonly dialogId: string;
  /** Outbound proxy of a new request. */
  readonly routeUrl: string | undefined;
  /** Listener a new request is to leave from: `listener=NAME` after the outbound proxy, which the reference ignores. */
  readonly listener: string | undefined;
  readonly message: AppMessage;
}

/** A received request to be forwarded by the server (RFC 3261 §16). */
export interface ProxyCommand {
  readonly kind: 'proxy';
  readonly id: string;
  readonly txnId: string;
  readonly remainInDialog: boolean;
  readonly fullResponse: boolean;
  readonly followRedirects: boolean;
  readonly simultaneous: boolean;
  /** Time for a first provisional answer before the next destination is tried; undefined: no such limit. */
  readonly provisionalTimeoutMs: number | undefined;
  readonly finalTimeoutMs: number | undefined;
  readonly destinations: readonly string[];
  readonly message: AppMessage;
}

const MAX_ID_LENGTH = 128;
const MAX_DESTINATIONS = 32;
/** As drachtio-srf limits them itself. */
const MAX_TAGS = 20;
const MAX_TAG_LENGTH = 32;

/** Reads one payload. */
export function parseCommand(payload: string): Command {
  const cut = payload.indexOf('\r\n');
  const leader = cut === -1 ? payload : payload.slice(0, cut);
  const fields = leader.split('|');
  const id = fields[0]!;
  if (fields.length < 2 || id === '' || id.length > MAX_ID_LENGTH) {
    return { kind: 'refused', id: id.slice(0, MAX_ID_LENGTH), reason: 'Invalid message format' };
  }
  switch (fields[1]) {
    case 'authenticate':
      return { kind: 'authenticate', id, secret: fields[2] ?? '', tags: parseTags(fields[3] ?? '') };
    case 'route':
      return { kind: 'route', id, verb: (fields[2] ?? '').toLowerCase() };
    case 'remove_route':
      return { kind: 'remove-route', id, verb: (fields[2] ?? '').toLowerCase() };
    case 'ping':
      return { kind: 'ping', id };
    case 'sip':
      return sipCommand(id, fields, cut === -1 ? '' : payload.slice(cut + 2));
    case 'proxy':
      return proxyCommand(id, fields, cut === -1 ? '' : payload.slice(cut + 2));
    default:
      return { kind: 'refused', id, reason: 'Unknown message type' };
  }
}

function parseTags(text: string): string[] {
  const tags = text.split(',').map((tag) => tag.trim());
  return tags.filter((tag) => tag !== '' && tag.length <= MAX_TAG_LENGTH).slice(0, MAX_TAGS);
}

function sipCommand(id: string, fields: readonly string[], raw: string): Command {
  const message = parseAppMessage(raw);
  if (message === undefined) return { kind: 'refused', id, reason: 'Invalid message format' };
  const txnId = fields[2] ?? '';
  if (message.start.kind === 'response' && txnId === '')
    return { kind: 'refused', id, reason: 'transaction id missing' };
  const routeUrl = fields[4];
  return {
    kind: 'sip',
    id,
    txnId,
    dialogId: fields[3] ?? '',
    routeUrl: routeUrl === '' ? undefined : routeUrl,
    listener: fields[5]?.startsWith('listener=') === true ? fields[5].slice('listener='.length) : undefined,
    message,
  };
}

function proxyCommand(id: string, fields: readonly string[], raw: string): Command {
  const message = parseAppMessage(raw);
  const destinations = fields.slice(9).filter((destination) => destination !== '');
  if (message === undefined || destinations.length === 0)
    return { kind: 'refused', id, reason: 'Invalid message format' };
  return {
    kind: 'proxy',
    id,
    txnId: fields[2] ?? '',
    remainInDialog: fields[3] === 'remainInDialog',
    fullResponse: fields[4] === 'fullResponse',
    followRedirects: fields[5] === 'followRedirects',
    simultaneous: fields[6] === 'simultaneous',
    provisionalTimeoutMs: parseDurationMs(fields[7] ?? ''),
    finalTimeoutMs: parseDurationMs(fields[8] ?? ''),
    destinations: destinations.slice(0, MAX_DESTINATIONS),
    message,
  };
}
