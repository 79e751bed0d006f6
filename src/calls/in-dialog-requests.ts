import type { Headers, IncomingRequest } from '../signalling/index.js';

/** What a dialog of ours takes (RFC 3261 §20.5). */
const ALLOW: Headers = [['Allow', 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY']];

/** Answers what needs nobody but us: questions of life, and what nobody serves. */
export function answerByOurselves(incoming: IncomingRequest): void {
  switch (incoming.request.method) {
    case 'OPTIONS':
      incoming.respond({ status: 200, headers: ALLOW });
      return;
    case 'SUBSCRIBE':
      incoming.respond({ status: 489 });
      return;
    case 'NOTIFY':
      incoming.respond({ status: 481 });
      return;
    default:
      incoming.respond({ status: 405, headers: ALLOW });
  }
}

const MAX_INFO_BODY = 512;

/** The digit of an INFO as phones and gateways write it (`application/dtmf-relay`, `application/dtmf`); undefined: it carries none. */
export function digitOfInfo({ request }: IncomingRequest): string | undefined {
  const type = request.headers.get('Content-Type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/dtmf-relay' && type !== 'application/dtmf') return undefined;
  const body = request.body.slice(0, MAX_INFO_BODY);
  const written =
    type === 'application/dtmf' ? body.trim() : (/^signal\s*=\s*(\S{1,2})/im.exec(body)?.[1] ?? '');
  return digitOf(written);
}

function digitOf(written: string): string | undefined {
  if (/^[0-9*#A-D]$/i.test(written)) return written.toUpperCase();
  // RFC 4733's numbers of `*` and `#`, as some gateways send them.
  if (written === '10') return '*';
  return written === '11' ? '#' : undefined;
}
