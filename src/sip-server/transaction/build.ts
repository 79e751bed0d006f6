import { createHmac, randomBytes } from 'node:crypto';
import { SipRequest, splitList, type SipResponse } from '../../sip/index.js';

/** 100 Trying (RFC 3261 §8.2.6.1): no To tag, Timestamp copied. Written as text, since every call needs one. */
export function tryingBytes(request: SipRequest): Buffer {
  const { headers } = request;
  let text = 'SIP/2.0 100 Trying\r\n';
  for (const via of headers.getAll('Via')) text += `Via: ${via}\r\n`;
  text += `From: ${headers.get('From') ?? ''}\r\nTo: ${headers.get('To') ?? ''}\r\n`;
  text += `Call-ID: ${request.callId}\r\nCSeq: ${headers.get('CSeq') ?? ''}\r\n`;
  const timestamp = headers.get('Timestamp');
  if (timestamp !== undefined) text += `Timestamp: ${timestamp}\r\n`;
  return Buffer.from(`${text}Content-Length: 0\r\n\r\n`, 'utf8');
}

/** The ACK of a failed INVITE, which belongs to its transaction (RFC 3261 §17.1.1.3). */
export function ackBytes(invite: SipRequest, response: SipResponse): Buffer {
  const { headers } = invite;
  let text = `ACK ${invite.uri} SIP/2.0\r\nVia: ${ownVia(invite)}\r\nMax-Forwards: 70\r\n`;
  for (const route of headers.getAll('Route')) text += `Route: ${route}\r\n`;
  text += `From: ${headers.get('From') ?? ''}\r\nTo: ${response.headers.get('To') ?? ''}\r\n`;
  text += `Call-ID: ${invite.callId}\r\nCSeq: ${invite.cseq.seq} ACK\r\nContent-Length: 0\r\n\r\n`;
  return Buffer.from(text, 'utf8');
}

/** RFC 3261 §9.1: the fields of the INVITE, with its topmost Via only. */
export function cancelRequest(
  invite: SipRequest,
  extraHeaders: Iterable<readonly [name: string, value: string]>,
): SipRequest {
  const { headers } = invite;
  const cancel = new SipRequest('CANCEL', invite.uri);
  cancel.headers.add('Via', ownVia(invite));
  cancel.headers.add('Max-Forwards', '70');
  for (const route of headers.getAll('Route')) cancel.headers.add('Route', route);
  for (const name of ['From', 'To', 'Call-ID']) cancel.headers.add(name, headers.get(name) ?? '');
  cancel.headers.add('CSeq', `${invite.cseq.seq} CANCEL`);
  for (const [name, value] of extraHeaders) {
    if (!cancel.headers.has(name)) cancel.headers.add(name, value);
  }
  return cancel;
}

/** The topmost Via value, which stands on a line of its own in what we send, or first in a list. */
function ownVia(request: SipRequest): string {
  return splitList(request.headers.get('Via') ?? '')[0] ?? '';
}

const SECRET = randomBytes(16);

/** The To tag of a stateless answer: the same for each repetition of the request (RFC 3261 §8.2.7). */
export function statelessTag(request: SipRequest): string {
  return createHmac('sha1', SECRET)
    .update(`${request.headers.get('Via') ?? ''}\n${request.callId}\n${request.headers.get('CSeq') ?? ''}`)
    .digest('hex')
    .slice(0, 16);
}
